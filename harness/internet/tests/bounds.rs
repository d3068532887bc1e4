//! What a hostile client may cost: connections, memory, patience.

use super::kit::*;
use crate::effect::{Body, Kind};
use crate::internet::Limits;
use proptest::prelude::*;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Resident memory of this process, bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

async fn get(mut stream: TcpStream, path: &str) -> String {
    let ask = format!("GET {path} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_are_served_at_once() {
    let place = place();
    // All are open before the first one asks.
    let mut open = Vec::new();
    for _ in 0..1000 {
        open.push(place.connect().await);
    }
    let asked: Vec<_> = open
        .into_iter()
        .enumerate()
        .map(|(i, stream)| tokio::spawn(async move { get(stream, &format!("/{i}")).await }))
        .collect();
    for answer in asked {
        assert!(answer.await.unwrap().starts_with("HTTP/1.1 200"));
    }
    place.rest().await;
    let requests = place
        .seen
        .take()
        .into_iter()
        .filter(|k| matches!(k, Kind::Http(_)));
    assert_eq!(requests.count(), 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_beyond_the_bound_wait_for_their_turn() {
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let place = place_with(Vec::new(), limits);
    let (first, second) = (place.connect().await, place.connect().await);
    let third = tokio::spawn(get(place.connect().await, "/third"));
    assert!(get(first, "/first").await.starts_with("HTTP/1.1 200"));
    assert!(third.await.unwrap().starts_with("HTTP/1.1 200"));
    drop(second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_upload_does_not_grow_memory() {
    const SIZE: usize = 100 << 20;
    let limits = Limits {
        whole: 4 << 20,
        ..Limits::default()
    };
    let place = place_with(Vec::new(), limits);
    let before = resident();
    let mut stream = place.connect().await;
    let head = format!("POST /up HTTP/1.1\r\nHost: a.example\r\nContent-Length: {SIZE}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..SIZE / piece.len() {
        stream.write_all(&piece).await.unwrap();
    }
    read_until(&mut stream, "}").await;
    let http = place.http().await;
    assert_eq!(
        (http.body.len, http.body.kept.len()),
        (SIZE as u64, Body::KEEP)
    );
    // Other tests run beside this one in the same process: far less than the body is the claim.
    let grown = resident().saturating_sub(before);
    assert!(grown < 64 << 20, "{} MiB", grown >> 20);
}

#[tokio::test]
async fn a_body_beyond_its_bound_is_refused_and_told() {
    let limits = Limits {
        body: 1 << 20,
        ..Limits::default()
    };
    let place = place_with(Vec::new(), limits);
    let mut stream = place.dial("a.example", 80);
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4000000\r\n\r\n")
        .await
        .unwrap();
    let piece = vec![0; 1 << 20];
    while stream.write_all(&piece).await.is_ok() && place.seen.snapshot().is_empty() {}
    let http = place.http().await;
    assert_eq!(http.reply.status, 413);
    assert!(http.body.len > 1 << 20);
}

#[tokio::test]
async fn bodies_share_a_budget_and_keep_their_hash() {
    let limits = Limits {
        memory: 1000,
        ..Limits::default()
    };
    let place = place_with(Vec::new(), limits);
    let body = vec![b'y'; 5000];
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n";
    say(
        place.dial("a.example", 80),
        &[head.as_bytes(), &body].concat(),
    )
    .await;
    let http = place.http().await;
    assert_eq!(http.body.sha256, Body::new(&body).sha256);
    assert!(http.body.kept.len() <= 1000 && http.body.len == 5000);
    place.seen.take();
    // What was taken has been given back.
    say(
        place.dial("a.example", 80),
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
    )
    .await;
    assert!(place.http().await.body.is_whole());
}

#[tokio::test]
async fn resets_and_half_closes_are_survived() {
    let place = place();
    for _ in 0..50 {
        let mut stream = place.connect().await;
        stream
            .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")
            .await
            .unwrap();
        // Lingering for no time turns the close into a reset.
        stream.set_zero_linger().unwrap();
    }
    let mut stream = place.connect().await;
    stream
        .write_all(b"GET /half HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"));
    place.rest().await;
    for _ in 0..2000 {
        if place.world.stats().open == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(place.world.stats().open, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn garbage_on_any_port_ends_in_an_effect(
        port in proptest::sample::select(&[21u16, 25, 53, 80, 143, 443, 465, 4444][..]),
        start in proptest::sample::select(&["", "\x16\x03\x01", "GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "EHLO x\r\n"][..]),
        rest in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let place = place();
            let mut stream = place.dial("a.example", port);
            let _ = stream.write_all(&[start.as_bytes(), &rest].concat()).await;
            let _ = stream.shutdown().await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            place.rest().await;
            assert!(!place.seen.snapshot().is_empty(), "nothing was told");
        });
    }
}
