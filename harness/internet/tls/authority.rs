//! A certificate authority that looks like one that is there anyway, and the leaves it signs.

use super::root::{REAL_KEY, Root};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    SerialNumber, date_time_ymd, string::PrintableString,
};
use rustls::crypto::ring::sign::any_ecdsa_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SigningKey};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::OffsetDateTime;

/// An authority could not be made, or a certificate not be signed.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    #[error("the certificate authority's key or certificate could not be made")]
    Authority(#[from] rcgen::Error),
    #[error("the leaf key cannot sign")]
    LeafKey(#[from] rustls::Error),
    #[error("no authority can be kept in `{folder}`")]
    Kept { folder: String, source: io::Error },
}

/// The authority behind every certificate. What stands in trust stores is a root; it signs an
/// intermediate, as real ones do, and that the leaves. One key is shared by all leaves: nobody
/// outside the sandbox ever trusts it, and minting one is then a single signature.
pub struct Ca {
    root: Root,
    intermediate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    leaf_key: KeyPair,
    signing: Arc<dyn SigningKey>,
    minted: Mutex<HashMap<(String, Period), Arc<CertifiedKey>>>,
}

/// Leaves kept; a flood of names starts over.
const MINTED: usize = 4096;

impl Ca {
    /// An authority with a new key.
    pub fn new() -> Result<Self, CaError> {
        Self::below(Root::new()?)
    }

    /// The authority that is kept in a folder: made where none is, and made anew where what is
    /// there cannot be used. Processes that come at once get the same one.
    ///
    /// # Errors
    /// Where nothing can be read or written there; [`Ca::new`] works all the same.
    pub fn kept(folder: &Path) -> Result<Self, CaError> {
        Self::below(Root::kept(folder)?)
    }

    fn below(root: Root) -> Result<Self, CaError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        // The ordinary issuer below this root: a server that looks at who issued a certificate
        // sees nothing unusual.
        params.distinguished_name = name(&["US", "Let's Encrypt", "E7"])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
        ];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        // Wide enough for a clock that is moved by years.
        params.not_before = date_time_ymd(2024, 3, 13);
        params.not_after = date_time_ymd(2049, 3, 12);
        let intermediate = params.signed_by(&key, root.issuer())?;
        let leaf_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let signing = any_ecdsa_type(&PrivateKeyDer::Pkcs8(leaf_key.serialize_der().into()))?;
        Ok(Self {
            root,
            intermediate: intermediate.der().clone(),
            issuer: Issuer::new(params, key),
            leaf_key,
            signing,
            minted: Mutex::default(),
        })
    }

    /// The root's certificate, PEM, its last line ended.
    pub fn ca_pem(&self) -> &str {
        self.root.pem()
    }

    /// The root's certificate, DER.
    pub fn ca_der(&self) -> &[u8] {
        self.root.der()
    }

    /// The root's public key, and that of the real root whose twin it is: points on P-384,
    /// uncompressed, 97 bytes each.
    pub fn keys(&self) -> (&[u8], &[u8]) {
        (self.root.key(), &REAL_KEY)
    }

    /// The certificate for a host name or an address, from the cache where it was minted before.
    pub fn mint(&self, name: &str, period: Period) -> Result<Arc<CertifiedKey>, CaError> {
        let mut minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (name.to_owned(), period);
        if let Some(found) = minted.get(&key) {
            return Ok(Arc::clone(found));
        }
        let leaf = Arc::new(self.sign(name, period)?);
        if minted.len() >= MINTED {
            minted.clear();
        }
        minted.insert(key, Arc::clone(&leaf));
        Ok(leaf)
    }

    fn sign(&self, name: &str, period: Period) -> Result<CertifiedKey, CaError> {
        // An address becomes an address in the subject alternative names.
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name = DistinguishedName::new();
        // RFC 5280, appendix A.1: a common name holds at most 64 characters.
        if name.len() <= 64 {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Some clients refuse two certificates of one issuer with one serial number.
        let digest = Sha256::new()
            .chain_update(period.first.to_le_bytes())
            .chain_update(period.last.to_le_bytes())
            .chain_update(name)
            .finalize();
        let mut serial = digest[..18].to_vec();
        serial[0] = serial[0] & 0x7f | 0x04;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        (params.not_before, params.not_after) = period.validity([digest[18], digest[19]]);
        let leaf = params.signed_by(&self.leaf_key, &self.issuer)?;
        // The root is the sandbox's own already, and servers do not send it.
        let chain = vec![leaf.der().clone(), self.intermediate.clone()];
        Ok(CertifiedKey::new(chain, Arc::clone(&self.signing)))
    }
}

/// A name of country, organisation and common name, written as real authorities write theirs:
/// some clients compare names byte by byte.
pub(super) fn name(parts: &[&str; 3]) -> Result<DistinguishedName, rcgen::Error> {
    let mut name = DistinguishedName::new();
    let kinds = [
        DnType::CountryName,
        DnType::OrganizationName,
        DnType::CommonName,
    ];
    for (kind, part) in kinds.into_iter().zip(parts) {
        let part = PrintableString::try_from(*part)?;
        name.push(kind, DnValue::PrintableString(part));
    }
    Ok(name)
}

/// When a leaf is good for: ninety days, as the real ones below this issuer, begun some weeks ago.
/// It is the same period for a month, so that certificates differ between runs as little as can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Period {
    first: u64,
    last: u64,
}

/// Months of thirty days.
const MONTH: u64 = 30 * 86_400;

impl Period {
    /// The period for clocks that show `one` or `other`: programs that are not shown the world's
    /// date go by the real one, and must find the certificate good as well.
    pub fn around(one: SystemTime, other: SystemTime) -> Self {
        let month = |time: SystemTime| {
            let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
            // Within the years that fit the certificates above it.
            (since.as_secs() / MONTH).clamp(1, 2_400_000_000 / MONTH)
        };
        let (one, other) = (month(one), month(other));
        Self {
            first: one.min(other),
            last: one.max(other),
        }
    }

    /// From some time in the month before the first to some time in the one after the last.
    fn validity(self, chance: [u8; 2]) -> (OffsetDateTime, OffsetDateTime) {
        let at = |seconds| OffsetDateTime::from(UNIX_EPOCH + Duration::from_secs(seconds));
        // Up to twenty days, not to the hour.
        let shift = u64::from(u16::from_le_bytes(chance)) * 26;
        let begin = (self.first - 1) * MONTH + shift;
        let end = (self.last + 2) * MONTH + shift - 1;
        (at(begin), at(end))
    }
}

impl fmt::Debug for Ca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ca").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(days * 86_400)
    }

    fn today() -> Period {
        Period::around(days(20_000), days(20_000))
    }

    #[test]
    fn a_leaf_is_minted_once() {
        let ca = Ca::new().unwrap();
        let mint = |name: &str| ca.mint(name, today());
        let first = mint("api.example.com").unwrap();
        assert!(Arc::ptr_eq(&first, &mint("api.example.com").unwrap()));
        assert!(mint("3.4.5.6").is_ok() && mint("2606:4700::1").is_ok());
        assert!(mint(&"a".repeat(63)).is_ok());
    }

    #[test]
    fn nothing_in_the_certificates_names_the_tool() {
        let ca = Ca::new().unwrap();
        let leaf = ca.mint("api.example.com", today()).unwrap();
        for certificate in leaf.cert.iter().map(AsRef::as_ref).chain([ca.ca_der()]) {
            let certificate: Vec<u8> = certificate.to_ascii_lowercase();
            for word in ["turncoat", "rcgen", "fake", "test"] {
                let found = memchr::memmem::find(&certificate, word.as_bytes());
                assert_eq!(found, None, "{word}");
            }
        }
    }

    #[test]
    fn a_leaf_is_as_old_and_as_young_as_real_ones() {
        for day in [19_990, 20_000, 20_019, 20_020, 20_045] {
            let now = OffsetDateTime::from(days(day));
            for chance in [[0, 0], [255, 255], [7, 130]] {
                let period = Period::around(days(day), days(day));
                let (begin, end) = period.validity(chance);
                assert_eq!((end - begin).whole_days(), 89);
                assert!((now - begin).whole_days() >= 10, "{day} {chance:?}");
                assert!((end - now).whole_days() >= 29, "{day} {chance:?}");
            }
        }
        let (begin, end) = Period::around(days(24_000), days(20_000)).validity([1, 1]);
        assert!(begin < OffsetDateTime::from(days(20_000)));
        assert!(end > OffsetDateTime::from(days(24_000)));
        // Any clock is survived.
        let far = Period::around(UNIX_EPOCH, days(10_000_000));
        assert!(Ca::new().unwrap().mint("a.example", far).is_ok());
    }
}
