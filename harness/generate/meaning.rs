//! What a value is for, read from its name, its description and its format.
//!
//! A call that carries "some string" where an address belongs is refused by the server and never
//! reaches the upstream; most of what makes a call succeed is said in prose beside the schema.

/// What a text argument stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Address,
    Base64,
    Branch,
    /// A cell of a spreadsheet.
    Cell,
    CellRange,
    City,
    Code,
    Colour,
    Command,
    Company,
    Country,
    Cron,
    Css,
    Currency,
    Cursor,
    Date,
    DateTime,
    Digits,
    Domain,
    Duration,
    Email,
    /// One or more addresses in one string, comma-separated.
    EmailList,
    Emoji,
    FileName,
    Folder,
    Glob,
    Hash,
    Html,
    Id,
    Ipv4,
    Ipv6,
    Json,
    JsonPointer,
    Jwt,
    Language,
    /// A folder of a mail account.
    Mailbox,
    Markdown,
    MimeType,
    PersonName,
    Path,
    Phone,
    /// A message, a body, a comment: said in so many words.
    Prose,
    Query,
    Regex,
    /// A path within a repository or archive, never absolute.
    RelativePath,
    Secret,
    Slug,
    SqlChange,
    SqlCreate,
    SqlSelect,
    Table,
    /// Nothing known.
    Text,
    Time,
    Timezone,
    Title,
    Url,
    Username,
    Uuid,
    Version,
}

/// What a number stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    /// Limits, pages, counts: 1 to 20.
    Small,
    /// Waiting and working: as little as possible.
    Effort,
    Offset,
    Port,
    Year,
    Month,
    Day,
    Hour,
    Latitude,
    Longitude,
    Ratio,
    Percent,
    Seconds,
    Millis,
    Money,
    /// Nothing known: a number that is known again.
    Distinct,
}

/// All that is said about a place.
pub(super) struct Said<'a> {
    pub(super) name: &'a str,
    pub(super) parent: &'a str,
    pub(super) tool: &'a str,
    /// Titles and descriptions, in lower case.
    pub(super) about: &'a str,
    pub(super) format: Option<&'a str>,
}

/// What a text at this place should be.
pub(super) fn of_text(said: &Said<'_>) -> Meaning {
    if let Some(meaning) = said.format.and_then(of_format) {
        return meaning;
    }
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

/// Addresses, whatever they are called.
fn mail(
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
    if ends.contains(&head) && !(elsewhere && !says(&["email", "e-mail", "mail address"])) {
        let said_so = says(&["email", "e-mail", "recipient", "sender", "address"]);
        let plain = !says(&[" to ", " from "]) || said.about.trim().is_empty();
        if said_so || mailing || plain {
            return Some(address());
        }
    }
    None
}

fn by_head(
    head: &str,
    name: &[String],
    said: &Said<'_>,
    says: &dyn Fn(&[&str]) -> bool,
    tool_any: &dyn Fn(&[&str]) -> bool,
) -> Option<Meaning> {
    let any = |options: &[&str]| name.iter().any(|word| options.contains(&word.as_str()));
    let sql = tool_any(&["sql", "sqlite", "postgres", "mysql", "database"]) || says(&["sql"]);
    Some(match head {
        "html" => Meaning::Html,
        "body" | "content" | "text" | "message" if any(&["html"]) => Meaning::Html,
        "markdown" | "md" => Meaning::Markdown,
        "body" | "content" | "contents" if says(&["markdown"]) => Meaning::Markdown,
        "mailbox" => Meaning::Mailbox,
        "cell" => Meaning::Cell,
        "range" if says(&["cell", "a1"]) => Meaning::CellRange,
        "css" => Meaning::Css,
        "subject" | "title" | "heading" | "headline" | "summary" | "topic" | "label" => {
            Meaning::Title
        }
        "phone" | "mobile" | "telephone" | "fax" | "whatsapp" => Meaning::Phone,
        "number" if any(&["phone", "mobile"]) => Meaning::Phone,
        "to" | "from" if says(&["phone", "e.164"]) => Meaning::Phone,
        "domain" | "domains" | "hostname" | "host" => Meaning::Domain,
        "path" | "paths" | "file" | "filepath" | "source" | "destination" | "uri" | "pathname"
            if head.contains("path") || says(&["path", "file", "directory"]) =>
        {
            path(said, says, tool_any)
        }
        "file" | "files" => path(said, says, tool_any),
        "filename" => Meaning::FileName,
        "directory" | "dir" | "folder" | "cwd" | "workspace" | "root" if !says(&["folder id"]) => {
            Meaning::Folder
        }
        "datetime" | "timestamp" => Meaning::DateTime,
        "date" | "day" | "birthday" | "deadline" => dated(says),
        "at" | "after" | "before" | "since" | "until" | "from" | "to" | "start" | "end" | "due"
        | "on"
            if says(&["date", "time", "iso", "when "])
                || head == "since"
                || head == "until"
                || (head == "at" && name.len() > 1) =>
        {
            if says(&["yyyy-mm-dd"]) && !says(&["t00:00", "hh:mm"]) {
                Meaning::Date
            } else {
                Meaning::DateTime
            }
        }
        "time" => {
            if any(&["start", "end", "send", "due"]) || says(&["iso", "date"]) {
                Meaning::DateTime
            } else {
                Meaning::Time
            }
        }
        "timezone" | "tz" | "zone" => Meaning::Timezone,
        "duration" | "interval" | "period" if says(&["iso"]) => Meaning::Duration,
        "country" => Meaning::Country,
        "code" if any(&["country"]) => Meaning::Country,
        "code" if any(&["currency"]) => Meaning::Currency,
        "code" if any(&["language", "lang", "locale"]) => Meaning::Language,
        "language" | "lang" | "locale" => Meaning::Language,
        "currency" => Meaning::Currency,
        "city" | "town" | "location" | "place" => Meaning::City,
        "address" | "street" if says(&["ip address"]) => Meaning::Ipv4,
        "address" | "street" => Meaning::Address,
        "company" | "employer" => Meaning::Company,
        "username" | "user" | "login" | "owner" | "assignee" | "assignees" | "author"
        | "handle" | "reviewer" | "reviewers" | "org" => Meaning::Username,
        "sql" | "statement" => sql_kind(said, tool_any),
        "query" | "q" | "search" | "keyword" | "keywords" | "term" | "prompt" => {
            if sql && !says(&["search"]) {
                sql_kind(said, tool_any)
            } else {
                Meaning::Query
            }
        }
        "table" => Meaning::Table,
        "command" | "cmd" | "shell" | "script"
            if head != "script" || says(&["shell", "bash", "javascript"]) =>
        {
            if says(&["javascript"]) {
                Meaning::Code
            } else {
                Meaning::Command
            }
        }
        "code" | "script" | "snippet" | "expression" | "javascript" | "python" | "function" => {
            Meaning::Code
        }
        "json" => Meaning::Json,
        "base64" => Meaning::Base64,
        "content" | "data" | "contents" if says(&["base64"]) => Meaning::Base64,
        "color" | "colour" => Meaning::Colour,
        "branch" | "head" | "base" => Meaning::Branch,
        "sha" | "commit" | "hash" | "checksum" | "etag" => Meaning::Hash,
        "repo" | "repository" | "organization" | "organisation" | "subdomain" | "slug"
        | "alias" | "bucket" | "namespace" | "tag" | "tags" | "labels" | "channel" | "project"
        | "workflow" | "package" => Meaning::Slug,
        "version" => Meaning::Version,
        "ip" => Meaning::Ipv4,
        "cron" | "schedule" if says(&["cron"]) || head == "cron" => Meaning::Cron,
        "glob" | "globs" => Meaning::Glob,
        "pattern" | "patterns" => {
            if says(&["regex", "regular exp"]) {
                Meaning::Regex
            } else {
                Meaning::Glob
            }
        }
        "regex" | "regexp" => Meaning::Regex,
        "mime" | "mimetype" => Meaning::MimeType,
        "type" if any(&["content", "mime", "media"]) => Meaning::MimeType,
        "emoji" | "reaction" => Meaning::Emoji,
        "body" | "content" | "contents" | "text" | "message" | "description" | "comment"
        | "note" | "notes" | "reason" | "instructions" | "bio" | "caption"
            if !says(&["base64", "json"]) =>
        {
            Meaning::Prose
        }
        _ if head.ends_with("date") => dated(says),
        _ => return None,
    })
}

fn path(
    said: &Said<'_>,
    says: &dyn Fn(&[&str]) -> bool,
    tool_any: &dyn Fn(&[&str]) -> bool,
) -> Meaning {
    let folder = name_any(
        said,
        &[
            "repo",
            "repository",
            "project",
            "workspace",
            "root",
            "folder",
            "directory",
            "dir",
        ],
    ) || says(&[
        "path to the directory",
        "directory path",
        "directory to",
        "path of the directory",
        "path to a directory",
        "folder to list",
    ]) || tool_any(&["directory", "dir", "folder", "tree"])
        || ((tool_any(&["list"]) || tool_any(&["search"]))
            && tool_any(&["files", "directory", "allowed"]));
    if folder && !says(&["path to the file"]) {
        Meaning::Folder
    } else if says(&["repository", "relative"])
        || said.parent == "files"
        || (tool_any(&["file", "contents"]) && says(&["to create/update", "file or directory"]))
    {
        Meaning::RelativePath
    } else {
        Meaning::Path
    }
}

fn name_any(said: &Said<'_>, options: &[&str]) -> bool {
    words(said.name)
        .iter()
        .any(|word| options.contains(&word.as_str()))
}

fn dated(says: &dyn Fn(&[&str]) -> bool) -> Meaning {
    if says(&[
        "iso 8601",
        "iso8601",
        "rfc 3339",
        "rfc3339",
        "date-time",
        "datetime",
        "t00:00",
    ]) && !says(&["yyyy-mm-dd"])
    {
        Meaning::DateTime
    } else {
        Meaning::Date
    }
}

fn sql_kind(said: &Said<'_>, tool_any: &dyn Fn(&[&str]) -> bool) -> Meaning {
    if tool_any(&["create"]) || said.about.contains("create table") {
        Meaning::SqlCreate
    } else if tool_any(&["write", "insert", "update", "delete", "execute"])
        && !said.about.contains("select")
    {
        Meaning::SqlChange
    } else {
        Meaning::SqlSelect
    }
}

/// The name says nothing: the prose may.
fn by_description(says: &dyn Fn(&[&str]) -> bool) -> Meaning {
    const TABLE: &[(&[&str], Meaning)] = &[
        (
            &[
                "comma-separated list of email",
                "comma separated list of email",
                "comma-separated email",
            ],
            Meaning::EmailList,
        ),
        (&["email address", "e-mail address"], Meaning::Email),
        (
            &["html content", "html body", "html version", "in html"],
            Meaning::Html,
        ),
        (&["uuid"], Meaning::Uuid),
        (&["iso 8601", "iso8601", "rfc 3339"], Meaning::DateTime),
        (&["yyyy-mm-dd"], Meaning::Date),
        (
            &["a url", "the url", "url to", "url of", "https://"],
            Meaning::Url,
        ),
        (&["phone number"], Meaning::Phone),
        (&["path to", "file path"], Meaning::Path),
        (&["iana time", "timezone"], Meaning::Timezone),
        (&["base64"], Meaning::Base64),
        (
            &[
                "json string",
                "json-encoded",
                "stringified json",
                "valid json",
            ],
            Meaning::Json,
        ),
        (
            &["id of the", "identifier of", "unique identifier"],
            Meaning::Id,
        ),
        (&["sql query", "sql statement"], Meaning::SqlSelect),
        (&["shell command"], Meaning::Command),
        (&["search query"], Meaning::Query),
        (&["markdown"], Meaning::Markdown),
        (&["hex color", "hex colour", "color code"], Meaning::Colour),
    ];
    let hit = TABLE.iter().find(|(texts, _)| says(texts));
    hit.map_or(Meaning::Text, |(_, meaning)| *meaning)
}

/// The standard formats and those that SDKs add.
pub(super) fn of_format(format: &str) -> Option<Meaning> {
    Some(match format {
        "email" | "idn-email" => Meaning::Email,
        "uri" | "url" | "iri" | "uri-reference" | "iri-reference" | "uri-template" | "http-url" => {
            Meaning::Url
        }
        "uuid" | "guid" => Meaning::Uuid,
        "date" => Meaning::Date,
        "date-time" | "datetime" => Meaning::DateTime,
        "time" | "iso-time" => Meaning::Time,
        "duration" => Meaning::Duration,
        "hostname" | "idn-hostname" => Meaning::Domain,
        "ipv4" | "ip" => Meaning::Ipv4,
        "ipv6" => Meaning::Ipv6,
        "regex" => Meaning::Regex,
        "json-pointer" | "relative-json-pointer" | "json-pointer-uri-fragment" => {
            Meaning::JsonPointer
        }
        "byte" | "base64" | "base64url" | "binary" => Meaning::Base64,
        "password" => Meaning::Secret,
        "phone" | "e164" => Meaning::Phone,
        "emoji" => Meaning::Emoji,
        "jwt" => Meaning::Jwt,
        "json-string" | "json" => Meaning::Json,
        "path" | "file-path" => Meaning::Path,
        "directory-path" => Meaning::Folder,
        "color" => Meaning::Colour,
        _ => return None,
    })
}

/// What a number at this place should be.
pub(super) fn of_number(said: &Said<'_>) -> Quantity {
    let name = words(said.name);
    let head = name.last().map_or("", String::as_str);
    let any = |options: &[&str]| name.iter().any(|word| options.contains(&word.as_str()));
    let says = |options: &[&str]| options.iter().any(|text| said.about.contains(text));
    match head {
        "id" | "ids" => Quantity::Distinct,
        "lat" | "latitude" => Quantity::Latitude,
        "lon" | "lng" | "long" | "longitude" => Quantity::Longitude,
        "port" => Quantity::Port,
        "year" => Quantity::Year,
        "month" => Quantity::Month,
        "day" => Quantity::Day,
        "hour" => Quantity::Hour,
        "percent" | "percentage" => Quantity::Percent,
        "temperature" | "probability" | "ratio" | "threshold" | "opacity" | "confidence"
        | "score" => Quantity::Ratio,
        "offset" | "skip" | "cursor" => Quantity::Offset,
        "amount" | "price" | "total" | "cost" | "balance" if !says(&["number of"]) => {
            Quantity::Money
        }
        "timestamp" | "epoch" | "ts" => {
            if says(&["milli", "ms"]) {
                Quantity::Millis
            } else {
                Quantity::Seconds
            }
        }
        "timeout" | "delay" | "duration" | "wait" | "interval" | "sleep" | "steps" | "time"
        | "ms" | "seconds" | "minutes" | "retries" | "attempts" => Quantity::Effort,
        _ if any(&["timeout", "delay", "duration", "wait", "sleep"]) => Quantity::Effort,
        _ if says(&[
            "to wait",
            "to sleep",
            "timeout",
            "in seconds",
            "in milliseconds",
        ]) =>
        {
            Quantity::Effort
        }
        _ if any(&[
            "row",
            "col",
            "radius",
            "limit",
            "page",
            "pages",
            "count",
            "size",
            "max",
            "min",
            "top",
            "depth",
            "per",
            "num",
            "hops",
            "width",
            "height",
            "lines",
            "line",
            "head",
            "tail",
            "first",
            "last",
            "quantity",
            "priority",
            "position",
            "index",
            "level",
            "days",
            "hours",
            "weeks",
            "months",
            "n",
            "k",
            "results",
            "items",
            "rows",
            "columns",
            "concurrency",
            "batch",
        ]) =>
        {
            Quantity::Small
        }
        _ if says(&["unix timestamp", "epoch"]) => Quantity::Seconds,
        _ if says(&[
            "number of",
            "maximum",
            "how many",
            "limit",
            "default: ",
            "per page",
            "(1-",
            "between 1",
        ]) =>
        {
            Quantity::Small
        }
        _ => Quantity::Distinct,
    }
}

/// A name's words in lower case: `htmlBody`, `html_body` and `HTML-body` are `html`, `body`.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut word = String::new();
    let chars: Vec<char> = name.chars().take(200).collect();
    for (i, &c) in chars.iter().enumerate() {
        let after_lower = i > 0 && (chars[i - 1].is_lowercase() || chars[i - 1].is_ascii_digit());
        let before_lower = chars.get(i + 1).is_some_and(|next| next.is_lowercase());
        let starts = c.is_uppercase()
            && (after_lower || (before_lower && i > 0 && chars[i - 1].is_uppercase()));
        if (starts || !c.is_alphanumeric()) && !word.is_empty() {
            out.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() && !(c.is_ascii_digit() && word.is_empty() && !out.is_empty()) {
            word.extend(c.to_lowercase());
        }
    }
    if !word.is_empty() {
        out.push(word);
    }
    out
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
    fn names_split_into_words() {
        for (name, expected) in [
            ("htmlBody", "html body"),
            ("HTMLBody", "html body"),
            ("per_page", "per page"),
            ("Reply-To", "reply to"),
            ("userID", "user id"),
            ("base64", "base64"),
        ] {
            assert_eq!(words(name).join(" "), expected);
        }
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
            ("create_issue", "repo", "", Meaning::Slug),
            ("fetch", "url", "URL to fetch", Meaning::Url),
        ] {
            assert_eq!(text(tool, name, about), expected, "{tool}.{name}");
        }
    }
}
