//! Credentials shown to a mail server (RFC 4954): everything is accepted, nothing is checked.

use crate::effect::Auth;
use data_encoding::BASE64;

/// A mechanism under way, or its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// The next challenge, before its coding, and what is known so far.
    Ask(&'static str, Partial),
    Done(Auth),
    Unknown,
}

/// What a dialogue has brought so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Partial {
    Plain,
    LoginUser,
    LoginPassword(String),
    CramMd5,
    XOauth2,
}

/// The challenge of CRAM-MD5 (RFC 2195): the same in every run, so that its answers are too. It is
/// not offered, as public servers do not: clients prefer it, and it hides the password.
const CHALLENGE: &str = "<1896.697170952@mail>";

/// The first step for a mechanism in upper case.
pub fn begin(mechanism: &str, initial: Option<&str>) -> Step {
    let (prompt, partial) = match mechanism {
        "PLAIN" => ("", Partial::Plain),
        "LOGIN" => ("Username:", Partial::LoginUser),
        "CRAM-MD5" => (CHALLENGE, Partial::CramMd5),
        "XOAUTH2" => ("", Partial::XOauth2),
        _ => return Step::Unknown,
    };
    match initial {
        // `=` alone is an empty initial response (section 4).
        Some(initial) if partial != Partial::CramMd5 => {
            go_on(partial, if initial == "=" { "" } else { initial })
        }
        _ => Step::Ask(prompt, partial),
    }
}

/// The step after a client's answer.
pub fn go_on(partial: Partial, line: &str) -> Step {
    // What is not base64 is kept as it came.
    let text = BASE64.decode(line.trim().as_bytes()).map_or_else(
        |_| line.trim().to_owned(),
        |b| String::from_utf8_lossy(&b).into_owned(),
    );
    let done = |mechanism: &str, user: &str, password: &str| {
        Step::Done(Auth {
            mechanism: mechanism.to_owned(),
            user: user.to_owned(),
            password: password.to_owned(),
        })
    };
    match partial {
        Partial::Plain => {
            // Authorisation identity, user, password (RFC 4616).
            let mut parts = text.splitn(3, '\0');
            let (identity, user) = (parts.next().unwrap_or(""), parts.next());
            done(
                "PLAIN",
                user.unwrap_or(identity),
                parts.next().unwrap_or(""),
            )
        }
        Partial::LoginUser => Step::Ask("Password:", Partial::LoginPassword(text)),
        Partial::LoginPassword(user) => done("LOGIN", &user, &text),
        Partial::CramMd5 => {
            let (user, digest) = text.rsplit_once(' ').unwrap_or((&text, ""));
            done("CRAM-MD5", user, digest)
        }
        Partial::XOauth2 => {
            let field = |name: &str| text.split('\u{1}').find_map(|f| f.strip_prefix(name));
            done(
                "XOAUTH2",
                field("user=").unwrap_or(""),
                field("auth=Bearer ").unwrap_or(&text),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auth(mechanism: &str, user: &str, password: &str) -> Step {
        Step::Done(Auth {
            mechanism: mechanism.into(),
            user: user.into(),
            password: password.into(),
        })
    }

    #[test]
    fn each_mechanism_gives_up_its_credentials() {
        assert_eq!(
            begin("PLAIN", Some("AGFsZXgAcHc=")),
            auth("PLAIN", "alex", "pw")
        );
        let Step::Ask("Username:", partial) = begin("LOGIN", None) else {
            panic!("no prompt");
        };
        let Step::Ask("Password:", partial) = go_on(partial, "YWxleA==") else {
            panic!("no prompt");
        };
        assert_eq!(go_on(partial, "cHc="), auth("LOGIN", "alex", "pw"));
        let cram = BASE64.encode(b"alex 0123abcd");
        assert_eq!(
            go_on(Partial::CramMd5, &cram),
            auth("CRAM-MD5", "alex", "0123abcd")
        );
        let token = BASE64.encode(b"user=alex\x01auth=Bearer tok\x01\x01");
        assert_eq!(
            begin("XOAUTH2", Some(&token)),
            auth("XOAUTH2", "alex", "tok")
        );
        assert_eq!(begin("GSSAPI", None), Step::Unknown);
        assert_eq!(go_on(Partial::Plain, "%%%"), auth("PLAIN", "%%%", ""));
    }
}
