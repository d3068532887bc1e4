//! The packet filter of the sandbox, over raw netlink (`linux/netfilter/nf_tables.h`): every
//! TCP and UDP packet goes to the gateway's listeners, except to loopback and the gateway's
//! own answers.

use super::netlink::{self, ACK, APPEND, CREATE, Message};
use std::io;

/// Port the gateway's listeners are bound to. The server can see it in /proc/net/tcp, so it
/// is no round number.
pub const PORT: u16 = 42_873;
/// Packets with this mark are the gateway's own and are left alone.
pub const MARK: u32 = 1;

const TABLE: &str = "main";
const CHAIN: &str = "pre";
const SUBSYSTEM: u16 = 10 << 8;
const NEW_TABLE: u16 = SUBSYSTEM;
const NEW_CHAIN: u16 = SUBSYSTEM | 3;
const NEW_RULE: u16 = SUBSYSTEM | 6;
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
const INET: u8 = 1;
const PREROUTING: u32 = 0;
/// Of the mangle table, where TPROXY belongs.
const PRIORITY: i32 = -150;
const ACCEPT: u32 = 1;

/// Registers of the little machine that rules run on.
const VERDICT: u32 = 0;
const DATA: u32 = 1;

const META_MARK: u32 = 3;
const META_FAMILY: u32 = 15;
const META_PROTOCOL: u32 = 16;
const NETWORK_HEADER: u32 = 1;

/// Installs the rules in the caller's network namespace.
pub fn install() -> io::Result<()> {
    netlink::exchange(libc::NETLINK_NETFILTER, messages())
}

fn messages() -> Vec<Message> {
    let mut table = message(NEW_TABLE, CREATE | ACK, INET, 0);
    table.text(1, TABLE);
    let mut chain = message(NEW_CHAIN, CREATE | ACK, INET, 0);
    chain.text(1, TABLE).text(3, CHAIN);
    chain.nest(4, |m| {
        m.attribute(1, &PREROUTING.to_be_bytes());
        m.attribute(2, &PRIORITY.to_be_bytes());
    });
    chain.text(7, "filter");
    let mut all = vec![message(BATCH_BEGIN, 0, 0, 10), table, chain];
    // Loopback is the server's own: its listeners must be reachable.
    all.push(rule(|m| {
        meta(m, META_FAMILY);
        equals(m, &[libc::AF_INET as u8]);
        payload(m, 16, 1);
        equals(m, &[127]);
        accept(m);
    }));
    all.push(rule(|m| {
        meta(m, META_FAMILY);
        equals(m, &[libc::AF_INET6 as u8]);
        payload(m, 24, 16);
        equals(m, &std::net::Ipv6Addr::LOCALHOST.octets());
        accept(m);
    }));
    // Replies would otherwise be caught again.
    all.push(rule(|m| {
        meta(m, META_MARK);
        equals(m, &MARK.to_ne_bytes());
        accept(m);
    }));
    for protocol in [libc::IPPROTO_TCP, libc::IPPROTO_UDP] {
        all.push(rule(|m| {
            meta(m, META_PROTOCOL);
            equals(m, &[protocol as u8]);
            expression(m, "immediate", |m| {
                m.attribute(1, &DATA.to_be_bytes());
                m.nest(2, |m| {
                    m.attribute(1, &PORT.to_be_bytes());
                });
            });
            // Family 0: both; no address: the listener's own.
            expression(m, "tproxy", |m| {
                m.attribute(1, &0u32.to_be_bytes());
                m.attribute(3, &DATA.to_be_bytes());
            });
        }));
    }
    all.push(message(BATCH_END, 0, 0, 10));
    all
}

/// struct nfgenmsg: family, version 0, resource in network order.
fn message(kind: u16, flags: u16, family: u8, resource: u16) -> Message {
    let [high, low] = resource.to_be_bytes();
    Message::new(kind, flags, &[family, 0, high, low])
}

fn rule(expressions: impl FnOnce(&mut Message)) -> Message {
    let mut rule = message(NEW_RULE, CREATE | APPEND | ACK, INET, 0);
    rule.text(1, TABLE).text(2, CHAIN).nest(4, expressions);
    rule
}

fn expression(m: &mut Message, name: &str, data: impl FnOnce(&mut Message)) {
    m.nest(1, |m| {
        m.text(1, name).nest(2, data);
    });
}

fn meta(m: &mut Message, key: u32) {
    expression(m, "meta", |m| {
        m.attribute(1, &DATA.to_be_bytes());
        m.attribute(2, &key.to_be_bytes());
    });
}

fn payload(m: &mut Message, offset: u32, length: u32) {
    expression(m, "payload", |m| {
        m.attribute(1, &DATA.to_be_bytes());
        m.attribute(2, &NETWORK_HEADER.to_be_bytes());
        m.attribute(3, &offset.to_be_bytes());
        m.attribute(4, &length.to_be_bytes());
    });
}

fn equals(m: &mut Message, value: &[u8]) {
    expression(m, "cmp", |m| {
        m.attribute(1, &DATA.to_be_bytes());
        m.attribute(2, &0u32.to_be_bytes());
        m.nest(3, |m| {
            m.attribute(1, value);
        });
    });
}

fn accept(m: &mut Message) {
    expression(m, "immediate", |m| {
        m.attribute(1, &VERDICT.to_be_bytes());
        m.nest(2, |m| {
            m.nest(2, |m| {
                m.attribute(1, &ACCEPT.to_be_bytes());
            });
        });
    });
}

#[cfg(test)]
mod tests {
    use super::messages;

    #[test]
    fn the_batch_is_framed_and_every_message_is_whole() {
        let all = messages();
        assert_eq!(all.len(), 9);
        for (i, message) in all.into_iter().enumerate() {
            let bytes = message.finish(i as u32);
            let length = u32::from_ne_bytes(bytes[..4].try_into().unwrap());
            assert_eq!(length as usize, bytes.len());
            let kind = u16::from_ne_bytes(bytes[4..6].try_into().unwrap());
            assert_eq!(kind < 0x100, i == 0 || i == 8);
        }
    }
}
