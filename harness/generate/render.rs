//! One text for each meaning, with the mark in it wherever the meaning allows one.
//!
//! Everything here belongs to nobody: hosts of RFC 2606, addresses of RFC 5737 and RFC 3849,
//! telephone numbers 555-0100 to 555-0199.

use super::{meaning::Meaning, words};
use crate::secret::Persona;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde_json::json;

/// What a text is written with.
pub(super) struct Pen<'a> {
    pub(super) mark: &'a str,
    /// For a second value in the same text.
    pub(super) second: &'a str,
    /// Says more about the place: the description and the tool's name, in lower case.
    pub(super) about: &'a str,
    pub(super) name: &'a str,
    pub(super) draw: &'a mut dyn FnMut(u64) -> u64,
}

impl Pen<'_> {
    fn of(&mut self, stock: &[&'static str]) -> &'static str {
        stock[(self.draw)(stock.len() as u64) as usize % stock.len()]
    }

    fn hex(&mut self, n: usize) -> String {
        (0..n)
            .map(|_| char::from(b"0123456789abcdef"[(self.draw)(16) as usize % 16]))
            .collect()
    }

    fn digits(&mut self, n: usize) -> String {
        (0..n)
            .map(|i| char::from(b'1' + (self.draw)(if i == 0 { 9 } else { 8 }) as u8))
            .collect()
    }

    /// Writes one text.
    pub(super) fn write(&mut self, meaning: Meaning) -> String {
        let mark = self.mark;
        let home = Persona::DEFAULT.cwd;
        match meaning {
            Meaning::Email => self.email(mark),
            Meaning::EmailList => {
                let first = self.email(mark);
                if (self.draw)(2) == 0 {
                    return first;
                }
                format!("{first}, {}", self.email(self.second))
            }
            Meaning::PersonName => {
                format!("{} {} {mark}", self.of(words::FIRST), self.of(words::LAST))
            }
            Meaning::Username => format!("{}-{mark}", plain(self.of(words::FIRST))),
            Meaning::Company => format!("{} & Co {mark}", self.of(words::LAST)),
            Meaning::Title => format!("{} {mark}", self.of(words::OPENINGS)),
            Meaning::Text => format!("{} {mark}", self.of(words::OPENINGS)),
            Meaning::Mailbox => {
                if (self.draw)(2) == 0 {
                    "INBOX".to_owned()
                } else {
                    format!("Archive-{mark}")
                }
            }
            Meaning::Cell => self.cell(),
            Meaning::CellRange => {
                let (from, to) = ((self.draw)(9) + 1, (self.draw)(90) + 10);
                format!("A{from}:C{to}")
            }
            Meaning::Prose => format!(
                "{} {mark}: {}",
                self.of(words::OPENINGS),
                self.of(words::SENTENCES)
            ),
            Meaning::Query => format!("{} {mark}", self.of(words::TOPICS)),
            Meaning::Html => self.html(),
            Meaning::Markdown => format!(
                "# {} {mark}\n\n{} See [the notes](https://{}.northwind.example/notes).\n\n- first\n- second\n",
                self.of(words::OPENINGS),
                self.of(words::SENTENCES),
                self.second
            ),
            Meaning::Css => format!(".{mark} {{ color: #{}; }}", self.hex(6)),
            Meaning::Url => self.url(),
            Meaning::Domain => format!("{mark}.{}", self.of(words::HOSTS)),
            // One name comes back in every tool, so that what one writes another can read; who
            // only reads gets it more often than not, for the home folder has it.
            Meaning::Path => match (self.draw)(4) {
                3 => self.common(home),
                1 | 2 if self.reads() => self.common(home),
                0 => format!(
                    "{home}/{}-{mark}.{}",
                    self.of(words::FILES),
                    self.extension()
                ),
                1 => format!(
                    "{home}/docs/{}-{mark}.{}",
                    self.of(words::FILES),
                    self.extension()
                ),
                _ => format!("{}-{mark}.{}", self.of(words::FILES), self.extension()),
            },
            Meaning::RelativePath => {
                format!("docs/{}-{mark}.{}", self.of(words::FILES), self.extension())
            }
            // A folder that exists is worth more than one that is known again.
            Meaning::Folder => match (self.draw)(6) {
                0..=3 => home.to_owned(),
                4 => format!("{home}/{}-{mark}", self.of(words::TOPICS)),
                _ => ".".to_owned(),
            },
            Meaning::FileName => format!("{}-{mark}.{}", self.of(words::FILES), self.extension()),
            Meaning::Glob => format!("**/*{mark}*.md"),
            Meaning::Regex => format!("{}-{mark}[0-9]*", self.of(words::TOPICS)),
            Meaning::Id => {
                if (self.draw)(4) < 3 {
                    self.uuid()
                } else {
                    mark.to_owned()
                }
            }
            Meaning::Uuid => self.uuid(),
            Meaning::Digits => self.digits(8),
            Meaning::Hash => self.hex(40),
            Meaning::Slug => format!("{}-{mark}", self.of(words::TOPICS)),
            Meaning::Branch => format!("feature/{mark}"),
            Meaning::Table => {
                if (self.draw)(2) == 0 {
                    "notes".to_owned()
                } else {
                    format!("notes_{mark}")
                }
            }
            Meaning::Cursor => mark.to_owned(),
            Meaning::Secret => format!("Pw-{mark}-{}", self.hex(8)),
            Meaning::Jwt => self.jwt(),
            Meaning::Version => format!(
                "{}.{}.{}",
                (self.draw)(9) + 1,
                (self.draw)(20),
                (self.draw)(90)
            ),
            Meaning::Date => self.date(),
            Meaning::DateTime => format!("{}T{}Z", self.date(), self.clock()),
            Meaning::Time => {
                if self.about.contains("hh:mm") || self.about.contains("24-hour") {
                    self.clock()[..5].to_owned()
                } else {
                    format!("{}Z", self.clock())
                }
            }
            Meaning::Duration => format!("PT{}H{}M", (self.draw)(12) + 1, (self.draw)(59) + 1),
            Meaning::Phone => format!("+1{}55501{:02}", 201 + (self.draw)(700), (self.draw)(100)),
            Meaning::Country => {
                if self.about.contains("country name") {
                    self.of(words::COUNTRY_NAMES).to_owned()
                } else {
                    self.of(words::COUNTRIES).to_owned()
                }
            }
            Meaning::Language => self.of(words::LANGUAGES).to_owned(),
            Meaning::Timezone => self.of(words::TIMEZONES).to_owned(),
            Meaning::Currency => self.of(words::CURRENCIES).to_owned(),
            Meaning::City => self.of(words::CITIES).to_owned(),
            Meaning::Address => format!(
                "{} {} {mark}, {}",
                (self.draw)(90) + 10,
                self.of(words::STREETS),
                self.of(words::CITIES)
            ),
            Meaning::SqlSelect => format!("SELECT '{mark}' AS note"),
            Meaning::SqlCreate => format!(
                "CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, title TEXT, body TEXT DEFAULT '{mark}')"
            ),
            Meaning::SqlChange => format!(
                "INSERT INTO notes (title, body) VALUES ('{}', '{mark}')",
                self.of(words::TOPICS)
            ),
            Meaning::Command => format!("echo {mark}"),
            Meaning::Code => {
                if self.about.contains("javascript")
                    || self.name.contains("js")
                    || self.about.contains("browser")
                {
                    format!("(() => '{mark}')()")
                } else {
                    format!("print('{mark}')")
                }
            }
            Meaning::Json => self.json(),
            Meaning::JsonPointer => format!("/notes/{mark}"),
            Meaning::RelativeJsonPointer => format!("1/{mark}"),
            Meaning::Base64Json => BASE64.encode(self.json().as_bytes()),
            Meaning::Base64 => {
                BASE64.encode(format!("Notes {mark}\n{}\n", self.of(words::SENTENCES)).as_bytes())
            }
            Meaning::Colour => format!("#{}", self.hex(6)),
            Meaning::Ipv4 => format!("192.0.2.{}", (self.draw)(254) + 1),
            Meaning::Ipv6 => format!("2001:db8::{}:{}", self.hex(3), self.hex(4)),
            Meaning::Cron => format!("{} {} * * 1", (self.draw)(60), (self.draw)(24)),
            Meaning::MimeType => self.of(words::MIME).to_owned(),
            Meaning::Emoji => self.of(words::EMOJI).to_owned(),
        }
    }

    fn json(&mut self) -> String {
        json!({ "note": self.mark, "count": (self.draw)(9) }).to_string()
    }

    fn extension(&mut self) -> &'static str {
        let usual = self.of(words::EXTENSIONS);
        self.extension_of(usual)
    }

    /// What the place speaks of, `usual` otherwise.
    /// The file that every tool knows.
    fn common(&self, home: &str) -> String {
        format!("{home}/notes.{}", self.extension_of("md"))
    }

    /// Whether the tool says that it works on a file that is there.
    fn reads(&self) -> bool {
        let verbs = [
            "read", "get", "view", "open", "load", "edit", "info", "attach",
        ];
        let mut about = self.about.split(|c: char| !c.is_alphanumeric());
        about.any(|word| verbs.contains(&word))
    }

    fn extension_of(&self, usual: &'static str) -> &'static str {
        let kinds = [
            ("excel", "xlsx"),
            ("workbook", "xlsx"),
            ("worksheet", "xlsx"),
            ("pdf", "pdf"),
            ("screenshot", "png"),
        ];
        let kind = kinds.iter().find(|(word, _)| self.about.contains(word));
        kind.map_or(usual, |(_, extension)| extension)
    }

    fn email(&mut self, mark: &str) -> String {
        let first = plain(self.of(words::FIRST));
        format!("{first}.{mark}@{}", self.of(words::HOSTS))
    }

    fn url(&mut self) -> String {
        let path = match (self.draw)(4) {
            0 => String::new(),
            1 => format!("{}.html", self.of(words::FILES)),
            2 => format!("{}/{}", self.of(words::TOPICS), (self.draw)(90) + 10),
            _ => format!("{}?ref={}", self.of(words::TOPICS), self.second),
        };
        format!("https://{}.northwind.example/{path}", self.mark)
    }

    fn html(&mut self) -> String {
        let (mark, second) = (self.mark, self.second);
        // One root: some servers read it as XML.
        let root = if self.about.contains("<body>") {
            "body"
        } else {
            "div"
        };
        format!(
            "<{root}><h1>{}</h1><p>{} <em>{mark}</em></p>\
             <p><a href=\"https://{second}.northwind.example/{}\">Read more</a></p></{root}>",
            self.of(words::OPENINGS).replace('&', "&amp;"),
            self.of(words::SENTENCES),
            self.of(words::TOPICS),
        )
    }

    fn cell(&mut self) -> String {
        let column = char::from(b'A' + (self.draw)(8) as u8 % 8);
        format!("{column}{}", (self.draw)(30) + 1)
    }

    /// Version 4 (RFC 9562).
    fn uuid(&mut self) -> String {
        let variant = ["8", "9", "a", "b"][(self.draw)(4) as usize % 4];
        format!(
            "{}-{}-4{}-{variant}{}-{}",
            self.hex(8),
            self.hex(4),
            self.hex(3),
            self.hex(3),
            self.hex(12)
        )
    }

    fn jwt(&mut self) -> String {
        let part = |value: serde_json::Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
        let head = part(json!({"alg": "HS256", "typ": "JWT"}));
        let body = part(json!({"sub": self.mark}));
        format!(
            "{head}.{body}.{}",
            BASE64URL_NOPAD.encode(self.hex(32).as_bytes())
        )
    }

    /// A day of 2026: what starts lies before what ends, what is planned lies late.
    fn date(&mut self) -> String {
        let name = self.name.to_lowercase();
        let words = super::meaning::words(self.name);
        let any = |options: &[&str]| {
            words.iter().any(|word| options.contains(&word.as_str()))
                || options
                    .iter()
                    .any(|option| option.len() > 3 && name.contains(option))
        };
        let (month, months) = if any(&["start", "since", "after", "from", "begin", "min"]) {
            (1, 4)
        } else if any(&[
            "end", "until", "before", "to", "todate", "enddate", "stop", "max",
        ]) {
            (6, 4)
        } else if any(&[
            "scheduled",
            "schedule",
            "send",
            "due",
            "deadline",
            "expires",
            "expiry",
        ]) {
            (12, 1)
        } else {
            (1, 12)
        };
        format!(
            "2026-{:02}-{:02}",
            month + (self.draw)(months),
            (self.draw)(28) + 1
        )
    }

    fn clock(&mut self) -> String {
        format!(
            "{:02}:{:02}:{:02}",
            (self.draw)(24),
            (self.draw)(60),
            (self.draw)(60)
        )
    }
}

/// A name in letters that mail software takes everywhere.
fn plain(name: &str) -> String {
    let ascii = |c: char| match c {
        'á' => 'a',
        'ë' => 'e',
        other => other,
    };
    name.chars()
        .map(ascii)
        .filter(char::is_ascii)
        .collect::<String>()
        .to_lowercase()
}
