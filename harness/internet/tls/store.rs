//! The trust stores that programs of a machine read, with the authority's root among the roots that
//! are there anyway: a bundle of PEM, the link by which OpenSSL finds one in a folder, and what
//! Java reads. Writes nothing itself.

use super::Ca;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha1::{Digest, Sha1};

impl Ca {
    /// A bundle: `roots` (PEM, one each) in their order, the authority's root in place of the one
    /// of its name, else at the end.
    pub fn bundle(&self, roots: &[String]) -> String {
        let mut bundle = String::new();
        for pem in self.among(roots) {
            bundle.push_str(pem.trim_end());
            bundle.push('\n');
        }
        bundle
    }

    /// A key store of Java's (JKS, version 2) with the same roots, under its usual password.
    pub fn key_store(&self, roots: &[String]) -> Vec<u8> {
        let certificates = self.among(roots).into_iter().filter_map(der);
        let certificates: Vec<_> = certificates.collect();
        let mut store = Vec::new();
        for number in [0xfeed_feed, 2, certificates.len() as u32] {
            store.extend(number.to_be_bytes());
        }
        for (i, certificate) in certificates.iter().enumerate() {
            // A trusted certificate: its alias, when it was added (ms), its type and itself.
            store.extend(2u32.to_be_bytes());
            text(&mut store, &format!("root{i}"));
            store.extend(1_700_000_000_000u64.to_be_bytes());
            text(&mut store, "X.509");
            store.extend((certificate.len() as u32).to_be_bytes());
            store.extend_from_slice(certificate);
        }
        let password = "changeit".encode_utf16().flat_map(u16::to_be_bytes);
        let digest = Sha1::new()
            .chain_update(password.collect::<Vec<u8>>())
            .chain_update("Mighty Aphrodite")
            .chain_update(&store)
            .finalize();
        store.extend(digest);
        store
    }

    /// The name of the file in which OpenSSL looks for the root in a folder (openssl-rehash (1)).
    pub fn hashed_name(&self) -> Option<String> {
        Some(format!("{:08x}.0", name_hash(subject(self.ca_der())?)?))
    }

    /// Whether a certificate (DER) is for the same name as the root.
    pub fn is_namesake(&self, certificate: &[u8]) -> bool {
        subject(self.ca_der()).is_some_and(|own| subject(certificate) == Some(own))
    }

    fn among<'a>(&'a self, roots: &'a [String]) -> Vec<&'a str> {
        let mut placed = false;
        let mut all = Vec::new();
        for pem in roots {
            if !der(pem).is_some_and(|root| self.is_namesake(&root)) {
                all.push(pem.as_str());
            } else if !placed {
                placed = true;
                all.push(self.ca_pem());
            }
        }
        if !placed {
            all.push(self.ca_pem());
        }
        all
    }
}

fn der(pem: &str) -> Option<CertificateDer<'static>> {
    CertificateDer::from_pem_slice(pem.as_bytes()).ok()
}

/// As Java's `DataOutput.writeUTF` writes plain text.
fn text(store: &mut Vec<u8>, text: &str) {
    store.extend((text.len() as u16).to_be_bytes());
    store.extend(text.as_bytes());
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const UTF8: u8 = 0x0c;

/// The subject of a certificate (RFC 5280, section 4.1), without its head.
fn subject(certificate: &[u8]) -> Option<&[u8]> {
    let (_, certificate, _) = element(certificate)?;
    let (_, signed, _) = element(certificate)?;
    let mut left = signed;
    // The version has a tag of its own and may be absent: then the serial number is first.
    if *left.first()? == 0xa0 {
        left = element(left)?.2;
    }
    // Serial number, signature algorithm, issuer, validity.
    for _ in 0..4 {
        left = element(left)?.2;
    }
    let (tag, subject, _) = element(left)?;
    (tag == SEQUENCE).then_some(subject)
}

/// Hash of a name as OpenSSL compares names (X509_NAME_hash_ex (3)): texts in lower case, with
/// single spaces, all written as UTF-8, the whole without its head; the first four bytes of SHA-1.
fn name_hash(name: &[u8]) -> Option<u32> {
    let mut canonical = Vec::new();
    let mut left = name;
    while !left.is_empty() {
        let (_, attributes, rest) = element(left)?;
        left = rest;
        let mut set = Vec::new();
        let mut inner = attributes;
        while !inner.is_empty() {
            let (_, attribute, rest) = element(inner)?;
            inner = rest;
            let (kind, id, value) = element(attribute)?;
            let (_, value, _) = element(value)?;
            let value = std::str::from_utf8(value).ok()?;
            let words: Vec<&str> = value.split_ascii_whitespace().collect();
            let value = words.join(" ").to_ascii_lowercase();
            let pair = [write(kind, id), write(UTF8, value.as_bytes())].concat();
            set.extend(write(SEQUENCE, &pair));
        }
        canonical.extend(write(SET, &set));
    }
    let digest = Sha1::digest(&canonical);
    Some(u32::from_le_bytes(*digest.first_chunk()?))
}

/// The first element: its tag, its content and what follows it (X.690, definite lengths).
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (len, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let len = len.iter().fold(0, |len, b| len << 8 | usize::from(*b));
            (len, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(len)?;
    Some((*tag, content, rest))
}

fn write(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let mut out = vec![tag];
    match len {
        0..=0x7f => out.push(len as u8),
        0x80..=0xff => out.extend([0x81, len as u8]),
        _ => out.extend([0x82, (len >> 8) as u8, len as u8]),
    }
    out.extend(content);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// What a program says, or nothing and a word on it where the program is not there.
    fn said(program: &str, args: &[&str]) -> Option<String> {
        match Command::new(program).args(args).output() {
            Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
            Err(e) => {
                eprintln!("skipped: `{program}` cannot be asked: {e}");
                None
            }
        }
    }

    #[test]
    fn the_hash_is_openssl_s() {
        let ca = Ca::new().unwrap();
        // The names of no root change, so this one's hash is known.
        assert_eq!(ca.hashed_name().as_deref(), Some("0b9bc432.0"));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, ca.ca_pem()).unwrap();
        let path = file.path().to_str().unwrap();
        if let Some(told) = said("openssl", &["x509", "-hash", "-noout", "-in", path]) {
            assert_eq!(Some(format!("{}.0", told.trim())), ca.hashed_name());
        }
    }

    #[test]
    fn a_bundle_keeps_what_was_there_but_its_namesake() {
        let ca = Ca::new().unwrap();
        let (one, two) = ("a certificate\n".to_owned(), "another".to_owned());
        assert_eq!(ca.bundle(&[]), ca.ca_pem());
        let bundle = ca.bundle(&[one.clone(), two.clone()]);
        assert_eq!(bundle, format!("a certificate\nanother\n{}", ca.ca_pem()));
        let namesake = Ca::new().unwrap().ca_pem().to_owned();
        let bundle = ca.bundle(&[one, namesake.clone(), two, namesake]);
        assert_eq!(bundle, format!("a certificate\n{}another\n", ca.ca_pem()));
    }

    #[test]
    fn java_reads_the_key_store() {
        let ca = Ca::new().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, ca.key_store(&["no certificate".to_owned()])).unwrap();
        let path = file.path().to_str().unwrap();
        let list = ["-list", "-storepass", "changeit", "-keystore", path];
        if let Some(told) = said("keytool", &list) {
            assert!(told.contains("contains 1 entry"), "{told}");
            assert!(told.contains("root0"), "{told}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80)) {
            if let Some(subject) = subject(&bytes) {
                name_hash(subject);
            }
        }

        #[test]
        fn what_is_written_is_read_again(tag: u8, content in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let written = write(tag, &content);
            proptest::prop_assert_eq!(element(&written), Some((tag, &content[..], &[][..])));
        }
    }
}
