//! What a client asks a server for on behalf of its user or model.

use serde_json::{Value, json};

/// A request and its parameters, apart from those that belong to the era.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub(super) method: &'static str,
    /// The members of `params`, written out.
    pub(super) members: String,
}

/// What an argument belongs to whose completion is asked for (server/utilities/completion).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reference<'a> {
    Prompt(&'a str),
    /// A URI template.
    Resource(&'a str),
}

impl Request {
    pub fn tool(name: &str, arguments: &Value) -> Self {
        let members = format!(r#""name":{},"arguments":{arguments}"#, Value::from(name));
        Self {
            method: "tools/call",
            members,
        }
    }

    pub fn prompt(name: &str, arguments: &Value) -> Self {
        Self {
            method: "prompts/get",
            ..Self::tool(name, arguments)
        }
    }

    pub fn resource(uri: &str) -> Self {
        Self {
            method: "resources/read",
            members: format!(r#""uri":{}"#, Value::from(uri)),
        }
    }

    pub fn completion(of: Reference<'_>, argument: &str, value: &Value) -> Self {
        let of = match of {
            Reference::Prompt(name) => json!({"type": "ref/prompt", "name": name}),
            Reference::Resource(uri) => json!({"type": "ref/resource", "uri": uri}),
        };
        let argument = json!({"name": argument, "value": value});
        Self {
            method: "completion/complete",
            members: format!(r#""ref":{of},"argument":{argument}"#),
        }
    }
}
