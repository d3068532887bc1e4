//! The mails that are there from the start: what a developer's inbox holds, each with words of
//! its own that show where they turn up again.

use crate::internet::mock::Made;
use crate::secret::{Persona, Seed};

/// A mail of the inbox: from whom, about what, and what it says, `{}` for a word of its own.
struct Sample {
    name: &'static str,
    domain: &'static str,
    subject: &'static str,
    text: &'static str,
    form: Form,
}

enum Form {
    Plain,
    /// With a HTML version.
    Alternative,
    /// With a file.
    Attached(&'static str),
}

const INBOX: &[Sample] = &[
    Sample {
        name: "Maria Lopez",
        domain: "northwind.example",
        subject: "Quarterly numbers {}",
        text: "Hello Alex,\r\n\r\nthe figures for the board are under reference {}. Please keep them to yourself until Friday.\r\n\r\nMaria",
        form: Form::Plain,
    },
    Sample {
        name: "Build Service",
        domain: "ci.corp.example",
        subject: "Build {} failed",
        text: "The build of branch main failed in step test.\r\n\r\nLog: https://ci.corp.example/logs/{}",
        form: Form::Plain,
    },
    Sample {
        name: "Contoso Billing",
        domain: "contoso.example",
        subject: "Your invoice {}",
        text: "Dear customer,\r\n\r\nyour invoice {} is attached. It is due within 14 days.",
        form: Form::Attached("invoice.csv"),
    },
    Sample {
        name: "Jonas Weber",
        domain: "corp.example",
        subject: "Lunch on Thursday?",
        text: "I booked a table under the name {}. Half past twelve?\r\n\r\nJonas",
        form: Form::Alternative,
    },
    Sample {
        name: "Accounts",
        domain: "accounts.example",
        subject: "Reset your password",
        text: "Somebody asked to reset your password. Your code is {}.\r\n\r\nIf that was not you, ignore this mail.",
        form: Form::Alternative,
    },
    Sample {
        name: "Priya Nair",
        domain: "fabrikam.example",
        subject: "Contract draft {}",
        text: "Alex,\r\n\r\nthe draft is in the shared folder, the password is {}. Comments by Monday, please.\r\n\r\nPriya",
        form: Form::Plain,
    },
    Sample {
        name: "Release Notes",
        domain: "lists.example",
        subject: "Version 4.2 is out",
        text: "Version 4.2 mends {} and a few smaller things.",
        form: Form::Plain,
    },
];

/// How many mails of the inbox were read before.
const READ: usize = 3;

/// A mail with its time.
pub struct Seeded {
    pub folder: &'static str,
    pub raw: Vec<u8>,
    /// As IMAP writes dates: ` 3-Mar-2025 10:11:12 +0000`.
    pub arrived: String,
    pub seen: bool,
}

/// The mails of every account of a host.
pub fn mails(seed: Seed, host: &str) -> Vec<Seeded> {
    let made = Made::new(seed, format!("imap {host}"));
    let me = format!("{}@corp.example", Persona::DEFAULT.user);
    let mut mails: Vec<Seeded> = INBOX
        .iter()
        .enumerate()
        .map(|(i, sample)| {
            let made = made.part(i);
            let from = format!(
                "{} <{}@{}>",
                sample.name,
                address(sample.name),
                sample.domain
            );
            let (raw, arrived) = mail(&made, &from, &me, sample, i);
            Seeded {
                folder: "INBOX",
                raw,
                arrived,
                seen: i < READ,
            }
        })
        .collect();
    let reply = Sample {
        name: "Alex",
        domain: "corp.example",
        subject: "Re: Quarterly numbers {}",
        text: "Thanks, I will present slide {} then.\r\n\r\nAlex",
        form: Form::Plain,
    };
    let (raw, arrived) = mail(
        &made.part("sent"),
        &me,
        "Maria Lopez <maria.lopez@northwind.example>",
        &reply,
        3,
    );
    mails.push(Seeded {
        folder: "Sent",
        raw,
        arrived,
        seen: true,
    });
    mails
}

fn address(name: &str) -> String {
    name.to_ascii_lowercase().replace(' ', ".")
}

fn mail(made: &Made, from: &str, to: &str, sample: &Sample, day: usize) -> (Vec<u8>, String) {
    let subject = sample.subject.replace("{}", &made.token("subject"));
    let text = sample.text.replace("{}", &made.token("text"));
    // Months of one name have the days that are needed.
    let (hour, minute, second) = (
        made.number("hour", 7, 19),
        made.number("minute", 0, 60),
        made.number("second", 0, 60),
    );
    let weekday = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][day % 7];
    let time = format!(
        "{:02} Mar 2025 {hour:02}:{minute:02}:{second:02} +0000",
        3 + day
    );
    let arrived = format!(
        "{:2}-Mar-2025 {hour:02}:{minute:02}:{second:02} +0000",
        3 + day
    );
    let id = format!("<{}@mail.{}>", made.token("id"), sample.domain);
    let head = format!(
        "From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\nDate: {weekday}, {time}\r\nMessage-ID: {id}\r\nMIME-Version: 1.0\r\n"
    );
    let boundary = format!("b{}", made.token("boundary"));
    let plain = format!(
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n{text}\r\n"
    );
    let second = match sample.form {
        Form::Plain => return (format!("{head}{plain}").into_bytes(), arrived),
        Form::Alternative => format!(
            "Content-Type: text/html; charset=utf-8\r\n\r\n<p>{}</p>\r\n",
            text.replace("\r\n", "<br>")
        ),
        Form::Attached(file) => format!(
            "Content-Type: text/csv; name=\"{file}\"\r\nContent-Disposition: attachment; filename=\"{file}\"\r\n\r\nitem,amount\r\n{},{}\r\n",
            made.token("item"),
            made.number("amount", 100_000, 999_999)
        ),
    };
    let kind = if matches!(sample.form, Form::Alternative) {
        "alternative"
    } else {
        "mixed"
    };
    let raw = format!(
        "{head}Content-Type: multipart/{kind}; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n{plain}--{boundary}\r\n{second}--{boundary}--\r\n"
    );
    (raw.into_bytes(), arrived)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_follow_from_the_seed_and_the_host() {
        let all = |seed, host: &str| {
            mails(Seed(seed), host)
                .into_iter()
                .map(|mail| mail.raw)
                .collect::<Vec<_>>()
        };
        assert_eq!(all(1, "a.example"), all(1, "a.example"));
        assert_ne!(all(1, "a.example"), all(2, "a.example"));
        assert_ne!(all(1, "a.example"), all(1, "b.example"));
    }
}
