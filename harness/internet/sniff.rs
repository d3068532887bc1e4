//! What a connection is, from the first bytes its client sends.

use super::dialogue;

/// A protocol that begins with the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    Tls,
    Http1,
    /// The preface of HTTP/2 without TLS (RFC 9113, section 3.4).
    Http2,
    /// A mail client that did not wait to be greeted.
    Smtp,
    /// An FTP client that did not wait to be greeted, or was greeted with code 220.
    Ftp,
    Ssh,
    /// A command to a Redis server in its binary form.
    Redis,
    Postgres,
    Mongo,
    Socks,
    /// None of these, and more bytes will not change that.
    Raw,
    /// Not enough to tell.
    More,
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Longest first line that is waited for.
const LINE: usize = 16 << 10;

/// Looks at what has come; never more than one line is asked for.
pub fn classify(bytes: &[u8]) -> First {
    match bytes {
        [] | [0x16] => return First::More,
        // A handshake record of any version of TLS (RFC 8446, section 5.1).
        [0x16, 3, ..] => return First::Tls,
        _ => {}
    }
    for (begins, first) in [
        (dialogue::begins_socks(bytes), First::Socks),
        (dialogue::begins_postgres(bytes), First::Postgres),
        (begins_redis(bytes), First::Redis),
    ] {
        match begins {
            Some(true) => return first,
            None => return First::More,
            Some(false) => {}
        }
    }
    if dialogue::begins_mongo(bytes) {
        return First::Mongo;
    }
    if starts(bytes, PREFACE) {
        let whole = bytes.len() >= PREFACE.len();
        return if whole { First::Http2 } else { First::More };
    }
    if starts(bytes, b"SSH-") && bytes.len() >= 4 {
        return First::Ssh;
    }
    let word = bytes
        .iter()
        .take_while(|b| b.is_ascii_alphabetic() || **b == b'-')
        .count();
    if word == 0 || word > 32 {
        return First::Raw;
    }
    let end = memchr::memchr(b'\n', bytes);
    // Whether a line is one of text is seen the same way before its end and after it.
    let text = bytes[..end.unwrap_or(bytes.len())]
        .iter()
        .all(|b| (0x20..0x7f).contains(b) || *b == b'\r' || *b >= 0x80);
    let Some(end) = end else {
        return match (text, bytes.len() > LINE) {
            (true, false) => First::More,
            // A target that long is still a target.
            (true, true) if is_target(&bytes[word..]) => First::Http1,
            _ => First::Raw,
        };
    };
    if !text {
        return First::Raw;
    }
    let line = bytes[..end].trim_ascii_end();
    if memchr::memmem::find(line, b" HTTP/1.").is_some() {
        return First::Http1;
    }
    match &bytes[..word].to_ascii_uppercase()[..] {
        b"EHLO" | b"HELO" | b"LHLO" => First::Smtp,
        b"USER" | b"FEAT" => First::Ftp,
        _ => First::Raw,
    }
}

/// Whether `bytes` and `pattern` agree as far as both go.
fn starts(bytes: &[u8], pattern: &[u8]) -> bool {
    bytes.iter().zip(pattern).all(|(a, b)| a == b)
}

/// A count of words, and the length of the first; none where more would tell.
fn begins_redis(bytes: &[u8]) -> Option<bool> {
    let rest = match bytes.strip_prefix(b"*") {
        Some(rest) => rest,
        None => return Some(false),
    };
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let after = &rest[digits..];
    match (1..=6).contains(&digits) || after.is_empty() && digits == 0 {
        true if after.len() < 3 && starts(after, b"\r\n$") => None,
        fits => Some(fits && after.starts_with(b"\r\n$")),
    }
}

fn is_target(rest: &[u8]) -> bool {
    matches!(rest, [b' ', b'/', ..]) || rest.starts_with(b" http")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn protocols_are_told_apart() {
        for (bytes, first) in [
            (&b"\x16\x03\x01\x02\x00"[..], First::Tls),
            (b"\x16\x05", First::Raw),
            (b"GET / HTTP/1.1\r\n", First::Http1),
            (b"M-SEARCH * HTTP/1.1\r\n", First::Http1),
            (b"GET /", First::More),
            (b"GET /\x01 HTTP/1.1\r\n", First::Raw),
            (b"GET /\x01 HT", First::Raw),
            (b"GET /\t HTTP/1.1\r\n", First::Raw),
            (b"\x05\x01\x00\x05\x01\x00\x01", First::Socks),
            (b"get key\r\n", First::Raw),
            (PREFACE, First::Http2),
            (b"PRI * HT", First::More),
            (b"EHLO x\r\n", First::Smtp),
            (b"user alex\r\n", First::Ftp),
            (b"SSH-2.0-x\r\n", First::Ssh),
            (b"*1\r\n$4\r\nPING\r\n", First::Redis),
            (b"*1", First::More),
            (b"*", First::More),
            (b"*x", First::Raw),
            (b"*1\r\nx", First::Raw),
            (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", First::Postgres),
            (b"\x05\x01\x00", First::Socks),
            (b"\x05\x09", First::Raw),
            (b"GET \x01", First::Raw),
            (b"P", First::More),
        ] {
            assert_eq!(classify(bytes), first, "{}", bytes.escape_ascii());
        }
        let long = [b"GET /".to_vec(), vec![b'a'; LINE]].concat();
        assert_eq!(classify(&long), First::Http1);
        assert_eq!(classify(&vec![b'a'; LINE + 9]), First::Raw);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_bytes_panic_and_waiting_ends(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            classify(&bytes);
            let long = bytes.repeat(1 + (LINE + 1) / bytes.len().max(1));
            prop_assert!(long.is_empty() || classify(&long) != First::More);
        }

        #[test]
        fn a_verdict_does_not_change_with_more_bytes(bytes in "[ -~\r\n]{1,60}", cut in 0usize..60) {
            let bytes = bytes.as_bytes();
            let early = classify(&bytes[..cut.min(bytes.len())]);
            prop_assert!(early == First::More || early == classify(bytes));
        }
    }
}
