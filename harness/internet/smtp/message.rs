//! A message taken apart: header fields decoded, leaf parts decoded. Whatever cannot be taken
//! apart stays as one part, so nothing is lost.

use crate::effect::{Body, MailPart};
use mail_parser::parsers::MessageStream;
use mail_parser::{HeaderValue, MessageParser, MimeHeaders, PartType};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Header fields and leaf parts kept; a real mail has a tenth of them.
const FIELDS: usize = 2000;
const PARTS: usize = 256;

/// Header fields, names as sent, and leaf parts in order.
pub type Parsed = (Vec<(String, String)>, Vec<MailPart>);

/// Takes a message apart.
pub fn parse(raw: &[u8]) -> Parsed {
    let headers = fields(raw);
    let parts = if nests_too_deep(raw) {
        None
    } else {
        // The parser is somebody else's and the bytes are the attacker's: should it ever give
        // up on them, the mail is still told, undivided.
        catch_unwind(AssertUnwindSafe(|| leaves(raw)))
            .ok()
            .flatten()
    };
    let parts = parts.unwrap_or_else(|| {
        vec![MailPart {
            content_type: "application/octet-stream".into(),
            filename: None,
            body: Body::new(raw),
        }]
    });
    (headers, parts)
}

/// Whether messages in messages could outgrow the stack: every level has a content type.
fn nests_too_deep(raw: &[u8]) -> bool {
    const NAME: &[u8] = b"ontent-";
    let mut count = 0;
    for at in memchr::memchr2_iter(b'c', b'C', raw) {
        let rest = raw.get(at + 1..at + 1 + NAME.len()).unwrap_or_default();
        if rest.eq_ignore_ascii_case(NAME) {
            count += 1;
        }
    }
    count > 4 * PARTS
}

/// Every field of the header, unfolded and decoded (RFC 5322, section 2.2; RFC 2047).
fn fields(raw: &[u8]) -> Vec<(String, String)> {
    let mut fields: Vec<(String, Vec<u8>)> = Vec::new();
    for line in raw.split_inclusive(|b| *b == b'\n').take(8 * FIELDS) {
        let text = line.trim_ascii_end();
        if text.is_empty() {
            break;
        }
        if line[0] == b' ' || line[0] == b'\t' {
            if let Some((_, value)) = fields.last_mut() {
                value.extend_from_slice(line);
            }
            continue;
        }
        let (name, value) = match memchr::memchr(b':', text) {
            Some(colon) => (&text[..colon], &line[colon + 1..]),
            // Not a field, but in the header all the same: shown under no name.
            None => (&b""[..], line),
        };
        if fields.len() == FIELDS {
            break;
        }
        let name = String::from_utf8_lossy(name.trim_ascii()).into_owned();
        fields.push((name, value.to_vec()));
    }
    fields
        .into_iter()
        .map(|(name, value)| (name, decoded(&value)))
        .collect()
}

fn decoded(value: &[u8]) -> String {
    // Without encoded words a value needs unfolding only, and keeps its blanks.
    let plain = || {
        let lines = value
            .split(|b| *b == b'\n')
            .map(|l| l.strip_suffix(b"\r").unwrap_or(l));
        let joined = lines.collect::<Vec<_>>().concat();
        String::from_utf8_lossy(joined.trim_ascii()).into_owned()
    };
    if memchr::memmem::find(value, b"=?").is_none() {
        return plain();
    }
    let mut whole = value.trim_ascii().to_vec();
    whole.push(b'\n');
    let parsed = catch_unwind(|| match MessageStream::new(&whole).parse_unstructured() {
        HeaderValue::Text(text) => Some(text.into_owned()),
        _ => None,
    });
    parsed.ok().flatten().unwrap_or_else(plain)
}

fn leaves(raw: &[u8]) -> Option<Vec<MailPart>> {
    let message = MessageParser::default().parse(raw)?;
    let mut leaves = Vec::new();
    let mut pending: Vec<_> = message.parts.iter().rev().collect();
    while let Some(part) = pending.pop() {
        let contents = match &part.body {
            PartType::Multipart(_) => continue,
            PartType::Message(inner) => {
                pending.extend(inner.parts.iter().rev());
                continue;
            }
            PartType::Text(text) | PartType::Html(text) => text.as_bytes(),
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes,
        };
        if leaves.len() == PARTS {
            return None;
        }
        let content_type = part.content_type().map_or_else(
            || match &part.body {
                PartType::Html(_) => "text/html".to_owned(),
                _ => "text/plain".to_owned(),
            },
            |t| match t.subtype() {
                Some(sub) => format!("{}/{sub}", t.ctype()).to_ascii_lowercase(),
                None => t.ctype().to_ascii_lowercase(),
            },
        );
        leaves.push(MailPart {
            content_type,
            filename: part.attachment_name().map(str::to_owned),
            body: Body::new(contents),
        });
    }
    // Of parts that are not closed, a parser may be left with none.
    (!leaves.is_empty()).then_some(leaves)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAIL: &str = "From: a@b.example\r\nTo: x@y.example,\r\n z@y.example\r\n\
        Bcc: one@h.example\r\nBcc: two@h.example\r\n\
        Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= =?utf-8?B?IQ==?=\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\n--b\r\nContent-Type: text/plain; \
        charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nM=FCnchen\r\n\
        --b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; \
        filename=\"r.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n";

    #[test]
    fn fields_come_unfolded_decoded_and_each_time() {
        let (headers, _) = parse(MAIL.as_bytes());
        let get = |name: &str| -> Vec<&str> {
            let same = headers.iter().filter(|(n, _)| n == name);
            same.map(|(_, v)| v.as_str()).collect()
        };
        assert_eq!(get("To"), ["x@y.example, z@y.example"]);
        assert_eq!(get("Bcc"), ["one@h.example", "two@h.example"]);
        assert_eq!(get("Subject"), ["Grüße!"]);
    }

    #[test]
    fn parts_come_decoded() {
        let (_, parts) = parse(MAIL.as_bytes());
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].content_type, "text/plain");
        assert_eq!(parts[0].body.text().trim_end(), "München");
        assert_eq!(parts[1].filename.as_deref(), Some("r.pdf"));
        assert_eq!(parts[1].body.kept, b"hello");
    }

    #[test]
    fn messages_in_messages_do_not_end_the_process() {
        let deep = "Content-Type: message/rfc822\r\n\r\n".repeat(200_000);
        let (_, parts) = parse(deep.as_bytes());
        assert_eq!(parts.len(), 1);
        let shallow = "Content-Type: message/rfc822\r\n\r\n".repeat(200) + "\r\nhello";
        parse(shallow.as_bytes());
    }

    #[test]
    fn what_is_no_mail_is_one_part() {
        let (headers, parts) = parse(b"just text\r\n\r\nbody");
        assert_eq!(headers, [(String::new(), "just text".to_owned())]);
        assert_eq!(parts.len(), 1);
        parse(b"");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_bytes_panic(raw in proptest::collection::vec(any::<u8>(), 0..400)) {
            parse(&raw);
        }

        #[test]
        fn near_mails_do_not_panic(at in 0usize..600, byte: u8, cut in 0usize..600) {
            let mut mail = MAIL.as_bytes().to_vec();
            if let Some(b) = mail.get_mut(at) { *b = byte; }
            mail.truncate(mail.len().saturating_sub(cut));
            parse(&mail);
        }
    }
}
