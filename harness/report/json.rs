//! The report itself (`turncoat.report/1`), for machines. Keys stand in the order of the types.

use super::text::is_unfit;
use crate::verdict::Report;
use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Writes the report, indented, ending in a newline.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", indented(report)?)
}

/// JSON that is safe to look at as well: what a terminal would act on, or an eye not see, is
/// written as `\uXXXX`, which means the same to every reader.
pub(super) fn indented(value: &impl Serialize) -> io::Result<String> {
    Ok(visible(&serde_json::to_string_pretty(value)?))
}

/// As [`indented`], on one line.
pub(super) fn compact(value: &impl Serialize) -> io::Result<String> {
    Ok(visible(&serde_json::to_string(value)?))
}

/// Outside of strings JSON holds nothing that is unfit but line breaks.
fn visible(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !is_unfit(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use proptest::prelude::*;

    #[test]
    fn it_is_the_report() {
        let mut out = Vec::new();
        write(&sample::report(), &mut out).unwrap();
        assert!(out.starts_with(
            b"{\n  \"schema\": \"turncoat.report/1\",\n  \"verdict\": \"suspicious\""
        ));
        assert!(out.ends_with(b"}\n"));
        let read: Report = serde_json::from_slice(&out).unwrap();
        assert_eq!(read, sample::report());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn escaping_changes_no_value(text in any::<String>()) {
            let json = indented(&[&text]).unwrap();
            prop_assert_eq!(serde_json::from_str::<[String; 1]>(&json).unwrap(), [text]);
        }
    }
}
