//! The network inside: every address is local, and the gateway's sockets hear all of it.
//! Runs in the fresh network namespace; refuses to go on without any part of it.

use super::message::{At, Failure, Step};
use super::netlink::{self, ACK, CREATE, EXCL, Message};
use super::{dialler, nft, sys};
use socket2::SockRef;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

/// The server's own address, as a home router would give it.
pub const ADDRESS4: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 23);
pub const ADDRESS6: Ipv6Addr = Ipv6Addr::new(0xfd12, 0x3456, 0x789a, 1, 0, 0, 0, 0x23);
/// The resolver that /etc/resolv.conf names.
pub const NAMESERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);

/// `lo` is the first link of every network namespace.
const LOOPBACK: u32 = 1;

/// Brings the namespace up and makes the gateway's sockets: tcp4, tcp6, udp4, udp6, raw4,
/// raw6, icmp4, icmp6, then those that dial.
pub fn build() -> Result<Vec<OwnedFd>, Failure> {
    netlink::exchange(libc::NETLINK_ROUTE, links()).at(Step::Network, "lo")?;
    nft::install().at(Step::PacketFilter, "nf_tables")?;
    let all = [
        listener(false),
        listener(true),
        datagrams(false),
        datagrams(true),
        raw(false),
        raw(true),
        icmp(false),
        icmp(true),
    ];
    let gateway = all.into_iter().collect::<io::Result<Vec<_>>>();
    let mut sockets = gateway.at(Step::Network, "gateway sockets")?;
    sockets.extend(dialler::sockets().at(Step::Network, "sockets that dial")?);
    Ok(sockets)
}

fn links() -> Vec<Message> {
    let mut all = Vec::new();
    // struct ifinfomsg: flags and change mask say "up".
    let mut up = [0; 16];
    up[4..8].copy_from_slice(&LOOPBACK.to_ne_bytes());
    up[8..12].copy_from_slice(&(libc::IFF_UP as u32).to_ne_bytes());
    up[12..16].copy_from_slice(&(libc::IFF_UP as u32).to_ne_bytes());
    all.push(Message::new(libc::RTM_NEWLINK, ACK, &up));
    for address in [IpAddr::V4(ADDRESS4), IpAddr::V6(ADDRESS6)] {
        all.push(address_on_loopback(address));
        all.push(everything_is_local(address));
    }
    all
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(a) => a.octets().to_vec(),
        IpAddr::V6(a) => a.octets().to_vec(),
    }
}

fn family(address: IpAddr) -> u8 {
    (if address.is_ipv4() {
        libc::AF_INET
    } else {
        libc::AF_INET6
    }) as u8
}

fn address_on_loopback(address: IpAddr) -> Message {
    // struct ifaddrmsg: family, prefix, flags, scope, link. Duplicate address detection is
    // skipped, or the IPv6 address would be tentative for a second.
    let prefix = if address.is_ipv4() { 32 } else { 128 };
    let flags = if address.is_ipv4() { 0 } else { 0x02 };
    let mut body = vec![family(address), prefix, flags, 0];
    body.extend(LOOPBACK.to_ne_bytes());
    let mut message = Message::new(libc::RTM_NEWADDR, CREATE | EXCL | ACK, &body);
    let octets = octets(address);
    message
        .attribute(libc::IFA_LOCAL, &octets)
        .attribute(libc::IFA_ADDRESS, &octets);
    message
}

/// A default route of type `local` in the table the kernel asks first: every destination is
/// this host's own ("AnyIP"), and packets leave with `source`.
fn everything_is_local(source: IpAddr) -> Message {
    let scope = if source.is_ipv4() {
        libc::RT_SCOPE_HOST
    } else {
        libc::RT_SCOPE_UNIVERSE
    };
    // struct rtmsg: family, lengths, tos, table, protocol, scope, type, flags.
    let body = [
        family(source),
        0,
        0,
        0,
        libc::RT_TABLE_LOCAL,
        libc::RTPROT_STATIC,
        scope,
        libc::RTN_LOCAL,
        0,
        0,
        0,
        0,
    ];
    let mut message = Message::new(libc::RTM_NEWROUTE, CREATE | EXCL | ACK, &body);
    message
        .attribute(libc::RTA_OIF, &LOOPBACK.to_ne_bytes())
        .attribute(libc::RTA_PREFSRC, &octets(source));
    message
}

fn level(v6: bool) -> (i32, i32, i32) {
    if v6 {
        (libc::AF_INET6, libc::SOL_IPV6, libc::IPV6_TRANSPARENT)
    } else {
        (libc::AF_INET, libc::SOL_IP, libc::IP_TRANSPARENT)
    }
}

fn unspecified(v6: bool) -> SocketAddr {
    let any: IpAddr = if v6 {
        Ipv6Addr::UNSPECIFIED.into()
    } else {
        Ipv4Addr::UNSPECIFIED.into()
    };
    SocketAddr::new(any, nft::PORT)
}

/// Non-blocking, may use any local address, and its packets pass the filter.
fn transparent(v6: bool, kind: i32, protocol: i32) -> io::Result<OwnedFd> {
    let (family, level, option) = level(v6);
    let socket = sys::socket(family, kind | libc::SOCK_NONBLOCK, protocol)?;
    sys::set_option(socket.as_fd(), level, option, 1)?;
    let mark = nft::MARK as i32;
    sys::set_option(socket.as_fd(), libc::SOL_SOCKET, libc::SO_MARK, mark)?;
    Ok(socket)
}

fn listener(v6: bool) -> io::Result<OwnedFd> {
    let socket = transparent(v6, libc::SOCK_STREAM, 0)?;
    let it = SockRef::from(&socket);
    it.set_reuse_address(true)?;
    if v6 {
        it.set_only_v6(true)?;
    }
    it.bind(&unspecified(v6).into())?;
    it.listen(4096)?;
    Ok(socket)
}

fn datagrams(v6: bool) -> io::Result<OwnedFd> {
    let socket = transparent(v6, libc::SOCK_DGRAM, 0)?;
    let (_, level, _) = level(v6);
    let option = if v6 {
        SockRef::from(&socket).set_only_v6(true)?;
        libc::IPV6_RECVORIGDSTADDR
    } else {
        libc::IP_RECVORIGDSTADDR
    };
    sys::set_option(socket.as_fd(), level, option, 1)?;
    SockRef::from(&socket).bind(&unspecified(v6).into())?;
    Ok(socket)
}

/// For replies with any source: whole packets are written to it.
fn raw(v6: bool) -> io::Result<OwnedFd> {
    transparent(v6, libc::SOCK_RAW, libc::IPPROTO_RAW)
}

/// Hears the echo requests that the kernel itself answers.
fn icmp(v6: bool) -> io::Result<OwnedFd> {
    if !v6 {
        return transparent(v6, libc::SOCK_RAW, libc::IPPROTO_ICMP);
    }
    let socket = transparent(v6, libc::SOCK_RAW, libc::IPPROTO_ICMPV6)?;
    sys::set_option(socket.as_fd(), libc::SOL_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
    Ok(socket)
}
