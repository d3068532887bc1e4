//! Strings and numbers: what a format, a pattern or a name asks for.

use super::super::made::Made;
use super::shape::Shape;
use data_encoding::BASE64;
use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Number, Value};

/// Longest string that is made.
const LONGEST: usize = 64 << 10;
/// Steps in following a pattern.
const STEPS: usize = 10_000;

/// A string for a property called `name`.
pub fn string(shape: &Shape<'_>, name: &str, made: &Made) -> String {
    let least = shape.size("minLength", f64::max).unwrap_or(0).min(LONGEST);
    let most = shape
        .size("maxLength", f64::min)
        .unwrap_or(LONGEST)
        .max(least);
    if let Some(pattern) = shape.text("pattern")
        && let Some(text) = matching(pattern, made, least)
    {
        return text;
    }
    let text = match shape
        .text("format")
        .and_then(|format| formatted(format, made))
    {
        Some(text) => return text,
        None => named(name, made),
    };
    let token = made.token("text");
    let text = if text.chars().count() > most {
        token
    } else {
        text
    };
    let mut text: String = text.chars().take(most).collect();
    let missing = least.saturating_sub(text.chars().count());
    text.push_str(&made.long_token("more", missing));
    text
}

/// Formats of OpenAPI and JSON Schema; none for what says nothing of the text.
fn formatted(format: &str, made: &Made) -> Option<String> {
    let token = || made.token("text");
    Some(match format {
        "date-time" => made.moment("moment").seconds(),
        "date" => made.moment("moment").date(),
        "time" => made.moment("moment").seconds().split_off(11),
        "duration" => format!("PT{}S", made.number("seconds", 100, 9_000)),
        "email" | "idn-email" => format!("{}@example.com", token()),
        "hostname" | "idn-hostname" => format!("{}.example.com", token()),
        "ipv4" => format!("198.51.100.{}", made.number("octet", 1, 254)),
        "ipv6" => format!("2001:db8::{:x}", made.number("group", 1, 65_535)),
        "uri" | "url" | "iri" => format!("https://example.com/{}", token()),
        "uri-reference" | "iri-reference" => format!("/{}", token()),
        "uri-template" => format!("https://example.com/{}/{{id}}", token()),
        "uuid" => made.uuid("text"),
        "byte" => BASE64.encode(token().as_bytes()),
        "json-pointer" => format!("/{}", token()),
        "relative-json-pointer" => "0".to_owned(),
        "regex" => format!("^{}$", token()),
        _ => return None,
    })
}

/// What a property of that name usually holds.
fn named(name: &str, made: &Made) -> String {
    let lower = name.to_ascii_lowercase();
    let token = made.token("text");
    let ends = |ends: &[&str]| ends.iter().any(|end| lower.ends_with(end));
    if is_id(name) || ends(&["key", "token", "slug", "code", "sha", "hash", "cursor"]) {
        token
    } else if ends(&["email", "mail"]) {
        format!("{token}@example.com")
    } else if ends(&["url", "uri", "link", "href"]) {
        format!("https://example.com/{token}")
    } else if is_moment(name) {
        made.moment("moment").seconds()
    } else if ends(&["date", "day"]) {
        made.moment("moment").date()
    } else if ends(&["login", "username", "handle"]) {
        token
    } else if ends(&["name", "title", "subject"]) {
        format!("Sample {token}")
    } else if ends(&[
        "description",
        "summary",
        "body",
        "text",
        "content",
        "message",
        "comment",
    ]) {
        format!("About {token}")
    } else if ends(&["color", "colour"]) {
        format!("{:06x}", made.number("colour", 0, 0x0100_0000))
    } else if ends(&["phone", "mobile"]) {
        format!("+1555{}", made.number("phone", 1_000_000, 9_999_999))
    } else {
        token
    }
}

/// Whether values of this name tell things apart: `id`, `userId`, `user_id`, `UUID`.
pub fn is_id(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ["id", "uuid", "guid", "_id", "sid", "node_id"].contains(&lower.as_str())
        || name.ends_with("Id")
        || name.ends_with("ID")
        || lower.ends_with("_id")
        || lower.ends_with("uuid")
}

/// Whether values of this name are points in time: `created_at`, `updatedAt`, `timestamp`.
pub fn is_moment(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    name.ends_with("At") && name.len() > 2
        || ["_at", "timestamp", "datetime", "_on", "time"]
            .iter()
            .any(|end| lower.ends_with(end))
}

/// A number within the bounds.
pub fn number(shape: &Shape<'_>, name: &str, made: &Made, whole: bool) -> Value {
    let lower = name.to_ascii_lowercase();
    let least = shape.bound("minimum", f64::max);
    let above = shape.bound("exclusiveMinimum", f64::max);
    let most = shape.bound("maximum", f64::min);
    let below = shape.bound("exclusiveMaximum", f64::min);
    let step = shape
        .bound("multipleOf", f64::max)
        .filter(|step| *step > 0.0);
    let step = match (step, whole) {
        (Some(step), true) => Some(step.max(1.0)),
        (None, true) => Some(1.0),
        (step, false) => step,
    };
    let counts = [
        "count", "total", "size", "offset", "index", "position", "version", "page", "limit",
        "quantity",
    ];
    let usual = if counts.iter().any(|end| lower.ends_with(end)) {
        made.number("number", 1, 9) as f64
    } else if lower.starts_with("lat") || lower.starts_with("lon") || lower.starts_with("lng") {
        made.number("number", 1_000, 79_000) as f64 / 1_000.0
    } else if whole && (is_moment(name) || shape.text("format") == Some("unix-time")) {
        1_735_689_600.0 + made.number("number", 0, 15_000_000) as f64
    } else {
        made.number("number", 100_000, 999_999) as f64 + if whole { 0.0 } else { 0.25 }
    };
    let nudge = step.unwrap_or(0.125);
    let floor = [least, above.map(|b| b + nudge)]
        .into_iter()
        .flatten()
        .reduce(f64::max);
    let ceiling = [most, below.map(|b| b - nudge)]
        .into_iter()
        .flatten()
        .reduce(f64::min);
    let mut value = match (floor, ceiling) {
        (Some(floor), Some(ceiling)) if usual < floor || usual > ceiling => {
            let part = made.number("part", 0, 1 << 20) as f64 / f64::from(1 << 20);
            floor + (ceiling - floor).max(0.0) * part
        }
        (Some(floor), _) if usual < floor => floor + made.number("part", 0, 100) as f64,
        (_, Some(ceiling)) if usual > ceiling => ceiling - made.number("part", 0, 100) as f64,
        _ => usual,
    };
    if let Some(step) = step {
        let down = (value / step).floor() * step;
        value = match floor {
            Some(floor) if down < floor => (floor / step).ceil() * step,
            _ => down,
        };
    }
    // Beyond 2^53 a double is no exact number any more.
    if whole && value.abs() < 9e15 {
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// Text that a pattern describes. What `regex` cannot read, or needs too long a text, is given up:
/// none then.
fn matching(pattern: &str, made: &Made, least: usize) -> Option<String> {
    let pattern = pattern
        .replace("\\/", "/")
        .replace("\\d", "[0-9]")
        .replace("\\w", "[A-Za-z0-9_]");
    let mut parser = regex_syntax::ParserBuilder::new().nest_limit(64).build();
    let hir = parser.parse(&pattern).ok()?;
    let mut sample = Sample {
        out: String::new(),
        draws: 0,
        steps: STEPS,
        least,
        made,
    };
    sample.write(&hir)?;
    Some(sample.out)
}

struct Sample<'a> {
    out: String,
    draws: u64,
    steps: usize,
    least: usize,
    made: &'a Made,
}

impl Sample<'_> {
    fn write(&mut self, hir: &Hir) -> Option<()> {
        self.steps = self.steps.checked_sub(1)?;
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => self.out.push_str(std::str::from_utf8(&literal.0).ok()?),
            HirKind::Class(class) => {
                let c = self.one_of(class)?;
                self.out.push(c);
            }
            HirKind::Repetition(repetition) => {
                // A few more than needed, so that values differ.
                let least = repetition
                    .min
                    .max(u32::try_from(self.least).unwrap_or(0).min(256));
                let most = repetition.max.unwrap_or(u32::MAX);
                let times = least.max(8).min(most).max(repetition.min);
                for _ in 0..times {
                    self.write(&repetition.sub)?;
                }
            }
            HirKind::Capture(capture) => self.write(&capture.sub)?,
            HirKind::Concat(parts) => parts.iter().try_for_each(|part| self.write(part))?,
            HirKind::Alternation(each) => self.write(each.first()?)?,
        }
        (self.out.len() <= LONGEST).then_some(())
    }

    /// A character of the class, an ordinary one where it has any.
    fn one_of(&mut self, class: &Class) -> Option<char> {
        const PLAIN: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-_. ";
        let Class::Unicode(class) = class else {
            return None;
        };
        let ranges = class.ranges();
        let holds = |c: char| ranges.iter().any(|r| (r.start()..=r.end()).contains(&c));
        let plain: Vec<char> = PLAIN
            .iter()
            .map(|b| char::from(*b))
            .filter(|c| holds(*c))
            .collect();
        self.draws += 1;
        if plain.is_empty() {
            return ranges.first().map(|r| r.start());
        }
        let alike = if plain.len() > 36 { 36 } else { plain.len() } as u64;
        let drawn = self.made.number(&format!("draw {}", self.draws), 0, alike);
        plain.get(usize::try_from(drawn).ok()?).copied()
    }
}
