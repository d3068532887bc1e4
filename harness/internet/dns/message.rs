//! DNS messages, as little of them as a resolver needs: one question in, its answer out.
//! A question's name cannot be compressed (nothing stands before it), so no pointer is followed.

use std::net::{Ipv4Addr, Ipv6Addr};

const HEADER: usize = 12;

/// A question (RFC 1035, section 4.1.2) and what answering it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub id: u16,
    /// Opcode and the recursion-desired bit, as sent.
    pub flags: u16,
    /// Labels as sent, each with its length octet, closed by the root's zero.
    pub wire: Vec<u8>,
    pub kind: u16,
    pub class: u16,
    /// Whether the client speaks EDNS (RFC 6891), so that the answer must.
    pub edns: bool,
    /// Whether the message holds nothing but its question and an ordinary EDNS record: what
    /// else it holds could carry data out.
    pub plain: bool,
}

/// Why bytes are no question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("shorter than a header and a question")]
    Short,
    #[error("an answer, not a question")]
    Response,
    #[error("no question, or more than one")]
    Questions,
    #[error("a name that RFC 1035 does not allow")]
    Name,
}

/// Types that have a mnemonic here; the rest are `TYPEn` (RFC 3597, section 5).
const KINDS: &[(u16, &str)] = &[
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (12, "PTR"),
    (13, "HINFO"),
    (15, "MX"),
    (16, "TXT"),
    (28, "AAAA"),
    (33, "SRV"),
    (35, "NAPTR"),
    (43, "DS"),
    (48, "DNSKEY"),
    (64, "SVCB"),
    (65, "HTTPS"),
    (255, "ANY"),
    (257, "CAA"),
];

impl Query {
    /// Reads a query. Never follows a pointer, never reads past the end.
    pub fn parse(packet: &[u8]) -> Result<Self, Malformed> {
        let word = |at: usize| {
            let pair = packet.get(at..at + 2)?;
            Some(u16::from_be_bytes([pair[0], pair[1]]))
        };
        let counts = [word(4), word(6), word(8), word(10)].map(|c| c.ok_or(Malformed::Short));
        let [questions, answers, authorities, additional] = counts;
        let (answers, authorities, additional) = (answers?, authorities?, additional?);
        let flags = word(2).ok_or(Malformed::Short)?;
        if flags & 0x8000 != 0 {
            return Err(Malformed::Response);
        }
        if questions? != 1 {
            return Err(Malformed::Questions);
        }
        let mut at = HEADER;
        loop {
            let length = usize::from(*packet.get(at).ok_or(Malformed::Short)?);
            if length > 63 || at + length - HEADER > 253 {
                return Err(Malformed::Name);
            }
            at += 1 + length;
            if length == 0 {
                break;
            }
        }
        let wire = packet.get(HEADER..at).ok_or(Malformed::Short)?.to_vec();
        let kind = word(at).ok_or(Malformed::Short)?;
        let class = word(at + 2).ok_or(Malformed::Short)?;
        let rest = &packet[at + 4..];
        let edns = additional == 1 && is_ordinary_edns(rest);
        let bare = additional == 0 && rest.is_empty();
        Ok(Self {
            id: word(0).ok_or(Malformed::Short)?,
            flags: flags & 0x7900,
            wire,
            kind,
            class,
            edns,
            // Bits 4 to 6 are AD, CD and a reserved one; 0 to 3 the response code.
            plain: (edns || bare) && answers == 0 && authorities == 0 && flags & 0x064f == 0,
        })
    }

    /// A query that did not come as a message, such as one of the JSON interfaces.
    pub fn of_name(name: &str, kind: u16) -> Option<Self> {
        Some(Self {
            id: 0,
            flags: 0x0100,
            wire: wire(name)?,
            kind,
            class: 1,
            edns: false,
            plain: true,
        })
    }

    /// The name in presentation form, lower case, without the final dot.
    pub fn name(&self) -> String {
        presentation(&self.wire)
    }

    pub fn opcode(&self) -> u16 {
        self.flags >> 11 & 0xf
    }

    /// The mnemonic of the type asked for.
    pub fn record(&self) -> String {
        KINDS
            .iter()
            .find(|(n, _)| *n == self.kind)
            .map_or_else(|| format!("TYPE{}", self.kind), |(_, name)| (*name).into())
    }
}

/// A name in wire form as text (RFC 1035, section 5.1), lower case, without the final dot.
fn presentation(wire: &[u8]) -> String {
    let mut name = String::with_capacity(wire.len());
    let mut at = 0;
    while let Some(length) = wire.get(at).map(|l| usize::from(*l)).filter(|l| *l > 0) {
        if !name.is_empty() {
            name.push('.');
        }
        for byte in wire.get(at + 1..at + 1 + length).unwrap_or_default() {
            match byte {
                b'.' | b'\\' => name.extend(['\\', char::from(*byte)]),
                0x21..=0x7e => name.push(char::from(byte.to_ascii_lowercase())),
                _ => name.push_str(&format!("\\{byte:03}")),
            }
        }
        at += 1 + length;
    }
    name
}

/// The number of a type named by mnemonic or by number.
pub fn kind_of(text: &str) -> Option<u16> {
    let named = KINDS
        .iter()
        .find(|(_, name)| name.eq_ignore_ascii_case(text));
    named.map(|(n, _)| *n).or_else(|| text.parse().ok())
}

/// An OPT record at the root whose only options are cookies of a client's or a padding of zeros
/// (RFC 7873, RFC 7830).
fn is_ordinary_edns(rest: &[u8]) -> bool {
    let Some((head, mut options)) = rest.split_at_checked(11) else {
        return false;
    };
    let length = usize::from(u16::from_be_bytes([head[9], head[10]]));
    if head[..3] != [0, 0, 41] || length != options.len() {
        return false;
    }
    while let Some((option, after)) = options.split_at_checked(4) {
        let (code, length) = (
            u16::from_be_bytes([option[0], option[1]]),
            [option[2], option[3]],
        );
        let Some((data, after)) = after.split_at_checked(u16::from_be_bytes(length).into()) else {
            return false;
        };
        let known = match code {
            10 => data.len() <= 40,
            12 => data.iter().all(|b| *b == 0),
            11 => data.is_empty(),
            _ => false,
        };
        if !known {
            return false;
        }
        options = after;
    }
    options.is_empty()
}

/// One record of an answer; its owner is always the name asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    A(Ipv4Addr),
    Aaaa(Ipv6Addr),
    Text(String),
    /// PTR, NS: the type and the name, in wire form.
    Name(u16, Vec<u8>),
    Mx(u16, Vec<u8>),
    Srv(u16, Vec<u8>),
    Soa(Vec<u8>),
    /// The first of its two texts (RFC 1035, section 3.3.2).
    Hinfo(&'static str),
    /// Who may issue certificates (RFC 8659, section 4).
    Caa(&'static str),
}

impl Record {
    fn kind(&self) -> u16 {
        match self {
            Self::A(_) => 1,
            Self::Name(kind, _) => *kind,
            Self::Soa(_) => 6,
            Self::Mx(..) => 15,
            Self::Text(_) => 16,
            Self::Aaaa(_) => 28,
            Self::Srv(..) => 33,
            Self::Hinfo(_) => 13,
            Self::Caa(_) => 257,
        }
    }

    /// Presentation form (RFC 1035, section 5.1).
    pub fn text(&self) -> String {
        match self {
            Self::A(ip) => ip.to_string(),
            Self::Aaaa(ip) => ip.to_string(),
            Self::Text(text) => format!("\"{text}\""),
            Self::Name(_, wire) => presentation(wire),
            Self::Mx(preference, wire) => format!("{preference} {}", presentation(wire)),
            Self::Srv(port, wire) => format!("0 5 {port} {}", presentation(wire)),
            Self::Soa(wire) => format!("{0} hostmaster.{0}", presentation(wire)),
            Self::Hinfo(text) => format!("\"{text}\" \"\""),
            Self::Caa(issuer) => format!("0 issue \"{issuer}\""),
        }
    }

    fn data(&self) -> Vec<u8> {
        match self {
            Self::A(ip) => ip.octets().to_vec(),
            Self::Aaaa(ip) => ip.octets().to_vec(),
            Self::Text(text) => {
                let text = &text.as_bytes()[..text.len().min(255)];
                [&[text.len() as u8], text].concat()
            }
            Self::Name(_, wire) => wire.clone(),
            Self::Mx(preference, wire) => [&preference.to_be_bytes()[..], wire].concat(),
            Self::Srv(port, wire) => [&[0, 0, 0, 5][..], &port.to_be_bytes()[..], wire].concat(),
            Self::Soa(wire) => {
                let mut data = [&wire[..], b"\x0ahostmaster", wire].concat();
                for number in [2_026_070_101u32, 7200, 3600, 1_209_600, 300] {
                    data.extend(number.to_be_bytes());
                }
                data
            }
            Self::Hinfo(text) => [&[text.len() as u8], text.as_bytes(), &[0]].concat(),
            Self::Caa(issuer) => [&b"\0\x05issue"[..], issuer.as_bytes()].concat(),
        }
    }
}

/// A name in wire form; none where a label is empty, too long or escaped.
pub fn wire(name: &str) -> Option<Vec<u8>> {
    let mut wire = Vec::with_capacity(name.len() + 2);
    for label in name
        .trim_end_matches('.')
        .split('.')
        .filter(|_| !name.is_empty())
    {
        if label.is_empty() || label.len() > 63 || label.contains('\\') {
            return None;
        }
        wire.push(label.len() as u8);
        wire.extend(label.as_bytes());
    }
    wire.push(0);
    (wire.len() <= 255).then_some(wire)
}

/// How long an answer may be kept, seconds: an ordinary value.
const TTL: u32 = 300;

/// The reply to `query`; `code` as in RFC 1035, section 4.1.1 (0 well, 3 no such name).
pub fn reply(query: &Query, code: u16, records: &[Record]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + query.wire.len());
    out.extend(query.id.to_be_bytes());
    // A response, recursion available.
    out.extend((0x8080 | query.flags | code).to_be_bytes());
    out.extend([0, 1]);
    out.extend((records.len() as u16).to_be_bytes());
    out.extend([0, 0, 0, u8::from(query.edns)]);
    out.extend(&query.wire);
    out.extend(query.kind.to_be_bytes());
    out.extend(query.class.to_be_bytes());
    for record in records {
        let data = record.data();
        // The owner is the question's name, which stands at offset 12.
        out.extend([0xc0, 12]);
        out.extend(record.kind().to_be_bytes());
        out.extend([0, 1]);
        out.extend(TTL.to_be_bytes());
        out.extend((data.len() as u16).to_be_bytes());
        out.extend(data);
    }
    if query.edns {
        // OPT at the root, 1232 octets of payload, nothing else (RFC 6891, section 6.1.2).
        out.extend([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);
    }
    out
}

/// A reply as it fits a datagram: too long, it is the question alone, marked as cut short
/// (RFC 1035, section 4.2.1; RFC 6891, section 6.2.5), and the client asks again over TCP.
pub fn fitted(query: &Query, reply: Vec<u8>) -> Vec<u8> {
    const TRUNCATED: u8 = 2;
    let room = if query.edns { 1232 } else { 512 };
    if reply.len() <= room {
        return reply;
    }
    let mut short = self::reply(query, 0, &[]);
    short[2] |= TRUNCATED;
    short
}

/// The reply to bytes that are no question: format error, with the id where there is one.
pub fn refusal(packet: &[u8]) -> Option<Vec<u8>> {
    let head = packet.get(..4).filter(|h| h[2] & 0x80 == 0)?;
    Some(vec![
        head[0],
        head[1],
        0x80 | head[2] & 0x79,
        0x81,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn question(name: &str, kind: u16) -> Vec<u8> {
        let mut packet = vec![0xab, 0xcd, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 0];
        packet.extend(wire(name).unwrap());
        packet.extend(kind.to_be_bytes());
        packet.extend([0, 1]);
        packet
    }

    #[test]
    fn a_question_is_read_and_answered() {
        let query = Query::parse(&question("Api.Example.COM", 1)).unwrap();
        assert_eq!(query.name(), "api.example.com");
        assert_eq!(
            (query.record().as_str(), query.plain, query.edns),
            ("A", true, false)
        );
        let reply = reply(&query, 0, &[Record::A(Ipv4Addr::new(3, 4, 5, 6))]);
        assert_eq!(&reply[..4], &[0xab, 0xcd, 0x81, 0x80]);
        // The case of the question is kept: clients that mix it check that it comes back.
        assert!(memchr::memmem::find(&reply, b"\x03Api\x07Example\x03COM").is_some());
        assert_eq!(&reply[reply.len() - 4..], &[3, 4, 5, 6]);
    }

    #[test]
    fn strange_labels_stay_visible() {
        let mut packet = vec![0; 12];
        packet[5] = 1;
        packet.extend(b"\x04a.\x00\\\x00\x00\x10\x00\x01");
        let query = Query::parse(&packet).unwrap();
        assert_eq!(query.name(), "a\\.\\000\\\\");
        assert_eq!(query.record(), "TXT");
    }

    #[test]
    fn what_rides_along_is_noticed() {
        let mut packet = question("a.example", 1);
        packet[11] = 1;
        packet.extend([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);
        assert!(Query::parse(&packet).unwrap().plain);
        let end = packet.len();
        packet[end - 1] = 8;
        packet.extend([0, 100, 0, 4]);
        packet.extend(b"data");
        assert!(!Query::parse(&packet).unwrap().plain);
        let mut trailing = question("a.example", 1);
        trailing.extend(b"data");
        assert!(!Query::parse(&trailing).unwrap().plain);
    }

    #[test]
    fn pointers_and_long_names_are_refused() {
        let mut looped = vec![0; 12];
        looped[5] = 1;
        looped.extend([0xc0, 12, 0, 1, 0, 1]);
        assert_eq!(Query::parse(&looped), Err(Malformed::Name));
        let mut long = vec![0; 12];
        long[5] = 1;
        for _ in 0..5 {
            long.push(63);
            long.extend([b'a'; 63]);
        }
        long.extend([0, 0, 1, 0, 1]);
        assert_eq!(Query::parse(&long), Err(Malformed::Name));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_bytes_panic(packet in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Ok(query) = Query::parse(&packet) {
                query.name();
                reply(&query, 0, &[Record::Name(12, query.wire.clone())]);
            }
            refusal(&packet);
        }

        #[test]
        fn near_questions_do_not_panic(mut packet in Just(question("a.b.example", 16)), at in 0usize..40, byte: u8, cut in 0usize..40) {
            if let Some(b) = packet.get_mut(at) { *b = byte; }
            packet.truncate(packet.len().saturating_sub(cut));
            let _ = Query::parse(&packet).map(|q| (q.name(), q.record()));
        }

        #[test]
        fn a_reply_in_a_datagram_fits(name in "[a-z]{1,60}(\\.[a-z]{30,60}){1,3}", records in 0usize..4) {
            let query = Query::of_name(&name, 15).unwrap();
            let whole = reply(&query, 0, &vec![Record::Mx(10, query.wire.clone()); records]);
            let fitted = fitted(&query, whole.clone());
            prop_assert!(fitted.len() <= 512);
            prop_assert_eq!(fitted == whole, fitted[2] & 2 == 0);
        }

        #[test]
        fn names_survive_the_wire(name in "[a-z0-9-]{1,63}(\\.[a-z0-9-]{1,20}){0,4}") {
            prop_assert_eq!(Query::of_name(&name, 1).unwrap().name(), name);
        }
    }
}
