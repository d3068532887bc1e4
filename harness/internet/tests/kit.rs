//! What the tests share: a world, connections into it, and waiting for what it saw.

use crate::effect::{Flow, Http, Kept, Kind, Mail, Peer, Sink, Tls};
use crate::internet::busy::Hold;
use crate::internet::link::Link;
use crate::internet::mock::{Answer, Mock, Request};
use crate::internet::stream::Stream;
use crate::internet::{
    Ca, Config, ImapPlace, Limits, Period, SmtpRule, Sockets, Upstream, World, connection,
};
use crate::secret::Seed;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// A world and what it saw.
pub struct Place {
    pub world: World,
    pub seen: Arc<Kept>,
    pub ca: Arc<Ca>,
    /// Where its TCP socket listens.
    pub at: SocketAddr,
    /// Where its UDP socket receives.
    pub udp: SocketAddr,
}

/// Says what it was asked: status 200 and a JSON object; 404 below `/missing`.
pub struct Echo;

impl Mock for Echo {
    fn name(&self) -> &str {
        "echo"
    }

    fn answer(&self, r: &Request) -> Option<Answer> {
        if r.path.starts_with("/unknown") {
            return None;
        }
        let said = serde_json::json!({
            "scheme": r.scheme, "host": r.host, "port": r.port, "method": r.method,
            "path": r.path, "query": r.query, "length": r.body.len(), "nth": r.nth,
        });
        let mut answer = Answer::json(200, &said, format!("echo {} {}", r.method, r.path));
        if r.path == "/slow" {
            answer.delay = Duration::from_millis(200);
        }
        Some(answer)
    }
}

pub struct Anything;

impl Mock for Anything {
    fn name(&self) -> &str {
        "sink"
    }

    fn answer(&self, _: &Request) -> Option<Answer> {
        Some(Answer::json(200, &serde_json::json!({"ok": true}), "sink"))
    }
}

pub fn place() -> Place {
    place_with(Vec::new(), Limits::default())
}

pub fn place_with(smtp: Vec<SmtpRule>, limits: Limits) -> Place {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    place_on(tcp, |_| smtp, limits)
}

/// A world on a given listener, with rules that may name its port.
pub fn place_on(
    tcp: TcpListener,
    smtp: impl FnOnce(u16) -> Vec<SmtpRule>,
    limits: Limits,
) -> Place {
    let seen = Arc::new(Kept::default());
    open(tcp, smtp, limits, Arc::clone(&seen) as _, seen)
}

/// A world whose effects go elsewhere than into what is seen.
pub fn place_for(effects: Arc<dyn Sink>) -> Place {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    open(
        tcp,
        |_| Vec::new(),
        Limits::default(),
        effects,
        Arc::default(),
    )
}

/// A world with mailboxes at its own port.
pub fn place_with_imap() -> Place {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let seen = Arc::new(Kept::default());
    let imap = vec![ImapPlace {
        host: "127.0.0.1".into(),
        port: tcp.local_addr().unwrap().port(),
    }];
    let effects = Arc::clone(&seen) as _;
    open_with(tcp, |_| Vec::new(), imap, Limits::default(), effects, seen)
}

fn open(
    tcp: TcpListener,
    smtp: impl FnOnce(u16) -> Vec<SmtpRule>,
    limits: Limits,
    effects: Arc<dyn Sink>,
    seen: Arc<Kept>,
) -> Place {
    open_with(tcp, smtp, Vec::new(), limits, effects, seen)
}

fn open_with(
    tcp: TcpListener,
    smtp: impl FnOnce(u16) -> Vec<SmtpRule>,
    imap: Vec<ImapPlace>,
    limits: Limits,
    effects: Arc<dyn Sink>,
    seen: Arc<Kept>,
) -> Place {
    let at = tcp.local_addr().unwrap();
    let udp4 = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let udp = udp4.local_addr().unwrap();
    let sockets = Sockets {
        tcp4: Some(tcp.into()),
        udp4: Some(udp4.into()),
        ..Sockets::default()
    };
    let ca = Arc::new(Ca::new().unwrap());
    let upstream = Upstream {
        host: "api.corp.example".into(),
        port: None,
        mock: Arc::new(Echo),
        moods: Vec::new(),
    };
    let config = Config {
        ca: Arc::clone(&ca),
        upstreams: vec![upstream],
        smtp: smtp(at.port()),
        imap,
        sink_mock: Arc::new(Anything),
        cues: Default::default(),
        seed: Seed(7),
        limits,
    };
    let world = World::open(sockets, config, effects).unwrap();
    Place {
        world,
        seen,
        ca,
        at,
        udp,
    }
}

impl Place {
    /// A connection as a sandbox would make it: `name` resolved, then dialled.
    pub fn dial(&self, name: &str, port: u16) -> DuplexStream {
        let ip = self.world.shared().names.resolve(name).unwrap().v4;
        self.dial_address(SocketAddr::new(ip.into(), port))
    }

    pub fn dial_address(&self, address: SocketAddr) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let shared = Arc::clone(self.world.shared());
        let link = Link {
            peer: Peer {
                host: shared.host_of(address),
                address,
            },
            tls: None,
            depth: 0,
        };
        let hold: Hold = shared.busy.hold();
        tokio::spawn(connection::serve(shared, Stream::new(theirs), link, hold));
        ours
    }

    /// A connection through the listening socket.
    pub async fn connect(&self) -> tokio::net::TcpStream {
        tokio::net::TcpStream::connect(self.at).await.unwrap()
    }

    /// Waits until what was seen holds something that `pick` picks; fails after ten seconds.
    pub async fn wait<T>(&self, pick: impl Fn(&Kind) -> Option<T>) -> T {
        for _ in 0..2000 {
            if let Some(found) = self.seen.snapshot().iter().find_map(&pick) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("not seen; seen were {:#?}", self.seen.snapshot());
    }

    pub async fn http(&self) -> Http {
        self.wait(|k| match k {
            Kind::Http(http) => Some(http.clone()),
            _ => None,
        })
        .await
    }

    pub async fn flow(&self) -> Flow {
        self.wait(|k| match k {
            Kind::Flow(flow) => Some(flow.clone()),
            _ => None,
        })
        .await
    }

    pub async fn mail(&self) -> Mail {
        self.wait(|k| match k {
            Kind::Mail(mail) => Some(mail.clone()),
            _ => None,
        })
        .await
    }

    pub async fn tls(&self) -> Tls {
        self.wait(|k| match k {
            Kind::Tls(tls) => Some(tls.clone()),
            _ => None,
        })
        .await
    }

    /// Waits until nothing is under way.
    pub async fn rest(&self) {
        for _ in 0..2000 {
            if self.world.busy() == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("still busy: {}", self.world.busy());
    }
}

/// Sends `bytes`, closes that direction and returns all that is answered.
pub async fn say(mut stream: DuplexStream, bytes: &[u8]) -> String {
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// Reads until what came ends with `end`.
pub async fn read_until(stream: &mut (impl AsyncReadExt + Unpin), end: &str) -> String {
    let mut text = Vec::new();
    while !text.ends_with(end.as_bytes()) {
        let byte = stream.read_u8().await;
        text.push(
            byte.unwrap_or_else(|e| panic!("{e} after {:?}", String::from_utf8_lossy(&text))),
        );
    }
    String::from_utf8(text).unwrap()
}

/// A TLS client that trusts the world's authority.
pub fn tls_client(ca: &Ca, alpn: &[&str]) -> tokio_rustls::TlsConnector {
    client_with(roots(ca), alpn)
}

fn roots(ca: &Ca) -> rustls::RootCertStore {
    use rustls::pki_types::pem::PemObject;
    let mut roots = rustls::RootCertStore::empty();
    let der = rustls::pki_types::CertificateDer::from_pem_slice(ca.ca_pem().as_bytes()).unwrap();
    roots.add(der).unwrap();
    roots
}

/// The same, with a certificate of its own.
pub fn tls_client_with(
    ca: &Ca,
    (own, key): (rustls::pki_types::CertificateDer<'static>, rcgen::KeyPair),
) -> tokio_rustls::TlsConnector {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots(ca))
        .with_client_auth_cert(vec![own], key)
        .unwrap();
    Arc::new(config).into()
}

pub fn client_with(roots: rustls::RootCertStore, alpn: &[&str]) -> tokio_rustls::TlsConnector {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|a| a.as_bytes().to_vec()).collect();
    Arc::new(config).into()
}

pub fn name(name: &str) -> rustls::pki_types::ServerName<'static> {
    rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap()
}

/// The period that leaves are good for today.
#[expect(clippy::disallowed_methods, reason = "real clients ask the real clock")]
pub fn today() -> Period {
    Period::around(std::time::SystemTime::now(), std::time::SystemTime::now())
}
