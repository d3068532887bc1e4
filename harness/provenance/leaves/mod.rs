//! Takes an effect apart into an operation (what was done, to whom) and leaves (the values it
//! carried), so that every value can be explained on its own. Positions in lists are dropped:
//! a leaf's place is `body.To[].Email`, whichever element it was. A list of named values is told
//! by the names: `body.Headers[Reply-To]`.

mod http;
mod mail;
mod named;
mod other;
mod streams;
mod text;

pub use http::segment;
pub use other::{END, GOES_ON, LEFT_BEHIND, MANY, NOT_FOUND, REMOVED, SCRIPT_TEXT, TRIED};
pub use streams::{in_a_row, streams};

use crate::effect::{Folded, Kind};

/// Leaves taken from one effect; a larger effect is cut and says so in a leaf of its own.
const MAX_LEAVES: usize = 5_000;

/// One effect, taken apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dissected {
    /// The operation, in pieces: what is fixed by its kind, and names that may hold values.
    pub operation: Vec<Piece>,
    /// The destination where there is one, `api.example` or `smtp.example:2525`.
    pub host: Option<String>,
    pub leaves: Vec<Leaf>,
}

/// A piece of an operation's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Fixed(String),
    /// A path segment or a DNS label: replaced by its source where it has one.
    Name(String),
    /// Where a URL leads: replaced as a whole, or in its host, by the argument that says so.
    Url {
        scheme: String,
        host: String,
        /// Without the leading slash.
        path: String,
    },
    /// A path that was read: replaced as a whole, or from its start or to its end, by what says so.
    Path(String),
    /// A name that was looked up: replaced as a whole, or label by label.
    Domain(String),
}

/// One value and where it stood.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Leaf {
    pub place: String,
    /// What the object beside the value calls it, where it is a list's and names its members.
    pub label: Option<String>,
    pub value: String,
    pub weight: Weight,
}

/// How much a value alone can prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Weight {
    Full,
    /// A number, a boolean, null or an empty container: equality with an input may be chance,
    /// and is believed only when it holds in every call while the value varies.
    Plain,
    /// Log text: kept only where it holds something confidential.
    ConfidentialOnly,
    /// The name of a value, which the value's place says: kept only where it is made of something
    /// that was given.
    Label,
}

/// What the last step of a place is called: `ReplyTo` in `body.ReplyTo[]`, `Reply-To` in
/// `body.Headers[Reply-To]`, `to` in `address in header to`.
pub fn last_step(place: &str) -> &str {
    let place = place.trim_end_matches("[]");
    match place
        .strip_suffix(']')
        .and_then(|rest| rest.rsplit_once('['))
    {
        Some((_, label)) => label,
        None => place.rsplit(['.', ' ']).next().unwrap_or(place),
    }
}

/// Values the server received in return: place and value, to explain later effects.
pub fn learnt(kind: &Kind) -> Vec<(String, String)> {
    let mut found = match kind {
        Kind::Http(request) => http::learnt(request),
        Kind::Dns(question) => other::answers(question),
        Kind::Flow(flow) => other::received(flow),
        _ => Vec::new(),
    };
    found.retain(|(_, value)| !value.is_empty());
    found
}

/// Takes an effect apart; nothing for a surface, which is compared as a whole.
pub fn dissect(kind: &Kind) -> Option<Dissected> {
    let mut parts = match kind {
        Kind::Http(request) => http::dissect(request),
        Kind::Mail(mail) => mail::dissect(mail),
        Kind::Dns(question) => other::dns(question),
        Kind::Tls(handshake) => other::tls(handshake),
        Kind::Flow(flow) => other::flow(flow),
        Kind::Datagram(datagram) => other::datagram(datagram),
        Kind::File(change) => other::file(change),
        Kind::Read(read) => other::read(read),
        Kind::Reads(Folded {
            folder: Some(folder),
            ..
        }) => other::reads(folder),
        // What every program reads to run says nothing about what it does.
        Kind::Reads(_) => return None,
        Kind::Program(program) => other::program(program),
        Kind::Script(script) => other::script(script),
        Kind::Forbidden(call) => other::forbidden(call),
        Kind::Signal(signal) => other::signal(signal),
        Kind::Exit(exit) => other::exit(exit),
        Kind::Result(result) => other::result(result),
        Kind::Message(message) => other::message(message),
        Kind::Misbehaviour(what) => other::misbehaviour(what),
        // It is told with the program's start.
        Kind::Life(_) => return None,
        // Figures are compared as figures.
        Kind::Surface(_) | Kind::Usage(_) => return None,
    };
    if parts.leaves.len() > MAX_LEAVES {
        let more = parts.leaves.len() - MAX_LEAVES;
        parts.leaves.truncate(MAX_LEAVES);
        parts.leaf("(cut)", format!("{more} more values"));
    }
    Some(parts)
}

impl Dissected {
    fn named(operation: impl Into<String>) -> Self {
        Self {
            operation: vec![Piece::Fixed(operation.into())],
            ..Self::default()
        }
    }

    fn leaf(&mut self, place: impl Into<String>, value: impl Into<String>) {
        self.leaves.push(Leaf {
            place: place.into(),
            label: None,
            value: value.into(),
            weight: Weight::Full,
        });
    }

    fn plain(&mut self, place: impl Into<String>, value: impl Into<String>) {
        self.leaves.push(Leaf {
            place: place.into(),
            label: None,
            value: value.into(),
            weight: Weight::Plain,
        });
    }
}

/// `host` or `host:port`, the port left out where it is the scheme's own.
fn destination(peer: &crate::effect::Peer, default_ports: &[u16]) -> String {
    let port = peer.address.port();
    // A path and an echo request have no port.
    if port == 0 || default_ports.contains(&port) {
        peer.name()
    } else {
        format!("{}:{port}", peer.name())
    }
}
