//! What a description or a format says by itself.

use super::Meaning;

/// The name says nothing: the prose may.
pub(super) fn by_description(says: &dyn Fn(&[&str]) -> bool) -> Meaning {
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
        (
            &["positive integer", "must be an integer", "numeric id"],
            Meaning::Digits,
        ),
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
        "json-pointer" | "json-pointer-uri-fragment" => Meaning::JsonPointer,
        "relative-json-pointer" => Meaning::RelativeJsonPointer,
        "base64-json" => Meaning::Base64Json,
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
