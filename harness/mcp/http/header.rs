//! What goes into the head of a request beside its frame: 2026-07-28 repeats parts of the frame there
//! (basic/transports/streamable-http, "Standard Request Headers" and "Custom Headers from Tool
//! Parameters"), the revisions before it name the session.

use data_encoding::BASE64;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Tool, and for each argument that is repeated its path and the header's name.
pub type Repeated = HashMap<String, Vec<(Vec<String>, String)>>;

/// How deep arguments are looked for that are to be repeated.
const DEPTH: usize = 8;

/// What every message is sent with.
pub fn message() -> Vec<(String, String)> {
    [
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// The version that a frame of the stateless era names; none for one of the era before.
pub fn version(frame: &Value) -> Option<&str> {
    frame["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"].as_str()
}

/// Header fields for a frame of the stateless era.
pub fn standard(frame: &Value, repeated: &Repeated) -> Vec<(String, String)> {
    let mut all = Vec::new();
    if let Some(version) = version(frame) {
        all.push(("mcp-protocol-version".to_owned(), version.to_owned()));
    }
    let Some(method) = frame["method"].as_str() else {
        return all;
    };
    all.push(("mcp-method".to_owned(), method.to_owned()));
    let params = &frame["params"];
    let name = match method {
        "tools/call" | "prompts/get" => params["name"].as_str(),
        "resources/read" => params["uri"].as_str(),
        _ => None,
    };
    let Some(name) = name else { return all };
    all.push(("mcp-name".to_owned(), encoded(name)));
    if method == "tools/call" {
        for (path, header) in repeated.get(name).into_iter().flatten() {
            let value = path
                .iter()
                .fold(&params["arguments"], |at, key| &at[key.as_str()]);
            let text = match value {
                Value::String(text) => encoded(text),
                Value::Bool(_) | Value::Number(_) => value.to_string(),
                _ => continue,
            };
            all.push((format!("mcp-param-{}", header.to_ascii_lowercase()), text));
        }
    }
    all
}

/// A value as a header can carry it: as it is where that is safe, else as Base64 of its UTF-8.
fn encoded(text: &str) -> String {
    let plain = text.bytes().all(|b| (0x20..0x7f).contains(&b)) && text == text.trim();
    match plain && !text.starts_with("=?base64?") {
        true => text.to_owned(),
        false => format!("=?base64?{}?=", BASE64.encode(text.as_bytes())),
    }
}

/// The arguments of a tool that are to be repeated; none where its schema asks for that in a way
/// for which clients have to refuse the tool.
pub fn repeated(tool: &Value) -> Option<Vec<(Vec<String>, String)>> {
    let mut all = Vec::new();
    if let Some(properties) = tool["inputSchema"]["properties"].as_object() {
        collect(properties, &mut Vec::new(), &mut all)?;
    }
    Some(all)
}

fn collect(
    properties: &Map<String, Value>,
    path: &mut Vec<String>,
    all: &mut Vec<(Vec<String>, String)>,
) -> Option<()> {
    for (name, schema) in properties {
        path.push(name.clone());
        if let Some(header) = schema.get("x-mcp-header") {
            let header = header.as_str().filter(|header| is_token(header))?;
            let primitive = ["string", "integer", "boolean"].map(Value::from);
            let twice = |(_, known): &(Vec<String>, String)| known.eq_ignore_ascii_case(header);
            if !primitive.contains(&schema["type"]) || all.iter().any(twice) {
                return None;
            }
            all.push((path.clone(), header.to_owned()));
        }
        if path.len() < DEPTH
            && let Some(inner) = schema["properties"].as_object()
        {
            collect(inner, path, all)?;
        }
        path.pop();
    }
    Some(())
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let others = b"!#$%&'*+-.^_`|~";
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || others.contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_call_is_repeated_in_its_head() {
        let tool = json!({"name": "t", "inputSchema": {"properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "deep": {"type": "object", "properties": {"n": {"type": "integer", "x-mcp-header": "N"}}},
            "off": {"type": "boolean", "x-mcp-header": "Off"},
            "plain": {"type": "string"},
        }}});
        let known = Repeated::from([("t".to_owned(), repeated(&tool).unwrap())]);
        let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28"});
        let frame = json!({"method": "tools/call", "params": {"name": "t", "_meta": meta,
            "arguments": {"region": " Zürich", "deep": {"n": 3}, "off": null, "plain": "x"}}});
        let all = standard(&frame, &known);
        let all: Vec<_> = all.iter().map(|(n, v)| format!("{n}: {v}")).collect();
        assert_eq!(
            all,
            [
                "mcp-protocol-version: 2026-07-28",
                "mcp-method: tools/call",
                "mcp-name: t",
                "mcp-param-region: =?base64?IFrDvHJpY2g=?=",
                "mcp-param-n: 3",
            ]
        );
    }

    #[test]
    fn tools_that_cannot_be_repeated_are_refused() {
        let tool =
            |properties: Value| repeated(&json!({"inputSchema": {"properties": properties}}));
        for bad in ["", "My Region", "Region:1", "Région", "a\tb"] {
            let wrong = json!({"a": {"type": "string", "x-mcp-header": bad}});
            assert_eq!(tool(wrong), None, "{bad:?}");
        }
        for kind in ["number", "object", "array", "null"] {
            assert_eq!(
                tool(json!({"a": {"type": kind, "x-mcp-header": "A"}})),
                None
            );
        }
        let twice = json!({"a": {"type": "string", "x-mcp-header": "X"},
            "b": {"type": "string", "x-mcp-header": "x"}});
        assert_eq!(tool(twice), None);
        assert_eq!(tool(json!({"a": {"type": "number"}})), Some(Vec::new()));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn every_value_is_fit_for_a_header(text in "\\PC{0,20}|[ \t\r\na-z]{0,9}") {
            let value = encoded(&text);
            prop_assert!(hyper::header::HeaderValue::from_str(&value).is_ok());
            if let Some(coded) = value.strip_prefix("=?base64?").and_then(|v| v.strip_suffix("?=")) {
                prop_assert_eq!(BASE64.decode(coded.as_bytes()).unwrap(), text.as_bytes());
            } else {
                prop_assert_eq!(value, text);
            }
        }
    }
}
