//! Listening to a connection of no known protocol: everything is kept, nothing is answered.

use super::Flow;
use crate::internet::busy::Hold;
use crate::internet::shared::Shared;
use crate::internet::stream::Stream;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long after its last byte a flow still counts as under way.
const LINGER: Duration = Duration::from_millis(20);

/// Records what comes until the client is done, falls silent for good or says too much.
pub async fn listen(shared: Arc<Shared>, mut stream: Stream, flow: Flow, hold: Hold) {
    let mut hold = Some(hold);
    let mut left = shared.limits.flow;
    loop {
        let bytes = stream.take_ahead();
        flow.sent(&bytes);
        left = left.saturating_sub(bytes.len() as u64);
        if left == 0 {
            return;
        }
        let read = match timeout(LINGER, stream.look()).await {
            Ok(read) => read,
            Err(_) => {
                hold = None;
                match timeout(shared.limits.idle, stream.look()).await {
                    Ok(read) => read,
                    Err(_) => return,
                }
            }
        };
        if !matches!(read, Ok(1..)) {
            return;
        }
        hold = hold.or_else(|| Some(shared.busy.hold()));
    }
}
