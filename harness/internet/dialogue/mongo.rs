//! MongoDB (wire protocol: OP_MSG, and OP_QUERY as far as drivers begin with it; BSON 1.1), far
//! enough that a client says whom it is and what it came for. Every collection is empty. A
//! password is only seen where it is sent as it is (PLAIN): SCRAM has the server prove that it
//! knows it as well, which this one cannot, so that such a client is refused.
//!
//! | command | answer |
//! | --- | --- |
//! | `hello`, `isMaster` | a server of its own, version 7.0 |
//! | `saslStart` with PLAIN | that all is well |
//! | `saslStart` with anything else | AuthenticationFailed |
//! | `find`, `aggregate`, `listCollections`, `listIndexes`, `getMore` | a cursor without documents |
//! | `count`, `distinct` | none |
//! | `insert`, `update`, `delete` | that it was done |
//! | anything else | `ok` |

use super::{Dialogue, Heard, Message, value};

const HEADER: usize = 16;
const OP_REPLY: u32 = 1;
const OP_QUERY: u32 = 2004;
const OP_MSG: u32 = 2013;
/// Longest message (`maxMessageSizeBytes`).
const LONGEST: usize = 48_000_000;
/// Documents in documents that are looked into, and values told of one message.
const DEPTH: u8 = 8;
const VALUES: usize = 500;

/// Whether these bytes begin with a whole header of its messages. Drivers send that at once, so
/// that fewer bytes are never waited for.
pub fn begins(bytes: &[u8]) -> bool {
    header(bytes).is_some_and(|(len, _, code)| {
        (HEADER + 5..=LONGEST).contains(&len)
            && matches!(code, OP_QUERY | OP_MSG)
            // Nothing is answered yet.
            && bytes[8..12] == [0; 4]
    })
}

/// Length, number and kind of a message.
fn header(bytes: &[u8]) -> Option<(usize, u32, u32)> {
    let head = bytes.first_chunk::<HEADER>()?;
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    Some((word(0) as usize, word(4), word(12)))
}

#[derive(Debug, Default)]
pub struct Mongo;

impl Dialogue for Mongo {
    fn name(&self) -> &'static str {
        "mongodb"
    }

    fn hear(&mut self, bytes: &[u8], _: bool) -> Heard {
        let Some((len, number, code)) = header(bytes) else {
            return Heard::More;
        };
        if !(HEADER + 5..=LONGEST).contains(&len) {
            return Heard::Nonsense;
        }
        let Some(body) = bytes.get(HEADER..len) else {
            return Heard::More;
        };
        let documents = match code {
            OP_QUERY => query(body).map(|document| vec![document]),
            OP_MSG => sections(body),
            _ => None,
        };
        let Some(documents) = documents.filter(|documents| !documents.is_empty()) else {
            return Heard::Nonsense;
        };
        let mut fields = Vec::new();
        for document in &documents {
            leaves(document, "", DEPTH, &mut fields);
        }
        let command = elements(documents[0]).next();
        let command = command.map_or_else(String::new, |(_, name, _)| value(name));
        let answer = command_answer(&command, &fields);
        let mut message = Message::new(len, reply(code, number, &answer)).with("command", command);
        message.fields.extend(fields);
        Heard::Message(message)
    }
}

/// The document of an OP_QUERY: flags, a name, two numbers before it.
fn query(body: &[u8]) -> Option<&[u8]> {
    let rest = body.get(4..)?;
    let end = memchr::memchr(0, rest)?;
    document(rest.get(end + 1 + 8..)?).map(|(document, _)| document)
}

/// The documents of an OP_MSG: the command itself first, wherever it stands.
fn sections(body: &[u8]) -> Option<Vec<&[u8]>> {
    const CHECKSUM: u32 = 1;
    let (flags, mut rest) = body.split_first_chunk()?;
    if u32::from_le_bytes(*flags) & CHECKSUM != 0 {
        rest = rest.get(..rest.len().checked_sub(4)?)?;
    }
    let (mut command, mut more) = (None, Vec::new());
    while let Some((kind, after)) = rest.split_first() {
        match kind {
            0 => {
                let (document, after) = document(after)?;
                command = Some(document);
                rest = after;
            }
            // A sequence: its length, what it is called, and documents.
            1 => {
                let len = u32::from_le_bytes(*after.first_chunk()?) as usize;
                let (sequence, after) = after.split_at_checked(len)?;
                let name = memchr::memchr(0, sequence.get(4..)?)?;
                let mut documents = &sequence[4 + name + 1..];
                while !documents.is_empty() && more.len() < VALUES {
                    let (document, after) = document(documents)?;
                    more.push(document);
                    documents = after;
                }
                rest = after;
            }
            _ => return None,
        }
    }
    let mut all = vec![command?];
    all.append(&mut more);
    Some(all)
}

/// A document as it stands, with its length and end, and what follows it.
fn document(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = u32::from_le_bytes(*bytes.first_chunk()?) as usize;
    let (document, rest) = bytes.split_at_checked(len)?;
    (len >= 5 && document.last() == Some(&0)).then_some((document, rest))
}

/// One element: its type, name and bytes.
type Element<'a> = (u8, &'a [u8], &'a [u8]);

/// The elements of a document, as far as they are whole.
fn elements(document: &[u8]) -> impl Iterator<Item = Element<'_>> {
    let end = document.len().saturating_sub(1);
    let mut rest = document.get(4..end).unwrap_or_default();
    std::iter::from_fn(move || {
        let (kind, after) = rest.split_first()?;
        let end = memchr::memchr(0, after)?;
        let (name, after) = (&after[..end], &after[end + 1..]);
        let counted = |more: usize| {
            let len = u32::from_le_bytes(*after.first_chunk()?) as usize;
            len.checked_add(more)
        };
        let len = match kind {
            0x01 | 0x09 | 0x11 | 0x12 => 8,
            0x02 | 0x0d | 0x0e => counted(4)?,
            0x03 | 0x04 | 0x0f => counted(0)?,
            0x05 => counted(5)?,
            0x06 | 0x0a | 0x7f | 0xff => 0,
            0x07 => 12,
            0x08 => 1,
            0x0b => {
                let first = memchr::memchr(0, after)?;
                first + 2 + memchr::memchr(0, &after[first + 1..])?
            }
            0x10 => 4,
            0x13 => 16,
            _ => return None,
        };
        let (value, after) = after.split_at_checked(len)?;
        rest = after;
        Some((*kind, name, value))
    })
}

/// The values of a document that a program chose, each at its path: texts, bytes and numbers.
/// What drivers add for themselves (sessions, times) is left out.
fn leaves(document: &[u8], path: &str, depth: u8, into: &mut Vec<(String, String)>) {
    const OF_DRIVERS: &[&[u8]] = &[b"lsid", b"$clusterTime", b"txnNumber", b"endSessions"];
    for (kind, name, bytes) in elements(document) {
        if into.len() >= VALUES {
            return;
        }
        if OF_DRIVERS.contains(&name) {
            continue;
        }
        let place = match path {
            "" => value(name),
            path => format!("{path}.{}", value(name)),
        };
        let mut tell = |what: String| into.push((place.clone(), what));
        match kind {
            0x01 => tell(f64::from_le_bytes(bytes.try_into().unwrap_or_default()).to_string()),
            0x02 | 0x0d | 0x0e => tell(value(
                bytes
                    .get(4..bytes.len().saturating_sub(1))
                    .unwrap_or_default(),
            )),
            0x03 | 0x04 if depth > 0 => {
                // Positions in a list are no names.
                let place = match kind {
                    0x04 => format!("{}[]", value(name)),
                    _ => value(name),
                };
                let place = match path {
                    "" => place,
                    path => format!("{path}.{place}"),
                };
                if kind == 0x04 {
                    list(bytes, &place, depth - 1, into);
                } else {
                    leaves(bytes, &place, depth - 1, into);
                }
            }
            0x05 => tell(value(bytes.get(5..).unwrap_or_default())),
            0x08 => tell((bytes == [1]).to_string()),
            0x10 => tell(i32::from_le_bytes(bytes.try_into().unwrap_or_default()).to_string()),
            0x12 => tell(i64::from_le_bytes(bytes.try_into().unwrap_or_default()).to_string()),
            _ => {}
        }
    }
}

/// The members of a list, all at one place.
fn list(document: &[u8], place: &str, depth: u8, into: &mut Vec<(String, String)>) {
    for (kind, _, bytes) in elements(document) {
        if kind == 0x03 && depth > 0 {
            leaves(bytes, place, depth - 1, into);
            continue;
        }
        // As a document of this one value, which has no name.
        let len = (7 + bytes.len()) as u32;
        let one = [&len.to_le_bytes()[..], &[kind, 0], bytes, &[0]].concat();
        let mut found = Vec::new();
        leaves(&one, "", depth, &mut found);
        into.extend(found.into_iter().map(|(_, what)| (place.to_owned(), what)));
    }
}

/// What a command leads to.
fn command_answer(command: &str, fields: &[(String, String)]) -> Vec<u8> {
    let said = |place: &str| {
        fields
            .iter()
            .find(|(at, _)| at == place)
            .map(|(_, what)| what.as_str())
    };
    let cursor = |batch: &str| {
        let (database, name) = (
            said("$db").unwrap_or("test"),
            said(command).unwrap_or("$cmd"),
        );
        let cursor = Document::default()
            .long("id", 0)
            .text("ns", &format!("{database}.{name}"))
            .list(batch);
        Document::default().document("cursor", cursor)
    };
    let answer = match command {
        "hello" | "isMaster" | "ismaster" => Document::default()
            .boolean("helloOk", true)
            .boolean("ismaster", true)
            .boolean("isWritablePrimary", true)
            .int("maxBsonObjectSize", 16 << 20)
            .int("maxMessageSizeBytes", LONGEST as i32)
            .int("maxWriteBatchSize", 100_000)
            .int("logicalSessionTimeoutMinutes", 30)
            .int("connectionId", 7)
            .int("minWireVersion", 0)
            .int("maxWireVersion", 21)
            .boolean("readOnly", false),
        "saslStart" if said("mechanism") == Some("PLAIN") => Document::default()
            .int("conversationId", 1)
            .boolean("done", true)
            .bytes("payload", b""),
        "saslStart" | "saslContinue" | "authenticate" => {
            return Document::default()
                .double("ok", 0.0)
                .text("errmsg", "Authentication failed.")
                .int("code", 18)
                .text("codeName", "AuthenticationFailed")
                .finish();
        }
        "find" | "aggregate" | "listCollections" | "listIndexes" => cursor("firstBatch"),
        "getMore" => cursor("nextBatch"),
        "distinct" => Document::default().list("values"),
        "insert" => Document::default().int("n", 1),
        "update" => Document::default().int("n", 0).int("nModified", 0),
        "count" | "delete" => Document::default().int("n", 0),
        "buildInfo" | "buildinfo" => Document::default().text("version", "7.0.14"),
        _ => Document::default(),
    };
    answer.double("ok", 1.0).finish()
}

/// A document in the making.
#[derive(Default)]
struct Document(Vec<u8>);

impl Document {
    fn element(mut self, kind: u8, name: &str, value: &[u8]) -> Self {
        self.0.push(kind);
        self.0.extend(name.bytes().filter(|b| *b != 0));
        self.0.push(0);
        self.0.extend(value);
        self
    }

    fn double(self, name: &str, value: f64) -> Self {
        self.element(0x01, name, &value.to_le_bytes())
    }

    fn text(self, name: &str, value: &str) -> Self {
        let len = (value.len() as u32 + 1).to_le_bytes();
        self.element(0x02, name, &[&len, value.as_bytes(), &[0]].concat())
    }

    fn document(self, name: &str, value: Self) -> Self {
        self.element(0x03, name, &value.finish())
    }

    /// An empty one.
    fn list(self, name: &str) -> Self {
        self.element(0x04, name, &Self::default().finish())
    }

    fn bytes(self, name: &str, value: &[u8]) -> Self {
        let len = (value.len() as u32).to_le_bytes();
        self.element(0x05, name, &[&len, &[0][..], value].concat())
    }

    fn boolean(self, name: &str, value: bool) -> Self {
        self.element(0x08, name, &[value.into()])
    }

    fn int(self, name: &str, value: i32) -> Self {
        self.element(0x10, name, &value.to_le_bytes())
    }

    fn long(self, name: &str, value: i64) -> Self {
        self.element(0x12, name, &value.to_le_bytes())
    }

    fn finish(self) -> Vec<u8> {
        let len = (self.0.len() as u32 + 5).to_le_bytes();
        [&len[..], &self.0, &[0]].concat()
    }
}

/// An answer to message `number`, in the form that it was asked in.
fn reply(asked: u32, number: u32, document: &[u8]) -> Vec<u8> {
    let (code, head) = match asked {
        // Flags (await capable), no cursor, from the first, one document.
        OP_QUERY => {
            let mut head = vec![8, 0, 0, 0];
            head.extend([0; 12]);
            head.extend([1, 0, 0, 0]);
            (OP_REPLY, head)
        }
        // No flags; a section of one document.
        _ => (OP_MSG, vec![0; 5]),
    };
    let len = (HEADER + head.len() + document.len()) as u32;
    let mut out = Vec::new();
    for word in [len, 1, number, code] {
        out.extend(word.to_le_bytes());
    }
    out.extend(head);
    out.extend(document);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(document: &[u8]) -> Vec<u8> {
        let mut bytes = reply(OP_MSG, 0, document);
        bytes[4] = 9;
        bytes
    }

    fn said(bytes: &[u8]) -> Message {
        match Mongo.hear(bytes, false) {
            Heard::Message(m) => {
                assert_eq!(m.len, bytes.len());
                m
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn commands_are_taken_apart_and_answered() {
        let note = Document::default().text("word", "a note").int("n", 3);
        let tags = Document::default().text("0", "x").text("1", "y");
        let note = note.element(0x04, "tags", &tags.finish()).finish();
        let notes = Document::default().element(0x03, "0", &note).finish();
        let insert = Document::default()
            .text("insert", "notes")
            .element(0x04, "documents", &notes)
            .document("lsid", Document::default().bytes("id", &[7; 16]))
            .text("$db", "reports")
            .finish();
        let m = said(&message(&insert));
        let fields: Vec<(&str, &str)> = (m.fields.iter())
            .map(|(place, what)| (place.as_str(), what.as_str()))
            .collect();
        assert_eq!(
            fields,
            [
                ("command", "insert"),
                ("insert", "notes"),
                ("documents[].word", "a note"),
                ("documents[].n", "3"),
                ("documents[].tags[]", "x"),
                ("documents[].tags[]", "y"),
                ("$db", "reports"),
            ]
        );
        assert_eq!(m.answer[8..12], [9, 0, 0, 0]);
        let find = Document::default()
            .text("find", "notes")
            .text("$db", "reports");
        let answer = said(&message(&find.finish())).answer;
        assert!(memchr::memmem::find(&answer, b"reports.notes\0").is_some());
        let login = Document::default()
            .int("saslStart", 1)
            .text("mechanism", "PLAIN")
            .bytes("payload", b"\0alex\0pw!")
            .finish();
        let m = said(&message(&login));
        assert!(m.fields.contains(&("payload".into(), "\0alex\0pw!".into())));
    }

    #[test]
    fn drivers_may_begin_as_of_old() {
        let hello = Document::default().int("isMaster", 1).finish();
        let body = [&[0; 4][..], b"admin.$cmd\0", &[0; 4], &[0xff; 4], &hello].concat();
        let len = (HEADER + body.len()) as u32;
        let mut bytes = Vec::new();
        for word in [len, 5, 0, OP_QUERY] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(body);
        assert!(begins(&bytes) && !begins(&bytes[..15]) && !begins(b"GET / HTTP/1.1\r\n\r\n"));
        let answer = said(&bytes).answer;
        assert_eq!(
            header(&answer).map(|(len, _, code)| (len, code)),
            Some((answer.len(), OP_REPLY))
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_bytes_panic(
            code in proptest::sample::select(vec![OP_QUERY, OP_MSG]),
            body in proptest::collection::vec(any::<u8>(), 5..90),
        ) {
            let len = (HEADER + body.len()) as u32;
            let mut bytes = Vec::new();
            for word in [len, 5, 0, code] {
                bytes.extend(word.to_le_bytes());
            }
            bytes.extend(body);
            begins(&bytes);
            Mongo.hear(&bytes, false);
        }

        #[test]
        fn near_messages_do_not_panic(at in 16usize..120, byte: u8, cut in 0usize..60) {
            let inner = Document::default().text("a", "b").bytes("c", &[1, 2]);
            let document = Document::default().text("find", "x").document("filter", inner).list("l");
            let mut bytes = message(&document.long("n", 1).finish());
            if let Some(b) = bytes.get_mut(at) { *b = byte; }
            bytes.truncate(bytes.len() - cut.min(bytes.len()));
            Mongo.hear(&bytes, false);
        }
    }
}
