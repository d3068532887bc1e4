//! The client of the official conformance suite: connects to the address in its last argument, lists
//! what is there and calls every tool, with the arguments that the suite asks for where it asks for
//! any. It is turncoat's own client and nothing else.

use serde_json::{Map, Value, json};
use std::sync::Arc;
use tokio::net::TcpStream;
use turncoat::effect::Kept;
use turncoat::mcp::{Dial, Dialling, Endpoint, Flavour, Options, Stream, connect_http};

struct Tcp(String);

impl Dial for Tcp {
    fn dial(&self) -> Dialling<'_> {
        Box::pin(async {
            let stream = TcpStream::connect(&self.0).await?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the suite hands its wishes over in a variable"
)]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().next_back().ok_or("an address is needed")?;
    let url = url::Url::parse(&url)?;
    let host = url.host_str().ok_or("no host")?;
    let authority = format!("{host}:{}", url.port().unwrap_or(80));
    let endpoint = Endpoint {
        authority: authority.clone(),
        path: url.path().to_owned(),
        flavour: Flavour::Streamable,
        headers: Vec::new(),
    };
    let (dial, effects) = (Arc::new(Tcp(authority)), Arc::new(Kept::default()));
    let connected = connect_http(dial, endpoint, Options::default(), effects, None).await;
    let (mut session, surface) = connected?;
    let asked = std::env::var("MCP_CONFORMANCE_CONTEXT").unwrap_or_default();
    let asked: Value = serde_json::from_str(&asked).unwrap_or_default();
    match asked["toolCalls"].as_array() {
        Some(calls) => {
            for call in calls {
                let name = call["name"].as_str().unwrap_or_default();
                session.call(name, &call["arguments"]).await;
            }
        }
        None => {
            for tool in &surface.tools {
                let name = tool["name"].as_str().unwrap_or_default();
                session
                    .call(name, &arguments(tool, &surface.tools[0]))
                    .await;
            }
        }
    }
    session.close().await;
    Ok(())
}

/// A value for every required argument. Where an object is asked for, the suite wants to see again what
/// it has said: the schema of its `first` tool.
fn arguments(tool: &Value, first: &Value) -> Value {
    let schema = &tool["inputSchema"];
    let required = schema["required"].as_array().into_iter().flatten();
    let value = |name: &str| match schema["properties"][name]["type"].as_str() {
        Some("number" | "integer") => json!(3),
        Some("boolean") => json!(true),
        Some("object") => first["inputSchema"].clone(),
        _ => json!("text"),
    };
    let all = required.filter_map(Value::as_str);
    Value::Object(
        all.map(|name| (name.to_owned(), value(name)))
            .collect::<Map<_, _>>(),
    )
}
