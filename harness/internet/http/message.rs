//! What a peer says to one message of a WebSocket, in whichever of the usual protocols it is: that
//! it has it. Nothing of the message is given back but its number, so that what a server learns is
//! not what it sent.

use serde_json::{Value, json};

/// Longest message that is read.
pub const READ: usize = 64 << 10;

/// The answer to a text; none where none is awaited.
///
/// | message | answer |
/// | --- | --- |
/// | JSON-RPC 2.0 with an id | an empty result |
/// | JSON-RPC 2.0 without | nothing |
/// | `{"type": "connection_init"}` (GraphQL over WebSocket) | `connection_ack` |
/// | `{"type": "subscribe", "id": …}` | `complete` |
/// | `{"type": "ping"}` | `pong` |
/// | any other object | `{"ok": true}`, with its id |
/// | any other text | `ok` |
pub fn answer(text: &[u8]) -> Option<String> {
    let Ok(Value::Object(message)) = serde_json::from_slice::<Value>(text) else {
        return Some("ok".to_owned());
    };
    let id = message
        .get("id")
        .filter(|id| !id.is_object() && !id.is_array());
    let answer = match (message.get("type").and_then(Value::as_str), id) {
        _ if message.contains_key("jsonrpc") => {
            json!({"jsonrpc": "2.0", "id": id?, "result": {}})
        }
        (Some("connection_init"), _) => json!({"type": "connection_ack"}),
        (Some("subscribe" | "start"), Some(id)) => json!({"id": id, "type": "complete"}),
        (Some("ping"), _) => json!({"type": "pong"}),
        (_, Some(id)) => json!({"ok": true, "id": id}),
        (_, None) => json!({"ok": true}),
    };
    Some(answer.to_string())
}

#[cfg(test)]
mod tests {
    use super::answer;
    use proptest::prelude::*;

    #[test]
    fn each_protocol_gets_its_own() {
        for (message, expected) in [
            (
                r#"{"jsonrpc":"2.0","id":7,"method":"x"}"#,
                Some(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#),
            ),
            (r#"{"jsonrpc":"2.0","method":"x"}"#, None),
            (
                r#"{"type":"connection_init"}"#,
                Some(r#"{"type":"connection_ack"}"#),
            ),
            (
                r#"{"type":"subscribe","id":"a"}"#,
                Some(r#"{"id":"a","type":"complete"}"#),
            ),
            (
                r#"{"type":"message","id":3}"#,
                Some(r#"{"ok":true,"id":3}"#),
            ),
            (r#"{"a":1}"#, Some(r#"{"ok":true}"#)),
            ("hello", Some("ok")),
        ] {
            assert_eq!(answer(message.as_bytes()).as_deref(), expected, "{message}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            answer(&bytes);
        }
    }
}
