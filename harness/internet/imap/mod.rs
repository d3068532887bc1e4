//! Mailboxes of the fake internet: RFC 3501 (IMAP4rev1) as far as clients go that read, search,
//! move and file mail. Every name and password is let in. The mails are made from the seed and
//! the host, so that every run finds the same, with words in them that are found nowhere else;
//! what a client files or deletes lasts as long as the world. A session is recorded as a flow.
//!
//! | state | commands |
//! | --- | --- |
//! | any | `CAPABILITY`, `NOOP`, `LOGOUT`, `ID`, `NAMESPACE`, `ENABLE`, `STARTTLS`, `LOGIN`, `AUTHENTICATE` (PLAIN, LOGIN, XOAUTH2) |
//! | signed in | `LIST`, `LSUB`, `SELECT`, `EXAMINE`, `STATUS`, `CREATE`, `DELETE`, `RENAME`, `SUBSCRIBE`, `UNSUBSCRIBE`, `APPEND`, `IDLE` |
//! | selected | `FETCH`, `SEARCH`, `STORE`, `COPY`, `MOVE` and all of them by `UID`, `EXPUNGE`, `CHECK`, `CLOSE`, `UNSELECT` |
//!
//! Not spoken: CONDSTORE, SORT, THREAD, BINARY, COMPRESS.

mod account;
mod command;
mod fetch;
mod folder;
pub(super) mod message;
mod search;
mod seeded;
mod session;

pub use account::Accounts;
pub use session::serve;

use crate::internet::shared::names_host;

/// A port on which a scenario put an IMAP server, beside the usual ones.
#[derive(Clone, Debug)]
pub struct ImapPlace {
    /// A name in lower case, `*.suffix`, `*`, or an address.
    pub host: String,
    pub port: u16,
}

/// The port on which a session begins with TLS (RFC 8314, section 3.2).
const OVER_TLS: u16 = 993;

impl ImapPlace {
    /// The usual port, in the clear.
    pub const PORT: u16 = 143;

    /// Whether a server that stands at this port of this host greets here. Ports whose number
    /// ends like that of IMAP over TLS begin with TLS, all others in the clear.
    pub fn greets(places: &[Self], host: &str, port: u16, inside_tls: bool) -> bool {
        let named = || {
            places
                .iter()
                .any(|p| p.port == port && names_host(&p.host, host))
        };
        let usual = port == Self::PORT || port == OVER_TLS;
        inside_tls == (port % 1000 == OVER_TLS) && (usual || named())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_that_a_scenario_names_are_greeted() {
        let places = [
            ImapPlace {
                host: "mail.corp.example".into(),
                port: 1143,
            },
            ImapPlace {
                host: "mail.corp.example".into(),
                port: 1993,
            },
        ];
        for (host, port, tls, greets) in [
            ("any.example", 143, false, true),
            ("any.example", 993, true, true),
            ("any.example", 993, false, false),
            ("mail.corp.example", 1143, false, true),
            ("mail.corp.example", 1143, true, false),
            ("mail.corp.example", 1993, true, true),
            ("any.example", 1143, false, false),
        ] {
            assert_eq!(
                ImapPlace::greets(&places, host, port, tls),
                greets,
                "{host} {port} {tls}"
            );
        }
    }
}
