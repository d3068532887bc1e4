//! Finds the id of a message without keeping the message, so that an answer too large to take
//! still ends the call it answers. Believes the line to be JSON; what it finds in other
//! lines means nothing.

use super::json;
use serde_json::Value;

/// Reads a line in pieces, holding a few dozen bytes of it.
#[derive(Debug, Default)]
pub(super) struct Skim {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// Inside the outermost object: past a member's colon.
    in_value: bool,
    name: Vec<u8>,
    id: Vec<u8>,
    method: bool,
}

/// Longest member name and longest id worth holding.
const NAME: usize = 16;
const ID: usize = 64;

impl Skim {
    /// The `id` of the answer in these bytes; none for a request or a notification.
    pub fn answered(line: &[u8]) -> Option<Value> {
        let mut skim = Self::default();
        skim.push(line);
        skim.finish()
    }

    pub fn push(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            // Large answers are mostly one string, or deep inside: jump over it.
            if self.in_string && !self.escaped && self.depth > 1 {
                let Some(end) = memchr::memchr2(b'"', b'\\', bytes) else {
                    return;
                };
                if end > 0 {
                    bytes = &bytes[end..];
                    continue;
                }
            }
            self.byte(byte);
            bytes = rest;
        }
    }

    pub fn finish(self) -> Option<Value> {
        match self.method {
            true => None,
            false => json::parse(&self.id)
                .ok()
                .map(|(id, _)| id)
                .filter(|id| id.is_number() || id.is_string()),
        }
    }

    fn byte(&mut self, byte: u8) {
        let top = self.depth == 1;
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            if top && !self.in_value && self.in_string && self.name.len() < NAME {
                self.name.push(byte);
            }
        } else {
            match byte {
                b'"' => {
                    self.in_string = true;
                    if top && !self.in_value {
                        self.name.clear();
                    }
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                b',' if top => self.in_value = false,
                b':' if top => {
                    self.in_value = true;
                    self.method |= self.name == b"method";
                    if self.name == b"id" {
                        self.id.clear();
                    }
                    return;
                }
                _ => {}
            }
        }
        // Not the brace that ends the message; of an id that is itself an object, no matter what.
        if self.depth == 1 && self.in_value && self.name == b"id" && self.id.len() < ID {
            self.id.push(byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Skim;
    use serde_json::json;

    #[test]
    fn an_id_is_found_before_and_after_the_result() {
        for (line, id) in [
            (
                r#"{"jsonrpc":"2.0","id":7,"result":{"id":1}}"#,
                Some(json!(7)),
            ),
            (
                r#"{"result":{"a":["\"id\":3",{"id":4}]},"id": "x\"y" }"#,
                Some(json!("x\"y")),
            ),
            (r#"{"id":1,"method":"ping"}"#, None),
            (r#"{"result":"id"}"#, None),
            (r#"{"id":{"a":1}}"#, None),
        ] {
            assert_eq!(Skim::answered(line.as_bytes()), id, "{line}");
        }
    }

    #[test]
    fn pieces_are_as_good_as_the_whole() {
        let line = br#"{"result":{"text":"a\\\"b","id":9},"jsonrpc":"2.0","id":12}"#;
        for size in 1..line.len() {
            let mut skim = Skim::default();
            line.chunks(size).for_each(|piece| skim.push(piece));
            assert_eq!(skim.finish(), Some(json!(12)));
        }
    }
}
