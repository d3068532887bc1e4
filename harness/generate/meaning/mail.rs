//! Addresses of people.

use super::{Meaning, Said};

/// Addresses, whatever they are called.
pub(super) fn mail(
    name: &[String],
    head: &str,
    said: &Said<'_>,
    says: &dyn Fn(&[&str]) -> bool,
    mailing: bool,
) -> Option<Meaning> {
    let list = || {
        says(&[
            "comma-separated",
            "comma separated",
            "separated by comma",
            "separated by a comma",
        ])
    };
    let address = || {
        if list() {
            Meaning::EmailList
        } else {
            Meaning::Email
        }
    };
    let ends = [
        "to",
        "from",
        "cc",
        "bcc",
        "sender",
        "recipient",
        "recipients",
    ];
    let elsewhere = says(&[
        "phone", "e.164", "date", "time", "currency", "language", "path", "branch", "id of",
        "station",
    ]);
    if ["email", "emails", "mail"].contains(&head) {
        return Some(address());
    }
    let addressed = ["address", "addresses"].contains(&head)
        && (name.iter().any(|w| {
            [
                "email",
                "mail",
                "to",
                "from",
                "cc",
                "bcc",
                "reply",
                "sender",
                "recipient",
            ]
            .contains(&w.as_str())
        }) || ends.contains(&said.parent)
            || says(&["email", "e-mail"]));
    if addressed {
        return Some(address());
    }
    if ends.contains(&head) && (!elsewhere || says(&["email", "e-mail", "mail address"])) {
        let said_so = says(&["email", "e-mail", "recipient", "sender", "address"]);
        let plain = !says(&[" to ", " from "]) || said.about.trim().is_empty();
        if said_so || mailing || plain {
            return Some(address());
        }
    }
    None
}
