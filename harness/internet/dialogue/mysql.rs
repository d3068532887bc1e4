//! MySQL (client/server protocol of MySQL 8, `caching_sha2_password`), far enough that a client
//! shows its credentials and says its queries. Everybody is let in, and every table is empty.
//!
//! | message | answer |
//! | --- | --- |
//! | (none) | HandshakeV10 |
//! | SSLRequest | TLS |
//! | HandshakeResponse41 inside TLS | that the password is wanted, which comes in the clear |
//! | HandshakeResponse41 outside of it, AuthSwitchResponse | OK |
//! | COM_QUERY | a result set of one column, or OK |
//! | COM_STMT_PREPARE, COM_STMT_EXECUTE | a statement with so many parameters, no rows |
//! | COM_QUIT | the end |
//! | any other command | OK |
//!
//! Outside of TLS a password stays a digest, which is recorded: what it is of cannot be told.

use super::sql::{self, Outcome, Server};
use super::{Dialogue, Heard, Message, Then, value};

/// Capabilities (`CLIENT_…`) by the bits that are looked at.
const SSL: u32 = 1 << 11;
const WITH_DB: u32 = 1 << 3;
const PLUGIN_AUTH: u32 = 1 << 19;
const ATTRIBUTES: u32 = 1 << 20;
const LENENC_AUTH: u32 = 1 << 21;
const DEPRECATE_EOF: u32 = 1 << 24;
/// What is offered: nothing that would change how messages are framed or begin (compression,
/// attributes of queries, optional metadata).
const OFFERED: u32 = 0x1f_af8f | LENENC_AUTH | DEPRECATE_EOF;
/// Digests are of this and the password. It is the same for everybody: a server's behaviour must
/// not depend on it.
const CHALLENGE: &[u8; 20] =
    b"\x3a\x5b\x21\x6d\x4f\x12\x66\x2e\x4c\x23\x74\x31\x5d\x0b\x6a\x09\x52\x3e\x27\x18";
const PLUGIN: &str = "caching_sha2_password";
/// The code of a column of text, and of the collation `utf8mb4_0900_ai_ci`.
const VAR_STRING: u8 = 0xfd;
const UTF8: u8 = 0xff;
/// The next command is waited for, and autocommit is on.
const STATUS: [u8; 2] = [2, 0];
const ATTRIBUTES_TOLD: usize = 32;

#[derive(Debug, Default)]
pub struct MySql {
    state: State,
    capabilities: u32,
    /// Statements that were prepared, and the last of them.
    statements: u32,
    prepared: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Handshake,
    Password,
    Ready,
}

impl Dialogue for MySql {
    fn name(&self) -> &'static str {
        "mysql"
    }

    fn greeting(&self) -> Vec<u8> {
        let [a, b, c, d] = OFFERED.to_le_bytes();
        let mut body = vec![10];
        body.extend(Server::MySql.version().bytes());
        body.extend([0, 42, 0, 0, 0]);
        body.extend(&CHALLENGE[..8]);
        body.extend([0, a, b, UTF8]);
        body.extend(STATUS);
        body.extend([c, d, 21]);
        body.extend([0; 10]);
        body.extend(&CHALLENGE[8..]);
        body.push(0);
        body.extend(PLUGIN.bytes().chain([0]));
        packet(0, &body)
    }

    fn hear(&mut self, bytes: &[u8], tls: bool) -> Heard {
        let Some(([a, b, c, sequence], rest)) = bytes.split_first_chunk() else {
            return Heard::More;
        };
        let len = u32::from_le_bytes([*a, *b, *c, 0]) as usize;
        let Some(body) = rest.get(..len) else {
            return Heard::More;
        };
        let next = sequence.wrapping_add(1);
        let message = match self.state {
            State::Handshake => self.handshake(body, next, tls),
            State::Password => {
                self.state = State::Ready;
                let password = body.strip_suffix(&[0]).unwrap_or(body);
                Some(Message::new(0, ok(next)).with("password", value(password)))
            }
            State::Ready => self.command(body, next),
        };
        match message {
            Some(message) => Heard::Message(Message {
                len: len + 4,
                ..message
            }),
            None => Heard::Nonsense,
        }
    }
}

impl MySql {
    fn handshake(&mut self, body: &[u8], next: u8, tls: bool) -> Option<Message> {
        let (capabilities, rest) = body.split_first_chunk()?;
        self.capabilities = u32::from_le_bytes(*capabilities);
        // Longest message, collation, and zeros.
        let rest = rest.get(4 + 1 + 23..)?;
        if rest.is_empty() && self.has(SSL) && !tls {
            return Some(Message::new(0, Vec::new()).then(Then::Tls));
        }
        let (user, rest) = text(rest)?;
        let (proof, rest) = match self.has(LENENC_AUTH) {
            true => counted(rest)?,
            false => {
                let (len, rest) = rest.split_first()?;
                rest.split_at_checked(usize::from(*len))?
            }
        };
        let mut message = Message::new(0, ok(next)).with("user", value(user));
        let mut rest = Some(rest);
        if self.has(WITH_DB)
            && let Some((database, after)) = rest.and_then(text)
        {
            if !database.is_empty() {
                message = message.with("database", value(database));
            }
            rest = Some(after);
        }
        let mut plugin = PLUGIN.to_owned();
        if self.has(PLUGIN_AUTH)
            && let Some((name, after)) = rest.and_then(text)
        {
            plugin = value(name);
            rest = Some(after);
        }
        for (name, what) in rest
            .filter(|_| self.has(ATTRIBUTES))
            .map(attributes)
            .unwrap_or_default()
        {
            message = message.with(format!("attribute {name}"), what);
        }
        self.state = State::Ready;
        match (proof.is_empty(), plugin.as_str() == PLUGIN, tls) {
            (true, ..) => {}
            (false, true, true) => {
                // "Perform full authentication": inside TLS the password itself is the proof.
                message.answer = packet(next, &[1, 4]);
                self.state = State::Password;
            }
            (false, is_default, _) => {
                message = message.with("password digest", data_encoding::HEXLOWER.encode(proof));
                if is_default {
                    // "Fast authentication succeeded" comes before that all is well.
                    message.answer = [packet(next, &[1, 3]), ok(next.wrapping_add(1))].concat();
                }
            }
        }
        Some(message)
    }

    fn command(&mut self, body: &[u8], next: u8) -> Option<Message> {
        let (command, body) = body.split_first()?;
        let said = |answer: Vec<u8>| Message::new(0, answer);
        Some(match command {
            // COM_QUIT
            0x01 => said(Vec::new()).then(Then::End),
            // COM_INIT_DB
            0x02 => said(ok(next)).with("database", value(body)),
            // COM_QUERY
            0x03 => {
                let query = value(body);
                said(self.rows(&query, next, false)).with("query", query)
            }
            // COM_STMT_PREPARE
            0x16 => {
                let query = value(body);
                let answer = self.prepare(&query, next);
                self.prepared.clone_from(&query);
                said(answer).with("query", query)
            }
            // COM_STMT_EXECUTE: a number, flags and a count before the parameters.
            0x17 => {
                let prepared = std::mem::take(&mut self.prepared);
                let answer = self.rows(&prepared, next, true);
                self.prepared = prepared;
                let message = said(answer);
                match body.get(9..).filter(|rest| !rest.is_empty()) {
                    Some(parameters) => {
                        message.with("parameters", String::from_utf8_lossy(parameters))
                    }
                    None => message,
                }
            }
            // COM_STMT_SEND_LONG_DATA and COM_STMT_CLOSE, which nothing answers.
            0x18 => said(Vec::new()).with("parameters", String::from_utf8_lossy(body)),
            0x19 => said(Vec::new()),
            // COM_CHANGE_USER
            0x11 => {
                let user = text(body).map_or_else(|| value(body), |(user, _)| value(user));
                said(ok(next)).with("user", user)
            }
            _ => said(ok(next)),
        })
    }

    fn has(&self, capability: u32) -> bool {
        self.capabilities & OFFERED & capability != 0
    }

    /// What a statement leads to. Of one that was prepared the types are binary, which for text
    /// is the same.
    fn rows(&self, query: &str, next: u8, binary: bool) -> Vec<u8> {
        let (column, row) = match sql::outcome(Server::MySql, query) {
            Outcome::Rows { column, row } => (column, row),
            Outcome::Done("INSERT 0 1") => {
                // One row, whose number is one.
                return packet(next, &[&[0, 1, 1][..], &STATUS, &[0, 0]].concat());
            }
            Outcome::Done(_) | Outcome::Nothing => return ok(next),
        };
        let mut packets = vec![vec![1], definition(&column)];
        if !self.has(DEPRECATE_EOF) {
            packets.push(eof(0xfe));
        }
        if let Some(row) = row {
            let mut body = match binary {
                true => vec![0, 0],
                false => Vec::new(),
            };
            body.extend(length_encoded(row.as_bytes()));
            packets.push(body);
        }
        packets.push(self.last());
        numbered(next, &packets)
    }

    fn prepare(&mut self, query: &str, next: u8) -> Vec<u8> {
        self.statements = self.statements.wrapping_add(1);
        let count = sql::parameters(Server::MySql, query).min(PARAMETERS);
        let columns = match sql::outcome(Server::MySql, query) {
            Outcome::Rows { column, .. } => vec![definition(&column)],
            _ => Vec::new(),
        };
        let mut head = vec![0];
        head.extend(self.statements.to_le_bytes());
        head.extend((columns.len() as u16).to_le_bytes());
        head.extend((count as u16).to_le_bytes());
        head.extend([0, 0, 0]);
        let mut packets = vec![head];
        for part in [vec![definition("?"); count], columns] {
            if !part.is_empty() {
                packets.extend(part);
                if !self.has(DEPRECATE_EOF) {
                    packets.push(eof(0xfe));
                }
            }
        }
        numbered(next, &packets)
    }

    /// What closes the rows: an OK packet by another first byte, or an EOF packet.
    fn last(&self) -> Vec<u8> {
        match self.has(DEPRECATE_EOF) {
            true => [&[0xfe, 0, 0][..], &STATUS, &[0, 0]].concat(),
            false => eof(0xfe),
        }
    }
}

/// Most parameters that a statement is said to have: each costs an answer of its own.
const PARAMETERS: usize = 1000;

fn packet(sequence: u8, body: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = (body.len() as u32).to_le_bytes();
    [&[a, b, c, sequence][..], body].concat()
}

fn numbered(first: u8, bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut all = Vec::new();
    for (i, body) in bodies.iter().enumerate() {
        all.extend(packet(first.wrapping_add(i as u8), body));
    }
    all
}

fn ok(sequence: u8) -> Vec<u8> {
    packet(sequence, &[&[0, 0, 0][..], &STATUS, &[0, 0]].concat())
}

fn eof(first: u8) -> Vec<u8> {
    [&[first, 0, 0][..], &STATUS].concat()
}

/// ColumnDefinition41 of a column of text.
fn definition(column: &str) -> Vec<u8> {
    let mut body = Vec::new();
    let column = column.as_bytes();
    for part in [&b"def"[..], b"", b"", b"", column, b""] {
        body.extend(length_encoded(part));
    }
    // A fixed length of twelve: collation, width, type, flags, decimals, filler.
    body.extend([
        0x0c, UTF8, 0, 0xff, 0xff, 0, 0, VAR_STRING, 0, 0, 0x1f, 0, 0,
    ]);
    body
}

/// Shorter texts than 64 KiB: there are no others here.
fn length_encoded(bytes: &[u8]) -> Vec<u8> {
    let len = bytes.len().min(usize::from(u16::MAX)) as u16;
    let bytes = &bytes[..usize::from(len)];
    match u8::try_from(len) {
        Ok(short @ ..=250) => [&[short][..], bytes].concat(),
        _ => [&[0xfc][..], &len.to_le_bytes(), bytes].concat(),
    }
}

/// A text that ends with a zero, and what follows it.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(0, bytes)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// Bytes with their length before them, and what follows.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = number(bytes)?;
    rest.split_at_checked(len)
}

/// A length-encoded integer, as far as it can be a length here.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        0..=250 => Some((usize::from(*first), rest)),
        0xfc => {
            let (len, rest) = rest.split_first_chunk()?;
            Some((usize::from(u16::from_le_bytes(*len)), rest))
        }
        _ => None,
    }
}

/// Names and values that a client says of itself. Its process's number is chance.
fn attributes(bytes: &[u8]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let Some((mut rest, _)) = counted(bytes) else {
        return found;
    };
    while found.len() < ATTRIBUTES_TOLD
        && let Some((name, after)) = counted(rest)
        && let Some((what, after)) = counted(after)
    {
        found.push((value(name), value(what)));
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(mysql: &mut MySql, body: &[u8], tls: bool) -> Message {
        let bytes = packet(1, body);
        match mysql.hear(&bytes, tls) {
            Heard::Message(m) => {
                assert_eq!(m.len, bytes.len());
                m
            }
            other => panic!("{other:?}"),
        }
    }

    fn response(proof: &[u8]) -> Vec<u8> {
        let mut body = OFFERED.to_le_bytes().to_vec();
        body.extend([0, 0, 0, 1, UTF8]);
        body.extend([0; 23]);
        body.extend(b"alex\0");
        body.extend(length_encoded(proof));
        body.extend(b"reports\0caching_sha2_password\0");
        body.extend(length_encoded(b"\x04_pid\x0247"));
        body
    }

    #[test]
    fn the_greeting_is_framed() {
        let greeting = MySql::default().greeting();
        assert_eq!(usize::from(greeting[0]) + 4, greeting.len());
        assert!(greeting.ends_with(b"\0caching_sha2_password\0"));
        assert_eq!(
            OFFERED & (1 << 5 | 1 << 25 | 1 << 26 | 1 << 27),
            0,
            "framing stays plain"
        );
    }

    #[test]
    fn a_client_is_led_to_its_password_inside_tls() {
        let mut mysql = MySql::default();
        let hello = response(&[7; 32]);
        let m = said(&mut mysql, &hello[..32], false);
        assert_eq!((m.answer, m.then), (Vec::new(), Then::Tls));
        let m = said(&mut mysql, &hello, true);
        let field = |place: &str, value: &str| (place.to_owned(), value.to_owned());
        assert_eq!(
            m.fields,
            [
                field("user", "alex"),
                field("database", "reports"),
                field("attribute _pid", "47")
            ]
        );
        assert_eq!(m.answer, packet(2, &[1, 4]));
        let m = said(&mut mysql, b"pw!\0", true);
        assert_eq!(m.fields, [field("password", "pw!")]);
        let m = said(&mut mysql, b"\x03insert into t values (1)", true);
        assert_eq!(m.fields, [field("query", "insert into t values (1)")]);
        assert_eq!(m.answer[4..7], [0, 1, 1]);
        let m = said(&mut mysql, b"\x16select * from t where a = ?", true);
        assert_eq!(
            m.answer[..16],
            [12, 0, 0, 2, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0]
        );
        let m = said(
            &mut mysql,
            b"\x17\x01\0\0\0\0\x01\0\0\0\0\x01\xfd\0\x02hi",
            true,
        );
        assert!(m.fields[0].1.ends_with("hi"), "{m:?}");
        assert_eq!(said(&mut mysql, &[1], true).then, Then::End);
    }

    #[test]
    fn outside_of_tls_the_digest_is_told() {
        let mut mysql = MySql::default();
        let m = said(&mut mysql, &response(&[7; 32]), false);
        assert!(
            m.fields
                .contains(&("password digest".into(), "07".repeat(32)))
        );
        assert_eq!(m.answer[..6], [2, 0, 0, 2, 1, 3]);
        let m = said(&mut mysql, b"\x03select 1", false);
        assert!(m.answer.windows(2).any(|w| w == [1, b'1']), "{m:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_bytes_panic(
            state in proptest::sample::select(vec![State::Handshake, State::Password, State::Ready]),
            mut body in proptest::collection::vec(any::<u8>(), 0..90),
            command in 0u8..0x20,
            tls: bool,
        ) {
            let mut mysql = MySql { state, capabilities: u32::MAX, ..MySql::default() };
            if state == State::Ready && !body.is_empty() { body[0] = command; }
            let bytes = packet(0, &body);
            if let Heard::Message(m) = mysql.hear(&bytes, tls) {
                prop_assert_eq!(m.len, bytes.len());
            }
        }

        #[test]
        fn near_responses_do_not_panic(at in 0usize..100, byte: u8, cut in 0usize..100) {
            let mut body = response(&[7; 32]);
            if let Some(b) = body.get_mut(at) { *b = byte; }
            body.truncate(body.len() - cut.min(body.len()));
            MySql::default().hear(&packet(1, &body), true);
        }
    }
}
