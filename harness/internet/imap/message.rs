//! What a mail is made of: header fields, parts, and the descriptions of both that IMAP sends
//! (RFC 3501, section 7.4.2). Filed mails come from clients and are hostile.

use std::fmt::Write as _;
use std::ops::Range;

/// Parts in parts, parts of one mail, and header fields that are looked at.
const DEPTH: usize = 8;
const MAX_PARTS: usize = 100;
const MAX_FIELDS: usize = 500;

/// A mail, or a part of one, as places in its bytes.
#[derive(Debug)]
pub struct Part {
    pub header: Range<usize>,
    pub body: Range<usize>,
    /// In lower case: `text`, `plain`.
    kind: (String, String),
    parameters: Vec<(String, String)>,
    encoding: String,
    disposition: Option<String>,
    pub parts: Vec<Part>,
}

/// The header fields: name and value, unfolded.
pub fn fields(header: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(header);
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim().to_owned(), value.trim().to_owned()));
            if fields.len() >= MAX_FIELDS {
                break;
            }
        }
    }
    fields
}

pub fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut fields = fields.iter();
    fields
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

impl Part {
    pub fn read(raw: &[u8]) -> Self {
        Self::within(raw, 0..raw.len(), 0, &mut MAX_PARTS.clone())
    }

    fn within(raw: &[u8], all: Range<usize>, depth: usize, left: &mut usize) -> Self {
        let bytes = &raw[all.clone()];
        let crlf = memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4);
        let blank = crlf.or_else(|| memchr::memmem::find(bytes, b"\n\n").map(|at| at + 2));
        // A part may begin with the empty line.
        let end = if bytes.starts_with(b"\r\n") {
            2
        } else {
            blank.unwrap_or(bytes.len())
        };
        let (header, body) = (all.start..all.start + end, all.start + end..all.end);
        let fields = fields(&raw[header.clone()]);
        let (kind, parameters) =
            parameters(field(&fields, "content-type").unwrap_or("text/plain; charset=us-ascii"));
        let (main, sub) = kind.split_once('/').unwrap_or(("text", "plain"));
        let kind = (main.to_ascii_lowercase(), sub.to_ascii_lowercase());
        let boundary = parameters.iter().find(|(name, _)| name == "boundary");
        let mut parts = Vec::new();
        if let (Some((_, boundary)), true) = (boundary, kind.0 == "multipart" && depth < DEPTH) {
            for range in split(raw, body.clone(), boundary) {
                if *left == 0 {
                    break;
                }
                *left -= 1;
                parts.push(Self::within(raw, range, depth + 1, left));
            }
        }
        Self {
            kind,
            parameters,
            encoding: field(&fields, "content-transfer-encoding")
                .unwrap_or("7bit")
                .to_owned(),
            disposition: field(&fields, "content-disposition").map(str::to_owned),
            header,
            body,
            parts,
        }
    }

    /// The part that a path of numbers names; of a mail that is no multipart, 1 is its text.
    pub fn find(&self, path: &[usize]) -> Option<&Self> {
        match path.split_first() {
            None => Some(self),
            Some((1, [])) if self.parts.is_empty() => Some(self),
            Some((n, rest)) => self.parts.get(n.checked_sub(1)?)?.find(rest),
        }
    }

    /// BODYSTRUCTURE, without the extensions where those are not wanted.
    pub fn structure(&self, raw: &[u8], extended: bool) -> String {
        let mut out = "(".to_owned();
        if !self.parts.is_empty() {
            for part in &self.parts {
                out += &part.structure(raw, extended);
            }
            let _ = write!(out, " {}", quoted(&self.kind.1));
            if extended {
                let _ = write!(out, " {} NIL NIL NIL", list(&self.parameters));
            }
            return out + ")";
        }
        let body = &raw[self.body.clone()];
        let lines = body.iter().filter(|b| **b == b'\n').count();
        let _ = write!(
            out,
            "{} {} {} NIL NIL {} {}",
            quoted(&self.kind.0),
            quoted(&self.kind.1),
            list(&self.parameters),
            quoted(&self.encoding),
            body.len()
        );
        if self.kind.0 == "text" {
            let _ = write!(out, " {lines}");
        }
        if extended {
            let disposition = self.disposition.as_deref().map(parameters);
            let disposition = disposition.map_or("NIL".to_owned(), |(kind, parameters)| {
                format!("({} {})", quoted(&kind), list(&parameters))
            });
            let _ = write!(out, " NIL {disposition} NIL NIL");
        }
        out + ")"
    }
}

/// ENVELOPE of a header.
pub fn envelope(header: &[u8]) -> String {
    let fields = fields(header);
    let text = |name: &str| field(&fields, name).map_or("NIL".to_owned(), quoted);
    let people = |name: &str| field(&fields, name).map_or("NIL".to_owned(), addresses);
    let from = people("from");
    let or_from = |name: &str| match people(name).as_str() {
        "NIL" => from.clone(),
        people => people.to_owned(),
    };
    format!(
        "({} {} {from} {} {} {} {} {} {} {})",
        text("date"),
        text("subject"),
        or_from("sender"),
        or_from("reply-to"),
        people("to"),
        people("cc"),
        people("bcc"),
        text("in-reply-to"),
        text("message-id"),
    )
}

/// A string as IMAP sends it: quoted, or a literal where it holds what quotes cannot.
pub fn quoted(text: &str) -> String {
    if text.bytes().any(|b| !(0x20..0x7f).contains(&b)) {
        return format!("{{{}}}\r\n{text}", text.len());
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// `Jane <jane@a.example>, b@c.example` as address structures.
fn addresses(text: &str) -> String {
    let mut inside = false;
    let each = text.split(|c: char| {
        inside ^= c == '"';
        c == ',' && !inside
    });
    let mut out = String::new();
    for one in each.take(MAX_PARTS) {
        let one = one.trim();
        let (name, address) = match one.rsplit_once('<') {
            Some((name, rest)) => (name.trim().trim_matches('"'), rest.trim_end_matches('>')),
            None => ("", one),
        };
        let Some((mailbox, host)) = address.rsplit_once('@') else {
            continue;
        };
        let name = if name.is_empty() {
            "NIL".to_owned()
        } else {
            quoted(name)
        };
        let _ = write!(out, "({name} NIL {} {})", quoted(mailbox), quoted(host));
    }
    if out.is_empty() {
        "NIL".to_owned()
    } else {
        format!("({out})")
    }
}

/// The value of a structured field and its parameters, names in lower case.
fn parameters(value: &str) -> (String, Vec<(String, String)>) {
    let mut parts = value.split(';');
    let first = parts.next().unwrap_or_default().trim().to_owned();
    let parameters = parts.filter_map(|part| {
        let (name, value) = part.split_once('=')?;
        Some((
            name.trim().to_ascii_lowercase(),
            value.trim().trim_matches('"').to_owned(),
        ))
    });
    (first, parameters.take(20).collect())
}

fn list(parameters: &[(String, String)]) -> String {
    if parameters.is_empty() {
        return "NIL".to_owned();
    }
    let pairs = parameters
        .iter()
        .map(|(name, value)| format!("{} {}", quoted(name), quoted(value)));
    format!("({})", pairs.collect::<Vec<_>>().join(" "))
}

/// The parts between the boundaries (RFC 2046, section 5.1.1).
fn split(raw: &[u8], body: Range<usize>, boundary: &str) -> Vec<Range<usize>> {
    let delimiter = format!("--{boundary}");
    let mut found = Vec::new();
    let mut start: Option<usize> = None;
    for at in memchr::memmem::find_iter(&raw[body.clone()], delimiter.as_bytes()).take(MAX_PARTS) {
        let at = body.start + at;
        if at > body.start && raw[at - 1] != b'\n' {
            continue;
        }
        if let Some(start) = start {
            let end = if at >= 2 && raw[at - 2] == b'\r' {
                at - 2
            } else {
                at - 1
            };
            found.push(start.min(end)..end);
        }
        let line = memchr::memchr(b'\n', &raw[at..body.end]).map(|n| at + n + 1);
        start = line.filter(|_| !raw[at + delimiter.len()..].starts_with(b"--"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAIL: &[u8] = b"From: \"Doe, Jane\" <jane@a.example>\r\nTo: x@b.example, y@c.example\r\nSubject: a\r\n b\r\n\
        Content-Type: multipart/mixed; boundary=\"q\"\r\n\r\npreamble\r\n--q\r\n\r\none\r\n--q\r\n\
        Content-Type: text/csv; name=a.csv\r\nContent-Disposition: attachment; filename=a.csv\r\n\r\n1,2\r\n--q--\r\n";

    #[test]
    fn mails_are_taken_apart() {
        let mail = Part::read(MAIL);
        let text = |part: &Part| String::from_utf8_lossy(&MAIL[part.body.clone()]).into_owned();
        assert_eq!(text(mail.find(&[1]).unwrap()), "one");
        assert_eq!(text(mail.find(&[2]).unwrap()), "1,2");
        assert!(mail.find(&[3]).is_none() && mail.find(&[0]).is_none());
        assert_eq!(
            mail.structure(MAIL, false),
            "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 0)(\"text\" \"csv\" (\"name\" \"a.csv\") NIL NIL \"7bit\" 3 0) \"mixed\")"
        );
        assert!(
            mail.structure(MAIL, true)
                .contains("(\"attachment\" (\"filename\" \"a.csv\"))")
        );
        assert_eq!(
            envelope(&MAIL[mail.header]),
            "(NIL \"a b\" ((\"Doe, Jane\" NIL \"jane\" \"a.example\")) ((\"Doe, Jane\" NIL \"jane\" \"a.example\")) ((\"Doe, Jane\" NIL \"jane\" \"a.example\")) ((NIL NIL \"x\" \"b.example\")(NIL NIL \"y\" \"c.example\")) NIL NIL NIL NIL)"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_bytes_panic(bytes in "(--q|--|\r\n|\n|Content-Type: multipart/x; boundary=q|From: |[a<>@\",;=é ]){0,30}") {
            let part = Part::read(bytes.as_bytes());
            let _ = part.structure(bytes.as_bytes(), true);
            let _ = envelope(bytes.as_bytes());
        }
    }
}
