//! PostgreSQL (frontend/backend protocol 3.0, chapter 55 of its manual), far enough that a client
//! shows its credentials and says its queries: the password is asked for in the clear, everybody
//! is let in, and every table is empty.
//!
//! | message | answer |
//! | --- | --- |
//! | SSLRequest | `S`, then TLS; `N` inside it |
//! | GSSENCRequest | `N` |
//! | StartupMessage | AuthenticationCleartextPassword |
//! | PasswordMessage | AuthenticationOk, ParameterStatus …, BackendKeyData, ReadyForQuery |
//! | Query | RowDescription, DataRow, CommandComplete for each statement, ReadyForQuery |
//! | Parse, Bind, Describe, Execute, Close, Sync | their completions, no rows |
//! | Terminate, CancelRequest | the end |

use super::sql::{self, Outcome, Server};
use super::{Dialogue, Heard, Message, Then, value};

/// Longest startup message (`MAX_STARTUP_PACKET_LENGTH`).
const STARTUP: usize = 10_000;
const SSL: u32 = 80_877_103;
const GSS: u32 = 80_877_104;
const CANCEL: u32 = 80_877_102;
/// The type `text` (`pg_type.dat`).
const TEXT: u32 = 25;

/// Whether these are the first bytes of one of its connections; none where more would tell.
pub fn begins(bytes: &[u8]) -> Option<bool> {
    let codes = [SSL, GSS, CANCEL, 3 << 16, 3 << 16 | 2];
    let fits = |code: u32| {
        let code = code.to_be_bytes();
        let got = bytes.get(4..).unwrap_or_default();
        got.iter().zip(code).all(|(a, b)| *a == b)
    };
    // Both high bytes of so short a length are zero.
    let short = bytes.iter().take(2).all(|b| *b == 0);
    match short && codes.into_iter().any(fits) {
        true if bytes.len() >= 8 => Some(true),
        true => None,
        false => Some(false),
    }
}

#[derive(Debug, Default)]
pub struct Postgres {
    state: State,
    /// The statement that was prepared last: mostly the one that is executed next.
    prepared: String,
    in_transaction: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Startup,
    Password,
    Ready,
}

impl Dialogue for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn hear(&mut self, bytes: &[u8], tls: bool) -> Heard {
        if self.state == State::Startup {
            return self.startup(bytes, tls);
        }
        let [kind, rest @ ..] = bytes else {
            return Heard::More;
        };
        let Some(len) = rest
            .first_chunk()
            .map(|len| u32::from_be_bytes(*len) as usize)
        else {
            return Heard::More;
        };
        if len < 4 || !kind.is_ascii_alphabetic() {
            return Heard::Nonsense;
        }
        let Some(body) = rest.get(4..len) else {
            return Heard::More;
        };
        if self.state == State::Password {
            if *kind != b'p' {
                return Heard::Nonsense;
            }
            self.state = State::Ready;
            let password = value(body.strip_suffix(&[0]).unwrap_or(body));
            return Heard::Message(Message::new(len + 1, welcome()).with("password", password));
        }
        Heard::Message(self.message(*kind, body, len + 1))
    }
}

impl Postgres {
    fn startup(&mut self, bytes: &[u8], tls: bool) -> Heard {
        let Some((head, _)) = bytes.split_first_chunk::<8>() else {
            return Heard::More;
        };
        let [a, b, c, d, code @ ..] = *head;
        let (len, code) = (
            u32::from_be_bytes([a, b, c, d]) as usize,
            u32::from_be_bytes(code),
        );
        if !(8..=STARTUP).contains(&len) {
            return Heard::Nonsense;
        }
        let Some(body) = bytes.get(8..len) else {
            return Heard::More;
        };
        Heard::Message(match code {
            SSL if !tls => Message::new(len, b"S".to_vec()).then(Then::Tls),
            SSL | GSS => Message::new(len, b"N".to_vec()),
            CANCEL => Message::new(len, Vec::new()).then(Then::End),
            _ if code >> 16 == 3 => {
                self.state = State::Password;
                let ask = framed(b'R', &3u32.to_be_bytes());
                let mut message = Message::new(len, ask);
                let mut words = body.split(|b| *b == 0);
                while let (Some(name), Some(what)) = (words.next(), words.next())
                    && !name.is_empty()
                {
                    message = message.with(value(name), value(what));
                }
                message
            }
            _ => return Heard::Nonsense,
        })
    }

    fn message(&mut self, kind: u8, body: &[u8], len: usize) -> Message {
        let mut words = body.split(|b| *b == 0);
        let done = |answer: Vec<u8>| Message::new(len, answer);
        match kind {
            b'Q' => {
                let query = value(words.next().unwrap_or_default());
                let mut answer = self.rows(&query, true);
                answer.extend(self.ready());
                done(answer).with("query", query)
            }
            b'P' => {
                let query = value(words.nth(1).unwrap_or_default());
                self.prepared.clone_from(&query);
                done(framed(b'1', &[])).with("query", query)
            }
            b'B' => {
                let mut message = done(framed(b'2', &[]));
                for parameter in parameters(body) {
                    message = message.with("parameter", parameter.map_or("NULL".into(), value));
                }
                message
            }
            b'D' => {
                let mut answer = Vec::new();
                if body.first() == Some(&b'S') {
                    let count = sql::parameters(Server::Postgres, &self.prepared);
                    let types = TEXT.to_be_bytes().repeat(count);
                    answer = framed(b't', &[&(count as u16).to_be_bytes()[..], &types].concat());
                }
                answer.extend(match sql::outcome(Server::Postgres, &self.prepared) {
                    Outcome::Rows { column, .. } => description(&column),
                    _ => framed(b'n', &[]),
                });
                done(answer)
            }
            b'E' => {
                let prepared = std::mem::take(&mut self.prepared);
                let answer = self.rows(&prepared, false);
                self.prepared = prepared;
                done(answer)
            }
            b'C' => done(framed(b'3', &[])),
            b'S' => done(self.ready()),
            b'X' => done(Vec::new()).then(Then::End),
            b'd' => done(Vec::new()).with("copied", value(body)),
            b'c' => done([framed(b'C', b"COPY 0\0"), self.ready()].concat()),
            // A function call, which nothing uses any more, and what was never defined.
            b'F' => done([framed(b'V', &[0xff; 4]), self.ready()].concat()),
            _ => done(Vec::new()),
        }
    }

    /// What a statement leads to; `described` where nobody asks for the columns first.
    fn rows(&mut self, query: &str, described: bool) -> Vec<u8> {
        match sql::outcome(Server::Postgres, query) {
            Outcome::Nothing => framed(b'I', &[]),
            Outcome::Done(words) => {
                self.in_transaction = match words {
                    "BEGIN" => true,
                    "COMMIT" | "ROLLBACK" => false,
                    _ => self.in_transaction,
                };
                framed(b'C', &[words.as_bytes(), &[0]].concat())
            }
            Outcome::Rows { column, row } => {
                let mut answer = match described {
                    true => description(&column),
                    false => Vec::new(),
                };
                let count = usize::from(row.is_some());
                if let Some(row) = row {
                    let head = [&[0, 1][..], &(row.len() as u32).to_be_bytes()].concat();
                    answer.extend(framed(b'D', &[&head, row.as_bytes()].concat()));
                }
                answer.extend(framed(b'C', format!("SELECT {count}\0").as_bytes()));
                answer
            }
        }
    }

    fn ready(&self) -> Vec<u8> {
        framed(b'Z', if self.in_transaction { b"T" } else { b"I" })
    }
}

fn welcome() -> Vec<u8> {
    let mut answer = framed(b'R', &0u32.to_be_bytes());
    for (name, value) in sql::PARAMETERS {
        answer.extend(framed(b'S', format!("{name}\0{value}\0").as_bytes()));
    }
    // A process's number and a key to cancel its queries with.
    answer.extend(framed(b'K', &[0, 0, 0x2f, 0x1b, 0x5d, 0x0a, 0x71, 0xc4]));
    answer.extend(framed(b'Z', b"I"));
    answer
}

/// One column of type `text`.
fn description(column: &str) -> Vec<u8> {
    let mut body = vec![0, 1];
    body.extend(column.bytes().filter(|b| *b != 0));
    body.push(0);
    // No table and no column of one; length -1, modifier -1, format text.
    body.extend([0; 6]);
    body.extend(TEXT.to_be_bytes());
    body.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]);
    framed(b'T', &body)
}

fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let len = (body.len() as u32 + 4).to_be_bytes();
    [&[kind][..], &len, body].concat()
}

/// Parameter values of a Bind message; none for NULL. As many as are whole.
fn parameters(body: &[u8]) -> Vec<Option<&[u8]>> {
    fn word(body: &[u8]) -> Option<(usize, &[u8])> {
        let (word, rest) = body.split_first_chunk()?;
        Some((u16::from_be_bytes(*word).into(), rest))
    }
    let after_names = || {
        let portal = memchr::memchr(0, body)?;
        let statement = memchr::memchr(0, &body[portal + 1..])?;
        let (formats, rest) = word(&body[portal + statement + 2..])?;
        word(rest.get(2 * formats..)?)
    };
    let mut found = Vec::new();
    let Some((count, mut rest)) = after_names() else {
        return found;
    };
    for _ in 0..count {
        let Some((len, after)) = rest.split_first_chunk() else {
            break;
        };
        let len = u32::from_be_bytes(*len);
        if len == u32::MAX {
            found.push(None);
            rest = after;
            continue;
        }
        let Some((value, after)) = after.split_at_checked(len as usize) else {
            break;
        };
        found.push(Some(value));
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(postgres: &mut Postgres, bytes: &[u8]) -> Message {
        match postgres.hear(bytes, false) {
            Heard::Message(m) => {
                assert_eq!(m.len, bytes.len());
                m
            }
            other => panic!("{other:?}"),
        }
    }

    fn startup(words: &[u8]) -> Vec<u8> {
        let len = (words.len() as u32 + 8).to_be_bytes();
        [&len[..], &[0, 3, 0, 0], words].concat()
    }

    #[test]
    fn a_client_is_led_to_its_queries() {
        let mut postgres = Postgres::default();
        let ssl = [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];
        let m = said(&mut postgres, &ssl);
        assert_eq!((m.answer.as_slice(), m.then), (&b"S"[..], Then::Tls));
        let hello = startup(b"user\0alex\0database\0reports\0\0");
        let m = said(&mut postgres, &hello);
        let field = |place: &str, value: &str| (place.to_owned(), value.to_owned());
        assert_eq!(
            m.fields,
            [field("user", "alex"), field("database", "reports")]
        );
        assert_eq!(m.answer, [b'R', 0, 0, 0, 8, 0, 0, 0, 3]);
        let m = said(&mut postgres, &framed(b'p', b"pw!\0"));
        assert_eq!(m.fields, [field("password", "pw!")]);
        assert!(m.answer.ends_with(b"Z\0\0\0\x05I"));
        let m = said(
            &mut postgres,
            &framed(b'Q', b"insert into t values ('x')\0"),
        );
        assert_eq!(m.fields, [field("query", "insert into t values ('x')")]);
        assert_eq!(m.answer, b"C\0\0\0\x0fINSERT 0 1\0Z\0\0\0\x05I");
        let m = said(
            &mut postgres,
            &framed(b'P', b"s1\0select * from t where a = $1\0\0\0"),
        );
        assert_eq!(m.fields, [field("query", "select * from t where a = $1")]);
        let bind = b"\0s1\0\0\x01\0\0\0\x02\0\0\0\x02hi\xff\xff\xff\xff\0\0";
        let m = said(&mut postgres, &framed(b'B', bind));
        assert_eq!(
            m.fields,
            [field("parameter", "hi"), field("parameter", "NULL")]
        );
        let m = said(&mut postgres, &framed(b'D', b"Ss1\0"));
        assert!(m.answer.starts_with(b"t\0\0\0\x0a\0\x01\0\0\0\x19T"));
        assert_eq!(
            said(&mut postgres, &framed(b'E', b"\0\0\0\0\0")).answer,
            b"C\0\0\0\x0dSELECT 0\0"
        );
        assert_eq!(said(&mut postgres, &framed(b'X', b"")).then, Then::End);
    }

    #[test]
    fn it_is_known_by_its_first_bytes() {
        let hello = startup(b"user\0a\0\0");
        for end in 0..8 {
            assert_eq!(begins(&hello[..end]), None, "{end}");
        }
        assert_eq!(begins(&hello), Some(true));
        assert_eq!(begins(b"\0first"), Some(false));
        assert_eq!(begins(b"\0\0\0\x08\0\x01\0\0"), Some(false));
        assert_eq!(begins(b"GET / HT"), Some(false));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_bytes_panic(
            state in proptest::sample::select(vec![State::Startup, State::Password, State::Ready]),
            kind: u8,
            len in 0u8..40,
            rest in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let mut postgres = Postgres { state, ..Postgres::default() };
            let head = if state == State::Startup { vec![] } else { vec![kind] };
            let bytes = [&head[..], &[0, 0, 0, len], &rest].concat();
            begins(&bytes);
            if let Heard::Message(m) = postgres.hear(&bytes, false) {
                prop_assert!((1..=bytes.len()).contains(&m.len));
            }
        }
    }
}
