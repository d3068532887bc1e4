//! Python's version specifiers (PEP 440), as far as `Requires-Python` needs them: whether a
//! released interpreter version fits. What cannot be read fits nothing.

use semver::Version;

/// Whether a Python version fits every clause of a specifier such as `>=3.10,<4,!=3.12.*`.
pub(super) fn fits(specifier: &str, version: &Version) -> bool {
    specifier
        .split(',')
        .map(str::trim)
        .filter(|clause| !clause.is_empty())
        .all(|clause| clause_fits(clause, version).unwrap_or(false))
}

fn clause_fits(clause: &str, version: &Version) -> Option<bool> {
    let at = clause.find(|c: char| !"<>=~!".contains(c))?;
    let (operator, wanted) = clause.split_at(at);
    let wanted = wanted.trim();
    let (wanted, prefix) = match wanted.strip_suffix(".*") {
        Some(wanted) => (wanted, true),
        None => (wanted, false),
    };
    let wanted = numbers(wanted)?;
    let actual = [version.major, version.minor, version.patch];
    let padded: Vec<u64> = wanted.iter().copied().chain([0, 0, 0]).take(3).collect();
    let starts = |parts: &[u64]| actual.starts_with(&parts[..parts.len().min(3)]);
    let equal = if prefix {
        starts(&wanted)
    } else {
        actual[..] == padded[..]
    };
    let order = actual[..].cmp(&padded[..]);
    Some(match operator {
        "==" | "===" => equal,
        "!=" => !equal,
        ">=" => order.is_ge(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        "<" => order.is_lt(),
        "~=" => order.is_ge() && wanted.len() > 1 && starts(&wanted[..wanted.len() - 1]),
        _ => return None,
    })
}

/// The release numbers; a pre-release such as `3.13.0rc1` counts as its release.
fn numbers(text: &str) -> Option<Vec<u64>> {
    let release = text
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .next()?;
    release
        .trim_end_matches('.')
        .split('.')
        .map(|part| part.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifiers_as_published() {
        for (specifier, yes, no) in [
            (">=3.10", "3.10.0", "3.9.18"),
            (">=3.10,<3.13", "3.12.1", "3.13.0"),
            ("~=3.11", "3.13.0", "3.10.9"),
            ("~=3.11.2", "3.11.7", "3.12.0"),
            ("==3.11.*", "3.11.7", "3.12.0"),
            (">=3.9, !=3.9.7, !=3.12.*", "3.11.0", "3.12.4"),
            (">=3.10,<4.0", "3.14.0", "4.0.0"),
            (">=3.13.0rc1", "3.13.0", "3.12.9"),
        ] {
            assert!(fits(specifier, &yes.parse().unwrap()), "{specifier} {yes}");
            assert!(!fits(specifier, &no.parse().unwrap()), "{specifier} {no}");
        }
        assert!(fits("", &Version::new(3, 11, 0)));
        assert!(!fits("whatever", &Version::new(3, 11, 0)));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_text_is_a_specifier_or_fits_nothing(text in "\\PC{0,40}") {
            fits(&text, &Version::new(3, 11, 7));
        }
    }
}
