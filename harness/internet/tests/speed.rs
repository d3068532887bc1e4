//! What capturing costs: requests per second over one kept HTTPS connection, through a world and
//! through the plainest server that hyper makes. The bound here is loose, as both run unoptimised
//! beside other tests; the figures are printed.

use super::kit::*;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::handshake;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::{TcpListener, TcpStream};

const CALLS: u32 = 300;
const ROUNDS: usize = 9;

/// A reader of the log that keeps up: effects are passed on, not piled up.
struct Heap;

impl crate::effect::Sink for Heap {
    fn emit(&self, kind: crate::effect::Kind) {
        std::hint::black_box(kind);
    }
}

/// Calls per second, over one connection, one call at a time.
async fn rate(at: SocketAddr, tls: &tokio_rustls::TlsConnector) -> f64 {
    let stream = TcpStream::connect(at).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let stream = tls.connect(name("plain.example"), stream).await.unwrap();
    let (mut send, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let body = Bytes::from(vec![b'x'; 300]);
    let mut started = Instant::now();
    for call in 0..CALLS + 50 {
        if call == 50 {
            started = Instant::now();
        }
        let request = hyper::Request::post("/email")
            .header("host", "plain.example")
            .header("content-type", "application/json")
            .body(Full::new(body.clone()))
            .unwrap();
        send.ready().await.unwrap();
        let answer = send.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap();
    }
    f64::from(CALLS) / started.elapsed().as_secs_f64()
}

async fn plain_server(ca: &crate::internet::Ca) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let key = ca.mint("plain.example", today()).unwrap();
    #[derive(Debug)]
    struct One(Arc<rustls::sign::CertifiedKey>);
    impl rustls::server::ResolvesServerCert for One {
        fn resolve(
            &self,
            _: rustls::server::ClientHello<'_>,
        ) -> Option<Arc<rustls::sign::CertifiedKey>> {
            Some(Arc::clone(&self.0))
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(One(key)));
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let stream = acceptor.accept(stream).await.unwrap();
                let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| async {
                    request.into_body().collect().await.unwrap();
                    let body = Full::new(Bytes::from_static(b"{\"ok\":true}"));
                    Ok::<_, Infallible>(hyper::Response::new(body))
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    at
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn capturing_leaves_most_of_the_speed() {
    let place = place_for(Arc::new(Heap));
    let tls = tls_client(&place.ca, &[]);
    let plain = plain_server(&place.ca).await;
    // Side by side in short rounds, the middle of their ratios: the machine does other things.
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let through = rate(place.at, &tls).await;
        rounds.push((through / rate(plain, &tls).await, through));
    }
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, through) = rounds[ROUNDS / 2];
    eprintln!("{through:.0} calls/s through a world, {ratio:.2} of a bare server's");
    assert!(ratio > 0.4, "{ratio:.2} of a bare server's calls");
}
