//! What leaves the process over a network. Addresses are what the server dialled, before
//! anything turncoat did to catch it.

use super::Body;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// The other end of a connection as the server knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// The name the server asked DNS for, or that TLS or HTTP named; none for a bare address.
    pub host: Option<String>,
    /// Address and port that were dialled.
    pub address: SocketAddr,
}

impl Peer {
    /// The name where there is one, else the address, without the port.
    pub fn name(&self) -> String {
        self.host
            .clone()
            .unwrap_or_else(|| self.address.ip().to_string())
    }
}

/// One DNS question (RFC 1035, section 4.1.2) and what was answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dns {
    /// Lower case, without the final dot.
    pub name: String,
    /// Mnemonic such as `A`, `AAAA`, `TXT`, or `TYPE65` for one without.
    pub record: String,
    /// Answers in presentation form.
    pub answers: Vec<String>,
    /// `udp`, `tcp`, `dot` or `doh`.
    pub transport: String,
    /// The resolver that was asked.
    pub server: SocketAddr,
}

/// A TLS handshake. One is an effect of its own only when it did not lead to a request (a
/// refusal is something the server did), or where it says more than the request does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    pub peer: Peer,
    /// Server name indication (RFC 6066, section 3).
    pub sni: Option<String>,
    /// Protocols the client offered (RFC 7301).
    pub alpn: Vec<String>,
    pub outcome: TlsOutcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsOutcome {
    /// The client ended the handshake, with its alert where it sent one (a pin, an own CA).
    Refused(String),
    /// The handshake completed and the client then closed without a byte.
    Silent,
    /// What came was not a handshake that TLS allows.
    Malformed(String),
    /// The handshake names a server whose address this is not: domain fronting, or a look-up
    /// that was bypassed. The requests that follow are effects of their own.
    Misnamed,
    /// The client showed a certificate of its own, whose subject this is. What follows is an
    /// effect of its own.
    Authenticated(String),
}

/// One HTTP request, whole, and what it was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Http {
    pub peer: Peer,
    /// `http` or `https`.
    pub scheme: String,
    /// `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`.
    pub version: String,
    pub method: String,
    /// The authority the request names: Host header or `:authority`, without a default port.
    pub authority: String,
    /// Path and query as sent (percent-encoding untouched).
    pub target: String,
    /// In the order sent, names in lower case, values as sent (invalid UTF-8 replaced).
    pub headers: Vec<(String, String)>,
    /// With content codings (gzip and so on) undone where they could be.
    pub body: Body,
    pub reply: Reply,
}

/// What the fake internet answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Body,
    /// Who answered: `postmark POST /email`, `stub NAME`, `sink`. An upstream that knows its
    /// host but not this request answers as `NAME unmatched`.
    pub by: String,
}

/// A mail that was handed to an SMTP server (RFC 5321), accepted or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mail {
    pub peer: Peer,
    pub tls: MailTls,
    /// The argument of EHLO or HELO.
    pub helo: String,
    pub auth: Option<Auth>,
    /// Reverse-path of MAIL FROM, without angle brackets, and its parameters.
    pub mail_from: String,
    pub mail_from_params: String,
    /// Forward-path of every RCPT TO that was accepted, in order.
    pub rcpt_to: Vec<String>,
    /// Those that were refused.
    pub rcpt_refused: Vec<String>,
    /// Header fields of the message, unfolded and decoded (RFC 2047), names as sent.
    pub headers: Vec<(String, String)>,
    /// Leaf parts of the message, decoded (RFC 2045).
    pub parts: Vec<MailPart>,
    /// The message as sent, dot-stuffing undone.
    pub raw: Body,
    /// The answer to DATA, code first.
    pub reply: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailTls {
    None,
    Starttls,
    Implicit,
}

/// Credentials shown to a server that asked for none in particular.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auth {
    pub mechanism: String,
    pub user: String,
    pub password: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailPart {
    /// Media type without parameters.
    pub content_type: String,
    pub filename: Option<String>,
    pub body: Body,
}

/// A TCP connection that was none of the protocols above, both directions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    pub peer: Peer,
    /// What it looked like: `raw`, `silent` (nothing sent), `smtp` (a session without a mail),
    /// `ftp`, `websocket` and so on.
    pub protocol: String,
    pub tls: bool,
    pub sent: Body,
    pub received: Body,
    /// What the client said in a protocol that is understood, taken apart, in order: place and
    /// value, such as `user`, `query` or `SET[1]`. `sent` holds all of it as it came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<(String, String)>,
}

/// One UDP datagram, or ICMP message, that is not DNS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Datagram {
    /// `udp`, `icmp`, `quic`.
    pub protocol: String,
    pub peer: Peer,
    pub payload: Body,
}
