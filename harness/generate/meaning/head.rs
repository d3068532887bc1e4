//! What the last word of a name says: `start_date` is a date, `date_format` a format.

use super::{Meaning, Said, words};

/// The meaning of a name that ends in `head`; `None` when that word says nothing.
pub(super) fn by_head(
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
