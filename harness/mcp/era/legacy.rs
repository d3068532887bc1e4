//! Revisions that open a session with `initialize`: 2024-11-05 to 2025-11-25
//! (2025-11-25, basic/lifecycle).

use super::{Agreed, modern};
use crate::mcp::connect::{ConnectError, Probe};
use crate::mcp::exchange::{Allowed, Exchange, Reply};
use crate::mcp::options::{Era, Options};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

const INITIALIZE: &str = "initialize";

/// Newest first; the first is offered, any is accepted.
const REVISIONS: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

/// The only revision with JSON-RPC batches.
const BATCHING: &str = "2025-03-26";

pub(super) fn knows(revision: &str) -> bool {
    REVISIONS.contains(&revision)
}

/// Shakes hands, by `deadline`, which is `waited` after the server's start. `probe` is the
/// `server/discover` that got no answer until now.
pub(super) async fn open(
    exchange: &mut Exchange,
    options: &Options,
    (deadline, waited): (Instant, Duration),
    probe: Option<u64>,
) -> Result<Agreed, ConnectError> {
    let params = json!({
        "protocolVersion": REVISIONS[0],
        "capabilities": exchange.answers.capabilities(),
        "clientInfo": { "name": options.client_name, "version": options.client_version },
    });
    let initialize = exchange.send(INITIALIZE, &params.to_string());
    let value = loop {
        let (id, reply) = exchange.answer(deadline).await;
        match reply {
            reply if Some(id) == initialize && Some(id) != probe => match reply {
                Reply::Result { value, .. } => break value,
                reply => return Err(fault(reply, waited, exchange, probe)),
            },
            // A modern server that was slow to start. It may have pinned itself to either era
            // by now, so that the outcome would hang on a race: better start it again.
            Reply::Result { value, .. } if modern::offers(&value).is_some() => {
                return Err(ConnectError::LateDiscover);
            }
            Reply::Error { value, .. } if modern::supported(&value).is_some() => {
                return Err(ConnectError::LateDiscover);
            }
            Reply::Gone | Reply::Timeout => return Err(fault(reply, waited, exchange, probe)),
            _ => {}
        }
    };
    if let Some(probe) = probe {
        exchange.give_up(probe);
    }
    let Some(revision) = value["protocolVersion"].as_str().map(str::to_owned) else {
        return Err(ConnectError::Malformed { method: INITIALIZE });
    };
    if !knows(&revision) {
        return Err(ConnectError::Revision {
            offered: vec![revision],
        });
    }
    exchange.allowed = Allowed {
        batches: revision == BATCHING,
        requests: true,
    };
    exchange.wire.agreed(&revision);
    exchange.notify("notifications/initialized", None);
    Ok(Agreed {
        era: Era::Legacy,
        revision,
        server: value,
        meta: None,
    })
}

fn fault(reply: Reply, waited: Duration, exchange: &Exchange, probe: Option<u64>) -> ConnectError {
    let error = ConnectError::from_reply(INITIALIZE, reply, waited, exchange);
    match probe {
        Some(_) => error.after(Probe::Unanswered),
        None => error,
    }
}
