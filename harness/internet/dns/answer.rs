//! What the resolver answers, type by type, and the effect each question leaves.

use super::message::{self, Query, Record};
use crate::effect::Body;
use crate::effect::{Datagram, Dns, Kind, Peer};
use crate::internet::names::Names;
use crate::internet::shared::Shared;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Answers one message that came over `transport` (`udp`, `tcp`, `dot`, `doh`) for `server`, and
/// emits what was asked. None where not even a format error can be answered.
pub fn resolve(
    shared: &Shared,
    packet: &[u8],
    transport: &str,
    server: SocketAddr,
) -> Option<Vec<u8>> {
    let query = match Query::parse(packet) {
        Ok(query) => query,
        Err(_) => {
            leftover(shared, packet, server);
            return message::refusal(packet);
        }
    };
    if !query.plain {
        leftover(shared, packet, server);
    }
    let (code, records) = ask(shared, &query, transport, server);
    let reply = message::reply(&query, code, &records);
    Some(match transport {
        "udp" => message::fitted(&query, reply),
        _ => reply,
    })
}

/// Answers one question and emits it.
pub fn ask(
    shared: &Shared,
    query: &Query,
    transport: &str,
    server: SocketAddr,
) -> (u16, Vec<Record>) {
    let (code, records) = look_up(&shared.names, query);
    shared
        .stats
        .queries
        .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    shared.emit(Kind::Dns(Dns {
        name: query.name(),
        record: query.record(),
        answers: records.iter().map(Record::text).collect(),
        transport: transport.to_owned(),
        server,
    }));
    (code, records)
}

/// Bytes sent to a resolver that are more, or something else, than a question.
fn leftover(shared: &Shared, packet: &[u8], server: SocketAddr) {
    shared.emit(Kind::Datagram(Datagram {
        protocol: "udp".into(),
        peer: Peer {
            host: shared.names.name_of(server.ip()),
            address: server,
        },
        payload: Body::new(packet),
    }));
}

fn look_up(names: &Names, query: &Query) -> (u16, Vec<Record>) {
    const NOT_IMPLEMENTED: u16 = 4;
    const NO_SUCH_NAME: u16 = 3;
    const REFUSED: u16 = 5;
    if query.opcode() != 0 {
        return (NOT_IMPLEMENTED, Vec::new());
    }
    if query.class != 1 {
        return (REFUSED, Vec::new());
    }
    let name = query.name();
    if let Some(ip) = reverse(&name) {
        let target = names.name_of(ip).and_then(|n| message::wire(&n));
        return match (target, query.kind) {
            (Some(wire), 12 | 255) => (0, vec![Record::Name(12, wire)]),
            (Some(_), _) => (0, Vec::new()),
            (None, _) => (NO_SUCH_NAME, Vec::new()),
        };
    }
    // Names of services (`_dmarc`, `_imaps._tcp`) hold records but no addresses.
    if name.starts_with('_') {
        return (0, of_service(&name, query));
    }
    let Some(at) = names.resolve(&name) else {
        return (NO_SUCH_NAME, Vec::new());
    };
    let below = |label: &str| prefixed(label, &query.wire);
    let records = match query.kind {
        1 => vec![Record::A(at.v4)],
        // RFC 8482, section 4.2: nobody is told everything.
        255 => vec![Record::Hinfo("RFC8482")],
        257 => vec![Record::Caa("letsencrypt.org")],
        28 => at.v6.map(Record::Aaaa).into_iter().collect(),
        2 => vec![Record::Name(2, below("ns1")), Record::Name(2, below("ns2"))],
        6 if query.wire.len() < 240 => vec![Record::Soa(query.wire.clone())],
        15 => vec![Record::Mx(10, below("mx1"))],
        // A domain has a text; hosts below it mostly have none, and drivers that find another than
        // theirs there refuse it (`mongodb+srv`).
        16 if name.matches('.').count() == 1 => vec![Record::Text("v=spf1 mx ~all".into())],
        _ => Vec::new(),
    };
    (0, records)
}

/// Records that clients look up below underscored labels (RFC 2782, RFC 7489).
fn of_service(name: &str, query: &Query) -> Vec<Record> {
    const PORTS: &[(&str, u16)] = &[
        ("_mongodb", 27017),
        ("_submission", 587),
        ("_submissions", 465),
        ("_smtp", 25),
        ("_imap", 143),
        ("_imaps", 993),
        ("_ldap", 389),
        ("_sip", 5060),
        ("_xmpp-client", 5222),
        ("_http", 80),
    ];
    match query.kind {
        16 if name.starts_with("_dmarc.") => vec![Record::Text("v=DMARC1; p=none".into())],
        33 => {
            let service = name.split('.').next().unwrap_or_default();
            let port = PORTS
                .iter()
                .find(|(s, _)| *s == service)
                .map_or(443, |(_, p)| *p);
            // Drivers insist that the target lies in the domain the service was asked of.
            let mut domain = &query.wire[..];
            while let [length, rest @ ..] = domain
                && rest.first() == Some(&b'_')
                && let Some(after) = rest.get(usize::from(*length)..)
            {
                domain = after;
            }
            vec![Record::Srv(port, prefixed("srv", domain))]
        }
        _ => Vec::new(),
    }
}

/// `label` before a name in wire form; the name itself where that would be too long.
fn prefixed(label: &str, wire: &[u8]) -> Vec<u8> {
    if wire.len() + label.len() + 1 > 255 {
        return wire.to_vec();
    }
    [&[label.len() as u8], label.as_bytes(), wire].concat()
}

/// The address that a name below `in-addr.arpa` or `ip6.arpa` spells (RFC 1035, section 3.5;
/// RFC 3596, section 2.5).
fn reverse(name: &str) -> Option<IpAddr> {
    if let Some(octets) = name.strip_suffix(".in-addr.arpa") {
        let parts: Vec<u8> = octets
            .rsplit('.')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .ok()?;
        let parts: [u8; 4] = parts.try_into().ok()?;
        return Some(Ipv4Addr::from(parts).into());
    }
    let nibbles = name.strip_suffix(".ip6.arpa")?;
    let mut value = 0u128;
    let mut count = 0;
    for nibble in nibbles.rsplit('.') {
        let digit = u128::from_str_radix(nibble, 16)
            .ok()
            .filter(|_| nibble.len() == 1)?;
        value = value.checked_shl(4)? | digit;
        count += 1;
    }
    (count == 32).then(|| Ipv6Addr::from(value).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(name: &str, kind: &str) -> (u16, Vec<String>) {
        let names = Names::default();
        names.resolve("api.example.com");
        let query = Query::of_name(name, message::kind_of(kind).unwrap()).unwrap();
        let (code, records) = look_up(&names, &query);
        (code, records.iter().map(Record::text).collect())
    }

    #[test]
    fn the_usual_types_are_answered() {
        let at = Names::default().resolve("api.example.com").unwrap();
        assert_eq!(
            answers("api.example.com", "A"),
            (0, vec![at.v4.to_string()])
        );
        assert_eq!(
            answers("api.example.com", "AAAA"),
            (0, vec![at.v6.unwrap().to_string()])
        );
        assert_eq!(
            answers("a.example", "MX"),
            (0, vec!["10 mx1.a.example".into()])
        );
        assert_eq!(answers("a.example", "HTTPS"), (0, vec![]));
        assert_eq!(answers("a.example", "TXT").1.len(), 1);
        assert_eq!(answers("cluster0.a.example", "TXT"), (0, vec![]));
        assert_eq!(
            answers("a.example", "ANY"),
            (0, vec!["\"RFC8482\" \"\"".into()])
        );
        assert_eq!(
            answers("a.example", "CAA"),
            (0, vec!["0 issue \"letsencrypt.org\"".into()])
        );
        assert_eq!(answers("a.example", "CNAME"), (0, vec![]));
        assert_eq!(
            answers("_mongodb._tcp.db.example", "SRV"),
            (0, vec!["0 5 27017 srv.db.example".into()])
        );
        assert_eq!(answers("_dmarc.a.example", "TXT").1.len(), 1);
        assert_eq!(answers("printer", "A"), (3, vec![]));
    }

    #[test]
    fn an_address_that_was_given_out_has_a_name() {
        let at = Names::default().resolve("api.example.com").unwrap();
        let [a, b, c, d] = at.v4.octets();
        let pointer = answers(&format!("{d}.{c}.{b}.{a}.in-addr.arpa"), "PTR");
        assert_eq!(pointer, (0, vec!["api.example.com".into()]));
        let digits: Vec<String> = format!("{:032x}", u128::from(at.v6.unwrap()))
            .chars()
            .rev()
            .map(String::from)
            .collect();
        let pointer = answers(&format!("{}.ip6.arpa", digits.join(".")), "PTR");
        assert_eq!(pointer, (0, vec!["api.example.com".into()]));
        assert_eq!(answers("4.3.2.1.in-addr.arpa", "PTR").0, 3);
    }
}
