//! Packets for a raw socket, which may come from any address.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

const ICMP: u8 = 1;
const UDP: u8 = 17;
const ICMP6: u8 = 58;
/// Hops that a packet has left; nobody counts them here.
const HOPS: u8 = 64;
/// Length of a header of UDP, and of an ICMP message before what it is about.
const HEADER: usize = 8;

/// A packet with one UDP datagram in it (RFC 768). None where the families differ or it is too
/// long.
pub fn datagram(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Option<Vec<u8>> {
    let mut message = header(from, to, payload.len())?;
    message.extend(payload);
    let sum = match checksum(UDP, from.ip(), to.ip(), &message) {
        0 => 0xffff,
        sum => sum,
    };
    message[6..8].copy_from_slice(&sum.to_be_bytes());
    packet(UDP, from.ip(), to.ip(), &message)
}

/// The packet by which the machine at `to` says that nobody takes a datagram that came to it from
/// `from`, its payload `length` bytes long: port unreachable (RFC 792; RFC 4443, section 3.1).
pub fn refusal(from: SocketAddr, to: SocketAddr, length: usize) -> Option<Vec<u8>> {
    let (protocol, kind, code) = match to.ip() {
        IpAddr::V4(_) => (ICMP, 3, 3),
        IpAddr::V6(_) => (ICMP6, 1, 4),
    };
    let mut message = vec![kind, code, 0, 0, 0, 0, 0, 0];
    let about = header(from, to, length)?;
    message.extend(packet(UDP, from.ip(), to.ip(), &about)?);
    let sum = match protocol {
        ICMP => fold(words(&message)),
        _ => checksum(protocol, to.ip(), from.ip(), &message),
    };
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    packet(protocol, to.ip(), from.ip(), &message)
}

/// The header of a datagram, without its checksum.
fn header(from: SocketAddr, to: SocketAddr, payload: usize) -> Option<Vec<u8>> {
    let length = u16::try_from(HEADER + payload).ok()?;
    let mut header = Vec::with_capacity(HEADER + payload);
    header.extend(from.port().to_be_bytes());
    header.extend(to.port().to_be_bytes());
    header.extend(length.to_be_bytes());
    header.extend([0, 0]);
    Some(header)
}

/// A message in a packet (RFC 791, section 3.1; RFC 8200, section 3).
fn packet(protocol: u8, from: IpAddr, to: IpAddr, message: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(message.len()).ok()?;
    let mut packet = Vec::with_capacity(40 + message.len());
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            packet.extend([0x45, 0]);
            packet.extend(length.checked_add(20)?.to_be_bytes());
            packet.extend([0, 0, 0, 0, HOPS, protocol, 0, 0]);
            packet.extend(from.octets());
            packet.extend(to.octets());
            let sum = fold(words(&packet));
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            packet.extend([0x60, 0, 0, 0]);
            packet.extend(length.to_be_bytes());
            packet.extend([protocol, HOPS]);
            packet.extend(from.octets());
            packet.extend(to.octets());
        }
        _ => return None,
    }
    packet.extend(message);
    Some(packet)
}

/// The checksum that covers a pseudo header of addresses, protocol and length as well.
fn checksum(protocol: u8, from: IpAddr, to: IpAddr, message: &[u8]) -> u16 {
    let address = |ip| match ip {
        IpAddr::V4(ip) => words(&ip.octets()),
        IpAddr::V6(ip) => words(&Ipv6Addr::octets(&ip)),
    };
    let pseudo = u32::from(protocol) + message.len() as u32 + address(from) + address(to);
    fold(pseudo + words(message))
}

/// The sum of 16-bit words; at most 32,780 of them, so it fits.
fn words(bytes: &[u8]) -> u32 {
    bytes
        .chunks(2)
        .map(|c| u32::from(c[0]) << 8 | c.get(1).map_or(0, |b| u32::from(*b)))
        .sum()
}

fn fold(mut sum: u32) -> u16 {
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_come_out_even() {
        let from = "1.2.3.4:53".parse().unwrap();
        let to = "10.0.2.100:40000".parse().unwrap();
        let packet = datagram(from, to, b"odd").unwrap();
        assert_eq!(fold(words(&packet[..20])), 0);
        let pseudo = 17 + 11 + words(&packet[12..20]);
        assert_eq!(fold(pseudo + words(&packet[20..])), 0);
        let six = "[2606:4700::1]:53".parse().unwrap();
        assert!(datagram(six, to, b"").is_none());
        assert!(datagram(from, to, &vec![0; 65_536]).is_none());
        assert_eq!(datagram(six, six, b"x").unwrap().len(), 49);
    }

    #[test]
    fn a_refusal_names_the_datagram_it_is_about() {
        let from = "10.0.2.100:40000".parse().unwrap();
        let to = "1.2.3.4:443".parse().unwrap();
        let refused = refusal(from, to, 1200).unwrap();
        let sent = datagram(from, to, &[0; 1200]).unwrap();
        assert_eq!(refused[12..20], [1, 2, 3, 4, 10, 0, 2, 100]);
        assert_eq!(refused[20..22], [3, 3]);
        assert_eq!(fold(words(&refused[20..])), 0);
        // The header's length and checksum are those of what is quoted alone.
        assert_eq!(refused[28 + 12..28 + 26], sent[12..26]);

        let from = "[fd00::2]:40000".parse().unwrap();
        let to = "[2606:4700::1]:443".parse().unwrap();
        let refused = refusal(from, to, 1200).unwrap();
        assert_eq!(refused[40..42], [1, 4]);
        let pseudo = 58 + (refused.len() - 40) as u32 + words(&refused[8..40]);
        assert_eq!(fold(pseudo + words(&refused[40..])), 0);
    }
}
