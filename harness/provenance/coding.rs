//! Writing values in other ways, and undoing it: what a hidden channel would do to a value.

use super::Coding;
use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

/// `encodeURIComponent` leaves these alone.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Every way of writing `value` that differs from `value` itself, for searching. Codings whose
/// output depends on neighbours (base64 inside a longer text) are found by decoding instead.
pub fn written(value: &str) -> Vec<(Coding, String)> {
    let mut ways = Vec::new();
    let mut add = |coding, text: String| {
        if text != value && !ways.iter().any(|(_, known)| *known == text) {
            ways.push((coding, text));
        }
    };
    let url = utf8_percent_encode(value, COMPONENT).to_string();
    add(Coding::Url, url.replace("%20", "+"));
    add(
        Coding::Url,
        utf8_percent_encode(value, NON_ALPHANUMERIC).to_string(),
    );
    add(Coding::Url, url);
    if let Ok(json) = serde_json::to_string(value) {
        add(Coding::Json, json[1..json.len() - 1].to_owned());
    }
    add(Coding::Html, html(value));
    add(Coding::Base64, BASE64_NOPAD.encode(value.as_bytes()));
    add(Coding::Base64, BASE64URL_NOPAD.encode(value.as_bytes()));
    add(Coding::Hex, HEXLOWER.encode(value.as_bytes()));
    if value.len() >= 8 {
        add(Coding::Reversed, value.chars().rev().collect());
        add(
            Coding::Sha256,
            HEXLOWER.encode(&Sha256::digest(value.as_bytes())),
        );
    }
    ways
}

fn html(value: &str) -> String {
    value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// Tries to read a stretch of unexplained text as coded text. Only printable UTF-8 of some
/// length counts: short or binary results are chance.
pub fn decoded(token: &str) -> Vec<(Coding, String)> {
    let mut found = Vec::new();
    let bare = token.trim_end_matches('=');
    if bare.len() >= 8 {
        let hex = bare.len().is_multiple_of(2) && bare.bytes().all(|b| b.is_ascii_hexdigit());
        if hex && let Ok(bytes) = HEXLOWER_PERMISSIVE.decode(bare.as_bytes()) {
            found.extend(printable(bytes).map(|text| (Coding::Hex, text)));
        }
        for alphabet in [&BASE64_NOPAD, &BASE64URL_NOPAD] {
            if let Ok(bytes) = alphabet.decode(bare.as_bytes()) {
                found.extend(printable(bytes).map(|text| (Coding::Base64, text)));
                break;
            }
        }
    }
    if token.contains('%')
        && let Ok(text) = percent_decode_str(token).decode_utf8()
        && text != token
    {
        found.push((Coding::Url, text.into_owned()));
    }
    if token.contains("=\n") || token.contains("=3D") || token.contains("=20") {
        found.extend(quoted_printable(token).map(|text| (Coding::QuotedPrintable, text)));
    }
    found
}

fn printable(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let fine = text
        .chars()
        .all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'));
    (fine && text.chars().count() >= 5).then_some(text)
}

/// RFC 2045, section 6.7.
fn quoted_printable(text: &str) -> Option<String> {
    let joined = text.replace("=\r\n", "").replace("=\n", "");
    let mut out = Vec::with_capacity(joined.len());
    let mut bytes = joined.bytes();
    while let Some(b) = bytes.next() {
        if b == b'=' {
            let pair = [bytes.next()?, bytes.next()?];
            out.extend(HEXLOWER_PERMISSIVE.decode(&pair).ok()?);
        } else {
            out.push(b);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_found_by_name() {
        let ways = written("Jane & Co <jane@corp.example>");
        let has = |coding, text: &str| ways.iter().any(|(c, t)| *c == coding && t.contains(text));
        assert!(has(Coding::Url, "%20%26%20Co"));
        assert!(has(Coding::Html, "&amp;"));
        assert!(has(
            Coding::Base64,
            &BASE64_NOPAD.encode(b"Jane & Co <jane@corp.example>")
        ));
    }

    #[test]
    fn basic_credentials_are_read() {
        let token = data_encoding::BASE64.encode(b"user:secret-token");
        assert_eq!(
            decoded(&token),
            [(Coding::Base64, "user:secret-token".to_owned())]
        );
    }

    #[test]
    fn noise_is_not_taken_for_a_message() {
        assert!(
            decoded("0123456789abcdef")
                .iter()
                .all(|(c, _)| *c != Coding::Hex)
        );
        assert_eq!(decoded("short"), []);
    }
}
