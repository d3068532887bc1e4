//! Handshakes, and the effects of those that lead nowhere.

use super::{Ca, CaError, Period, client};
use crate::effect::{Kind, Tls, TlsOutcome};
use crate::internet::link::{Hello, Link};
use crate::internet::shared::{Shared, dates};
use crate::internet::stream::Stream;
use crate::internet::weather::Weather;
use rustls::server::{Acceptor, ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, ServerConfig};
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;

/// The server's side of every handshake: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
pub struct Acceptors {
    mint: Mint,
    web: Arc<ServerConfig>,
    /// Without application protocols, for mail, DNS and other line protocols.
    plain: Arc<ServerConfig>,
    /// Both again, where clients are asked for certificates.
    asking: [Arc<ServerConfig>; 2],
}

impl Acceptors {
    /// `ahead_ns`: how far the world's clock is ahead of the real one.
    pub fn new(ca: Arc<Ca>, ahead_ns: Arc<AtomicI64>) -> Result<Self, CaError> {
        let mint = Mint { ca, ahead_ns };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let anyone = Arc::new(client::Anyone::new(&provider));
        let base = || {
            ServerConfig::builder_with_provider(Arc::clone(&provider))
                .with_safe_default_protocol_versions()
        };
        let resolver = || Arc::new(mint.clone());
        let plain = base()?.with_no_client_auth().with_cert_resolver(resolver());
        let asking = base()?
            .with_client_cert_verifier(anyone)
            .with_cert_resolver(resolver());
        let web = |plain: &ServerConfig| {
            let mut web = plain.clone();
            web.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            Arc::new(web)
        };
        Ok(Self {
            web: web(&plain),
            plain: Arc::new(plain),
            asking: [web(&asking), Arc::new(asking)],
            mint,
        })
    }

    fn config(
        &self,
        hello: &Hello,
        link: &Link,
        is_expired: bool,
    ) -> Result<Arc<ServerConfig>, CaError> {
        let address = link.peer.address;
        let host = hello.sni.as_deref().or(link.host());
        let [web, plain] = match client::is_asked_for(host, address.port()) {
            true => self.asking.each_ref(),
            false => [&self.web, &self.plain],
        };
        // A client that offers neither web protocol would be refused for the mismatch
        // (RFC 7301, section 3.2), although any server of its own protocol would take it.
        let is_web = |a: &String| a == "h2" || a == "http/1.1";
        let base = if hello.alpn.is_empty() || hello.alpn.iter().any(is_web) {
            web
        } else {
            plain
        };
        let leaf = match &hello.sni {
            Some(name) if is_expired => self.mint.expired(name)?,
            Some(_) => return Ok(Arc::clone(base)),
            None => self.mint.leaf(&address.ip().to_string())?,
        };
        let mut config = ServerConfig::clone(base);
        config.cert_resolver = Arc::new(Fixed(leaf));
        Ok(Arc::new(config))
    }
}

/// Completes a handshake whose first bytes are ahead in `stream`. None where it led nowhere, which
/// has been emitted then.
pub async fn accept(
    shared: &Arc<Shared>,
    stream: Stream,
    link: &Link,
) -> Option<(Stream, Link, bool)> {
    let mut story = Story {
        shared,
        link,
        hello: Hello::default(),
        outcome: Some(TlsOutcome::Refused("closed".into())),
    };
    let limit = shared.limits.handshake;
    let start = match timeout(limit, LazyConfigAcceptor::new(Acceptor::default(), stream)).await {
        Ok(Ok(start)) => start,
        Ok(Err(error)) => {
            story.outcome = Some(outcome_of(&error, true));
            return None;
        }
        Err(_) => {
            story.outcome = Some(TlsOutcome::Malformed("the handshake stood still".into()));
            return None;
        }
    };
    story.hello = hello_of(&start.client_hello());
    let is_expired = {
        let host = story.hello.sni.as_deref().or(link.host());
        let port = link.peer.address.port();
        let named = host.is_some_and(|host| shared.upstreams.is_expired(host, port));
        named || shared.weather() == Weather::Expired
    };
    let config = match shared.tls.config(&story.hello, link, is_expired) {
        Ok(config) => config,
        Err(error) => {
            story.outcome = Some(TlsOutcome::Malformed(error.to_string()));
            return None;
        }
    };
    let stream = match timeout(limit, start.into_stream(config)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            story.outcome = Some(outcome_of(&error, false));
            return None;
        }
        Err(_) => {
            story.outcome = Some(TlsOutcome::Refused("the handshake stood still".into()));
            return None;
        }
    };
    let session = stream.get_ref().1;
    let h2 = session.alpn_protocol() == Some(b"h2");
    if let Some([certificate, ..]) = session.peer_certificates() {
        story.tell(TlsOutcome::Authenticated(client::subject(certificate)));
    }
    story.outcome = story.misnamed().then_some(TlsOutcome::Misnamed);
    let hello = story.hello.clone();
    drop(story);
    let inner = Link {
        tls: Some(hello),
        ..link.clone()
    };
    Some((Stream::new(stream), inner, h2))
}

/// A handshake was completed and then not used.
pub fn silent(link: &Link) -> Kind {
    let hello = link.tls.clone().unwrap_or_default();
    Kind::Tls(Tls {
        peer: link.peer.clone(),
        sni: hello.sni,
        alpn: hello.alpn,
        outcome: TlsOutcome::Silent,
    })
}

/// A handshake that becomes an effect unless it goes well, also when its task is dropped.
struct Story<'a> {
    shared: &'a Arc<Shared>,
    link: &'a Link,
    hello: Hello,
    outcome: Option<TlsOutcome>,
}

impl Story<'_> {
    fn tell(&self, outcome: TlsOutcome) {
        self.shared.emit(Kind::Tls(Tls {
            peer: self.link.peer.clone(),
            sni: self.hello.sni.clone(),
            alpn: self.hello.alpn.clone(),
            outcome,
        }));
    }

    /// Whether the name in the handshake belongs to another address than the dialled one.
    fn misnamed(&self) -> bool {
        let Some(sni) = &self.hello.sni else {
            return false;
        };
        if self.link.peer.host.as_deref() == Some(sni) {
            return false;
        }
        let at = self.shared.names.resolve(sni);
        at.is_none_or(|at| !at.contains(self.link.peer.address.ip()))
    }
}

impl Drop for Story<'_> {
    fn drop(&mut self) {
        if let Some(outcome) = self.outcome.take() {
            self.tell(outcome);
        }
    }
}

fn hello_of(hello: &ClientHello<'_>) -> Hello {
    Hello {
        sni: hello.server_name().map(str::to_ascii_lowercase),
        alpn: hello
            .alpn()
            .into_iter()
            .flatten()
            .take(32)
            .map(|a| String::from_utf8_lossy(a).into_owned())
            .collect(),
    }
}

/// What a failed handshake says about the client; `early` is before its hello was understood.
fn outcome_of(error: &io::Error, early: bool) -> TlsOutcome {
    let inner = error
        .get_ref()
        .and_then(|e| e.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::AlertReceived(alert)) => TlsOutcome::Refused(alert_name(*alert)),
        Some(error) => TlsOutcome::Malformed(error.to_string()),
        // The first write of ours after the client's last word is that of the session tickets:
        // who closed before it had completed the handshake.
        None if error.kind() == io::ErrorKind::BrokenPipe => TlsOutcome::Silent,
        None if early => TlsOutcome::Malformed("ended within its first message".into()),
        None => TlsOutcome::Refused("closed".into()),
    }
}

/// The alert's name as RFC 8446, section 6, spells it: `UnknownCA` is `unknown_ca`.
fn alert_name(alert: AlertDescription) -> String {
    let mut name = String::new();
    let mut after_lower = false;
    for c in format!("{alert:?}").chars() {
        if c.is_ascii_uppercase() && after_lower {
            name.push('_');
        }
        after_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        name.push(c.to_ascii_lowercase());
    }
    name
}

/// How long ago an expired certificate was good.
const AGO: Duration = Duration::from_secs(200 * 86_400);

/// Mints for whatever name is asked for, good at the date of the world.
#[derive(Clone, Debug)]
struct Mint {
    ca: Arc<Ca>,
    ahead_ns: Arc<AtomicI64>,
}

impl Mint {
    fn leaf(&self, name: &str) -> Result<Arc<CertifiedKey>, CaError> {
        let (real, shown) = dates(&self.ahead_ns);
        self.ca.mint(name, Period::around(real, shown))
    }

    fn expired(&self, name: &str) -> Result<Arc<CertifiedKey>, CaError> {
        let (real, shown) = dates(&self.ahead_ns);
        let then = real.min(shown).checked_sub(AGO).unwrap_or(real);
        self.ca.mint(name, Period::around(then, then))
    }
}

impl ResolvesServerCert for Mint {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.leaf(&hello.server_name()?.to_ascii_lowercase()).ok()
    }
}

#[derive(Debug)]
struct Fixed(Arc<CertifiedKey>);

impl ResolvesServerCert for Fixed {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_their_names_of_the_standard() {
        assert_eq!(alert_name(AlertDescription::UnknownCA), "unknown_ca");
        assert_eq!(
            alert_name(AlertDescription::BadCertificate),
            "bad_certificate"
        );
        assert_eq!(alert_name(AlertDescription::CloseNotify), "close_notify");
    }
}
