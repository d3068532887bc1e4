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

/// A handshake packet of MySQL 8 (protocol version 10, `mysql_native_password`).
const MYSQL: &[u8] = b"\x4a\x00\x00\x00\x0a8.0.36\x00\x2a\x00\x00\x00\x3a\x5b\x21\x6d\x4f\x12\x66\x2e\x00\xff\xff\xff\x02\x00\xff\xdf\x15\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x4c\x23\x74\x31\x5d\x0b\x6a\x09\x52\x3e\x27\x18\x00mysql_native_password\x00";

/// What a server on this port says at once, in and outside TLS.
pub fn greeting(port: u16, tls: bool) -> Option<(Dialect, &'static [u8])> {
    let found: (Dialect, &[u8]) = match (port, tls) {
        (21, false) | (990, true) => (Dialect::Ftp, b"220 (vsFTPd 3.0.5)\r\n"),
        (110, false) | (995, true) => (Dialect::Pop3, b"+OK Dovecot ready.\r\n"),
        (22, false) => (Dialect::Mute("ssh"), b"SSH-2.0-OpenSSH_9.6\r\n"),
        (23, false) => (Dialect::Mute("telnet"), b"login: "),
        (3306, false) => (Dialect::Mute("mysql"), MYSQL),
        _ => return None,
    };
    Some(found)
}

/// Whether a silent client on this port may be waiting for the server to speak. On the ports of
/// protocols in which the client begins, a word would only break a connection opened early.
pub fn expects_greeting(port: u16, tls: bool) -> bool {
    !tls && !matches!(
        port,
        80 | 443 | 853 | 1433 | 3000..=3010 | 5000 | 5432 | 5671 | 5672 | 6379 | 6443
            | 8000..=8999 | 9000..=9300 | 11211 | 27017..=27019
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mysql_packet_says_its_own_length() {
        assert_eq!(usize::from(MYSQL[0]) + 4, MYSQL.len());
    }

    #[test]
    fn ports_know_who_begins() {
        assert_eq!(greeting(21, false).unwrap().0, Dialect::Ftp);
        assert_eq!(greeting(993, false), None);
        assert!(expects_greeting(4444, false));
        assert!(!expects_greeting(443, false) && !expects_greeting(4444, true));
    }
}
