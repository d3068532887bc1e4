//! The root that stands in the sandbox's trust stores: made once on a machine and kept, because
//! programs with a list of their own are given copies that know it. Its key protects nothing:
//! only what runs in a sandbox trusts it.
//!
//! It is the twin of a real root, ISRG Root X2: the same name, the same kind of key, a certificate
//! of the same length. So it fits wherever that one stands, also where a program keeps of it no
//! more than name and key.

use super::CaError;
use super::authority::name;
use rcgen::{
    BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P384_SHA384, SerialNumber, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

/// Changes when roots are made another way, so that older ones are not used on.
const FILE: &str = "root-2.pem";
/// Larger is no file of ours.
const LARGEST: u64 = 16 * 1024;

/// Bytes of the real root's certificate.
const LENGTH: usize = 543;
/// A signature is as long as the real one's in a third of all cases.
const TRIES: usize = 200;
const SERIAL: [u8; 16] = [
    0x41, 0xd2, 0x9d, 0xd1, 0x72, 0xea, 0xee, 0xa7, 0x80, 0xc1, 0x2c, 0x6c, 0xe9, 0x2f, 0x87, 0x52,
];

/// The real root's public key: a point on P-384, uncompressed (SEC 1, section 2.3.3). Its authority
/// publishes it, and every current list of roots has it.
pub const REAL_KEY: [u8; 97] = [
    0x04, 0xcd, 0x9b, 0xd5, 0x9f, 0x80, 0x83, 0x0a, 0xec, 0x09, 0x4a, 0xf3, 0x16, 0x4a, 0x3e, 0x5c,
    0xcf, 0x77, 0xac, 0xde, 0x67, 0x05, 0x0d, 0x1d, 0x07, 0xb6, 0xdc, 0x16, 0xfb, 0x5a, 0x8b, 0x14,
    0xdb, 0xe2, 0x71, 0x60, 0xc4, 0xba, 0x45, 0x95, 0x11, 0x89, 0x8e, 0xea, 0x06, 0xdf, 0xf7, 0x2a,
    0x16, 0x1c, 0xa4, 0xb9, 0xc5, 0xc5, 0x32, 0xe0, 0x03, 0xe0, 0x1e, 0x82, 0x18, 0x38, 0x8b, 0xd7,
    0x45, 0xd8, 0x0a, 0x6a, 0x6e, 0xe6, 0x00, 0x77, 0xfb, 0x02, 0x51, 0x7d, 0x22, 0xd8, 0x0a, 0x6e,
    0x9a, 0x5b, 0x77, 0xdf, 0xf0, 0xfa, 0x41, 0xec, 0x39, 0xdc, 0x75, 0xca, 0x68, 0x07, 0x0c, 0x1f,
    0xea,
];

pub struct Root {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    pem: String,
}

impl Root {
    pub fn new() -> Result<Self, CaError> {
        let mut made = Self::any()?;
        for _ in 0..TRIES {
            if made.der.len() == LENGTH {
                break;
            }
            made = Self::any()?;
        }
        Ok(made)
    }

    /// One whose certificate may be a byte or two longer or shorter than the real one's.
    fn any() -> Result<Self, CaError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?;
        let mut params = CertificateParams::default();
        // It takes the real one's place, so that lists of names are as long and read as they
        // always do.
        params.serial_number = Some(SerialNumber::from_slice(&SERIAL));
        params.distinguished_name =
            name(&["US", "Internet Security Research Group", "ISRG Root X2"])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date_time_ymd(2020, 9, 4);
        // Later than the real one's: clocks inside are moved by years.
        params.not_after = date_time_ymd(2049, 9, 17);
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            der: certificate.der().clone(),
            pem: certificate.pem().replace("\r\n", "\n"),
            issuer: Issuer::new(params, key),
        })
    }

    /// That of the folder, made there if there is none that can be used.
    pub fn kept(folder: &Path) -> Result<Self, CaError> {
        let cannot = |source| CaError::Kept {
            folder: folder.display().to_string(),
            source,
        };
        let file = folder.join(FILE);
        if let Some(known) = Self::read(&file) {
            return Ok(known);
        }
        let made = Self::new()?;
        fs::create_dir_all(folder).map_err(cannot)?;
        // Readable by its owner alone from the beginning; whole from when it has its name.
        let mut temporary = tempfile::NamedTempFile::new_in(folder).map_err(cannot)?;
        let text = format!("{}{}", made.issuer.key().serialize_pem(), made.pem);
        temporary.write_all(text.as_bytes()).map_err(cannot)?;
        match temporary.persist_noclobber(&file) {
            Ok(_) => Ok(made),
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => {
                // Somebody else was first, or what is there is of no use.
                if let Some(known) = Self::read(&file) {
                    return Ok(known);
                }
                e.file.persist(&file).map_err(|e| cannot(e.error))?;
                Ok(made)
            }
            Err(e) => Err(cannot(e.error)),
        }
    }

    /// What is kept in a file, if it is a key and the certificate for it.
    fn read(file: &Path) -> Option<Self> {
        if fs::metadata(file).ok()?.len() > LARGEST {
            return None;
        }
        Self::parse(&fs::read_to_string(file).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let begin = text.find("-----BEGIN CERTIFICATE-----")?;
        let (key, pem) = text.split_at(begin);
        let key = KeyPair::from_pem(key).ok()?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
        // Its public key stands in a certificate as it is.
        memchr::memmem::find(&der, key.public_key_raw())?;
        Some(Self {
            issuer: Issuer::from_ca_cert_der(&der, key).ok()?,
            der,
            pem: pem.to_owned(),
        })
    }

    pub fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }

    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its public key, as [`REAL_KEY`].
    pub fn key(&self) -> &[u8] {
        self.issuer.key().public_key_raw()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_root_is_made_once_and_again_when_it_cannot_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("not/yet");
        let first = Root::kept(&below).unwrap();
        assert_eq!(Root::kept(&below).unwrap().pem, first.pem);
        let file = below.join(FILE);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let whole = fs::read_to_string(&file).unwrap();
        let other = Root::new().unwrap();
        let mixed = format!("{}{}", other.issuer.key().serialize_pem(), first.pem);
        for bad in ["", "junk", &whole[..whole.len() / 2], &first.pem, &mixed] {
            fs::write(&file, bad).unwrap();
            let again = Root::kept(&below).unwrap();
            assert_ne!(again.pem, first.pem);
            assert_eq!(Root::kept(&below).unwrap().pem, again.pem);
        }
        assert_eq!(fs::read_dir(&below).unwrap().count(), 1);
    }

    #[test]
    fn those_who_come_at_once_get_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let get = || Root::kept(folder.path()).unwrap().pem;
        let got: Vec<String> = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8).map(|_| scope.spawn(get)).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(got.iter().all(|pem| *pem == got[0]));
    }

    #[test]
    fn it_fits_where_the_real_one_stands() {
        let root = Root::new().unwrap();
        assert_eq!(root.der.len(), LENGTH);
        // What Mozilla's list has of it, without the end of its last line.
        assert_eq!(root.pem.trim_end().len(), 789);
        assert_eq!(root.key().len(), REAL_KEY.len());
        assert!(memchr::memmem::find(&root.der, root.key()).is_some());
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_text_is_read_without_harm(text in "(-----BEGIN (PRIVATE KEY|CERTIFICATE)-----|[a-zA-Z+/=\n]{0,40}|-----END CERTIFICATE-----){0,8}") {
            proptest::prop_assert!(Root::parse(&text).is_none());
        }
    }
}
