//! Certificates of clients (RFC 8446, section 4.3.2): asked for where real servers ask, never
//! required, and any one is good. A client that has none goes on as if nothing had been asked.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Ports of servers that ask everybody: container engines, etcd, databases, the API of
/// Kubernetes, MQTT. Hosts elsewhere say so in their names. Web servers do not ask, and one that
/// did would look odd.
const PORTS: &[u16] = &[2376, 2379, 2380, 5432, 6443, 8883];
const WORD: &str = "mtls";
/// Bytes kept of a name in a certificate.
const SUBJECT: usize = 512;

/// Whether a server there asks its clients for certificates.
pub fn is_asked_for(host: Option<&str>, port: u16) -> bool {
    PORTS.contains(&port) || host.is_some_and(|host| host.contains(WORD))
}

/// Whom a client's certificate names: `CN=alex, O=Corp`.
pub fn subject(certificate: &[u8]) -> String {
    let subject = match X509Certificate::from_der(certificate) {
        Ok((_, certificate)) => certificate.subject().to_string(),
        Err(_) => String::new(),
    };
    subject[..subject.floor_char_boundary(SUBJECT)].to_owned()
}

/// Takes every certificate whose key the client has.
#[derive(Debug)]
pub struct Anyone(WebPkiSupportedAlgorithms);

impl Anyone {
    pub fn new(provider: &CryptoProvider) -> Self {
        Self(provider.signature_verification_algorithms)
    }
}

impl ClientCertVerifier for Anyone {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_some_servers_ask() {
        assert!(is_asked_for(None, 6443));
        assert!(is_asked_for(Some("mtls-api.corp.example"), 443));
        assert!(!is_asked_for(Some("api.corp.example"), 443));
        assert!(!is_asked_for(None, 443));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            subject(&bytes);
        }
    }
}
