//! What stands near a machine rather than on the internet, and answers whoever asks: the metadata
//! services of clouds and the engine of containers. A server has no business with either unless
//! it says so, and what they hand out are canaries.

mod docker;
mod metadata;

use super::upstream::Upstream;
use crate::secret::{Seed, issued};
use docker::Docker;
use metadata::Metadata;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

/// Where the engine of containers listens, as programs call it.
pub const DOCKER: &str = "/var/run/docker.sock";

/// All of it, for hosts that no scenario names. `ahead_ns`: how far the world's clock is ahead of
/// the real one.
pub fn upstreams(seed: Seed, ahead_ns: Arc<AtomicI64>) -> Vec<Upstream> {
    let issued = Arc::new(issued(seed));
    let metadata = Arc::new(Metadata::new(Arc::clone(&issued), ahead_ns));
    let mut all: Vec<Upstream> = metadata::HOSTS
        .iter()
        .map(|host| Upstream {
            host: (*host).to_owned(),
            port: Some(80),
            mock: Arc::clone(&metadata) as _,
            moods: Vec::new(),
        })
        .collect();
    all.push(Upstream {
        host: DOCKER.to_owned(),
        port: None,
        mock: Arc::new(Docker::new(issued)),
        moods: Vec::new(),
    });
    all
}
