//! Values that a description lists in quotes: an `enum` in prose.

/// Words after which quoted values are ones that may be given.
const CUES: &[&str] = &[
    "one of",
    "either",
    "such as",
    "e.g.",
    "for example",
    "options",
    "allowed",
    "possible",
    "must be",
    "can be",
    "supported",
    "valid",
    "values",
];
/// Longest value and most values taken.
const LONGEST: usize = 40;
const MOST: usize = 16;

/// The single words in quotes after a cue, in the order of the text.
pub(super) fn values(description: &str) -> Vec<&str> {
    // Byte positions of the lower-cased text are the original's: only ASCII letters change.
    let lower = description.to_ascii_lowercase();
    let Some(start) = CUES.iter().filter_map(|cue| lower.find(cue)).min() else {
        return Vec::new();
    };
    let mut out: Vec<&str> = Vec::new();
    let mut rest = &description[start..];
    while let Some(open) = rest.find(['"', '\'', '`']) {
        let quote = rest.as_bytes()[open];
        let inside = &rest[open + 1..];
        let after_word = rest[..open].ends_with(char::is_alphanumeric);
        let close = inside.find(char::from(quote)).filter(|_| !after_word);
        let Some(close) = close else {
            rest = inside;
            continue;
        };
        let (value, after) = inside.split_at(close);
        rest = &after[1..];
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '+');
        let fits = !value.is_empty() && value.len() <= LONGEST && value.chars().all(plain);
        if fits && !out.contains(&value) && out.len() < MOST {
            out.push(value);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::values;

    #[test]
    fn quoted_values_follow_a_cue() {
        assert_eq!(
            values("Sort order, either 'asc' or 'desc'."),
            ["asc", "desc"]
        );
        assert_eq!(
            values("A key such as `ArrowLeft` or `a`"),
            ["ArrowLeft", "a"]
        );
        assert_eq!(values("Cannot be used with \"after\"."), [""; 0]);
        assert_eq!(values("e.g. the user's name, don't \"say hello\""), [""; 0]);
    }
}
