//! One mail transaction (RFC 5321, section 3.3), from MAIL to its end, and the effect it is.

use super::command::Path;
use super::message;
use crate::effect::{Auth, Body, Kind, Mail, MailTls, Peer};

/// What a session knows by the time a transaction begins.
#[derive(Clone, Debug)]
pub struct Sender {
    pub peer: Peer,
    pub tls: MailTls,
    pub helo: String,
    pub auth: Option<Auth>,
}

/// A transaction under way.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    pub from: Path,
    pub to: Vec<String>,
    pub refused: Vec<String>,
    /// The last reply that refused something, for a transaction that comes no further.
    pub refusal: Option<String>,
}

impl Transaction {
    /// Recipients of one transaction; RFC 5321, section 4.5.3.1.8 asks for at least 100.
    pub const RECIPIENTS: usize = 10_000;

    /// The effect, with the message as far as it came.
    pub fn tell(self, sender: &Sender, raw: &[u8], body: Body, reply: &str) -> Kind {
        let (headers, parts) = if raw.is_empty() {
            Default::default()
        } else {
            message::parse(raw)
        };
        Kind::Mail(Mail {
            peer: sender.peer.clone(),
            tls: sender.tls,
            helo: sender.helo.clone(),
            auth: sender.auth.clone(),
            mail_from: self.from.address,
            mail_from_params: self.from.params,
            rcpt_to: self.to,
            rcpt_refused: self.refused,
            headers,
            parts,
            raw: body,
            reply: reply.to_owned(),
        })
    }
}
