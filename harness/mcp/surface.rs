//! Everything a server lists, page by page, raw. Ends whatever the pages do.

use super::era::Agreed;
use super::exchange::{Exchange, Reply};
use super::http::header::{self, Repeated};
use super::options::Era;
use super::wire::Wire;
use crate::effect::Surface;
use serde_json::Value;
use std::collections::HashSet;
use tokio::time::Instant;

/// Pages and bytes of one list.
const PAGES: usize = 1000;
const BYTES: usize = 32 << 20;

/// Lists what the server declares, and tools in any case: hosts do, and a server may have tools
/// that it does not declare. Also says why tools that are declared could not be listed.
pub(super) async fn list(
    exchange: &mut Exchange,
    agreed: &Agreed,
    deadline: Instant,
) -> (Surface, Option<String>) {
    let mut surface = Surface {
        server: agreed.server.clone(),
        revision: agreed.revision.clone(),
        ..Surface::default()
    };
    let mut fault = None;
    if agreed.has("tools") {
        let method = "tools/list";
        (surface.tools, fault) = pages(exchange, agreed, method, "tools", deadline).await;
        tell(exchange, method, &fault);
    }
    for (capability, method, member, to) in [
        ("prompts", "prompts/list", "prompts", &mut surface.prompts),
        (
            "resources",
            "resources/list",
            "resources",
            &mut surface.resources,
        ),
        (
            "resources",
            "resources/templates/list",
            "resourceTemplates",
            &mut surface.resource_templates,
        ),
    ] {
        if agreed.has(capability) {
            let (items, fault) = pages(exchange, agreed, method, member, deadline).await;
            *to = items;
            // Many servers declare resources and know no templates.
            if method != "resources/templates/list" {
                tell(exchange, method, &fault);
            }
        }
    }
    if !agreed.has("tools") {
        // Last, because a server that does not answer this takes all the time there is.
        (surface.tools, _) = pages(exchange, agreed, "tools/list", "tools", deadline).await;
    }
    (surface, fault)
}

/// Over HTTP in the stateless era, has calls repeat the arguments that tools want repeated. Tools
/// that ask for it wrongly are left out, as no client shows them to its model (2026-07-28,
/// server/tools, `x-mcp-header`).
pub(super) fn repeat(exchange: &mut Exchange, agreed: &Agreed, surface: &mut Surface) {
    let Wire::Http(http) = &mut exchange.wire else {
        return;
    };
    if agreed.era != Era::Modern {
        return;
    }
    let (mut repeated, mut wrong) = (Repeated::new(), Vec::new());
    surface.tools.retain(|tool| {
        let (name, asked) = (tool["name"].as_str(), header::repeated(tool));
        match (name, asked) {
            (Some(name), Some(asked)) if !asked.is_empty() => {
                repeated.insert(name.to_owned(), asked);
                true
            }
            (_, Some(_)) => true,
            (_, None) => {
                wrong.push(tool.to_string());
                false
            }
        }
    });
    http.repeat(repeated);
    for tool in wrong {
        exchange.watch.misbehaviour("header-name", tool.as_bytes());
    }
}

fn tell(exchange: &mut Exchange, method: &str, fault: &Option<String>) {
    if let Some(why) = fault {
        let text = format!("{method}: {why}");
        exchange.watch.misbehaviour("no-listing", text.as_bytes());
    }
}

async fn pages(
    exchange: &mut Exchange,
    agreed: &Agreed,
    method: &str,
    member: &str,
    deadline: Instant,
) -> (Vec<Value>, Option<String>) {
    let mut items = Vec::new();
    let mut seen = HashSet::new();
    let mut bytes = 0;
    let mut members = String::new();
    loop {
        let params = agreed.params(&members);
        let mut page = match exchange.request(method, &params, deadline).await {
            Reply::Result { value, frame } => {
                bytes += frame.len();
                value
            }
            Reply::Error { value, .. } => return (items, Some(format!("error `{value}`"))),
            Reply::Oversized(n) => return (items, Some(format!("a page of {n} bytes"))),
            Reply::Timeout => return (items, Some("no answer in time".into())),
            Reply::Gone => return (items, Some("the server ended".into())),
        };
        match page.get_mut(member).map(Value::take) {
            Some(Value::Array(more)) => items.extend(more),
            _ => return (items, Some(format!("a page without `{member}`"))),
        }
        // An empty string is a cursor as good as any; only null and nothing end the list.
        let cursor = match &page["nextCursor"] {
            Value::Null => return (items, None),
            cursor => cursor.to_string(),
        };
        if seen.len() == PAGES || bytes > BYTES || !seen.insert(cursor.clone()) {
            let text = format!("{method}: {cursor}");
            exchange
                .watch
                .misbehaviour("endless-pages", text.as_bytes());
            return (items, None);
        }
        members = format!(r#""cursor":{cursor}"#);
    }
}
