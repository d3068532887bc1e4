//! What a scenario wants a mail server to refuse or to take its time over.

use crate::internet::shared::names_host;
use std::time::Duration;

/// One deviation from accepting everything. The first rule that matches a stage decides; a rule
/// with a port also says that a mail server stands there.
#[derive(Clone, Debug)]
pub struct SmtpRule {
    /// A name in lower case, `*.suffix`, `*`, or an address.
    pub host: String,
    /// None for any port.
    pub port: Option<u16>,
    pub stage: SmtpStage,
    /// For `Auth` the user, for `Mail` and `Rcpt` the address, as a pattern in which `*` stands
    /// for any text; letter case does not count. None matches all.
    pub matching: Option<String>,
    pub action: SmtpAction,
}

/// Where in a session a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpStage {
    Connect,
    Auth,
    Mail,
    Rcpt,
    /// The command DATA, before the message.
    Data,
    /// The message, after its end.
    Message,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmtpAction {
    Accept,
    /// A reply line without its line end, such as `550 5.1.1 User unknown`.
    Reject(String),
    /// The answer comes after this time.
    Delay(Duration),
}

impl SmtpRule {
    pub(super) fn matches(&self, host: &str, port: u16, stage: SmtpStage, subject: &str) -> bool {
        self.stage == stage
            && names_host(&self.host, host)
            && self.port.is_none_or(|p| p == port)
            && self.matching.as_deref().is_none_or(|m| {
                glob(
                    m.to_ascii_lowercase().as_bytes(),
                    subject.to_ascii_lowercase().as_bytes(),
                )
            })
    }
}

/// `*` in `pattern` stands for any text. Linear but for one step back: hostile text costs nothing.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut back = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p + 1, t));
                p += 1;
            }
            Some(c) if *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match back {
                Some((after, from)) => {
                    p = after;
                    t = from + 1;
                    back = Some((after, t));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn stars_stand_for_any_text() {
        for (pattern, text, fits) in [
            ("*@a.example", "x@a.example", true),
            ("*@a.example", "x@b.example", false),
            ("x*y*z", "x1y2y3z", true),
            ("x", "xx", false),
            ("*", "", true),
        ] {
            assert_eq!(
                glob(pattern.as_bytes(), text.as_bytes()),
                fits,
                "{pattern} {text}"
            );
        }
    }
}
