//! The mails of a recorded run as an mbox file (RFC 4155, quoted as by `mboxrd`). The messages are
//! data and stay as they were sent; the envelope, which no message shows, goes into headers
//! before it.

use super::text;
use crate::effect::{Kind, Mail};
use crate::event::Event;
use std::io::{self, Write};

/// Writes every mail, one at a time.
pub fn write(
    events: &mut dyn Iterator<Item = io::Result<Event>>,
    out: &mut dyn Write,
) -> io::Result<()> {
    for event in events {
        if let Event::Effect(effect) = event?
            && let Kind::Mail(mail) = &effect.kind
        {
            message(mail, effect.call, out)?;
        }
    }
    Ok(())
}

fn message(mail: &Mail, call: Option<u32>, out: &mut dyn Write) -> io::Result<()> {
    // Runs hold no wall-clock time.
    writeln!(
        out,
        "From {} Thu Jan  1 00:00:00 1970",
        sender(&mail.mail_from)
    )?;
    let mut header = |name: &str, value: &str| {
        let value = text::line(value);
        writeln!(out, "X-Turncoat-{name}: {value}")
    };
    header("Envelope-From", &mail.mail_from)?;
    for to in &mail.rcpt_to {
        header("Envelope-To", to)?;
    }
    for to in &mail.rcpt_refused {
        header("Refused-To", to)?;
    }
    if let Some(call) = call {
        header("Call", &call.to_string())?;
    }
    if !mail.raw.is_whole() {
        let (kept, len) = (mail.raw.kept.len(), mail.raw.len);
        header("Cut", &format!("{kept} of {len} bytes kept"))?;
    }
    for line in mail.raw.kept.split_inclusive(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let quotes = line.iter().take_while(|byte| **byte == b'>').count();
        if line[quotes..].starts_with(b"From ") {
            out.write_all(b">")?;
        }
        out.write_all(line)?;
        out.write_all(b"\n")?;
    }
    out.write_all(b"\n")
}

/// The separator line ends its address at a space: anything odd would forge one.
fn sender(from: &str) -> &str {
    let plain = !from.is_empty() && from.bytes().all(|byte| byte.is_ascii_graphic());
    if plain { from } else { "MAILER-DAEMON" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::{Body, Effect, MailTls, Peer, Phase};

    fn shown(from: &str, raw: &[u8]) -> String {
        let mail = Mail {
            peer: Peer {
                host: None,
                address: "198.51.100.7:25".parse().unwrap(),
            },
            tls: MailTls::None,
            helo: "localhost".into(),
            auth: None,
            mail_from: from.into(),
            mail_from_params: String::new(),
            rcpt_to: vec!["jane@corp.example".into(), "audit@elsewhere.example".into()],
            rcpt_refused: Vec::new(),
            headers: Vec::new(),
            parts: Vec::new(),
            raw: Body::new(raw),
            reply: "250 ok".into(),
        };
        let effect = Effect {
            seq: 0,
            at_us: 0,
            phase: Phase::Call,
            stage: None,
            call: Some(3),
            kind: Kind::Mail(mail),
        };
        let mut events = std::iter::once(Ok(Event::Effect(Box::new(effect))));
        let mut out = Vec::new();
        write(&mut events, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_envelope_is_shown_and_from_lines_are_quoted() {
        let raw = b"To: jane@corp.example\r\n\r\nhello\r\nFrom here\r\n>From there\r\n";
        insta::assert_snapshot!(shown("sender@corp.example", raw), @"
        From sender@corp.example Thu Jan  1 00:00:00 1970
        X-Turncoat-Envelope-From: sender@corp.example
        X-Turncoat-Envelope-To: jane@corp.example
        X-Turncoat-Envelope-To: audit@elsewhere.example
        X-Turncoat-Call: 3
        To: jane@corp.example

        hello
        >From here
        >>From there
        ");
    }

    #[test]
    fn no_sender_forges_a_separator() {
        let text = shown("a\n\nFrom b c", b"x: y\r\n\r\nbody");
        let separators = text.lines().filter(|line| line.starts_with("From "));
        assert_eq!(separators.count(), 1, "{text}");
        assert!(text.ends_with("body\n\n"));
    }
}
