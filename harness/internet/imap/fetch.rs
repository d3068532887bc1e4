//! FETCH: what is asked of a mail, and the answer (RFC 3501, sections 6.4.5 and 7.4.2).

use super::account::Mail;
use super::command::Word;
use super::message::{Part, envelope, field, fields};

/// Bytes of one answer; what goes beyond is not sent, and the command fails.
pub const MAX_ANSWER: usize = 32 << 20;

/// Things asked of each mail; each may take one look through it.
const MAX_ITEMS: usize = 64;

/// One thing that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    Flags,
    Uid,
    Date,
    Size,
    Envelope,
    Structure {
        extended: bool,
    },
    /// Bytes of the mail, under the name by which they were asked for.
    Bytes {
        name: String,
        section: Section,
        range: Option<(usize, usize)>,
        peek: bool,
    },
}

/// Which bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    path: Vec<usize>,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    All,
    Header,
    /// These header fields, or all but these.
    Fields(Vec<String>, bool),
    Text,
    Mime,
}

/// The items of a list; none where one is not known.
pub fn items(asked: &Word) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    for word in asked.words() {
        let name = word.text();
        let whole = |what, name: &str, peek| Item::Bytes {
            name: name.to_owned(),
            section: Section {
                path: Vec::new(),
                what,
            },
            range: None,
            peek,
        };
        match name.to_ascii_uppercase().as_str() {
            "ALL" => items.extend([Item::Flags, Item::Date, Item::Size, Item::Envelope]),
            "FAST" => items.extend([Item::Flags, Item::Date, Item::Size]),
            "FULL" => {
                items.extend([Item::Flags, Item::Date, Item::Size, Item::Envelope]);
                items.push(Item::Structure { extended: false });
            }
            "FLAGS" => items.push(Item::Flags),
            "UID" => items.push(Item::Uid),
            "INTERNALDATE" => items.push(Item::Date),
            "RFC822.SIZE" => items.push(Item::Size),
            "ENVELOPE" => items.push(Item::Envelope),
            "BODY" => items.push(Item::Structure { extended: false }),
            "BODYSTRUCTURE" => items.push(Item::Structure { extended: true }),
            "RFC822" => items.push(whole(What::All, "RFC822", false)),
            "RFC822.HEADER" => items.push(whole(What::Header, "RFC822.HEADER", true)),
            "RFC822.TEXT" => items.push(whole(What::Text, "RFC822.TEXT", false)),
            upper => items.push(bytes(&name, upper)?),
        }
    }
    (1..=MAX_ITEMS).contains(&items.len()).then_some(items)
}

/// `BODY[1.HEADER]<0.100>`, `BODY.PEEK[]`.
fn bytes(name: &str, upper: &str) -> Option<Item> {
    let peek = upper.starts_with("BODY.PEEK[");
    if !peek && !upper.starts_with("BODY[") {
        return None;
    }
    let open = name.find('[')?;
    let close = name.rfind(']')?;
    let inner = name.get(open + 1..close)?;
    let range = match name.get(close + 1..)?.strip_prefix('<') {
        None => None,
        Some(range) => {
            let (from, len) = range.strip_suffix('>')?.split_once('.')?;
            Some((from.parse().ok()?, len.parse().ok()?))
        }
    };
    let place = range.map_or(String::new(), |(from, _)| format!("<{from}>"));
    Some(Item::Bytes {
        name: format!("BODY[{inner}]{place}"),
        section: section(inner)?,
        range,
        peek,
    })
}

fn section(text: &str) -> Option<Section> {
    let mut path = Vec::new();
    let mut rest = text;
    while rest.starts_with(|c: char| c.is_ascii_digit()) {
        let (number, after) = rest.split_once('.').unwrap_or((rest, ""));
        path.push(number.parse().ok()?);
        rest = after;
    }
    let upper = rest.to_ascii_uppercase();
    let names = |rest: &str| {
        let names = rest.trim().strip_prefix('(')?.strip_suffix(')')?;
        let names = names
            .split_whitespace()
            .map(|name| name.trim_matches('"').to_owned());
        Some(names.collect::<Vec<_>>())
    };
    let what = match upper.as_str() {
        "" => What::All,
        "HEADER" => What::Header,
        "TEXT" => What::Text,
        "MIME" => What::Mime,
        _ if upper.starts_with("HEADER.FIELDS.NOT") => What::Fields(names(&rest[17..])?, false),
        _ if upper.starts_with("HEADER.FIELDS") => What::Fields(names(&rest[13..])?, true),
        _ => return None,
    };
    Some(Section { path, what })
}

/// Whether asking marks a mail as read.
pub fn marks(items: &[Item]) -> bool {
    items
        .iter()
        .any(|item| matches!(item, Item::Bytes { peek: false, .. }))
}

/// Writes the answer for one mail; false where there is no room for it.
pub fn write(out: &mut Vec<u8>, number: usize, mail: &Mail, items: &[Item]) -> bool {
    let raw = &mail.raw;
    let part = Part::read(raw);
    out.extend(format!("* {number} FETCH (").bytes());
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        match item {
            Item::Flags => out.extend(format!("FLAGS ({})", mail.flags.join(" ")).bytes()),
            Item::Uid => out.extend(format!("UID {}", mail.uid).bytes()),
            Item::Date => out.extend(format!("INTERNALDATE \"{}\"", mail.arrived).bytes()),
            Item::Size => out.extend(format!("RFC822.SIZE {}", raw.len()).bytes()),
            Item::Envelope => {
                out.extend(format!("ENVELOPE {}", envelope(&raw[part.header.clone()])).bytes())
            }
            Item::Structure { extended } => {
                let name = if *extended { "BODYSTRUCTURE" } else { "BODY" };
                out.extend(format!("{name} {}", part.structure(raw, *extended)).bytes());
            }
            Item::Bytes {
                name,
                section,
                range,
                ..
            } => {
                let mut bytes = section.of(raw, &part);
                if let (Some(found), Some((from, len))) = (&mut bytes, range) {
                    let from = (*from).min(found.len());
                    let to = from.saturating_add(*len).min(found.len());
                    *found = found[from..to].to_vec();
                }
                match bytes {
                    Some(bytes) => {
                        out.extend(format!("{name} {{{}}}\r\n", bytes.len()).bytes());
                        out.extend(bytes);
                    }
                    None => out.extend(format!("{name} NIL").bytes()),
                }
            }
        }
        if out.len() > MAX_ANSWER {
            return false;
        }
    }
    out.extend(b")\r\n");
    true
}

impl Section {
    fn of(&self, raw: &[u8], whole: &Part) -> Option<Vec<u8>> {
        let part = whole.find(&self.path)?;
        let header = &raw[part.header.clone()];
        let body = &raw[part.body.clone()];
        let chosen = |names: &[String], wanted: bool| {
            let fields = fields(header);
            let named = |name: &str| names.iter().any(|n| n.eq_ignore_ascii_case(name));
            let lines = fields.iter().filter(|(name, _)| named(name) == wanted);
            let mut text: String = lines
                .map(|(name, value)| format!("{name}: {value}\r\n"))
                .collect();
            text.push_str("\r\n");
            text.into_bytes()
        };
        Some(match &self.what {
            What::All if self.path.is_empty() => raw.to_vec(),
            What::All | What::Text => body.to_vec(),
            What::Header | What::Mime => header.to_vec(),
            What::Fields(names, wanted) => chosen(names, *wanted),
        })
    }
}

/// Header, body and both of a mail as text in lower case, for searching.
pub fn texts(mail: &Mail) -> (Vec<(String, String)>, String) {
    let part = Part::read(&mail.raw);
    let body = String::from_utf8_lossy(&mail.raw[part.body.clone()]).to_lowercase();
    (fields(&mail.raw[part.header]), body)
}

/// A header field of a mail in lower case; empty where it has none.
pub fn lower(fields: &[(String, String)], name: &str) -> String {
    field(fields, name).unwrap_or_default().to_lowercase()
}
