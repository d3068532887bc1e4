//! The explanation of one value: literal text and sourced parts in order, with one canonical
//! text form that people read in snapshots and that is read back.

use super::{Coding, Source, Varying};
use std::fmt::{self, Write as _};

/// Codings in codings that are read: several times what is ever found, and far below what a stack
/// holds. Whoever can write a snapshot would else end the program that reads it.
const DEPTH: usize = 32;

/// What a value is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Expr(pub Vec<Part>);

/// One stretch of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Nothing that was given explains it.
    Text(String),
    From(Source),
    /// The inner expression, written in a coding.
    Coded(Coding, Expr),
    /// A time close to the run's own, in the named format.
    Clock(String),
    /// Differs from run to run; only its shape is known.
    Varying(Varying),
}

impl Expr {
    /// Empty text has no parts: that is how it is read back.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() {
            return Self::default();
        }
        Self(vec![Part::Text(text)])
    }

    pub fn from(source: Source) -> Self {
        Self(vec![Part::From(source)])
    }

    /// Every source anywhere inside, in order of appearance.
    pub fn sources(&self) -> Vec<&Source> {
        let mut found = Vec::new();
        self.visit(&mut |part| {
            if let Part::From(source) = part {
                found.push(source);
            }
        });
        found
    }

    /// The unexplained text, pieces joined by a space.
    pub fn unexplained(&self) -> String {
        let mut found = Vec::new();
        self.visit(&mut |part| {
            if let Part::Text(text) = part {
                found.push(text.as_str());
            }
        });
        found.join(" ")
    }

    /// Whether it is known values, as they were given, with one and the same short separator
    /// between them: nothing else can be said so.
    pub fn is_a_list(&self) -> bool {
        const SEPARATOR: usize = 3;
        let mut between = None;
        self.0.iter().all(|part| match part {
            Part::From(_) => true,
            Part::Text(text) => {
                text.len() <= SEPARATOR && *between.get_or_insert(text.as_str()) == text
            }
            _ => false,
        })
    }

    /// The text with `x` in place of everything that is explained: its outline.
    pub fn outline(&self) -> String {
        let mut text = String::new();
        self.visit(&mut |part| match part {
            Part::Text(literal) => text.push_str(literal),
            _ => text.push('x'),
        });
        text
    }

    /// Whether literal text is all there is.
    pub fn is_constant(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// The literal text if there is nothing else.
    pub fn as_constant(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    pub fn has_varying(&self) -> bool {
        let mut found = false;
        self.visit(&mut |part| found |= matches!(part, Part::Varying(_) | Part::Clock(_)));
        found
    }

    /// Whether it varies, and only in numbers.
    pub fn has_varying_number(&self) -> bool {
        let (mut some, mut all) = (false, true);
        self.visit(&mut |part| match part {
            Part::Varying(shape) if shape.is_number() => some = true,
            Part::Varying(_) => all = false,
            _ => {}
        });
        some && all
    }

    fn visit<'a>(&'a self, see: &mut dyn FnMut(&'a Part)) {
        for part in &self.0 {
            match part {
                Part::Coded(_, inner) => inner.visit(see),
                other => see(other),
            }
        }
    }

    /// The same where the call of `tool` that it was explained by is over.
    pub fn of_earlier(self, tool: &str) -> Self {
        let parts = self.0.into_iter().map(|part| match part {
            Part::From(Source::Argument(path)) => {
                Part::From(Source::Earlier(tool.to_owned(), path))
            }
            Part::Coded(coding, inner) => Part::Coded(coding, inner.of_earlier(tool)),
            other => other,
        });
        Self(parts.collect())
    }

    /// In the words of the report: `constant`, `argument(to)`, `derived(base64, argument(x))`,
    /// parts joined by ` + `.
    pub fn provenance(&self) -> String {
        if self.0.is_empty() {
            return "constant".to_owned();
        }
        let mut words: Vec<String> = self.0.iter().map(part_provenance).collect();
        words.dedup();
        words.join(" + ")
    }

    /// Reads the canonical form.
    pub fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text };
        let expr = reader.expr(0)?;
        reader.rest.is_empty().then_some(expr)
    }
}

fn part_provenance(part: &Part) -> String {
    match part {
        Part::Text(_) => "constant".to_owned(),
        Part::From(source) => source.to_string(),
        Part::Coded(coding, inner) => format!("derived({}, {})", coding.name(), inner.provenance()),
        Part::Clock(_) => "clock".to_owned(),
        Part::Varying(_) => "random".to_owned(),
    }
}

/// Literal text stands as itself with `\`, `{`, `}` and control characters escaped; everything
/// else stands in braces: `{argument(to)}`, `{base64:…}`, `{clock:iso}`, `{random:hex:32}`.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Text(text) => text.chars().try_for_each(|c| escape(c, f))?,
                Part::From(source) => {
                    f.write_char('{')?;
                    source.to_string().chars().try_for_each(|c| escape(c, f))?;
                    f.write_char('}')?;
                }
                Part::Coded(coding, inner) => write!(f, "{{{}:{inner}}}", coding.name())?,
                Part::Clock(format) => write!(f, "{{clock:{format}}}")?,
                Part::Varying(varying) => write!(f, "{{random:{varying}}}")?,
            }
        }
        Ok(())
    }
}

/// Invisible and bidirectional characters are spelled out: a snapshot must not hide what a
/// server hides.
fn escape(c: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match c {
        '\\' | '{' | '}' => write!(f, "\\{c}"),
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        c if c.is_control() || is_invisible(c) => write!(f, "\\u{{{:x}}}", u32::from(c)),
        c => f.write_char(c),
    }
}

/// Characters that a person reading a text does not see: format characters, tags, variation
/// selectors, fillers (Unicode general category Cf and the default-ignorable code points).
pub fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0xad | 0x34f | 0x61c | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f
        | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f
        | 0xfeff | 0xffa0 | 0xfff0..=0xfffb | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a
        | 0xe0000..=0xe0fff)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn expr(&mut self, depth: usize) -> Option<Expr> {
        if depth > DEPTH {
            return None;
        }
        let mut parts = Vec::new();
        let mut text = String::new();
        while let Some(c) = self.rest.chars().next() {
            match c {
                '}' if depth > 0 => break,
                '}' => return None,
                '{' => {
                    if !text.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut text)));
                    }
                    self.rest = &self.rest[1..];
                    parts.push(self.braced(depth)?);
                    self.rest = self.rest.strip_prefix('}')?;
                }
                _ => text.push(self.char()?),
            }
        }
        if !text.is_empty() {
            parts.push(Part::Text(text));
        }
        Some(Expr(parts))
    }

    fn braced(&mut self, depth: usize) -> Option<Part> {
        let word = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')?;
        if self.rest[word..].starts_with(':') {
            let name = &self.rest[..word];
            let rest = &self.rest[word + 1..];
            if let Some(coding) = Coding::named(name) {
                self.rest = rest;
                return Some(Part::Coded(coding, self.expr(depth + 1)?));
            }
            let end = rest.find('}')?;
            let (body, after) = rest.split_at(end);
            self.rest = after;
            return match name {
                "clock" => Some(Part::Clock(body.to_owned())),
                "random" => Some(Part::Varying(body.parse().ok()?)),
                _ => None,
            };
        }
        let mut text = String::new();
        while !self.rest.starts_with('}') {
            text.push(self.char()?);
        }
        Some(Part::From(text.parse().ok()?))
    }

    fn char(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let first = chars.next()?;
        if first != '\\' {
            self.rest = chars.as_str();
            return Some(first);
        }
        let escaped = chars.next()?;
        self.rest = chars.as_str();
        match escaped {
            '\\' | '{' | '}' => Some(escaped),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'u' => {
                let body = self.rest.strip_prefix('{')?;
                let end = body.find('}')?;
                let code = u32::from_str_radix(&body[..end], 16).ok()?;
                self.rest = &body[end + 1..];
                char::from_u32(code)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn source() -> impl Strategy<Value = Source> {
        prop_oneof![
            "[a-z_.\\[\\]{}()\\\\]{1,8}".prop_map(Source::Argument),
            ("[a-z-]{1,6}", "[a-z ().]{1,6}").prop_map(|(tool, path)| Source::Earlier(tool, path)),
            "[A-Z_]{1,9}".prop_map(Source::Setting),
            "[A-Z_]{1,9}".prop_map(Source::Secret),
            "[~/a-z. ]{1,12}".prop_map(Source::Canary),
            ("[a-z.]{1,9}", "[A-Za-z.\\[\\]]{0,9}").prop_map(|(h, p)| Source::Upstream(h, p)),
        ]
    }

    fn expr() -> impl Strategy<Value = Expr> {
        let leaf = prop_oneof![
            "\\PC{1,6}|[\\\\{}\n\t\u{200b}]{1,4}".prop_map(Part::Text),
            source().prop_map(Part::From),
            "[a-z0-9-]{1,8}".prop_map(Part::Clock),
        ];
        let part = leaf.prop_recursive(2, 8, 3, |inner| {
            (0..Coding::ALL.len(), proptest::collection::vec(inner, 0..3))
                .prop_map(|(i, parts)| Part::Coded(Coding::ALL[i], merged(parts)))
        });
        proptest::collection::vec(part, 0..5).prop_map(merged)
    }

    #[test]
    fn a_list_is_known_values_with_one_short_separator() {
        let value = || Part::From(Source::Argument("to".to_owned()));
        let text = |text: &str| Part::Text(text.to_owned());
        let is_a_list = |parts: Vec<Part>| Expr(parts).is_a_list();
        assert!(is_a_list(vec![
            value(),
            text(", "),
            value(),
            text(", "),
            value()
        ]));
        assert!(is_a_list(vec![value()]));
        // Which separator stands where would be a message.
        assert!(!is_a_list(vec![
            value(),
            text(","),
            value(),
            text(";"),
            value()
        ]));
        assert!(!is_a_list(vec![value(), text(" and "), value()]));
        let coded = Part::Coded(Coding::Hex, Expr(vec![value()]));
        assert!(!is_a_list(vec![value(), text(","), coded]));
        assert!(!is_a_list(vec![Part::Clock("unix".to_owned())]));
    }

    #[test]
    fn nesting_has_an_end() {
        let nested = |depth: usize| "{base64:".repeat(depth) + "x" + &"}".repeat(depth);
        let deepest = nested(DEPTH);
        assert_eq!(Expr::parse(&deepest).map(|e| e.to_string()), Some(deepest));
        assert_eq!(Expr::parse(&nested(DEPTH + 1)), None);
        assert_eq!(Expr::parse(&nested(1_000_000)), None);
    }

    /// Neighbouring text parts are one text part in the canonical form.
    fn merged(parts: Vec<Part>) -> Expr {
        let mut out: Vec<Part> = Vec::new();
        for part in parts {
            match (out.last_mut(), part) {
                (Some(Part::Text(a)), Part::Text(b)) => a.push_str(&b),
                (_, part) => out.push(part),
            }
        }
        Expr(out)
    }

    #[test]
    fn nothing_reads_back_as_nothing() {
        assert_eq!(Expr::parse(""), Some(Expr::text("")));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn the_canonical_form_reads_back(expr in expr()) {
            let text = expr.to_string();
            prop_assert!(!text.contains('\n'));
            prop_assert_eq!(Expr::parse(&text), Some(expr), "{}", text);
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,40}|[{}\\\\:a-z0-9()]{0,30}") {
            let _ = Expr::parse(&text);
        }
    }

    #[test]
    fn provenance_names_each_part_once() {
        let expr = Expr(vec![
            Part::Text("Bearer ".into()),
            Part::From(Source::Secret("TOKEN".into())),
            Part::Coded(Coding::Base64, Expr::from(Source::Argument("x".into()))),
        ]);
        assert_eq!(
            expr.provenance(),
            "constant + secret(TOKEN) + derived(base64, argument(x))"
        );
        assert_eq!(
            expr.to_string(),
            "Bearer {secret(TOKEN)}{base64:{argument(x)}}"
        );
    }
}
