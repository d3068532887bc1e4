//! A captured byte sequence, bounded: what was kept, how long it really was, and its hash.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// Bytes that a server sent or received or wrote, kept up to a bound.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// Bytes in all, kept or not.
    pub len: u64,
    /// SHA-256 over all bytes, in lower-case hex.
    pub sha256: String,
    /// The first bytes; all of them unless `len` is larger.
    #[serde(with = "text_or_base64")]
    pub kept: Vec<u8>,
}

impl Body {
    /// Bytes kept of one body where no other bound is said.
    pub const KEEP: usize = 1 << 20;

    pub fn new(bytes: &[u8]) -> Self {
        let mut capture = Capture::new(Self::KEEP);
        capture.push(bytes);
        capture.finish()
    }

    /// Collects a body that arrives in pieces, keeping at most `keep` bytes of it.
    pub fn capture(keep: usize) -> Capture {
        Capture::new(keep)
    }

    pub fn is_whole(&self) -> bool {
        self.len == self.kept.len() as u64
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The kept bytes as text, invalid UTF-8 replaced.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.kept)
    }
}

/// A body in the making.
#[derive(Debug)]
pub struct Capture {
    keep: usize,
    len: u64,
    hash: Sha256,
    kept: Vec<u8>,
}

impl Capture {
    fn new(keep: usize) -> Self {
        Self {
            keep,
            len: 0,
            hash: Sha256::new(),
            kept: Vec::new(),
        }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        self.hash.update(bytes);
        let room = self.keep.saturating_sub(self.kept.len()).min(bytes.len());
        self.kept.extend_from_slice(&bytes[..room]);
    }

    pub fn finish(self) -> Body {
        let sha256 = data_encoding::HEXLOWER.encode(&self.hash.finalize());
        Body {
            len: self.len,
            sha256,
            kept: self.kept,
        }
    }
}

/// Text stays readable in the log; anything else becomes `base64:…`.
mod text_or_base64 {
    use super::{Deserialize, Deserializer, Serializer};
    use data_encoding::BASE64;

    const PREFIX: &str = "base64:";

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.starts_with(PREFIX) => to.serialize_str(text),
            _ => to.serialize_str(&format!("{PREFIX}{}", BASE64.encode(bytes))),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        match text.strip_prefix(PREFIX) {
            Some(coded) => BASE64
                .decode(coded.as_bytes())
                .map_err(serde::de::Error::custom),
            None => Ok(text.into_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Body;
    use proptest::prelude::*;

    #[test]
    fn a_long_body_keeps_its_head_and_says_its_length() {
        let mut capture = Body::capture(4);
        capture.push(b"abc");
        capture.push(b"def");
        let body = capture.finish();
        assert_eq!((body.len, body.kept.as_slice()), (6, &b"abcd"[..]));
        assert!(!body.is_whole());
        assert_eq!(body.sha256, Body::new(b"abcdef").sha256);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_bytes_survive_the_log(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let body = Body::new(&bytes);
            let line = serde_json::to_string(&body).unwrap();
            prop_assert_eq!(serde_json::from_str::<Body>(&line).unwrap(), body);
        }

        #[test]
        fn text_that_looks_coded_survives_the_log(text in "base64:[A-Za-z0-9=]{0,16}") {
            let body = Body::new(text.as_bytes());
            let line = serde_json::to_string(&body).unwrap();
            prop_assert_eq!(serde_json::from_str::<Body>(&line).unwrap(), body);
        }
    }
}
