//! Which address a name has, and which name an address was given for. Addresses are a function
//! of the name alone, so every run and both versions see the same internet.

use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Names remembered for the way back; a flood of names beyond that still resolves.
const REMEMBERED: usize = 1 << 16;

/// First octets that hold no special-use block (RFC 6890) and where public services really live.
const FIRST_OCTET: [u8; 16] = [
    3, 13, 15, 18, 20, 23, 34, 35, 40, 44, 50, 52, 54, 63, 65, 104,
];

/// Global unicast prefixes of the same kind.
const PREFIX6: [[u16; 2]; 4] = [
    [0x2600, 0x1f18],
    [0x2606, 0x4700],
    [0x2a00, 0x1450],
    [0x2a04, 0x4e42],
];

/// Both addresses of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    pub v4: Ipv4Addr,
    pub v6: Option<Ipv6Addr>,
}

impl Addresses {
    pub fn contains(&self, ip: IpAddr) -> bool {
        match ip {
            IpAddr::V4(ip) => ip == self.v4,
            IpAddr::V6(ip) => Some(ip) == self.v6,
        }
    }
}

/// The address book of one world.
#[derive(Debug, Default)]
pub struct Names {
    /// Names that resolve although a public resolver would not know them: upstreams of the scenario.
    known: Vec<String>,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    addresses: HashMap<Arc<str>, Addresses>,
    v4: HashMap<Ipv4Addr, Arc<str>>,
    v6: HashMap<Ipv6Addr, Arc<str>>,
}

impl Names {
    /// A book in which `known` names resolve even where they are single labels or end in a
    /// special-use domain. Names are lower case without the final dot, here and below.
    pub fn new(known: Vec<String>) -> Self {
        Self {
            known,
            book: Mutex::default(),
        }
    }

    /// The addresses of `name`, the same every time; none where a public resolver answers that
    /// there is no such name.
    pub fn resolve(&self, name: &str) -> Option<Addresses> {
        let known = self.known.iter().any(|k| k == name);
        if !known {
            match special(name) {
                Special::No => {}
                Special::At(addresses) => return Some(addresses),
                Special::Nowhere => return None,
            }
        }
        let mut book = self.book();
        if let Some(found) = book.addresses.get(name) {
            return Some(*found);
        }
        // Two names on one address would make their connections look alike: the later one moves on.
        let addresses = (0u32..)
            .map(|attempt| derived(name, attempt))
            .find(|a| book.is_free(*a))?;
        if book.addresses.len() < REMEMBERED {
            let name: Arc<str> = Arc::from(name);
            book.v4.insert(addresses.v4, Arc::clone(&name));
            if let Some(v6) = addresses.v6 {
                book.v6.insert(v6, Arc::clone(&name));
            }
            book.addresses.insert(name, addresses);
        }
        Some(addresses)
    }

    /// The name that `ip` was given out for.
    pub fn name_of(&self, ip: IpAddr) -> Option<String> {
        let book = self.book();
        let name = match ip.to_canonical() {
            IpAddr::V4(ip) => book.v4.get(&ip),
            IpAddr::V6(ip) => book.v6.get(&ip),
        };
        name.map(|n| n.to_string())
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn is_free(&self, at: Addresses) -> bool {
        !self.v4.contains_key(&at.v4) && at.v6.is_none_or(|v6| !self.v6.contains_key(&v6))
    }
}

/// What becomes of a name that the public DNS does not answer like others.
enum Special {
    No,
    At(Addresses),
    Nowhere,
}

fn special(name: &str) -> Special {
    let last = name.rsplit('.').next().unwrap_or(name);
    match name {
        "localhost" => return Special::At(LOOPBACK),
        // What the resolvers of Google's and Amazon's machines answer: a server that asks for
        // its cloud's credentials must get as far as asking.
        "metadata.google.internal" | "metadata" | "instance-data.ec2.internal" => {
            return Special::At(METADATA);
        }
        _ => {}
    }
    match last {
        "localhost" => Special::At(LOOPBACK),
        // RFC 6761 section 6.4, RFC 6762 section 3, RFC 7686 section 2; `arpa` holds no hosts.
        "invalid" | "local" | "onion" | "arpa" | "" => Special::Nowhere,
        _ if !name.contains('.') => Special::Nowhere,
        _ if last.bytes().all(|b| b.is_ascii_digit()) => Special::Nowhere,
        _ => Special::No,
    }
}

const LOOPBACK: Addresses = Addresses {
    v4: Ipv4Addr::LOCALHOST,
    v6: Some(Ipv6Addr::LOCALHOST),
};

const METADATA: Addresses = Addresses {
    v4: Ipv4Addr::new(169, 254, 169, 254),
    v6: None,
};

/// The address that others see what comes from `own` as: the home's router has one for all, but of
/// IPv6 there are enough.
pub fn seen_as(own: SocketAddr) -> SocketAddr {
    match own.ip() {
        IpAddr::V4(_) => SocketAddr::new(derived("the home's router", 0).v4.into(), own.port()),
        IpAddr::V6(_) => own,
    }
}

fn derived(name: &str, attempt: u32) -> Addresses {
    let mut hash = Sha256::new();
    hash.update(name.as_bytes());
    hash.update(attempt.to_le_bytes());
    let h: [u8; 32] = hash.finalize().into();
    let first = FIRST_OCTET[usize::from(h[0]) % FIRST_OCTET.len()];
    // A last octet of 0 or 255 looks like a network or a broadcast address.
    let v4 = Ipv4Addr::new(first, h[1], h[2], 1 + h[3] % 254);
    let prefix = PREFIX6[usize::from(h[4]) % PREFIX6.len()];
    let part = |i: usize| u16::from_be_bytes([h[i], h[i + 1]]);
    let v6 = Ipv6Addr::new(
        prefix[0],
        prefix[1],
        part(5),
        part(7),
        0,
        part(9),
        part(11),
        part(13),
    );
    Addresses { v4, v6: Some(v6) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_keeps_its_address_and_finds_its_way_back() {
        let names = Names::default();
        let at = names.resolve("api.postmarkapp.com").unwrap();
        assert_eq!(Names::default().resolve("api.postmarkapp.com"), Some(at));
        assert_eq!(
            names.name_of(at.v4.into()).as_deref(),
            Some("api.postmarkapp.com")
        );
        assert_eq!(
            names.name_of(at.v6.unwrap().into()).as_deref(),
            Some("api.postmarkapp.com")
        );
        assert_eq!(names.name_of(Ipv4Addr::new(1, 2, 3, 4).into()), None);
    }

    #[test]
    fn names_without_a_place_in_the_public_tree_do_not_resolve() {
        let names = Names::new(vec!["redis".into()]);
        for nowhere in [
            "printer",
            "x.invalid",
            "box.local",
            "10.0.0.1",
            "a.onion",
            "",
        ] {
            assert_eq!(names.resolve(nowhere), None, "{nowhere}");
        }
        assert!(names.resolve("redis").is_some());
        assert_eq!(names.resolve("a.localhost"), Some(LOOPBACK));
        assert_eq!(names.resolve("metadata.google.internal"), Some(METADATA));
    }

    #[test]
    fn many_names_have_as_many_addresses() {
        let names = Names::default();
        let all: std::collections::HashSet<_> = (0..60_000)
            .filter_map(|i| names.resolve(&format!("n{i}.example")))
            .map(|a| a.v4)
            .collect();
        assert_eq!(all.len(), 60_000);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn addresses_look_public(name in "[a-z0-9-]{1,20}\\.(example|com|internal)") {
            let at = derived(&name, 0);
            prop_assert!(!at.v4.is_private() && !at.v4.is_loopback() && !at.v4.is_link_local());
            prop_assert!(!at.v4.is_documentation() && !at.v4.is_multicast());
            prop_assert!(at.v4.octets()[0] != 198 && at.v4.octets()[0] != 192);
            let v6 = at.v6.unwrap().segments();
            prop_assert!(v6[0] & 0xe000 == 0x2000 && v6[0] != 0x2001 && v6[0] != 0x2002);
        }
    }
}
