//! Address fields as Postmark reads them: comma-separated, with names or without.

use super::Fault;

/// RFC 5321, section 4.5.3.1.3: a path of 256 octets with its angle brackets.
const MAX_ADDRESS: usize = 254;

/// One mailbox of an address field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mailbox {
    pub name: Option<String>,
    pub address: String,
}

/// The mailboxes of the field called `field`.
pub(super) fn list(field: &str, text: &str) -> Result<Vec<Mailbox>, Fault> {
    let parts = split(text).into_iter().map(str::trim);
    let parts = parts.filter(|part| !part.is_empty());
    parts.map(|part| mailbox(field, part)).collect()
}

/// Commas inside quotes or angle brackets belong to the name or the address.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut quoted, mut angled, mut escaped) = (false, false, false);
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => angled = true,
            '>' if !quoted => angled = false,
            ',' if !quoted && !angled => {
                parts.push(&text[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn mailbox(field: &str, text: &str) -> Result<Mailbox, Fault> {
    let invalid = || Fault::new(300, format!("Invalid '{field}' address: '{text}'."));
    let (name, address) = match text.strip_suffix('>').and_then(|t| t.rsplit_once('<')) {
        Some((name, address)) => (name.trim().trim_matches('"'), address.trim()),
        None => ("", text),
    };
    let Some((local, domain)) = address.rsplit_once('@') else {
        let message = format!(
            "Error parsing '{field}': Illegal email address '{address}'. \
             It must contain the '@' symbol."
        );
        return Err(Fault::new(300, message));
    };
    if !is_domain(domain) {
        let message = format!(
            "Error parsing '{field}': Illegal email domain '{domain}' in address '{address}'."
        );
        return Err(Fault::new(300, message));
    }
    if !is_local(local) || address.len() > MAX_ADDRESS || name.contains(['\r', '\n']) {
        return Err(invalid());
    }
    Ok(Mailbox {
        name: (!name.is_empty()).then(|| name.to_owned()),
        address: address.to_owned(),
    })
}

/// Letters, digits and hyphens between single dots.
fn is_domain(text: &str) -> bool {
    let label =
        |l: &str| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    text.split('.').all(label)
}

/// The characters Postmark's own check allows, no dot at an end and no two in a row.
fn is_local(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b".!#$%&'`*+-/=^_{}|~".contains(&b);
    text.split('.').all(|atom| !atom.is_empty()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(field: &str, text: &str) -> String {
        list(field, text).unwrap_err().message
    }

    #[test]
    fn names_and_lists_are_read() {
        let found = list("To", "\"Receiver, Jr.\" <a@example.com>, b@example.com,").unwrap();
        assert_eq!(found[0].name.as_deref(), Some("Receiver, Jr."));
        assert_eq!(found[0].address, "a@example.com");
        assert_eq!(found[1].address, "b@example.com");
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn refusals_say_what_postmark_says() {
        insta::assert_snapshot!(message("To", "nobody"), @"Error parsing 'To': Illegal email address 'nobody'. It must contain the '@' symbol.");
        insta::assert_snapshot!(message("Cc", "a@b c"), @"Error parsing 'Cc': Illegal email domain 'b c' in address 'a@b c'.");
        insta::assert_snapshot!(message("Bcc", "a..b@example.com"), @"Invalid 'Bcc' address: 'a..b@example.com'.");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_text_is_read_or_refused(text in "[ -~é<>\",@\\\\]{0,60}") {
            if let Ok(found) = list("To", &text) {
                prop_assert!(found.iter().all(|m| m.address.contains('@')));
            }
        }
    }
}
