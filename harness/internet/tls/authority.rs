//! A certificate authority that looks like any other, and the leaves it signs.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SerialNumber, date_time_ymd,
};
use rustls::crypto::ring::sign::any_ecdsa_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::{CertifiedKey, SigningKey};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// An authority could not be made, or a certificate not be signed.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    #[error("the certificate authority's key or certificate could not be made")]
    Authority(#[from] rcgen::Error),
    #[error("the leaf key cannot sign")]
    LeafKey(#[from] rustls::Error),
}

/// The authority behind every certificate of one process. One key is shared by all leaves: nobody
/// outside the sandbox ever trusts it, and minting one is then a single signature.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    leaf_key: KeyPair,
    signing: Arc<dyn SigningKey>,
    minted: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

/// Leaves kept; a flood of names starts over.
const MINTED: usize = 4096;

impl Ca {
    /// An authority with a new key.
    pub fn new() -> Result<Self, CaError> {
        Self::with_key(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)
    }

    /// An authority with a given P-256 key (PKCS #8, PEM).
    pub fn from_key_pem(pem: &str) -> Result<Self, CaError> {
        Self::with_key(KeyPair::from_pem(pem)?)
    }

    fn with_key(key: KeyPair) -> Result<Self, CaError> {
        let mut params = CertificateParams::default();
        // A name in public use that no root in common bundles has: a server that looks at the
        // issuer sees nothing unusual, and no chain is built through a namesake.
        params.distinguished_name.push(DnType::CountryName, "US");
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Let's Encrypt");
        params.distinguished_name.push(DnType::CommonName, "E7");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        validity(&mut params);
        let certificate = params.self_signed(&key)?;
        let leaf_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let signing = any_ecdsa_type(&PrivateKeyDer::Pkcs8(leaf_key.serialize_der().into()))?;
        Ok(Self {
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
            leaf_key,
            signing,
            minted: Mutex::default(),
        })
    }

    /// The authority's certificate, PEM.
    pub fn ca_pem(&self) -> &str {
        &self.pem
    }

    /// A trust store: `roots` (PEM, may be empty) and the authority among them.
    pub fn bundle(&self, roots: &str) -> String {
        let gap = if roots.is_empty() || roots.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        format!("{roots}{gap}{}", self.pem)
    }

    /// The certificate for a host name or an address, from the cache where it was minted before.
    pub fn mint(&self, name: &str) -> Result<Arc<CertifiedKey>, CaError> {
        let mut minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = minted.get(name) {
            return Ok(Arc::clone(found));
        }
        let leaf = Arc::new(self.sign(name)?);
        if minted.len() >= MINTED {
            minted.clear();
        }
        minted.insert(name.to_owned(), Arc::clone(&leaf));
        Ok(leaf)
    }

    fn sign(&self, name: &str) -> Result<CertifiedKey, CaError> {
        // An address becomes an address in the subject alternative names.
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        // RFC 5280, appendix A.1: a common name holds at most 64 characters.
        if name.len() <= 64 {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Some clients refuse two certificates of one issuer with one serial number.
        let mut serial = Sha256::digest(name.as_bytes())[..18].to_vec();
        serial[0] = serial[0] & 0x7f | 0x04;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        validity(&mut params);
        let leaf = params.signed_by(&self.leaf_key, &self.issuer)?;
        // The authority is a root to the sandbox, and servers do not send roots.
        let chain = vec![leaf.der().clone()];
        Ok(CertifiedKey::new(chain, Arc::clone(&self.signing)))
    }
}

/// Wide enough for a clock that is moved by years.
fn validity(params: &mut CertificateParams) {
    params.not_before = date_time_ymd(2015, 6, 4);
    params.not_after = date_time_ymd(2049, 6, 4);
}

impl fmt::Debug for Ca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ca").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_minted_once() {
        let ca = Ca::new().unwrap();
        let first = ca.mint("api.example.com").unwrap();
        assert!(Arc::ptr_eq(&first, &ca.mint("api.example.com").unwrap()));
        assert!(ca.mint("3.4.5.6").is_ok() && ca.mint("2606:4700::1").is_ok());
        assert!(ca.mint(&"a".repeat(63)).is_ok());
    }

    #[test]
    fn nothing_in_the_certificates_names_the_tool() {
        let ca = Ca::new().unwrap();
        let leaf = ca.mint("api.example.com").unwrap();
        let leaf = leaf.cert[0].to_ascii_lowercase();
        for word in ["turncoat", "rcgen", "fake", "test"] {
            assert_eq!(memchr::memmem::find(&leaf, word.as_bytes()), None, "{word}");
        }
    }

    #[test]
    fn a_bundle_keeps_what_was_there() {
        let ca = Ca::new().unwrap();
        let bundle = ca.bundle("-----BEGIN");
        assert!(bundle.starts_with("-----BEGIN\n") && bundle.ends_with(ca.ca_pem()));
        assert_eq!(ca.bundle(""), ca.ca_pem());
    }
}
