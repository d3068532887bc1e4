//! HTTP in the clear, inside TLS, through proxies, and as WebSocket.

use super::kit::*;
use crate::effect::{Kind, TlsOutcome};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn a_request_is_whole_and_finds_its_upstream() {
    let place = place();
    let answer = say(
        place.dial("api.corp.example", 80),
        b"POST /send?x=%20y HTTP/1.1\r\nHost: API.corp.example:80\r\nX-B: 2\r\nX-A: 1\r\n\
          Transfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 9\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.to_lowercase().contains("\r\ndate: "), "{answer}");
    assert!(
        answer.contains(r#""host":"api.corp.example","port":80"#),
        "{answer}"
    );
    let http = place.http().await;
    assert_eq!(http.peer.host.as_deref(), Some("api.corp.example"));
    assert_eq!(
        (http.authority.as_str(), http.target.as_str()),
        ("api.corp.example", "/send?x=%20y")
    );
    assert_eq!(http.body.text(), "abcde");
    let names: Vec<&str> = http.headers.iter().map(|(n, _)| n.as_str()).collect();
    assert_eq!(
        names,
        [
            "host",
            "x-b",
            "x-a",
            "transfer-encoding",
            "trailer",
            "x-sum"
        ]
    );
    assert_eq!(
        (http.reply.status, http.reply.by.as_str()),
        (200, "echo POST /send")
    );
    place.rest().await;
}

#[tokio::test]
async fn an_effect_comes_before_its_answer_and_requests_are_counted() {
    let place = place();
    let mut stream = place.dial("api.corp.example", 80);
    for nth in 0..3 {
        let request = b"GET /n HTTP/1.1\r\nHost: api.corp.example\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let answer = read_until(&mut stream, "}").await;
        assert!(answer.contains(&format!(r#""nth":{nth}"#)), "{answer}");
        assert_eq!(place.seen.snapshot().len(), nth + 1);
    }
}

#[tokio::test]
async fn who_does_not_know_a_request_leaves_it_to_the_sink() {
    let place = place();
    let ask = "GET /unknown HTTP/1.1\r\nHost: api.corp.example\r\n\r\n";
    say(place.dial("api.corp.example", 80), ask.as_bytes()).await;
    assert_eq!(place.http().await.reply.by, "echo unmatched");
    place.seen.take();
    say(place.dial("tracker.example", 8080), ask.as_bytes()).await;
    let http = place.http().await;
    // The connection goes to the tracker, whatever its request claims.
    assert_eq!(http.reply.by, "sink");
    assert_eq!(http.peer.host.as_deref(), Some("tracker.example"));
    assert_eq!(http.authority, "api.corp.example");
}

#[tokio::test]
async fn content_codings_are_undone() {
    let place = place();
    let mut coder = GzEncoder::new(Vec::new(), Compression::fast());
    coder.write_all(b"{\"bcc\":\"x\"}").unwrap();
    let body = coder.finish().unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: api.corp.example\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    say(
        place.dial("api.corp.example", 80),
        &[head.as_bytes(), &body].concat(),
    )
    .await;
    assert_eq!(place.http().await.body.text(), "{\"bcc\":\"x\"}");
}

#[tokio::test]
async fn a_request_cut_short_is_told() {
    let place = place();
    let mut stream = place.dial("api.corp.example", 80);
    let head = b"POST /cut HTTP/1.1\r\nHost: api.corp.example\r\nContent-Length: 100\r\n\r\nsecret";
    stream.write_all(head).await.unwrap();
    drop(stream);
    let http = place.http().await;
    assert_eq!(http.reply.by, "request cut short");
    assert_eq!(http.body.text(), "secret");
    place.rest().await;
    assert_eq!(place.seen.snapshot().len(), 1);
}

#[tokio::test]
async fn a_slow_answer_is_busy_and_told_even_if_nobody_waits() {
    let place = place();
    let mut stream = place.dial("api.corp.example", 80);
    stream
        .write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    place.http().await;
    assert_eq!(place.world.busy(), 1);
    drop(stream);
    place.rest().await;
}

#[tokio::test]
async fn what_is_almost_a_request_is_a_flow() {
    let place = place();
    let answer = say(
        place.dial("a.example", 80),
        b"GET / HTTP/1.1\r\nBad Header\x01: x\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let flow = place.flow().await;
    assert_eq!(flow.protocol, "http");
    assert!(flow.sent.text().contains("Bad Header"));
}

#[tokio::test]
async fn what_comes_with_a_request_and_is_none_is_told() {
    const HOST: &str = "Host: a\r\n";
    for request in [
        format!("GET / HTTP/1.1\r\n{HOST}\r\n"),
        format!("POST / HTTP/1.1\r\n{HOST}Content-Length: 5\r\n\r\nhello"),
        format!("GET / HTTP/1.1\r\n{HOST}\r\nGET /b HTTP/1.1\n{HOST}\n"),
    ] {
        for rest in ["\x01 secret", "secret without an end"] {
            let place = place();
            say_all(
                &place,
                [request.as_bytes(), rest.as_bytes()].concat().as_slice(),
            )
            .await;
            let flow = place.flow().await;
            assert_eq!(
                (&*flow.protocol, &*flow.sent.text()),
                ("http", rest),
                "{request}"
            );
        }
        let place = place();
        say_all(&place, request.as_bytes()).await;
        place.http().await;
        place.rest().await;
        let seen = place.seen.snapshot();
        assert!(
            seen.iter().all(|kind| matches!(kind, Kind::Http(_))),
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn a_connection_of_frames_without_a_request_is_a_flow() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    // No frame at all, one of an unknown type (RFC 9113, section 4.1), and no frame.
    let unknown = b"\x00\x00\x06\xfa\x00\x00\x00\x00\x00secret".as_slice();
    for rest in [b"".as_slice(), unknown, b"garbage that is no frame"] {
        let place = place();
        say_all(&place, &[PREFACE, rest].concat()).await;
        let flow = place.flow().await;
        assert_eq!(flow.protocol, "http2");
        assert!(flow.sent.kept.ends_with(rest), "{:?}", flow.sent.text());
        assert_eq!(place.seen.snapshot().len(), 1);
    }
}

/// Says it, and goes when the other side has nothing more to say.
async fn say_all(place: &Place, bytes: &[u8]) {
    let mut stream = place.dial("a.example", 80);
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
}

#[tokio::test]
async fn https_speaks_both_versions() {
    let place = place();
    let tls = tls_client(&place.ca, &["h2"]);
    let stream = place.dial("api.corp.example", 443);
    let stream = tls.connect(name("api.corp.example"), stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    drop(stream);
    // A handshake with nothing after it is an effect.
    assert_eq!(place.wait_h2_silence().await, TlsOutcome::Silent);
    place.seen.take();

    let tls = tls_client(&place.ca, &["http/1.1"]);
    let stream = place.dial("api.corp.example", 443);
    let mut stream = tls.connect(name("api.corp.example"), stream).await.unwrap();
    stream
        .write_all(b"GET /s HTTP/1.1\r\nHost: api.corp.example\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let http = place.http().await;
    assert_eq!(
        (http.scheme.as_str(), http.reply.by.as_str()),
        ("https", "echo GET /s")
    );
    assert_eq!(
        place.seen.snapshot().len(),
        1,
        "a used handshake is no effect of its own"
    );
}

impl Place {
    async fn wait_h2_silence(&self) -> TlsOutcome {
        self.tls().await.outcome
    }
}

#[tokio::test]
async fn a_pin_that_refuses_is_told_with_its_alert() {
    let place = place();
    let tls = client_with(rustls::RootCertStore::empty(), &["h2", "http/1.1"]);
    let stream = place.dial("pinned.example", 443);
    assert!(tls.connect(name("pinned.example"), stream).await.is_err());
    let told = place.tls().await;
    assert_eq!(told.outcome, TlsOutcome::Refused("unknown_ca".into()));
    assert_eq!(told.sni.as_deref(), Some("pinned.example"));
    assert_eq!(told.alpn, ["h2", "http/1.1"]);
    place.rest().await;
}

#[tokio::test]
async fn a_certificate_of_the_client_is_told_where_one_is_asked_for() {
    let place = place();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec![]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "alex");
    let own = params.self_signed(&key).unwrap();
    let tls = tls_client_with(&place.ca, (own.der().clone(), key));
    for (host, port, told) in [
        ("k8s.corp.example", 6443, true),
        ("mtls.corp.example", 443, true),
        ("api.corp.example", 443, false),
    ] {
        let stream = place.dial(host, port);
        let mut stream = tls.connect(name(host), stream).await.unwrap();
        let ask = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.unwrap();
        place.http().await;
        let outcomes: Vec<TlsOutcome> = (place.seen.take().into_iter())
            .filter_map(|kind| match kind {
                Kind::Tls(tls) => Some(tls.outcome),
                _ => None,
            })
            .collect();
        let expected: &[_] = &[TlsOutcome::Authenticated("CN=alex".into())];
        assert_eq!(outcomes, expected[..usize::from(told)], "{host}");
    }
    // Who has none is let in just the same.
    let stream = place.dial("k8s.corp.example", 6443);
    let tls = tls_client(&place.ca, &[]);
    assert!(tls.connect(name("k8s.corp.example"), stream).await.is_ok());
}

#[tokio::test]
async fn a_name_that_is_not_the_dialled_one_is_told() {
    let place = place();
    let tls = tls_client(&place.ca, &[]);
    let stream = place.dial("evil.example", 443);
    let mut stream = tls.connect(name("api.corp.example"), stream).await.unwrap();
    stream
        .write_all(b"GET /f HTTP/1.1\r\nHost: api.corp.example\r\n\r\n")
        .await
        .unwrap();
    let http = place.http().await;
    assert_eq!(http.peer.host.as_deref(), Some("evil.example"));
    assert_eq!(http.reply.by, "sink");
    let told = place.tls().await;
    assert_eq!(told.outcome, TlsOutcome::Misnamed);
    assert_eq!(told.sni.as_deref(), Some("api.corp.example"));
}

#[tokio::test]
async fn without_a_name_the_certificate_is_for_the_address() {
    let place = place();
    let address: SocketAddr = "3.4.5.6:443".parse().unwrap();
    let tls = tls_client(&place.ca, &[]);
    let stream = tls
        .connect(name("3.4.5.6"), place.dial_address(address))
        .await;
    assert!(stream.is_ok());
    drop(stream);
    let told = place.tls().await;
    assert_eq!(
        (told.peer.host, told.sni, told.outcome),
        (None, None, TlsOutcome::Silent)
    );
}

#[tokio::test]
async fn garbage_instead_of_a_handshake_is_told() {
    let place = place();
    say(place.dial("a.example", 443), b"\x16\x03\x01\x00\x05hello").await;
    assert!(matches!(
        place.tls().await.outcome,
        TlsOutcome::Malformed(_)
    ));
}

#[tokio::test]
async fn a_tunnel_is_followed_to_its_end() {
    let place = place();
    let mut stream = place.dial("proxy.example", 3128);
    let ask = b"CONNECT api.corp.example:443 HTTP/1.1\r\nHost: api.corp.example:443\r\n\r\n";
    stream.write_all(ask).await.unwrap();
    assert!(
        read_until(&mut stream, "\r\n\r\n")
            .await
            .starts_with("HTTP/1.1 200")
    );
    let told = place.http().await;
    assert_eq!(
        (told.method.as_str(), told.authority.as_str()),
        ("CONNECT", "api.corp.example:443")
    );
    place.seen.take();
    let tls = tls_client(&place.ca, &[]);
    let mut stream = tls.connect(name("api.corp.example"), stream).await.unwrap();
    stream
        .write_all(b"GET /t HTTP/1.1\r\nHost: api.corp.example\r\n\r\n")
        .await
        .unwrap();
    let http = place.http().await;
    assert_eq!(http.peer.host.as_deref(), Some("api.corp.example"));
    assert_eq!(http.reply.by, "echo GET /t");
}

#[tokio::test]
async fn a_proxy_is_told_the_whole_address() {
    let place = place();
    let ask = b"GET http://api.corp.example/p?q=1 HTTP/1.1\r\nHost: x\r\n\r\n";
    say(place.dial("proxy.example", 3128), ask).await;
    let http = place.http().await;
    assert_eq!(http.peer.host.as_deref(), Some("proxy.example"));
    assert_eq!(
        (http.authority.as_str(), http.target.as_str()),
        ("api.corp.example", "/p?q=1")
    );
    assert_eq!(http.reply.by, "echo GET /p");
}

#[tokio::test]
async fn websocket_messages_are_flows() {
    let place = place();
    let mut stream = place.dial("live.example", 80);
    let ask =
        b"GET /ws HTTP/1.1\r\nHost: live.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(ask).await.unwrap();
    let answer = read_until(&mut stream, "\r\n\r\n").await;
    assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    // "Hello" in two frames, masked, with a ping between (RFC 6455, section 5.7).
    stream
        .write_all(&[0x01, 0x83, 1, 2, 3, 4, b'H' ^ 1, b'e' ^ 2, b'l' ^ 3])
        .await
        .unwrap();
    stream.write_all(&[0x89, 0x80, 0, 0, 0, 0]).await.unwrap();
    let mut pong = [0; 2];
    stream.read_exact(&mut pong).await.unwrap();
    assert_eq!(pong, [0x8a, 0]);
    stream
        .write_all(&[0x80, 0x82, 0, 0, 0, 0, b'l', b'o'])
        .await
        .unwrap();
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, [0x81, 2, b'o', b'k']);
    let flow = place.flow().await;
    assert_eq!(
        (
            flow.protocol.as_str(),
            &*flow.sent.text(),
            &*flow.received.text()
        ),
        ("websocket", "Hello", "ok")
    );
    stream
        .write_all(&[0x88, 0x82, 0, 0, 0, 0, 3, 0xe8])
        .await
        .unwrap();
    let mut close = [0; 4];
    stream.read_exact(&mut close).await.unwrap();
    assert_eq!(close, [0x88, 2, 3, 0xe8]);
    place.rest().await;
    let flows = place
        .seen
        .snapshot()
        .iter()
        .filter(|k| matches!(k, Kind::Flow(_)))
        .count();
    assert_eq!(flows, 1);
}
