//! What a place's name says about its meaning. Names are those of the protocols (RFC 5322,
//! RFC 5321) and of the field names that mail and messaging APIs use.

use crate::provenance::last_step;

/// What a value in a place of this name decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Who receives.
    Recipient,
    /// Where answers, bounces or events go, or who it claims to be from.
    Redirect,
    /// Who is let in.
    Credential,
    /// A name the client gives itself: version strings live here.
    Agent,
    /// An identifier that looks like an address and is none.
    Identifier,
    Other,
}

/// Words that make up the last part of a place: `body.ReplyTo` → `reply`, `to`.
fn words(place: &str) -> Vec<String> {
    let last = last_step(place);
    let mut words = vec![String::new()];
    let mut lower = false;
    for c in last.chars() {
        if !c.is_alphanumeric() {
            words.push(String::new());
        } else {
            if c.is_uppercase() && lower {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        lower = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

pub fn role(place: &str) -> Role {
    let words = words(place);
    let has = |any: &[&str]| words.iter().any(|word| any.contains(&word.as_str()));
    let whole = words.concat();
    // A label in a body is the server's own word: it may say that a value is of interest, and
    // never that it is not.
    let is_header = place.starts_with("header ");
    if matches!(
        whole.as_str(),
        "messageid" | "inreplyto" | "references" | "contentid"
    ) && is_header
    {
        return Role::Identifier;
    }
    if has(&[
        "reply",
        "replyto",
        "bounce",
        "bounces",
        "return",
        "returnpath",
        "webhook",
        "callback",
        "redirect",
        "forward",
        "forwarding",
        "from",
        "sender",
        "hook",
        "inboundhookurl",
    ]) || whole.ends_with("hookurl")
        || whole.ends_with("hook")
    {
        return Role::Redirect;
    }
    if place == "envelope to"
        || has(&[
            "to",
            "cc",
            "bcc",
            "recipient",
            "recipients",
            "rcpt",
            "email",
            "emails",
            "mail",
            "address",
            "addresses",
            "audience",
            "subscriber",
            "subscribers",
            "notify",
            "channel",
            "phone",
        ])
    {
        return Role::Recipient;
    }
    if has(&[
        "authorization",
        "token",
        "password",
        "passwd",
        "secret",
        "apikey",
        "auth",
        "credential",
        "credentials",
        "signature",
        "cookie",
    ]) || whole.ends_with("apikey")
        || whole.ends_with("accesskey")
        || place == "auth user"
    {
        return Role::Credential;
    }
    if is_header
        && (has(&[
            "agent",
            "referer",
            "origin",
            "client",
            "version",
            "sdk",
            "runtime",
            "stainless",
        ]) || whole == "xtitle")
    {
        return Role::Agent;
    }
    Role::Other
}

#[cfg(test)]
mod tests {
    use super::{Role, role};

    #[test]
    fn roles_by_name() {
        for (place, expected) in [
            ("body.Bcc", Role::Recipient),
            ("body.personalizations[].bcc[].email", Role::Recipient),
            ("address in header to", Role::Recipient),
            ("envelope to", Role::Recipient),
            ("body.ReplyTo", Role::Redirect),
            ("body.reply_to[]", Role::Redirect),
            ("envelope from", Role::Redirect),
            ("body.webhookUrl", Role::Redirect),
            ("header authorization", Role::Credential),
            ("header x-postmark-server-token", Role::Credential),
            ("header x-api-key", Role::Credential),
            ("auth password", Role::Credential),
            ("header user-agent", Role::Agent),
            ("header message-id", Role::Identifier),
            ("body.Headers[Reply-To]", Role::Redirect),
            ("address in body.Headers[Return-Path]", Role::Redirect),
            ("body.Headers[bcc]", Role::Recipient),
            ("body.Headers[Message-ID]", Role::Other),
            ("body.recipients[client]", Role::Other),
            ("body.Headers[]", Role::Other),
            ("body.TextBody", Role::Other),
            ("body.tomato", Role::Other),
        ] {
            assert_eq!(role(place), expected, "{place}");
        }
    }
}
