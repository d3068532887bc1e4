//! STUN (RFC 8489): a client asks from which address it is seen. Binding requests alone; relays
//! and everything that needs a password are left unanswered, as by the public servers.

use std::net::{IpAddr, SocketAddr};

const COOKIE: [u8; 4] = 0x2112_a442u32.to_be_bytes();
/// A header: type, length, cookie, transaction (section 5).
const HEADER: usize = 20;
const REQUEST: [u8; 2] = [0, 1];
const XOR_MAPPED_ADDRESS: [u8; 2] = [0, 0x20];

/// The response to a binding request that `seen` sent; none to anything else.
pub fn response(request: &[u8], seen: SocketAddr) -> Option<Vec<u8>> {
    let (header, attributes) = request.split_first_chunk::<HEADER>()?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[..2] != REQUEST || header[4..8] != COOKIE || length != attributes.len() {
        return None;
    }
    // Section 14.2: port and address, each exclusive or'ed with what stands before the attributes.
    let mask = &header[4..];
    let (family, octets) = match seen.ip() {
        IpAddr::V4(ip) => (1, ip.octets().to_vec()),
        IpAddr::V6(ip) => (2, ip.octets().to_vec()),
    };
    let masked = |bytes: &[u8]| -> Vec<u8> { bytes.iter().zip(mask).map(|(a, b)| a ^ b).collect() };
    let mut value = vec![0, family];
    value.extend(masked(&seen.port().to_be_bytes()));
    value.extend(masked(&octets));
    let mut response = vec![1, 1];
    response.extend((value.len() as u16 + 4).to_be_bytes());
    response.extend(mask);
    response.extend(XOR_MAPPED_ADDRESS);
    response.extend((value.len() as u16).to_be_bytes());
    response.extend(value);
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request() -> Vec<u8> {
        // The transaction of the standard's own examples (RFC 5769, section 2.1).
        let transaction = [
            0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae,
        ];
        [&[0, 1, 0, 0][..], &COOKIE, &transaction].concat()
    }

    #[test]
    fn addresses_are_told_as_in_the_examples_of_the_standard() {
        // RFC 5769, sections 2.2 and 2.3.
        let four = response(&request(), "192.0.2.1:32853".parse().unwrap()).unwrap();
        assert_eq!(four[..4], [1, 1, 0, 12]);
        assert_eq!(
            four[20..],
            [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]
        );
        let six = "[2001:db8:1234:5678:11:2233:4455:6677]:32853";
        let six = response(&request(), six.parse().unwrap()).unwrap();
        assert_eq!(
            six[26..36],
            [0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79]
        );
    }

    #[test]
    fn nothing_else_is_answered() {
        let seen = "192.0.2.1:1".parse().unwrap();
        let mut other = request();
        other[1] = 3;
        assert_eq!(response(&other, seen), None);
        assert_eq!(response(&request()[..19], seen), None);
        assert_eq!(response(&[request(), vec![0]].concat(), seen), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_bytes_panic(start in 0usize..21, rest in proptest::collection::vec(any::<u8>(), 0..60)) {
            let bytes = [&request()[..start.min(20)], &rest].concat();
            response(&bytes, "[::1]:1".parse().unwrap());
        }
    }
}
