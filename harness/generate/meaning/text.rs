//! What a text is for: its format first, then its name, then the prose beside it.

use super::{
    Meaning, Said,
    head::by_head,
    mail::mail,
    prose::{by_description, of_format},
    words,
};

/// What a text at this place should be.
pub(in crate::generate) fn of_text(said: &Said<'_>) -> Meaning {
    if let Some(meaning) = said.format.and_then(of_format) {
        return meaning;
    }
    match of_name(said) {
        // ISO 8601 is dates as well: an example tells which are meant.
        Meaning::DateTime if shows_date(said.about) => Meaning::Date,
        meaning => meaning,
    }
}

/// Whether the prose holds a date, and none with a time behind it.
fn shows_date(about: &str) -> bool {
    let date = |w: &[u8]| {
        w.iter().enumerate().all(|(i, b)| match i {
            4 | 7 => *b == b'-',
            _ => b.is_ascii_digit(),
        })
    };
    let bytes = about.as_bytes();
    let mut ends = (10..=bytes.len())
        .filter(|end| date(&bytes[end - 10..*end]))
        .peekable();
    ends.peek().is_some()
        && ends.all(|end| {
            !matches!(bytes.get(end), Some(b't' | b'T' | b' '))
                || !bytes.get(end + 1).is_some_and(u8::is_ascii_digit)
        })
}

fn of_name(said: &Said<'_>) -> Meaning {
    let name = words(said.name);
    let about = said.about;
    let head = name.last().map_or("", String::as_str);
    let any = |options: &[&str]| name.iter().any(|word| options.contains(&word.as_str()));
    let says = |options: &[&str]| options.iter().any(|text| about.contains(text));
    let tool = words(said.tool);
    let tool_any = |options: &[&str]| tool.iter().any(|word| options.contains(&word.as_str()));
    let mailing = tool_any(&[
        "mail", "email", "emails", "message", "send", "reply", "draft", "forward",
    ]);

    match head {
        "id" | "ids" | "uuid" | "guid" | "identifier" | "number" | "no"
            if !any(&["api", "private", "access", "secret"]) && !any(&["phone", "mobile"]) =>
        {
            if any(&["commit", "sha"]) {
                return Meaning::Hash;
            }
            return identifier(head, &says);
        }
        "password" | "passwd" | "passphrase" | "token" | "secret" | "credential" | "otp"
            if !any(&["page", "next", "continuation", "sync"]) =>
        {
            return Meaning::Secret;
        }
        "key" if any(&["api", "private", "access", "secret"]) => return Meaning::Secret,
        "after" | "before" if says(&[" id "]) => return Meaning::Id,
        "cursor" | "token" => return Meaning::Cursor,
        "after" | "before" if says(&["cursor", "pagination", "page"]) => {
            return Meaning::Cursor;
        }
        "url" | "urls" | "uri" | "link" | "href" | "website" | "webhook" | "endpoint"
        | "callback" | "homepage" | "avatar" => {
            return Meaning::Url;
        }
        "name" | "names" => return named(&name, said, &says, mailing),
        _ => {}
    }
    if let Some(meaning) = mail(&name, head, said, &says, mailing) {
        return meaning;
    }
    if let Some(meaning) = by_head(head, &name, said, &says, &tool_any) {
        return meaning;
    }
    by_description(&says)
}

fn identifier(head: &str, says: &dyn Fn(&[&str]) -> bool) -> Meaning {
    match head {
        "uuid" | "guid" => Meaning::Uuid,
        _ if says(&["uuid", "guid"]) => Meaning::Uuid,
        _ if says(&["numeric", "integer", "digits"]) => Meaning::Digits,
        "number" | "no" => Meaning::Digits,
        _ => Meaning::Id,
    }
}

/// `name` by itself and as the last word of a longer one.
fn named(
    name: &[String],
    said: &Said<'_>,
    says: &dyn Fn(&[&str]) -> bool,
    mailing: bool,
) -> Meaning {
    let before = name.len().checked_sub(2).map_or("", |i| name[i].as_str());
    let narrow = [
        "alphanumeric",
        "underscore",
        "kebab",
        "slug",
        "no spaces",
        "lowercase",
        "letters, numbers",
        "snake_case",
        "identifier",
    ];
    match before {
        "file" | "filename" | "attachment" => Meaning::FileName,
        "domain" | "host" => Meaning::Domain,
        "user" | "login" | "screen" => Meaning::Username,
        "table" => Meaning::Table,
        "branch" => Meaning::Branch,
        "country" => Meaning::Country,
        "city" => Meaning::City,
        "company" => Meaning::Company,
        "first" | "last" | "full" | "display" | "from" | "sender" | "to" | "recipient"
        | "contact" | "given" | "family" | "customer" | "author" => Meaning::PersonName,
        "repo" | "repository" | "channel" | "tool" | "package" | "bucket" | "tag" | "model"
        | "project" | "index" | "collection" | "key" | "header" | "label" | "owner" | "sheet" => {
            Meaning::Slug
        }
        _ if says(&["domain name"]) => Meaning::Domain,
        _ if says(&[
            "file name",
            "filename",
            "name of the file",
            "name of the attach",
        ]) =>
        {
            Meaning::FileName
        }
        _ if says(&narrow)
            || says(&["repository name", "name of the repository", "table name"]) =>
        {
            Meaning::Slug
        }
        _ if ["attachments", "files", "attachment"].contains(&said.parent) => Meaning::FileName,
        _ if ["tags", "headers", "metadata", "labels"].contains(&said.parent) => Meaning::Slug,
        _ if mailing
            && ["to", "cc", "bcc", "from", "sender", "recipients"].contains(&said.parent) =>
        {
            Meaning::PersonName
        }
        _ if says(&[
            "person",
            "recipient",
            "sender",
            "your name",
            "full name",
            "user's name",
        ]) =>
        {
            Meaning::PersonName
        }
        _ => Meaning::Title,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(tool: &str, name: &str, about: &str) -> Meaning {
        let about = about.to_lowercase();
        of_text(&Said {
            name,
            parent: "",
            tool,
            about: &about,
            format: None,
        })
    }

    #[test]
    fn what_servers_call_things() {
        for (tool, name, about, expected) in [
            ("sendEmail", "to", "Recipient email address", Meaning::Email),
            (
                "sendEmail",
                "htmlBody",
                "HTML body of the email (optional)",
                Meaning::Html,
            ),
            (
                "send_email",
                "cc",
                "Comma-separated list of addresses",
                Meaning::EmailList,
            ),
            (
                "send_sms",
                "to",
                "Phone number in E.164 format",
                Meaning::Phone,
            ),
            ("convert", "from", "Currency to convert from", Meaning::Text),
            (
                "get_file_contents",
                "path",
                "Path to the file or directory",
                Meaning::RelativePath,
            ),
            ("read_file", "path", "", Meaning::Path),
            ("list_directory", "path", "", Meaning::Folder),
            (
                "read_query",
                "query",
                "SELECT SQL query to execute",
                Meaning::SqlSelect,
            ),
            (
                "create_table",
                "query",
                "CREATE TABLE SQL statement",
                Meaning::SqlCreate,
            ),
            (
                "write_query",
                "query",
                "INSERT, UPDATE, or DELETE SQL query to execute",
                Meaning::SqlChange,
            ),
            (
                "search_repositories",
                "query",
                "Search query (see GitHub search syntax)",
                Meaning::Query,
            ),
            ("remove-api-key", "id", "API key ID", Meaning::Id),
            (
                "get_email",
                "emailId",
                "The UUID of the email",
                Meaning::Uuid,
            ),
            (
                "create_event",
                "start_date",
                "Start date (YYYY-MM-DD)",
                Meaning::Date,
            ),
            (
                "list_issues",
                "since",
                "Filter by date (ISO 8601 timestamp)",
                Meaning::DateTime,
            ),
            (
                "search_messages",
                "todate",
                "On or before this date (ISO 8601 format, e.g., 2014-02-01)",
                Meaning::Date,
            ),
            (
                "search_messages",
                "until",
                "ISO 8601, e.g. 2014-02-01T12:00:00Z or 2014-02-01",
                Meaning::DateTime,
            ),
            (
                "get_bounce",
                "bounceid",
                "The unique identifier of the bounce. Must be a positive integer.",
                Meaning::Digits,
            ),
            ("create_issue", "repo", "", Meaning::Slug),
            ("fetch", "url", "URL to fetch", Meaning::Url),
        ] {
            assert_eq!(text(tool, name, about), expected, "{tool}.{name}");
        }
    }
}
