//! Which era it is.

use super::{Agreed, legacy, modern};
use crate::mcp::connect::{ConnectError, Probe};
use crate::mcp::exchange::{Exchange, Reply};
use crate::mcp::options::{Era, Options};
use tokio::time::Instant;

/// The part of the time for a start that is kept for another, without the probe, where the probe
/// got no answer: a server may be stuck in it, or slow, or mute, and the last takes all the time
/// there is.
const SECOND_START: f64 = 1.0 / 3.0;

/// Agrees on a revision.
pub(in crate::mcp) async fn open(
    exchange: &mut Exchange,
    options: &Options,
    deadline: Instant,
) -> Result<Agreed, ConnectError> {
    let whole = (deadline, options.start_timeout);
    match options.era {
        Era::Legacy => legacy::open(exchange, options, whole, None).await,
        Era::Modern => {
            modern::probe(exchange, options);
            match exchange.answer(deadline).await.1 {
                Reply::Result { value, .. } => match modern::offers(&value) {
                    Some(offered) => modern::agree(exchange, options, value.clone(), &offered)
                        .ok_or(ConnectError::Revision { offered }),
                    None => Err(ConnectError::Malformed {
                        method: modern::DISCOVER,
                    }),
                },
                reply => Err(ConnectError::from_reply(
                    modern::DISCOVER,
                    reply,
                    options.start_timeout,
                    exchange,
                )),
            }
        }
        Era::Auto => probe(exchange, options, deadline).await,
    }
}

async fn probe(
    exchange: &mut Exchange,
    options: &Options,
    deadline: Instant,
) -> Result<Agreed, ConnectError> {
    let probe = modern::probe(exchange, options);
    let patience = deadline.min(Instant::now() + options.probe_timeout);
    let offered = match exchange.answer(patience).await.1 {
        Reply::Gone => return Err(ConnectError::DiedOnDiscover),
        Reply::Timeout => {
            let kept = options.start_timeout.mul_f64(SECOND_START);
            let shorter = (deadline - kept, options.start_timeout - kept);
            return legacy::open(exchange, options, shorter, probe).await;
        }
        Reply::Result { value, .. } => match modern::offers(&value) {
            None => Vec::new(),
            Some(offered) => {
                if let Some(agreed) = modern::agree(exchange, options, value, &offered) {
                    return Ok(agreed);
                }
                offered
            }
        },
        Reply::Error { value, .. } => {
            let offered = modern::supported(&value).unwrap_or_default();
            if let Some(agreed) = again(exchange, options, &offered, patience).await {
                return Ok(agreed);
            }
            offered
        }
        Reply::Oversized(_) => Vec::new(),
    };
    // A modern server that names only revisions we do not know cannot be helped by
    // `initialize`; one that names a legacy revision asks for it; a legacy one names none.
    if !offered.is_empty() && !offered.iter().any(|revision| legacy::knows(revision)) {
        return Err(ConnectError::Revision { offered });
    }
    legacy::open(exchange, options, (deadline, options.start_timeout), None)
        .await
        .map_err(|error| error.after(Probe::Answered))
}

/// A server that refused our revision and yet offers it is asked once more
/// (2026-07-28, basic/versioning).
async fn again(
    exchange: &mut Exchange,
    options: &Options,
    offered: &[String],
    patience: Instant,
) -> Option<Agreed> {
    if !modern::knows(offered) {
        return None;
    }
    modern::probe(exchange, options);
    match exchange.answer(patience).await.1 {
        Reply::Result { value, .. } => {
            let offered = modern::offers(&value)?;
            modern::agree(exchange, options, value, &offered)
        }
        _ => None,
    }
}
