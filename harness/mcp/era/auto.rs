//! Which era it is.

use super::{Agreed, legacy, modern};
use crate::mcp::connect::ConnectError;
use crate::mcp::exchange::{Exchange, Reply};
use crate::mcp::options::{Era, Options};
use tokio::time::Instant;

/// Agrees on a revision.
pub(in crate::mcp) async fn open(
    exchange: &mut Exchange,
    options: &Options,
    deadline: Instant,
) -> Result<Agreed, ConnectError> {
    match options.era {
        Era::Legacy => legacy::open(exchange, options, deadline, None).await,
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
                reply => Err(ConnectError::from_reply(modern::DISCOVER, reply, options)),
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
        Reply::Timeout => return legacy::open(exchange, options, deadline, probe).await,
        Reply::Result { value, .. } => match modern::offers(&value) {
            None => Vec::new(),
            Some(offered) => {
                if let Some(agreed) = modern::agree(exchange, options, value, &offered) {
                    return Ok(agreed);
                }
                offered
            }
        },
        Reply::Error { value, .. } => modern::supported(&value).unwrap_or_default(),
        Reply::Oversized(_) => Vec::new(),
    };
    // A modern server that names only revisions we do not know cannot be helped by
    // `initialize`; one that names a legacy revision asks for it; a legacy one names none.
    if !offered.is_empty() && !offered.iter().any(|revision| legacy::knows(revision)) {
        return Err(ConnectError::Revision { offered });
    }
    legacy::open(exchange, options, deadline, None)
        .await
        .map_err(ConnectError::after_probe)
}
