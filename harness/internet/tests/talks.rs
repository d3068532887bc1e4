//! Databases and proxies: what their clients say is taken apart, and what goes through a proxy is
//! served as from where it leads.

use super::kit::*;
use crate::effect::{Flow, Kind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

impl Place {
    /// Waits for a flow in which a field holds a value.
    async fn flow_with(&self, place: &str, value: &str) -> Flow {
        self.wait(|kind| match kind {
            Kind::Flow(flow) => (flow.fields.iter())
                .any(|(at, what)| at == place && what == value)
                .then(|| flow.clone()),
            _ => None,
        })
        .await
    }
}

#[tokio::test]
async fn a_proxy_of_either_version_is_followed() {
    let place = place();
    for (greeting, answers, request, granted) in [
        (
            &b"\x05\x02\x00\x02"[..],
            &b"\x05\x02"[..],
            &b"\x05\x01\0\x03\x10api.corp.example\x01\xbb"[..],
            &b"\x05\x00\x00\x01\0\0\0\0\0\0"[..],
        ),
        (
            b"",
            b"",
            b"\x04\x01\x01\xbb\0\0\0\x01alex\0api.corp.example\0",
            b"\0\x5a\0\0\0\0\0\0",
        ),
    ] {
        let mut stream = place.dial("proxy.example", 1080);
        let expect = async |stream: &mut tokio::io::DuplexStream, words: &[u8]| {
            let mut got = vec![0; words.len()];
            stream.read_exact(&mut got).await.unwrap();
            assert_eq!(got, words);
        };
        stream.write_all(greeting).await.unwrap();
        expect(&mut stream, answers).await;
        if !greeting.is_empty() {
            stream.write_all(b"\x01\x04alex\x03pw!").await.unwrap();
            expect(&mut stream, b"\x01\0").await;
        }
        stream.write_all(request).await.unwrap();
        expect(&mut stream, granted).await;
        let told = place.flow_with("destination", "api.corp.example:443").await;
        assert_eq!(
            (told.protocol.as_str(), told.peer.host.as_deref()),
            ("socks", Some("proxy.example"))
        );
        assert!(told.fields.contains(&("user".into(), "alex".into())));
        place.seen.take();
        let tls = tls_client(&place.ca, &[]);
        let mut stream = tls.connect(name("api.corp.example"), stream).await.unwrap();
        stream
            .write_all(b"GET /p HTTP/1.1\r\nHost: api.corp.example\r\n\r\n")
            .await
            .unwrap();
        let http = place.http().await;
        assert_eq!(http.peer.host.as_deref(), Some("api.corp.example"));
        assert_eq!(http.reply.by, "echo GET /p");
        place.seen.take();
    }
}

#[tokio::test]
async fn what_comes_with_a_request_to_a_proxy_is_served() {
    for before in [
        &b"\x05\x01\0\x05\x01\0\x03\x10api.corp.example\0\x50"[..],
        b"\x05\x01\x02\x01\x04alex\x03pw!\x05\x01\0\x03\x10api.corp.example\0\x50",
        b"\x04\x01\0\x50\0\0\0\x01alex\0api.corp.example\0",
    ] {
        let place = place();
        let mut stream = place.dial("proxy.example", 1080);
        let ask = b"GET /p HTTP/1.1\r\nHost: api.corp.example\r\n\r\n";
        stream.write_all(&[before, ask].concat()).await.unwrap();
        let http = place.http().await;
        assert_eq!(http.peer.host.as_deref(), Some("api.corp.example"));
        place.flow_with("destination", "api.corp.example:80").await;
    }
}

#[tokio::test]
async fn a_database_asks_for_its_password_inside_tls() {
    let place = place();
    // Any port: it is known by its first bytes.
    let mut stream = place.dial("db.corp.example", 25060);
    stream
        .write_all(b"\0\0\0\x08\x04\xd2\x16\x2f")
        .await
        .unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'S');
    let tls = tls_client(&place.ca, &[]);
    let mut stream = tls.connect(name("db.corp.example"), stream).await.unwrap();
    stream
        .write_all(b"\0\0\0\x13\0\x03\0\0user\0alex\0\0")
        .await
        .unwrap();
    let mut asked = [0; 9];
    stream.read_exact(&mut asked).await.unwrap();
    assert_eq!(asked, *b"R\0\0\0\x08\0\0\0\x03");
    stream.write_all(b"p\0\0\0\x08pw!\0").await.unwrap();
    read_until_bytes(&mut stream, b"Z\0\0\0\x05I").await;
    stream.write_all(b"Q\0\0\0\x0dselect 1\0").await.unwrap();
    read_until_bytes(&mut stream, b"Z\0\0\0\x05I").await;
    drop(stream);
    let flow = place.flow_with("query", "select 1").await;
    assert_eq!((flow.protocol.as_str(), flow.tls), ("postgres", true));
    let places: Vec<&str> = flow.fields.iter().map(|(at, _)| at.as_str()).collect();
    assert_eq!(places, ["user", "password", "query"]);
    let flows = place.seen.snapshot();
    let flows = flows.iter().filter(|kind| matches!(kind, Kind::Flow(_)));
    assert_eq!(flows.count(), 1, "asking for TLS is no flow of its own");
}

#[tokio::test]
async fn a_database_that_speaks_first_goes_on_inside_tls() {
    let place = place();
    let mut stream = place.dial("db.corp.example", 3306);
    let mut greeting = vec![0; 4];
    stream.read_exact(&mut greeting).await.unwrap();
    let mut greeting = vec![0; usize::from(greeting[0])];
    stream.read_exact(&mut greeting).await.unwrap();
    // CLIENT_PROTOCOL_41, CLIENT_SSL, CLIENT_SECURE_CONNECTION, CLIENT_PLUGIN_AUTH.
    let mut hello = vec![0, 0x8a, 0x08, 0, 0, 0, 0, 1, 255];
    hello.extend([0; 23]);
    stream
        .write_all(&[&[32, 0, 0, 1][..], &hello].concat())
        .await
        .unwrap();
    let tls = tls_client(&place.ca, &[]);
    let mut stream = tls.connect(name("db.corp.example"), stream).await.unwrap();
    hello.extend(b"alex\0\x04abcdcaching_sha2_password\0");
    let head = [hello.len() as u8, 0, 0, 2];
    stream
        .write_all(&[&head[..], &hello].concat())
        .await
        .unwrap();
    read_until_bytes(&mut stream, &[2, 0, 0, 3, 1, 4]).await;
    stream.write_all(b"\x04\0\0\x04pw!\0").await.unwrap();
    read_until_bytes(&mut stream, &[7, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0]).await;
    stream.write_all(b"\x07\0\0\0\x03drop x").await.unwrap();
    read_until_bytes(&mut stream, &[7, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]).await;
    drop(stream);
    let flow = place.flow_with("query", "drop x").await;
    assert_eq!((flow.protocol.as_str(), flow.tls), ("mysql", true));
    assert!(flow.fields.contains(&("password".into(), "pw!".into())));
}

#[tokio::test]
async fn what_a_store_is_told_is_cut_by_call_and_nonsense_is_bytes() {
    let place = place();
    let mut stream = place.dial("cache.corp.example", 6379);
    stream
        .write_all(b"*2\r\n$4\r\nAUTH\r\n$3\r\npw!\r\n*1\r\n$4\r\nPING\r\n")
        .await
        .unwrap();
    assert_eq!(
        read_until(&mut stream, "PONG\r\n").await,
        "+OK\r\n+PONG\r\n"
    );
    place.rest().await;
    place.world.cut();
    let flow = place.flow_with("AUTH[1]", "pw!").await;
    assert_eq!(flow.protocol, "redis");
    assert!(flow.sent.text().ends_with("PING\r\n") && flow.received.text().ends_with("PONG\r\n"));
    place.seen.take();
    stream.write_all(b"*1\r\n$4\r\nQUIT\r\n").await.unwrap();
    assert_eq!(read_until(&mut stream, "OK\r\n").await, "+OK\r\n");
    assert_eq!(place.flow_with("command", "QUIT").await.fields.len(), 1);
    place.seen.take();
    let mut stream = place.dial("cache.corp.example", 6379);
    stream.write_all(b"*1\r\n$4\r\nPING\r\n").await.unwrap();
    read_until(&mut stream, "PONG\r\n").await;
    stream.write_all(b"\x00\x01\x02").await.unwrap();
    drop(stream);
    let told = place
        .wait(|kind| match kind {
            Kind::Flow(flow) if flow.protocol == "raw" => Some(flow.sent.kept.clone()),
            _ => None,
        })
        .await;
    assert_eq!(told, [0, 1, 2]);
    place.flow_with("command", "PING").await;
}

async fn read_until_bytes(stream: &mut (impl AsyncReadExt + Unpin), end: &[u8]) {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end) {
        bytes.push(stream.read_u8().await.unwrap());
    }
}
