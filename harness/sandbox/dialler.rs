//! Connections into the sandbox, to servers that listen there. The sockets are made inside, where the
//! network is, and handed out unconnected; each is used again and again.

use super::sys;
use socket2::SockRef;
use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Sockets, and so connections that can be open at once.
pub const SOCKETS: usize = 24;
/// A connection to a loopback address is there at once, or waits in a queue that is full.
const PATIENCE: Duration = Duration::from_secs(2);

/// Dials loopback ports inside.
#[derive(Clone, Debug)]
pub struct Dialler(Arc<Mutex<VecDeque<OwnedFd>>>);

/// A connection; its socket goes back when it is dropped.
#[derive(Debug)]
pub struct Dialled {
    /// Blocking, and owned by whoever takes it.
    pub stream: TcpStream,
    pub lease: Lease,
}

/// Keeps a socket from being used for another connection. To be dropped after the stream.
#[derive(Debug)]
pub struct Lease {
    socket: Option<OwnedFd>,
    home: Dialler,
}

/// Makes the sockets; runs inside.
pub fn sockets() -> io::Result<Vec<OwnedFd>> {
    let one = || {
        let socket = sys::socket(libc::AF_INET6, libc::SOCK_STREAM, 0)?;
        // It dials both families (RFC 3493, section 3.7).
        SockRef::from(&socket).set_only_v6(false)?;
        Ok(socket)
    };
    (0..SOCKETS).map(|_| one()).collect()
}

impl Dialler {
    pub fn new(sockets: impl IntoIterator<Item = OwnedFd>) -> Self {
        Self(Arc::new(Mutex::new(sockets.into_iter().collect())))
    }

    /// A connection to whoever listens on this port of 127.0.0.1, or of ::1. Blocks for two seconds
    /// at most.
    ///
    /// # Errors
    /// `ConnectionRefused` where nobody does, `WouldBlock` where all sockets are in use.
    pub fn dial(&self, port: u16) -> io::Result<Dialled> {
        match self.dial_one(port, Ipv4Addr::LOCALHOST.to_ipv6_mapped()) {
            Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {
                self.dial_one(port, Ipv6Addr::LOCALHOST)
            }
            dialled => dialled,
        }
    }

    fn dial_one(&self, port: u16, address: Ipv6Addr) -> io::Result<Dialled> {
        // The one that was given back first: its last connection is over by now.
        let socket = self.sockets().pop_front();
        let lease = Lease {
            socket: Some(socket.ok_or(io::ErrorKind::WouldBlock)?),
            home: self.clone(),
        };
        let Some(socket) = &lease.socket else {
            return Err(io::ErrorKind::WouldBlock.into());
        };
        sys::disconnect(socket.as_fd())?;
        let to = SocketAddr::from((address, port)).into();
        let connecting = socket2::Socket::from(socket.try_clone()?);
        connecting.connect_timeout(&to, PATIENCE)?;
        connecting.set_tcp_nodelay(true)?;
        Ok(Dialled {
            stream: connecting.into(),
            lease,
        })
    }

    fn sockets(&self) -> MutexGuard<'_, VecDeque<OwnedFd>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.take() {
            // The server sees an orderly end now; the socket is let go of when it is used again.
            let _ = SockRef::from(&socket).shutdown(Shutdown::Both);
            self.home.sockets().push_back(socket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    #[test]
    fn sockets_serve_one_connection_after_the_other() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let dialler = Dialler::new(sockets().unwrap().into_iter().take(2));
        for round in 0..5u8 {
            let mut dialled = dialler.dial(port).unwrap();
            let (mut other, _) = listener.accept().unwrap();
            dialled.stream.write_all(&[round]).unwrap();
            let mut got = [0];
            other.read_exact(&mut got).unwrap();
            assert_eq!(got, [round]);
            drop(dialled);
            // An orderly end, no reset.
            assert_eq!(other.read(&mut got).unwrap(), 0);
        }
        let both = (dialler.dial(port).unwrap(), dialler.dial(port).unwrap());
        let busy = dialler.dial(port).unwrap_err();
        assert_eq!(busy.kind(), io::ErrorKind::WouldBlock);
        drop(both);
        drop(listener);
        // Refused, or not even that where the machine has no IPv6.
        assert!(dialler.dial(port).is_err());
    }

    #[test]
    fn both_families_are_dialled() {
        let Ok(listener) = TcpListener::bind("[::1]:0") else {
            eprintln!("skipped: no IPv6 here");
            return;
        };
        let dialler = Dialler::new(sockets().unwrap());
        let port = listener.local_addr().unwrap().port();
        assert!(dialler.dial(port).is_ok());
    }
}
