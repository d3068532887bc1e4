//! Echo requests (RFC 792; RFC 4443, section 4.1). The kernel inside answers them, since every
//! address is its own; here they are told, with the destination and what they carry.

use super::shared::Shared;
use super::sys;
use crate::effect::{Body, Datagram, Kind, Peer};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::Interest;

/// Type, code, checksum, identifier, sequence number.
const HEADER: usize = 8;
const REQUEST4: u8 = 8;
const REQUEST6: u8 = 128;

/// Listens on a raw socket of ICMP, or of ICMPv6 that tells destinations by
/// `IPV6_RECVPKTINFO`, until the task is dropped.
pub async fn serve(shared: Arc<Shared>, socket: OwnedFd, v6: bool) -> io::Result<()> {
    // No datagram of UDP will ever come out of it; the type is what there is for a socket whose
    // messages are whole and are read otherwise.
    let socket = UdpSocket::from(socket);
    socket.set_nonblocking(true)?;
    let socket = tokio::net::UdpSocket::from_std(socket)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let receive = || sys::receive(socket.as_fd(), &mut buffer);
        let got = match socket.async_io(Interest::READABLE, receive).await {
            Ok(got) => got,
            // A shortage: the next message may be fine.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(1)).await;
                continue;
            }
        };
        let message = &buffer[..got.len];
        let found = match v6 {
            true => echo(message, REQUEST6).zip(got.to.map(|to| to.ip())),
            false => packet(message),
        };
        if let Some((payload, to)) = found {
            shared.stats.datagrams.fetch_add(1, Ordering::Relaxed);
            let address = SocketAddr::new(to, 0);
            shared.emit(Kind::Datagram(Datagram {
                protocol: "icmp".into(),
                peer: Peer {
                    host: shared.host_of(address),
                    address,
                },
                payload: Body::new(payload),
            }));
        }
    }
}

/// What an echo request in an IPv4 packet carries, and where it goes (RFC 791, section 3.1).
pub(super) fn packet(packet: &[u8]) -> Option<(&[u8], IpAddr)> {
    let head = 4 * usize::from(packet.first()? & 0xf);
    let to = Ipv4Addr::from(*packet.get(16..)?.first_chunk::<4>()?);
    Some((echo(packet.get(head..)?, REQUEST4)?, to.into()))
}

/// What an echo request carries. Identifier and sequence number are the kernel's to choose.
fn echo(message: &[u8], request: u8) -> Option<&[u8]> {
    (message.first() == Some(&request))
        .then(|| message.get(HEADER..))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requests_are_told_from_answers() {
        let mut bytes = vec![0x45; 20];
        bytes[16..20].copy_from_slice(&[203, 0, 113, 9]);
        bytes.extend([8, 0, 0, 0, 0, 1, 0, 1]);
        bytes.extend(b"data");
        let to: IpAddr = "203.0.113.9".parse().unwrap();
        assert_eq!(packet(&bytes), Some((&b"data"[..], to)));
        bytes[20] = 0;
        assert_eq!(packet(&bytes), None);
        assert_eq!(
            echo(&[128, 0, 0, 0, 0, 1, 0, 1, 7], REQUEST6),
            Some(&[7][..])
        );
        assert_eq!(echo(&[129, 0, 0, 0, 0, 1, 0, 1, 7], REQUEST6), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            packet(&bytes);
            echo(&bytes, REQUEST6);
        }
    }
}
