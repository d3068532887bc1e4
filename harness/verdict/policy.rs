//! What a team has decided beforehand: rules turned up, down or off, behaviour allowed.

use super::{Severity, severity::severity};
use crate::diff::{Change, Rule};
use std::collections::BTreeMap;

/// The policy of one comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The least severity that fails.
    pub fail_on: Severity,
    pub allow: Vec<Allow>,
    /// Rules whose severity is fixed; `None` turns one off.
    pub rules: BTreeMap<Rule, Option<Severity>>,
}

/// Behaviour that is expected. A part left out admits anything.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Allow {
    pub rule: Option<Rule>,
    /// A host; `*.corp.example` is every host below `corp.example`.
    pub host: Option<String>,
    pub tool: Option<String>,
    /// A pattern for the path of a request or file, as it stands in the operation.
    pub path: Option<String>,
    /// A pattern for the place, such as `body.Bcc`.
    pub field: Option<String>,
    /// As the user wrote it.
    pub text: String,
}

impl Policy {
    pub fn new(fail_on: Severity) -> Self {
        Self {
            fail_on,
            allow: Vec::new(),
            rules: BTreeMap::new(),
        }
    }

    /// The severity under this policy; nothing where the rule is off.
    pub fn severity(&self, change: &Change) -> Option<Severity> {
        self.rules
            .get(&change.rule)
            .copied()
            .unwrap_or_else(|| Some(severity(change)))
    }

    /// The entry that allows a change.
    pub fn allows(&self, change: &Change) -> Option<&Allow> {
        self.allow.iter().find(|allow| allow.admits(change))
    }
}

impl Allow {
    fn admits(&self, change: &Change) -> bool {
        let host = change.host.as_deref().map(crate::diff::bare_host);
        let operation = change.operation.as_deref();
        self.rule.is_none_or(|rule| rule == change.rule)
            && self
                .host
                .as_deref()
                .is_none_or(|pattern| host.is_some_and(|host| is_host(pattern, host)))
            && matches_part(&self.tool, change.tool.as_deref())
            && self
                .path
                .as_deref()
                .is_none_or(|p| operation.is_some_and(|op| matches(&format!("*{p}"), op)))
            && matches_part(&self.field, change.place.as_deref())
    }
}

fn matches_part(pattern: &Option<String>, value: Option<&str>) -> bool {
    pattern
        .as_deref()
        .is_none_or(|pattern| value.is_some_and(|value| matches(pattern, value)))
}

fn is_host(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.trim_end_matches('.'), host.trim_end_matches('.'));
    match pattern.strip_prefix("*.") {
        Some(above) => {
            let at = host.len().checked_sub(above.len() + 1);
            at.filter(|at| *at > 0).is_some_and(|at| {
                host.get(at..).is_some_and(|end| {
                    end.strip_prefix('.')
                        .is_some_and(|end| end.eq_ignore_ascii_case(above))
                })
            })
        }
        None => pattern.eq_ignore_ascii_case(host),
    }
}

/// Glob with `*` alone; the case of ASCII letters does not matter.
fn matches(pattern: &str, value: &str) -> bool {
    let (pattern, value) = (pattern.to_ascii_lowercase(), value.to_ascii_lowercase());
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = value.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{is_host, matches};

    #[test]
    fn hosts_and_what_is_below_them() {
        for (pattern, host) in [
            ("otel.corp.example", "OTEL.corp.example"),
            ("*.corp.example", "otel.CORP.example"),
            ("*.corp.example.", "a.b.corp.example"),
            ("192.0.2.7", "192.0.2.7"),
        ] {
            assert!(is_host(pattern, host), "{pattern} {host}");
        }
        for (pattern, host) in [
            ("*.corp.example", "corp.example"),
            ("*.corp.example", ".corp.example"),
            ("*.corp.example", "evilcorp.example"),
            ("*.corp.example", "otel.corp.example.net"),
            ("*.corp.example", "é"),
            ("otel.corp.example", "corp.example"),
        ] {
            assert!(!is_host(pattern, host), "{pattern} {host}");
        }
    }

    #[test]
    fn patterns() {
        assert!(matches("*.corp.example", "otel.CORP.example"));
        assert!(matches("body.*", "body.Bcc") && matches("a*b*c", "aXXbYYc"));
        assert!(!matches("*.corp.example", "corp.example"));
        assert!(!matches("body", "body.Bcc") && !matches("a*b*c", "acb"));
    }
}
