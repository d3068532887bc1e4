//! SOCKS, all of its versions: 4 and 4a (Lee, "SOCKS: A protocol for TCP proxy across
//! firewalls"), 5 (RFC 1928) with its user names and passwords (RFC 1929). Every destination is
//! granted; binding and datagrams are refused, and the client is told so.

use super::{Dialogue, Heard, Message, Then, value};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest name of a user or a host in version 4, whose protocol sets no bound.
const NAME: usize = 255;

/// Whether these are the first bytes of one of its connections; none where more would tell. Only
/// methods that clients offer count: any bytes may begin with a five.
pub fn begins(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [] | [4 | 5] => None,
        [5, count @ 1..=3, methods @ ..] => {
            let count = usize::from(*count);
            let (offered, after) = methods.split_at(count.min(methods.len()));
            let known = offered.iter().all(|m| *m <= 2);
            match known && offered.len() < count {
                true => None,
                // What comes with it unasked is its password or its request.
                false => Some(known && after.first().is_none_or(|b| matches!(b, 1 | 5))),
            }
        }
        [4, 1 | 2, rest @ ..] => match rest.get(6..) {
            None => None,
            Some(user) => match memchr::memchr(0, user) {
                Some(end) => Some(printable(&user[..end])),
                None if user.len() <= NAME && printable(user) => None,
                None => Some(false),
            },
        },
        _ => Some(false),
    }
}

fn printable(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_graphic)
}

#[derive(Debug, Default)]
pub struct Socks {
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Methods,
    Password,
    Request,
}

impl Dialogue for Socks {
    fn name(&self) -> &'static str {
        "socks"
    }

    fn hear(&mut self, bytes: &[u8], _: bool) -> Heard {
        match (self.state, bytes) {
            (_, []) => Heard::More,
            (State::Methods, [4, ..]) => version4(bytes),
            (State::Methods, [5, ..]) => self.methods(bytes),
            (State::Password, [1, ..]) => self.password(bytes),
            (State::Request, [5, ..]) => version5(bytes),
            _ => Heard::Nonsense,
        }
    }
}

impl Socks {
    fn methods(&mut self, bytes: &[u8]) -> Heard {
        let Some(count) = bytes.get(1).map(|count| usize::from(*count)) else {
            return Heard::More;
        };
        let Some(methods) = bytes.get(2..2 + count) else {
            return Heard::More;
        };
        let len = 2 + count;
        // A password is asked for where there is one: it is to be seen.
        let (state, chosen) = match (methods.contains(&2), methods.contains(&0)) {
            (true, _) => (State::Password, 2),
            (false, true) => (State::Request, 0),
            (false, false) => {
                return Heard::Message(Message::new(len, vec![5, 0xff]).then(Then::End));
            }
        };
        self.state = state;
        Heard::Message(Message::new(len, vec![5, chosen]))
    }

    fn password(&mut self, bytes: &[u8]) -> Heard {
        let Some((user, rest)) = counted(&bytes[1..]) else {
            return Heard::More;
        };
        let Some((password, rest)) = counted(rest) else {
            return Heard::More;
        };
        self.state = State::Request;
        let message = Message::new(bytes.len() - rest.len(), vec![1, 0]);
        let message = message.with("user", value(user));
        Heard::Message(message.with("password", value(password)))
    }
}

/// A request of version 5 (RFC 1928, section 4).
fn version5(bytes: &[u8]) -> Heard {
    let Some(([_, command, _, kind], rest)) = bytes.split_first_chunk() else {
        return Heard::More;
    };
    let host = match kind {
        1 => rest
            .split_first_chunk()
            .map(|(ip, rest)| (Ipv4Addr::from(*ip).to_string(), rest)),
        3 => counted(rest).map(|(name, rest)| (host_name(name), rest)),
        4 => rest
            .split_first_chunk()
            .map(|(ip, rest)| (Ipv6Addr::from(*ip).to_string(), rest)),
        _ => return Heard::Nonsense,
    };
    let Some((host, rest)) = host else {
        return Heard::More;
    };
    let Some((port, rest)) = rest.split_first_chunk() else {
        return Heard::More;
    };
    let port = u16::from_be_bytes(*port);
    let len = bytes.len() - rest.len();
    // The proxy's own address is nobody's business.
    let reply = |code: u8| vec![5, code, 0, 1, 0, 0, 0, 0, 0, 0];
    let message = match command {
        1 => Message::new(len, reply(0)).then(Then::Tunnel(host.clone(), port)),
        _ => Message::new(len, reply(7)).then(Then::End),
    };
    Heard::Message(message.with("destination", destination(&host, port)))
}

/// A request of version 4, with a name after the user's where the address is none (4a).
fn version4(bytes: &[u8]) -> Heard {
    let Some(([_, command, high, low, ip @ ..], rest)) = bytes.split_first_chunk::<8>() else {
        return Heard::More;
    };
    let ended = |bytes: &[u8]| match memchr::memchr(0, bytes) {
        Some(end) if end <= NAME => Ok(end),
        None if bytes.len() <= NAME => Err(Heard::More),
        _ => Err(Heard::Nonsense),
    };
    let user = match ended(rest) {
        Ok(end) => &rest[..end],
        Err(heard) => return heard,
    };
    let mut len = 8 + user.len() + 1;
    let host = match ip {
        [0, 0, 0, last] if *last > 0 => {
            let name = &bytes[len..];
            match ended(name) {
                Ok(end) => {
                    len += end + 1;
                    host_name(&name[..end])
                }
                Err(heard) => return heard,
            }
        }
        ip => Ipv4Addr::from(*ip).to_string(),
    };
    let port = u16::from_be_bytes([*high, *low]);
    let reply = |code: u8| vec![0, code, 0, 0, 0, 0, 0, 0];
    let mut message = match command {
        1 => Message::new(len, reply(0x5a)).then(Then::Tunnel(host.clone(), port)),
        _ => Message::new(len, reply(0x5b)).then(Then::End),
    };
    if !user.is_empty() {
        message = message.with("user", value(user));
    }
    Heard::Message(message.with("destination", destination(&host, port)))
}

fn host_name(bytes: &[u8]) -> String {
    let name = String::from_utf8_lossy(bytes);
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn destination(host: &str, port: u16) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

/// Bytes with their length before them, and what follows.
fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said(socks: &mut Socks, bytes: &[u8]) -> Message {
        match socks.hear(bytes, false) {
            Heard::Message(m) => {
                assert_eq!(m.len, bytes.len());
                m
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn version_5_tells_its_password_and_where_it_leads() {
        let mut socks = Socks::default();
        assert_eq!(said(&mut socks, &[5, 2, 0, 2]).answer, [5, 2]);
        let m = said(&mut socks, b"\x01\x04alex\x03pw!");
        assert_eq!(
            m.fields,
            [
                ("user".into(), "alex".into()),
                ("password".into(), "pw!".into())
            ]
        );
        let m = said(&mut socks, b"\x05\x01\0\x03\x0aA.example.\x01\xbb");
        assert_eq!(m.then, Then::Tunnel("a.example".into(), 443));
        assert_eq!(m.fields, [("destination".into(), "a.example:443".into())]);
        let mut socks = Socks::default();
        assert_eq!(said(&mut socks, &[5, 1, 0]).answer, [5, 0]);
        let six = [&[5, 1, 0, 4][..], &Ipv6Addr::LOCALHOST.octets(), &[0, 80]].concat();
        assert_eq!(said(&mut socks, &six).fields[0].1, "[::1]:80");
        let mut socks = Socks {
            state: State::Request,
        };
        let m = said(&mut socks, &[5, 3, 0, 1, 1, 2, 3, 4, 0, 53]);
        assert_eq!((m.answer[1], m.then), (7, Then::End));
        assert_eq!(said(&mut Socks::default(), &[5, 1, 1]).then, Then::End);
    }

    #[test]
    fn version_4_names_hosts_or_addresses() {
        let m = said(
            &mut Socks::default(),
            b"\x04\x01\x00\x50\x01\x02\x03\x04alex\0",
        );
        assert_eq!(m.then, Then::Tunnel("1.2.3.4".into(), 80));
        assert_eq!(m.fields[0], ("user".into(), "alex".into()));
        let m = said(
            &mut Socks::default(),
            b"\x04\x01\x00\x50\0\0\0\x07\0b.example\0",
        );
        assert_eq!(
            (m.then, m.answer[1]),
            (Then::Tunnel("b.example".into(), 80), 0x5a)
        );
    }

    #[test]
    fn it_is_known_by_its_first_bytes() {
        for (bytes, begins_so) in [
            (&[5][..], None),
            (&[5, 1], None),
            (&[5, 1, 0], Some(true)),
            (&[5, 3, 0, 1], None),
            (&[5, 1, 9], Some(false)),
            (&[5, 1, 0, 0], Some(false)),
            (&[5, 1, 0, 5, 1, 0, 1, 1, 2, 3, 4, 0, 80], Some(true)),
            (b"\x05\x01\x02\x01\x04alex\x03pw!", Some(true)),
            (&[5, 1, 9, 5], Some(false)),
            (&[5, 200, 0], Some(false)),
            (b"\x04\x01\0\x50\x01\x02\x03\x04", None),
            (b"\x04\x01\0\x50\x01\x02\x03\x04\0", Some(true)),
            (b"\x04\x01\0\x50\x01\x02\x03\x04\x01", Some(false)),
            (b"\x04\x07", Some(false)),
        ] {
            assert_eq!(begins(bytes), begins_so, "{bytes:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_bytes_panic(
            state in proptest::sample::select(vec![State::Methods, State::Password, State::Request]),
            first in proptest::sample::select(vec![1u8, 4, 5]),
            rest in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let bytes = [&[first][..], &rest].concat();
            begins(&bytes);
            if let Heard::Message(m) = (Socks { state }).hear(&bytes, false) {
                prop_assert!((1..=bytes.len()).contains(&m.len));
            }
        }
    }
}
