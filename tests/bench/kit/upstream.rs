//! A local HTTPS server as plain as hyper makes it, answering with one of turncoat's own mocks,
//! and a way to lead a bare Node server's connections to it.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use turncoat::internet::mock::{self, Mock};
use turncoat::internet::{Ca, Period};

/// The server, and who vouches for it.
pub struct Upstream {
    pub at: SocketAddr,
    pub ca_pem: String,
}

impl Upstream {
    /// Serves as `host` until the runtime ends.
    pub async fn start(host: &'static str, mock: Arc<dyn Mock>) -> Self {
        let ca = Ca::new().expect("an authority");
        let key = ca
            .mint(host, Period::around(SystemTime::now(), SystemTime::now()))
            .expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(key)));
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("its address");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, acceptor.clone(), host, Arc::clone(&mock)));
            }
        });
        Self {
            at,
            ca_pem: ca.ca_pem().to_owned(),
        }
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, host: &'static str, mock: Arc<dyn Mock>) {
    let _ = stream.set_nodelay(true);
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let service =
        hyper::service::service_fn(move |request| answer(request, host, Arc::clone(&mock)));
    let server = hyper::server::conn::http1::Builder::new();
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: Request<Incoming>,
    host: &str,
    mock: Arc<dyn Mock>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let text =
        |value: &hyper::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)));
    let asked = mock::Request {
        scheme: "https",
        host: host.to_owned(),
        port: 443,
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body,
        nth: 0,
    };
    let mut response = Response::builder();
    let body = match mock.answer(&asked) {
        Some(answer) => {
            response = response.status(answer.status);
            for (name, value) in answer.headers {
                response = response.header(name, value);
            }
            answer.body
        }
        None => Bytes::from_static(b"{}"),
    };
    Ok(response.body(Full::new(body)).unwrap_or_default())
}

/// Environment that leads a Node program's connections to port 443 to `upstream`, and lets it
/// trust what it finds there. A connection costs a function call more; requests cost nothing.
pub fn reroute(upstream: &Upstream, folder: &Path) -> Vec<(String, String)> {
    let (preload, bundle) = (folder.join("reroute.cjs"), folder.join("ca.pem"));
    let script = format!(
        "const {{ Socket }} = require('node:net');
const connect = Socket.prototype.connect;
Socket.prototype.connect = function (first, ...rest) {{
  const options = Array.isArray(first) ? first[0] : first;
  if (Number(options?.port) !== 443) return connect.call(this, first, ...rest);
  const there = {{ ...options, host: '127.0.0.1', port: {} }};
  if (Array.isArray(first)) {{ first[0] = there; return connect.call(this, first, ...rest); }}
  return connect.call(this, there, ...rest);
}};
",
        upstream.at.port()
    );
    std::fs::write(&preload, script).expect("a file");
    std::fs::write(&bundle, &upstream.ca_pem).expect("a file");
    let options = format!("--use-openssl-ca --require={}", preload.display());
    vec![
        ("NODE_OPTIONS".to_owned(), options),
        ("SSL_CERT_FILE".to_owned(), bundle.display().to_string()),
    ]
}
