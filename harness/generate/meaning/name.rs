//! Names taken apart.

/// A name's words in lower case: `htmlBody`, `html_body` and `HTML-body` are `html`, `body`.
pub(in crate::generate) fn words(name: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = String::new();
    let chars: Vec<char> = name.chars().take(200).collect();
    for (i, &c) in chars.iter().enumerate() {
        let after_lower = i > 0 && (chars[i - 1].is_lowercase() || chars[i - 1].is_ascii_digit());
        let before_lower = chars.get(i + 1).is_some_and(|next| next.is_lowercase());
        let starts = c.is_uppercase()
            && (after_lower || (before_lower && i > 0 && chars[i - 1].is_uppercase()));
        if (starts || !c.is_alphanumeric()) && !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() && !(c.is_ascii_digit() && word.is_empty() && !out.is_empty()) {
            word.extend(c.to_lowercase());
        }
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn names_split_into_words() {
        for (name, expected) in [
            ("htmlBody", "html body"),
            ("HTMLBody", "html body"),
            ("per_page", "per page"),
            ("Reply-To", "reply to"),
            ("userID", "user id"),
            ("base64", "base64"),
        ] {
            assert_eq!(words(name).join(" "), expected);
        }
    }
}
