//! What holds of everything that reads what a server sends out, whatever it is: asked by fuzzers,
//! and by the tests with the seeds that fuzzers start from.

use super::http::coding;
use super::link::Link;
use super::mock::Json;
use super::sniff::{First, classify};
use super::stream::Stream;
use super::{
    Ca, Config, ImapPlace, Limits, Sockets, World, connection, dns, git, icmp, imap, smtp, stun,
};
use crate::effect::{Body, Kept, Kind};
use crate::secret::Seed;
use flate2::{Compression, write::GzEncoder};
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio::runtime::{Builder, Runtime};

/// More than any answer to so short a connection.
const ANSWERS: u64 = 16 << 20;
/// Bytes that a coded body may grow to.
const UNDONE: usize = 64 << 10;

/// HTTP/1.
pub fn http(data: &[u8]) {
    connection(80, data, <[u8]>::to_vec);
}

/// HTTP/2 without TLS.
pub fn http2(data: &[u8]) {
    connection(80, data, |bytes| {
        [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bytes].concat()
    });
}

/// Frames of a WebSocket.
pub fn websocket(data: &[u8]) {
    let head = b"GET /ws HTTP/1.1\r\nHost: live.example\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    connection(80, data, |bytes| [head, bytes].concat());
}

/// DNS over HTTPS, inside its TLS.
pub fn doh(data: &[u8]) {
    connection(80, data, |bytes| {
        let head = format!(
            "POST /dns-query HTTP/1.1\r\nHost: dns.example\r\n\
             Content-Type: application/dns-message\r\nContent-Length: {}\r\n\r\n",
            bytes.len()
        );
        [head.as_bytes(), bytes].concat()
    });
}

/// DNS over TCP.
pub fn dns_stream(data: &[u8]) {
    connection(53, data, <[u8]>::to_vec);
}

/// A mail client, from the first command to the last mail.
pub fn smtp(data: &[u8]) {
    connection(25, data, <[u8]>::to_vec);
}

/// A client of mailboxes.
pub fn imap(data: &[u8]) {
    connection(143, data, <[u8]>::to_vec);
}

/// FTP, and whatever else begins in lines.
pub fn ftp(data: &[u8]) {
    connection(21, data, <[u8]>::to_vec);
}

/// The beginning of TLS.
pub fn tls_hello(data: &[u8]) {
    connection(443, data, <[u8]>::to_vec);
}

/// Redis.
pub fn redis(data: &[u8]) {
    connection(6379, data, <[u8]>::to_vec);
}

/// PostgreSQL.
pub fn postgres(data: &[u8]) {
    connection(5432, data, <[u8]>::to_vec);
}

/// MySQL.
pub fn mysql(data: &[u8]) {
    connection(3306, data, <[u8]>::to_vec);
}

/// MongoDB.
pub fn mongo(data: &[u8]) {
    connection(27017, data, <[u8]>::to_vec);
}

/// SOCKS, and what goes through it.
pub fn socks(data: &[u8]) {
    connection(1080, data, <[u8]>::to_vec);
}

/// A connection of no known protocol, and where it turns out to be one.
pub fn first_bytes(data: &[u8]) {
    let whole = classify(data);
    for cut in 0..data.len().min(64) {
        let early = classify(&data[..cut]);
        let fits = early == First::More
            || early == whole
            || early == First::Socks
            || whole == First::Mongo;
        assert!(fits, "{early:?} {whole:?}");
    }
    connection(4444, data, <[u8]>::to_vec);
}

/// Says what was made of the data after its first byte, at once and in pieces as long as the first
/// byte says: something is told of it, the same either way, nothing is left open, and all memory
/// comes back.
fn connection(port: u16, data: &[u8], make: impl Fn(&[u8]) -> Vec<u8>) {
    let Some((size, data)) = data.split_first() else {
        return;
    };
    let bytes = make(data);
    let whole = told(port, &bytes, 64 << 10);
    assert!(!whole.is_empty(), "nothing was told");
    let size = usize::from(*size) % 64 + 1;
    let pieces = told(port, &bytes, size);
    // What a proxy leads to begins with whatever comes after its request.
    let to_proxy = whole.iter().find_map(|one| one.strip_prefix("flow socks "));
    let len = to_proxy.and_then(|flow| flow.split(' ').next()?.parse().ok());
    let inner = len
        .and_then(|len: usize| bytes.get(len..))
        .unwrap_or_default();
    let alike = begins_alike(&bytes, size) && begins_alike(inner, 1);
    if alike && ![&whole, &pieces].into_iter().any(|told| gives_up(told)) {
        assert_eq!(pieces, whole);
    }
}

/// Whether it is the same protocol that begins with the first piece and with all: of one, the
/// greeting has to be answered before what follows shows that it was none; of another, less than
/// a header is never waited for.
fn begins_alike(bytes: &[u8], size: usize) -> bool {
    let whole = classify(bytes);
    let cuts = (size..bytes.len().min(300)).step_by(size);
    let early = cuts
        .map(|cut| classify(&bytes[..cut]))
        .find(|early| *early != First::More);
    early.is_none_or(|early| early == whole)
}

/// Whether a library of others gave up on what came: how far it had read by then, and what of
/// requests that came with it it has made, is its own affair.
fn gives_up(told: &[String]) -> bool {
    let asked = told.iter().any(|one| one.starts_with("http "));
    let of_http =
        |one: &String| one.starts_with("flow http") || asked && one.starts_with("flow silent");
    told.iter()
        .any(|one| of_http(one) || one.contains("Malformed("))
}

fn told(port: u16, bytes: &[u8], size: usize) -> Vec<String> {
    in_a_world(async |world, effects| {
        let (mut ours, theirs) = duplex(size);
        let shared = Arc::clone(world.shared());
        let at = SocketAddr::new(Ipv4Addr::new(3, 4, 5, 6).into(), port);
        let link = Link::to(Some("a.example".to_owned()), at);
        let hold = shared.busy.hold();
        let served = tokio::spawn(connection::serve(shared, Stream::new(theirs), link, hold));
        let talk = async {
            let (read, mut write) = tokio::io::split(&mut ours);
            let write = async {
                let _ = write.write_all(bytes).await;
                let _ = write.shutdown().await;
            };
            let mut answers = Vec::new();
            let mut read = read.take(ANSWERS);
            let ((), read) = tokio::join!(write, read.read_to_end(&mut answers));
            assert!(
                read.unwrap_or_default() < ANSWERS as usize,
                "an endless answer"
            );
        };
        talk.await;
        drop(ours);
        if let Err(e) = served.await {
            std::panic::resume_unwind(e.into_panic());
        }
        let shared = Arc::clone(world.shared());
        world.close().await;
        assert_eq!(shared.busy.count(), 0, "something is still under way");
        assert!(
            shared.budget.take(Limits::default().memory),
            "memory was kept"
        );
        effects.take().iter().map(said).collect()
    })
}

/// What was sent, without what depends on the hour.
fn said(kind: &Kind) -> String {
    match kind {
        Kind::Http(h) => format!(
            "http {} {} {} {} {:?} {} {}, {} {}",
            h.version,
            h.method,
            h.authority,
            h.target,
            h.headers,
            h.body.len,
            h.body.sha256,
            h.reply.status,
            h.reply.by
        ),
        Kind::Mail(m) => format!(
            "mail {} {:?} {} {} {:?} {:?} {} {}",
            m.helo,
            m.auth,
            m.mail_from,
            m.mail_from_params,
            m.rcpt_to,
            m.rcpt_refused,
            m.raw.sha256,
            m.parts.len()
        ),
        Kind::Flow(f) => format!(
            "flow {} {} {:?} {:?}",
            f.protocol, f.sent.len, f.sent.kept, f.fields
        ),
        other => format!("{other:?}"),
    }
}

/// A fresh world without sockets, on a clock that jumps.
fn in_a_world<T>(act: impl AsyncFnOnce(World, Arc<Kept>) -> T) -> T {
    thread_local! {
        static RUNTIME: Runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime needs nothing that a process has not");
    }
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let effects = Arc::new(Kept::default());
            let world = World::open(Sockets::default(), config(), Arc::clone(&effects) as _);
            act(
                world.expect("nothing can go wrong without a socket"),
                effects,
            )
            .await
        })
    })
}

fn config() -> Config {
    static CA: OnceLock<Arc<Ca>> = OnceLock::new();
    let ca = CA.get_or_init(|| Arc::new(Ca::new().expect("certificates can be made")));
    Config {
        ca: Arc::clone(ca),
        upstreams: Vec::new(),
        smtp: Vec::new(),
        imap: vec![ImapPlace {
            host: "mailboxes.example".to_owned(),
            port: 143,
        }],
        sink_mock: Arc::new(Json::sink(Seed(7))),
        cues: Default::default(),
        seed: Seed(7),
        limits: Limits::default(),
    }
}

/// A message to a resolver: what answers it is an answer to it and fits, and something is told.
pub fn dns(data: &[u8]) {
    in_a_world(async |world, effects| {
        let at = SocketAddr::new(Ipv4Addr::new(9, 9, 9, 9).into(), 53);
        for (transport, room) in [("udp", 1232), ("tcp", usize::from(u16::MAX))] {
            let reply = dns::resolve(world.shared(), data, transport, at);
            assert!(!effects.take().is_empty(), "nothing was told");
            let Some(reply) = reply else { continue };
            assert!((12..=room).contains(&reply.len()), "{}", reply.len());
            assert_eq!(reply[..2], data[..2], "the answer to something else");
            assert_eq!(reply[2] & 0x80, 0x80, "no answer");
            if reply[5] == 1 {
                let question = 12 + data[12..].iter().position(|b| *b == 0).unwrap_or(0) + 5;
                assert_eq!(reply[12..question], data[12..question], "another question");
            }
        }
    });
}

/// Content codings: nothing grows beyond the bound, and what was coded comes back.
pub fn coding(data: &[u8]) {
    const CODINGS: [&str; 8] = [
        "gzip",
        "deflate",
        "br",
        "zstd",
        "gzip, br",
        "br, gzip",
        "zstd, deflate",
        "deflate, zstd, gzip",
    ];
    let Some((which, body)) = data.split_first() else {
        return;
    };
    let codings = CODINGS[usize::from(*which) % CODINGS.len()];
    if let Some(undone) = coding::undo(body, codings, UNDONE) {
        assert!(undone.len() <= UNDONE, "{codings}: {}", undone.len());
    }
    let mut coder = GzEncoder::new(Vec::new(), Compression::fast());
    let coded = coder
        .write_all(body)
        .and_then(|()| coder.finish())
        .unwrap_or_default();
    let undone = coding::undo(&coded, "gzip", body.len());
    assert_eq!(undone.as_deref(), Some(body));
}

/// A mail: bounded, whole in one part where it has none, and as IMAP describes it, in one line.
pub fn mail(data: &[u8]) {
    let (headers, parts) = smtp::message::parse(data);
    assert!(headers.len() <= 2000 && (1..=256).contains(&parts.len()));
    let held: u64 = parts.iter().map(|part| part.body.len).sum();
    // A character of one byte may be one of three in UTF-8; a byte that is none becomes three.
    assert!(held <= 8 * data.len() as u64 + 64, "{held}");
    let part = imap::message::Part::read(data);
    for extended in [false, true] {
        is_one_line(&part.structure(data, extended));
    }
    is_one_line(&imap::message::envelope(data));
    for path in [&[][..], &[1], &[2], &[1, 1], &[1, 2, 1]] {
        if let Some(found) = part.find(path) {
            assert!(found.header.end <= found.body.start && found.body.end <= data.len());
        }
    }
}

/// Text of the protocol: parentheses closed, quotes closed, literals as long as they say, and no
/// other end of a line.
fn is_one_line(text: &str) {
    let (mut open, mut quoted, mut escaped) = (0i64, false, false);
    let mut literal = 0;
    for (at, c) in text.char_indices() {
        match c {
            _ if at < literal => {}
            '{' if !quoted => {
                let (len, _) = text[at + 1..]
                    .split_once("}\r\n")
                    .expect("a literal begins so");
                literal = at + len.len() + 4 + len.parse::<usize>().expect("a length");
                assert!(text.is_char_boundary(literal), "{text:?}");
            }
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' if !quoted => open += 1,
            ')' if !quoted => open -= 1,
            c => assert!(!c.is_control(), "{text:?}"),
        }
        assert!(open >= 0, "{text:?}");
    }
    assert!(open == 0 && !quoted, "{text:?}");
}

/// What a client of git pushes: the answer is lines with their lengths, each of which fits.
pub fn git(data: &[u8]) {
    let said = git::report(data);
    let mut rest = &said[..];
    while !rest.is_empty() && rest != b"0000" {
        let read = git::read_line(rest);
        assert!(
            read.is_some(),
            "no line: {:?}",
            String::from_utf8_lossy(rest)
        );
        rest = read.map_or(&b""[..], |(_, rest)| rest);
    }
    assert!(said.len() <= 2 * data.len() + 64);
}

/// Datagrams: an answer that belongs to its question, a payload that was sent.
pub fn datagram(data: &[u8]) {
    for seen in ["192.0.2.1:32853", "[2001:db8::7]:9"] {
        let Ok(seen) = seen.parse() else { continue };
        if let Some(answer) = stun::response(data, seen) {
            assert_eq!(answer[4..20], data[4..20], "of another transaction");
            assert_eq!(answer.len(), 20 + usize::from(answer[3]));
        }
    }
    if let Some((payload, _)) = icmp::packet(data) {
        assert!(data.ends_with(payload));
    }
    let body = Body::new(data);
    assert_eq!(body.len, data.len() as u64);
}
