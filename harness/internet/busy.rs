//! Counts what is being waited for. Reading the count takes no lock: a run polls it after every call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of things under way: handshakes, requests, transactions, fresh connections.
#[derive(Clone, Debug, Default)]
pub struct Busy(Arc<AtomicUsize>);

impl Busy {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Counts one thing until the guard is dropped, however its task ends.
    pub fn hold(&self) -> Hold {
        self.0.fetch_add(1, Ordering::SeqCst);
        Hold(Arc::clone(&self.0))
    }
}

/// One thing under way.
#[derive(Debug)]
pub struct Hold(Arc<AtomicUsize>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
