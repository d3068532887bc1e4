//! A mail: the server it was handed to is the operation; envelope, header fields and parts are
//! its values. The envelope counts apart from the header: a copy may stand in one alone.

use super::{Dissected, destination, text};
use crate::effect::{Mail, MailTls};

pub fn dissect(mail: &Mail) -> Dissected {
    let host = destination(&mail.peer, &[]);
    let mut parts = Dissected::named(format!("mail {host}"));
    parts.host = Some(host);
    let tls = match mail.tls {
        MailTls::None => "none",
        MailTls::Starttls => "starttls",
        MailTls::Implicit => "implicit",
    };
    parts.leaf("tls", tls);
    parts.leaf("helo", mail.helo.as_str());
    if let Some(auth) = &mail.auth {
        parts.leaf("auth mechanism", auth.mechanism.as_str());
        parts.leaf("auth user", auth.user.as_str());
        parts.leaf("auth password", auth.password.as_str());
    }
    parts.leaf("envelope from", mail.mail_from.as_str());
    for recipient in &mail.rcpt_to {
        parts.leaf("envelope to", recipient.as_str());
    }
    for recipient in &mail.rcpt_refused {
        parts.leaf("envelope to (refused)", recipient.as_str());
    }
    for (name, value) in &mail.headers {
        let name = name.to_ascii_lowercase();
        let value = if name == "content-type" {
            value.split(';').next().unwrap_or_default().trim()
        } else {
            value.trim()
        };
        parts.leaf(format!("header {name}"), value);
    }
    for part in &mail.parts {
        let place = format!("part {}", part.content_type);
        if let Some(name) = &part.filename {
            parts.leaf(format!("{place} filename"), name.as_str());
        }
        text::body(&mut parts, &place, "", &part.body);
    }
    parts.leaf(
        "reply",
        mail.reply.split_whitespace().next().unwrap_or_default(),
    );
    parts
}
