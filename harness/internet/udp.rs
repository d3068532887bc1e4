//! Datagrams: questions for the resolver, the clock and the own address are answered, everything
//! else is only recorded. QUIC is recognised and refused, so that clients fall back to TCP at once.

use super::dns;
use super::names;
use super::packet;
use super::shared::Shared;
use super::stun;
use super::sys;
use crate::effect::{Body, Datagram, Kind, Peer};
use socket2::{SockAddr, Socket};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};
use tokio::io::Interest;

/// Receives on `socket` until the task is dropped. Replies leave through `raw`, which can take any
/// source address; without it through `socket` itself.
pub async fn serve(shared: Arc<Shared>, socket: OwnedFd, raw: Option<OwnedFd>) -> io::Result<()> {
    let socket = UdpSocket::from(socket);
    socket.set_nonblocking(true)?;
    let local = socket.local_addr()?;
    let socket = tokio::net::UdpSocket::from_std(socket)?;
    let raw = raw.map(Socket::from);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let receive = || sys::receive(socket.as_fd(), &mut buffer);
        let got = match socket.async_io(Interest::READABLE, receive).await {
            Ok(got) => got,
            // An unreachable earlier receiver, or a shortage: the next datagram may be fine.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            }
        };
        let to = got.to.unwrap_or(local);
        shared.stats.datagrams.fetch_add(1, Ordering::Relaxed);
        let Some(reply) = answer(&shared, &buffer[..got.len], got.from, to) else {
            continue;
        };
        // A reply that cannot be sent is a datagram lost, which UDP allows.
        let packet = match (&raw, &reply) {
            (Some(_), Reply::Datagram(reply)) => packet::datagram(to, got.from, reply),
            (Some(_), Reply::Refusal) => packet::refusal(got.from, to, got.len),
            (None, Reply::Datagram(reply)) => {
                let _ = socket.send_to(reply, got.from).await;
                None
            }
            // Nobody else may speak for another machine's address.
            (None, Reply::Refusal) => None,
        };
        if let (Some(raw), Some(packet)) = (&raw, packet) {
            let _ = raw.send_to(&packet, &SockAddr::from(SocketAddr::new(got.from.ip(), 0)));
        }
    }
}

enum Reply {
    Datagram(Vec<u8>),
    /// Nobody is there to take it.
    Refusal,
}

fn answer(shared: &Shared, payload: &[u8], from: SocketAddr, to: SocketAddr) -> Option<Reply> {
    if to.port() == 53 {
        return dns::resolve(shared, payload, "udp", to).map(Reply::Datagram);
    }
    let quic = is_quic(payload);
    shared.emit(Kind::Datagram(Datagram {
        protocol: if quic { "quic" } else { "udp" }.into(),
        peer: Peer {
            host: shared.host_of(to),
            address: to,
        },
        payload: Body::new(payload),
    }));
    if quic {
        return Some(Reply::Refusal);
    }
    let reply = match to.port() {
        123 => ntp(payload, shared.now()),
        _ => stun::response(payload, names::seen_as(from)),
    };
    reply.map(Reply::Datagram)
}

/// A long header of QUIC's first packet (RFC 9000, section 17.2; RFC 9369, section 3).
fn is_quic(payload: &[u8]) -> bool {
    let [first, a, b, c, d, ..] = payload else {
        return false;
    };
    let version = u32::from_be_bytes([*a, *b, *c, *d]);
    first & 0xc0 == 0xc0
        && payload.len() >= 1200
        && (matches!(version, 1 | 0x6b33_43cf) || version >> 8 == 0xff_0000)
}

/// The reply of a time server (RFC 5905, section 7.3) to a client's request.
fn ntp(request: &[u8], now: SystemTime) -> Option<Vec<u8>> {
    const FROM_1900: u64 = 2_208_988_800;
    if request.len() < 48 || request[0] & 7 != 3 {
        return None;
    }
    let since = now.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    let stamp = ((since.as_secs() + FROM_1900) << 32 | fraction).to_be_bytes();
    let mut reply = vec![0; 48];
    // The client's version, mode server; stratum 2, as a public pool's machine.
    reply[..4].copy_from_slice(&[request[0] & 0x38 | 4, 2, 6, 0xe9]);
    reply[10..12].copy_from_slice(&[0x02, 0x10]);
    reply[12..16].copy_from_slice(&[17, 253, 34, 123]);
    reply[16..24].copy_from_slice(&stamp);
    reply[24..32].copy_from_slice(&request[40..48]);
    reply[32..40].copy_from_slice(&stamp);
    reply[40..48].copy_from_slice(&stamp);
    Some(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_request_is_answered_with_its_own_stamp() {
        let mut request = vec![0; 48];
        request[0] = 0x23;
        request[40..].copy_from_slice(b"abcdefgh");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
        let reply = ntp(&request, now).unwrap();
        assert_eq!((reply[0], &reply[24..32]), (0x24, &b"abcdefgh"[..]));
        assert_eq!(reply[40..44], 2_208_988_801u32.to_be_bytes());
        assert_eq!(ntp(&request[..40], now), None);
    }

    #[test]
    fn quic_is_recognised_by_its_first_packet() {
        let mut packet = vec![0; 1200];
        packet[..5].copy_from_slice(&[0xc3, 0, 0, 0, 1]);
        assert!(is_quic(&packet));
        assert!(!is_quic(&packet[..600]));
        assert!(!is_quic(b""));
    }
}
