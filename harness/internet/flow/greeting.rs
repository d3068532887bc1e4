//! Which ports belong to protocols in which the server speaks first, and what it says.

/// A line protocol that a client can be kept talking in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    Ftp,
    Pop3,
    /// Said once, then only listened to.
    Mute(&'static str),
}

impl Dialect {
    /// The name that effects use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ftp => "ftp",
            Self::Pop3 => "pop3",
            Self::Mute(name) => name,
        }
    }
}

/// What a server on this port says at once, in and outside TLS.
pub fn greeting(port: u16, tls: bool) -> Option<(Dialect, &'static [u8])> {
    let found: (Dialect, &[u8]) = match (port, tls) {
        (21, false) | (990, true) => (Dialect::Ftp, b"220 (vsFTPd 3.0.5)\r\n"),
        (110, false) | (995, true) => (Dialect::Pop3, b"+OK Dovecot ready.\r\n"),
        (22, false) => (Dialect::Mute("ssh"), b"SSH-2.0-OpenSSH_9.6\r\n"),
        (23, false) => (Dialect::Mute("telnet"), b"login: "),
        _ => return None,
    };
    Some(found)
}

/// Whether a silent client on this port may be waiting for the server to speak. On the ports of
/// protocols in which the client begins, a word would only break a connection opened early.
pub fn expects_greeting(port: u16, tls: bool) -> bool {
    !tls && !matches!(
        port,
        // No port: a local socket.
        0 | 80 | 443 | 853 | 1080 | 1433 | 2375..=2380 | 3000..=3010 | 3128 | 5000 | 5432 | 5671 | 5672 | 6379 | 6443
            | 8000..=8999 | 9000..=9300 | 11211 | 27017..=27019
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_know_who_begins() {
        assert_eq!(greeting(21, false).unwrap().0, Dialect::Ftp);
        assert_eq!(greeting(993, false), None);
        assert!(expects_greeting(4444, false));
        assert!(!expects_greeting(443, false) && !expects_greeting(4444, true));
        assert!(!expects_greeting(0, false));
    }
}
