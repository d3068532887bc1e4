//! Protocols in which a client says its credentials and what it came for only while it is
//! answered as its server would: databases and proxies. One file each; each reads one message at
//! a time, says what was in it, and what to answer. Nothing is stored: every table is empty.

mod converse;
mod mongo;
mod mysql;
mod postgres;
mod redis;
mod socks;
mod sql;

pub use converse::{Target, converse};
pub use mongo::{Mongo, begins as begins_mongo};
pub use mysql::MySql;
pub use postgres::{Postgres, begins as begins_postgres};
pub use redis::Redis;
pub use socks::{Socks, begins as begins_socks};

/// The server's side of one connection.
pub trait Dialogue: Send {
    /// The name that effects use.
    fn name(&self) -> &'static str;

    /// What is said before anything was heard.
    fn greeting(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Looks at what has come. `tls` says whether it came through TLS.
    fn hear(&mut self, bytes: &[u8], tls: bool) -> Heard;
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// The start of a message.
    More,
    /// Nothing that this protocol allows.
    Nonsense,
    Message(Message),
}

/// One whole message of a client's.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// Bytes of it, one at least.
    pub len: usize,
    /// Values in it, each with its place.
    pub fields: Vec<(String, String)>,
    pub answer: Vec<u8>,
    pub then: Then,
}

/// How the connection goes on after the answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Then {
    Go,
    End,
    /// The same conversation, inside TLS.
    Tls,
    /// It leads to this host and port, and what comes next is for that.
    Tunnel(String, u16),
}

impl Message {
    /// A message that is answered so.
    fn new(len: usize, answer: Vec<u8>) -> Self {
        Self {
            len,
            fields: Vec::new(),
            answer,
            then: Then::Go,
        }
    }

    fn with(mut self, place: impl Into<String>, value: impl Into<String>) -> Self {
        self.fields.push((place.into(), value.into()));
        self
    }

    fn then(mut self, then: Then) -> Self {
        self.then = then;
        self
    }
}

/// Bytes as a value: text where they are text, else in hex.
fn value(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => data_encoding::HEXLOWER.encode(bytes),
    }
}
