//! npm's version ranges (`>=18 <21 || ^22.1`), read into comparators that `semver` understands.
//! Only whether a version fits is asked; ranges that cannot be read fit nothing.

use semver::{Version, VersionReq};

/// Whether `version` fits an npm range (node-semver 7's grammar). An empty range fits all.
pub(super) fn fits(range: &str, version: &Version) -> bool {
    range.split("||").any(|set| {
        let comparators = comparators(set);
        match comparators {
            Some(list) if list.is_empty() => true,
            Some(list) => VersionReq::parse(&list.join(", ")).is_ok_and(|req| req.matches(version)),
            None => false,
        }
    })
}

/// One alternative as comparators in `semver`'s syntax, where a bare version would mean `^`.
fn comparators(set: &str) -> Option<Vec<String>> {
    if let Some((low, high)) = set.split_once(" - ") {
        return Some(vec![
            comparator(">=", low.trim())?,
            comparator("<=", high.trim())?,
        ]);
    }
    let mut list = Vec::new();
    let mut operator = "";
    for word in set.split_whitespace() {
        let at = word
            .find(|c: char| !"<>=~^".contains(c))
            .unwrap_or(word.len());
        let (written, version) = word.split_at(at);
        if !written.is_empty() {
            operator = written;
        }
        // `>= 18` is one comparator in two words.
        if version.is_empty() {
            continue;
        }
        let version = version.trim_start_matches('v');
        if !["*", "x", "X", "latest"].contains(&version) {
            list.push(comparator(operator, version)?);
        }
        operator = "";
    }
    Some(list)
}

fn comparator(operator: &str, version: &str) -> Option<String> {
    let operator = match operator {
        "" | "=" | "==" => "=",
        "~>" | "~" => "~",
        known @ ("<" | "<=" | ">" | ">=" | "^") => known,
        _ => return None,
    };
    let version = version.trim_start_matches('v');
    let version = version.split(".x").next()?.split(".X").next()?;
    let version = version.split(".*").next()?;
    Some(format!("{operator}{version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_as_published() {
        for (range, yes, no) in [
            (">=22", "22.0.0", "21.9.9"),
            (">= 18.0.0", "18.0.0", "17.0.0"),
            (">=18 <21", "20.20.2", "21.0.0"),
            ("^20.19.0 || ^22.12.0 || >=24", "22.13.0", "23.0.0"),
            ("18.x", "18.4.0", "19.0.0"),
            ("20", "20.20.2", "21.0.0"),
            ("~20.1", "20.1.9", "20.2.0"),
            ("18 - 20", "20.9.0", "21.0.0"),
            ("v20.1.0", "20.1.0", "20.1.1"),
            (">18", "19.0.0", "18.9.0"),
        ] {
            assert!(fits(range, &yes.parse().unwrap()), "{range} {yes}");
            assert!(!fits(range, &no.parse().unwrap()), "{range} {no}");
        }
        for all in ["", "*", "x", ">=16 || *"] {
            assert!(fits(all, &"20.0.0".parse().unwrap()), "{all}");
        }
        assert!(!fits("what is this", &"20.0.0".parse().unwrap()));
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_text_is_a_range_or_fits_nothing(text in "\\PC{0,40}") {
            fits(&text, &Version::new(20, 1, 2));
        }
    }
}
