//! What a server says over MCP: the surface it shows, the results it gives, the requests it
//! makes of its client, and the bytes that are no protocol at all.

use super::Body;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything a server declares about itself, as one listing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Surface {
    /// Result of `initialize` or `server/discover`, whole.
    pub server: Value,
    /// Protocol revision in force, such as `2025-11-25`.
    pub revision: String,
    /// Raw tool objects in listing order, all pages joined.
    pub tools: Vec<Value>,
    pub prompts: Vec<Value>,
    pub resources: Vec<Value>,
    pub resource_templates: Vec<Value>,
}

/// What one tool call came back with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolResult {
    pub tool: String,
    /// `ok`, `error` (`isError`), `protocol-error` (JSON-RPC error), `timeout`, `gone` (the
    /// server ended or closed its output), `oversized` (an answer over the client's bounds).
    pub outcome: String,
    /// The `result` or `error` member, parsed; null where nothing came.
    pub value: Value,
    /// Bytes of the answering frame.
    pub bytes: u64,
}

/// A request or notification from the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerMessage {
    pub method: String,
    pub params: Value,
    /// What the client answered; null for a notification.
    pub answer: Value,
}

/// Bytes that break the protocol or its bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Misbehaviour {
    /// `stderr` (log text; not wrong in itself), or what the MCP client met on stdout:
    /// `not-json`, `too-deep`, `too-many-values`, `line-too-long`, `unterminated`,
    /// `invalid-utf8`, `lone-surrogate`, `duplicate-key`, `big-number`, `batch`,
    /// `not-json-rpc`, `result-and-error`, `id-type`, `unknown-id`, `late-answer`,
    /// `duplicate-answer`, `stdout-flood`, `stdin-unread`, `server-request` (in an era without
    /// them), `result-type`, `endless-input`, `endless-pages`, `no-listing`.
    pub what: String,
    pub bytes: Body,
}
