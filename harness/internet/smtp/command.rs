//! Command lines of SMTP (RFC 5321, section 4.1), read leniently: clients and attackers both
//! send what the grammar forbids, and what they meant is what counts.

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// EHLO (extended) or HELO, and the name given.
    Hello {
        extended: bool,
        name: String,
    },
    Auth {
        mechanism: String,
        initial: Option<String>,
    },
    StartTls,
    Mail(Path),
    Rcpt(Path),
    Data,
    Reset,
    Noop,
    Verify(String),
    Help,
    Quit,
    /// A known verb with an argument that makes no sense.
    Syntax,
    Unknown,
}

/// A path and the parameters after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// Without angle brackets; empty for the null reverse-path.
    pub address: String,
    pub params: String,
}

impl Command {
    /// Reads one line, with or without its end. Invalid UTF-8 is replaced.
    pub fn parse(line: &[u8]) -> Self {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end_matches(['\r', '\n']);
        let (verb, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
        let rest = rest.trim();
        match verb.to_ascii_uppercase().as_str() {
            verb @ ("EHLO" | "LHLO" | "HELO") => Self::Hello {
                extended: verb != "HELO",
                name: rest.to_owned(),
            },
            "AUTH" => {
                let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
                Self::Auth {
                    mechanism: mechanism.to_ascii_uppercase(),
                    initial: Some(initial.trim().to_owned()).filter(|i| !i.is_empty()),
                }
            }
            "STARTTLS" => Self::StartTls,
            "MAIL" => path(rest, "FROM").map_or(Self::Syntax, Self::Mail),
            "RCPT" => path(rest, "TO").map_or(Self::Syntax, Self::Rcpt),
            "DATA" => Self::Data,
            "RSET" => Self::Reset,
            "NOOP" => Self::Noop,
            "VRFY" => Self::Verify(rest.to_owned()),
            "HELP" => Self::Help,
            "QUIT" => Self::Quit,
            _ => Self::Unknown,
        }
    }
}

/// `FROM:<address> params`; brackets and the blank after the colon are optional.
fn path(rest: &str, keyword: &str) -> Option<Path> {
    let (word, rest) = rest.split_once(':')?;
    if !word.trim().eq_ignore_ascii_case(keyword) {
        return None;
    }
    let rest = rest.trim_start();
    let (address, params) = match rest.strip_prefix('<') {
        Some(inside) => {
            let end = closing(inside)?;
            (&inside[..end], &inside[end + 1..])
        }
        None => rest.split_once(' ').unwrap_or((rest, "")),
    };
    // A source route (appendix C) is dropped, as servers do.
    let address = match address.strip_prefix('@').and_then(|a| a.split_once(':')) {
        Some((_, mailbox)) => mailbox,
        None => address,
    };
    Some(Path {
        address: address.trim().to_owned(),
        params: params.trim().to_owned(),
    })
}

/// Where the bracket closes: one inside a quoted local part does not count.
fn closing(inside: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mail(address: &str, params: &str) -> Command {
        Command::Mail(Path {
            address: address.into(),
            params: params.into(),
        })
    }

    #[test]
    fn commands_are_read_as_they_are_meant() {
        for (line, command) in [
            (
                "MAIL FROM:<a@b.example> SIZE=12\r\n",
                mail("a@b.example", "SIZE=12"),
            ),
            ("mail from: a@b.example", mail("a@b.example", "")),
            ("MAIL FROM:<>", mail("", "")),
            (
                "MAIL FROM:<\"a>b\"@c.example>",
                mail("\"a>b\"@c.example", ""),
            ),
            (
                "MAIL FROM:<@x.example:a@b.example>",
                mail("a@b.example", ""),
            ),
            ("MAIL TO:<a>", Command::Syntax),
            ("RCPT", Command::Syntax),
            ("quit", Command::Quit),
            (
                "AUTH plain AGEAYg==",
                Command::Auth {
                    mechanism: "PLAIN".into(),
                    initial: Some("AGEAYg==".into()),
                },
            ),
            ("GET / HTTP/1.1", Command::Unknown),
        ] {
            assert_eq!(Command::parse(line.as_bytes()), command, "{line}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_line_panics(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            Command::parse(&line);
        }

        #[test]
        fn no_argument_panics(rest in "\\PC{0,40}") {
            for verb in ["MAIL FROM:", "RCPT TO:<", "AUTH ", "EHLO ", "RCPT TO"] {
                Command::parse(format!("{verb}{rest}").as_bytes());
            }
        }

        #[test]
        fn an_address_survives(address in "[a-z0-9.]{1,20}@[a-z]{1,10}\\.example") {
            prop_assert_eq!(Command::parse(format!("MAIL FROM:<{address}>").as_bytes()), mail(&address, ""));
        }
    }
}
