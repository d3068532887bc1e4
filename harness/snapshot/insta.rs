//! insta's snapshot file: a YAML header between `---` lines, then the contents as they are.
//! Writes byte for byte what cargo-insta would write, so that either may accept a snapshot.

use std::fmt::Write as _;

/// A snapshot file in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The scenario, relative to the project's root.
    pub source: Option<String>,
    /// What was recorded, in one line.
    pub expression: Option<String>,
    contents: String,
}

/// Text that is no snapshot file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error("it does not begin with a line `---`")]
    NoHeader,
    #[error("its header has no closing line `---`")]
    Unclosed,
    #[error("line {line} of its header cannot be read")]
    Header { line: usize },
}

impl Snapshot {
    /// Line ends become `\n` and trailing blanks are dropped, as insta does when it compares.
    pub fn new(source: Option<String>, expression: Option<String>, contents: &str) -> Self {
        let lines: Vec<&str> = contents
            .trim_end()
            .split('\n')
            .map(|line| line.trim_end_matches('\r'))
            .collect();
        Self {
            source,
            expression,
            contents: lines.join("\n"),
        }
    }

    /// What was recorded, without a final line end.
    pub fn contents(&self) -> &str {
        &self.contents
    }

    /// The file.
    pub fn to_text(&self) -> String {
        let mut out = String::from("---\n");
        let fields = [("source", &self.source), ("expression", &self.expression)];
        for (key, value) in fields {
            if let Some(value) = value {
                let _ = writeln!(out, "{key}: {}", scalar(value));
            }
        }
        if self.source.is_none() && self.expression.is_none() {
            out.push_str("{}\n");
        }
        out.push_str("---\n");
        out.push_str(&self.contents);
        out.push('\n');
        out
    }

    /// Reads a file. Header fields that mean nothing here are passed over.
    pub fn parse(text: &str) -> Result<Self, FormatError> {
        let mut lines = text.split('\n');
        if lines.next().map(str::trim_end) != Some("---") {
            return Err(FormatError::NoHeader);
        }
        let (mut source, mut expression) = (None, None);
        let mut closed = false;
        for (i, line) in lines.by_ref().enumerate() {
            if line.trim_end() == "---" {
                closed = true;
                break;
            }
            let field = match line.split_once(':') {
                Some(("source", value)) => (&mut source, value),
                Some(("expression", value)) => (&mut expression, value),
                _ => continue,
            };
            let (into, value) = field;
            // White space in YAML is space and tab alone (YAML 1.2.2, section 5.5).
            let value = value.trim_matches([' ', '\t', '\r']);
            *into = Some(text_of(value).ok_or(FormatError::Header { line: i + 2 })?);
        }
        if !closed {
            return Err(FormatError::Unclosed);
        }
        let rest: Vec<&str> = lines.collect();
        Ok(Self::new(source, expression, &rest.join("\n")))
    }
}

/// A YAML scalar, quoted where insta's emitter quotes.
fn scalar(value: &str) -> String {
    let reserved = [
        "yes", "Yes", "YES", "no", "No", "NO", "True", "TRUE", "true", "False", "FALSE", "false",
        "on", "On", "ON", "off", "Off", "OFF", "null", "Null", "NULL", "~",
    ];
    let quoted = value.is_empty()
        || value.starts_with([' ', '.'])
        || value.ends_with(' ')
        || value.starts_with(['&', '*', '?', '|', '-', '<', '>', '=', '!', '%', '@'])
        || value.starts_with("0x")
        || value.contains([':', '{', '}', '[', ']', ',', '#', '`', '"', '\'', '\\'])
        || value.contains(char::is_control)
        || reserved.contains(&value)
        || value.parse::<f64>().is_ok();
    if quoted {
        // JSON's escapes are YAML's; DEL, which JSON leaves alone, insta escapes.
        let json = serde_json::Value::from(value).to_string();
        json.replace('\u{7f}', "\\u007f")
    } else {
        value.to_owned()
    }
}

fn text_of(value: &str) -> Option<String> {
    match value.chars().next() {
        Some('"') => serde_json::from_str(value).ok(),
        Some('\'') => {
            let inner = value.strip_prefix('\'')?.strip_suffix('\'')?;
            Some(inner.replace("''", "'"))
        }
        // A block or a reference: nobody writes one here.
        Some('|' | '>' | '&' | '*') => None,
        _ => Some(value.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::insta::Snapshot as Theirs;
    use proptest::prelude::*;
    use std::path::Path;

    /// Reads the text with insta, and has insta write what it read.
    fn through_insta(text: &str) -> (Theirs, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.snap");
        std::fs::write(&file, text).unwrap();
        let theirs = Theirs::from_file(&file).unwrap();
        let again = folder.path().join("again.snap");
        theirs.save(Path::new(&again)).unwrap();
        (theirs, std::fs::read_to_string(&again).unwrap())
    }

    fn agree(ours: &Snapshot) -> Result<(), TestCaseError> {
        let text = ours.to_text();
        let (theirs, again) = through_insta(&text);
        prop_assert_eq!(theirs.metadata().source(), ours.source.as_deref());
        prop_assert_eq!(theirs.metadata().expression(), ours.expression.as_deref());
        let contents = theirs.as_text().map(ToString::to_string);
        prop_assert_eq!(contents.as_deref(), Some(ours.contents()));
        prop_assert_eq!(&again, &text);
        prop_assert_eq!(&Snapshot::parse(&text), &Ok(ours.clone()));
        Ok(())
    }

    #[test]
    fn it_looks_like_insta_s() {
        let snapshot = Snapshot::new(
            Some("scenarios/postmark.toml".into()),
            Some("npm:postmark-mcp@1.0.15".into()),
            "call sendEmail\n  http POST https://api.postmarkapp.com/email\n\n",
        );
        ::insta::assert_snapshot!(snapshot.to_text(), @r#"
        ---
        source: scenarios/postmark.toml
        expression: "npm:postmark-mcp@1.0.15"
        ---
        call sendEmail
          http POST https://api.postmarkapp.com/email
        "#);
        agree(&snapshot).unwrap();
    }

    #[test]
    fn what_is_no_snapshot_is_refused() {
        assert_eq!(Snapshot::parse("x"), Err(FormatError::NoHeader));
        assert_eq!(
            Snapshot::parse("---\nsource: x\n"),
            Err(FormatError::Unclosed)
        );
        assert_eq!(
            Snapshot::parse("---\nsource: \"x\n---\ny"),
            Err(FormatError::Header { line: 2 })
        );
    }

    #[test]
    fn a_strange_blank_is_part_of_a_value() {
        agree(&Snapshot::new(
            Some("a".into()),
            Some("\u{2000}".into()),
            "",
        ))
        .unwrap();
    }

    #[test]
    fn fields_of_others_are_passed_over() {
        let text =
            "---\nsource: a\nassertion_line: 3\ninfo:\n  source: b\nexpression: 'it''s'\n---\nx\n";
        let snapshot = Snapshot::parse(text).unwrap();
        assert_eq!(snapshot.source.as_deref(), Some("a"));
        assert_eq!(snapshot.expression.as_deref(), Some("it's"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn insta_reads_and_writes_the_same(
            source in "[ -~äß]{1,20}",
            expression in "\\PC{1,12}|true|null|0x1|1e3|~|\\.x|[\n\t\"]{1,4}",
            contents in "(\\PC{0,12}[\r\n]{0,2}){0,4}|---\n---",
        ) {
            agree(&Snapshot::new(Some(source), Some(expression), &contents))?;
        }

        #[test]
        fn any_text_is_read_or_refused(text in "(---\n)?(source|info|x)?:?[ '\"|]{0,2}\\PC{0,8}(\n---\n)?\\PC{0,8}") {
            let _ = Snapshot::parse(&text);
        }
    }
}
