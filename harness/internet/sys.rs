//! The socket call that the standard library lacks: receiving a datagram together with the
//! address it was sent to. All `unsafe` of this module is here.

use std::io;
use std::mem::{self, MaybeUninit};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd};

/// A received datagram: its length, who sent it, and where it was sent where the socket has
/// `IP_RECVORIGDSTADDR`, `IPV6_RECVORIGDSTADDR` or, without a port, `IPV6_RECVPKTINFO` set.
#[derive(Clone, Copy, Debug)]
pub struct Received {
    pub len: usize,
    pub from: SocketAddr,
    pub to: Option<SocketAddr>,
}

/// Receives one datagram without waiting.
pub fn receive(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Received> {
    let mut name = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut control = [0u64; 16];
    let mut part = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    // SAFETY: an all-zero msghdr is a valid value of that plain C struct.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_name = name.as_mut_ptr().cast();
    message.msg_namelen = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    message.msg_iov = &mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    // SAFETY: every pointer in `message` refers to a live local of the length given beside it,
    // and the kernel writes within those lengths only.
    let len = unsafe { libc::recvmsg(socket.as_raw_fd(), &mut message, libc::MSG_DONTWAIT) };
    let len = usize::try_from(len).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: zeroed at the start, so initialised whatever part of it the kernel wrote.
    let from = address(unsafe { name.assume_init_ref() })
        .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;

    let mut to = None;
    // SAFETY: `message` still describes `control`; the CMSG macros stay within msg_controllen.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(&message) };
    while !header.is_null() {
        // SAFETY: a non-null header lies whole within `control`, which is aligned for it.
        let (level, kind, size) = unsafe {
            (
                (*header).cmsg_level,
                (*header).cmsg_type,
                (*header).cmsg_len,
            )
        };
        let original = (level == libc::SOL_IP && kind == libc::IP_ORIGDSTADDR)
            || (level == libc::SOL_IPV6 && kind == libc::IPV6_ORIGDSTADDR);
        if original {
            let mut raw = MaybeUninit::<libc::sockaddr_storage>::zeroed();
            // SAFETY: CMSG_LEN(0) is the offset of the data within the header.
            let start = unsafe { libc::CMSG_LEN(0) } as usize;
            let data = size
                .saturating_sub(start)
                .min(size_of::<libc::sockaddr_storage>());
            // SAFETY: `data` bytes follow the header inside `control`, and fit into `raw`.
            unsafe {
                std::ptr::copy_nonoverlapping(
                    libc::CMSG_DATA(header),
                    raw.as_mut_ptr().cast::<u8>(),
                    data,
                );
            }
            // SAFETY: zeroed before the copy.
            to = address(unsafe { raw.assume_init_ref() });
        }
        // SAFETY: CMSG_LEN is plain arithmetic.
        let whole = unsafe { libc::CMSG_LEN(size_of::<libc::in6_pktinfo>() as u32) } as usize;
        if level == libc::SOL_IPV6 && kind == libc::IPV6_PKTINFO && size >= whole {
            // SAFETY: the header says that a whole in6_pktinfo follows it inside `control`; it is
            // read without regard to alignment.
            let info = unsafe {
                libc::CMSG_DATA(header)
                    .cast::<libc::in6_pktinfo>()
                    .read_unaligned()
            };
            let ip = Ipv6Addr::from(info.ipi6_addr.s6_addr);
            to = Some(SocketAddr::new(IpAddr::V6(ip).to_canonical(), 0));
        }
        // SAFETY: as for CMSG_FIRSTHDR.
        header = unsafe { libc::CMSG_NXTHDR(&message, header) };
    }
    Ok(Received { len, from, to })
}

fn address(raw: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let raw: *const libc::sockaddr_storage = raw;
    // SAFETY: sockaddr_storage is as large and as aligned as every address type, and the
    // family field says which one it holds.
    unsafe {
        match i32::from((*raw).ss_family) {
            libc::AF_INET => {
                let raw = &*raw.cast::<libc::sockaddr_in>();
                let ip = Ipv4Addr::from(u32::from_be(raw.sin_addr.s_addr));
                Some(SocketAddr::new(ip.into(), u16::from_be(raw.sin_port)))
            }
            libc::AF_INET6 => {
                let raw = &*raw.cast::<libc::sockaddr_in6>();
                let ip = IpAddr::V6(Ipv6Addr::from(raw.sin6_addr.s6_addr)).to_canonical();
                Some(SocketAddr::new(ip, u16::from_be(raw.sin6_port)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn a_datagram_is_received_with_its_sender() {
        let a = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let b = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        b.send_to(b"hello", a.local_addr().unwrap()).unwrap();
        let mut buffer = [0; 16];
        // Loopback delivers before `send_to` returns.
        let got = receive(a.as_fd(), &mut buffer).unwrap();
        assert_eq!(&buffer[..got.len], b"hello");
        assert_eq!((got.from, got.to), (b.local_addr().unwrap(), None));
    }

    #[test]
    fn the_address_it_was_sent_to_comes_along_where_the_socket_says_so() {
        for (any, own, level, option) in [
            (
                "0.0.0.0:0",
                "127.0.0.7",
                libc::SOL_IP,
                libc::IP_RECVORIGDSTADDR,
            ),
            ("[::]:0", "::1", libc::SOL_IPV6, libc::IPV6_RECVORIGDSTADDR),
        ] {
            let Ok(a) = std::net::UdpSocket::bind(any) else {
                eprintln!("skipped: no socket at {any} on this machine");
                continue;
            };
            let on: libc::c_int = 1;
            // SAFETY: the option's value is the int that `on` is, and its size is given.
            let set = unsafe {
                let size = size_of_val(&on) as libc::socklen_t;
                libc::setsockopt(a.as_raw_fd(), level, option, (&raw const on).cast(), size)
            };
            assert_eq!(set, 0, "{}", io::Error::last_os_error());
            let own: IpAddr = own.parse().unwrap();
            let to = SocketAddr::new(own, a.local_addr().unwrap().port());
            let b = std::net::UdpSocket::bind((own, 0)).unwrap();
            b.send_to(b"x", to).unwrap();
            let got = receive(a.as_fd(), &mut [0; 16]).unwrap();
            assert_eq!(got.to, Some(to));
        }
    }
}
