//! What a path seems to name: a collection, an object in one, or something else.

use super::super::Request;

/// Path segments beyond this say nothing more about the shape.
const MAX_SEGMENTS: usize = 32;
/// Final segments after which a list is expected, whatever the method.
const LISTING: [&str; 11] = [
    "search", "list", "query", "find", "all", "feed", "history", "lookup", "filter", "recent",
    "children",
];
/// Words that follow a plural without being the id of a member.
const VERBS: [&str; 22] = [
    "create", "update", "delete", "remove", "send", "batch", "bulk", "me", "latest", "current",
    "count", "status", "health", "info", "validate", "verify", "activate", "import", "export",
    "login", "upload", "self",
];
/// Plural in form only.
const SINGULAR_ENDINGS: [&str; 4] = ["ss", "us", "is", "news"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The path, decoded, without a final slash.
    pub path: String,
    /// Decoded segments; a known file suffix is cut off the last.
    pub segments: Vec<String>,
    /// What the objects are called, as the path says it: `users`, `message`.
    pub noun: String,
    /// The path up to and with the noun: the collection that objects belong to.
    pub collection: String,
    /// The member that is named.
    pub id: Option<String>,
    pub is_list: bool,
    /// The file suffix of the last segment, lower case.
    pub suffix: Option<String>,
}

impl Target {
    pub fn read(request: &Request) -> Self {
        let decode = |s: &str| {
            let text = percent_encoding::percent_decode_str(s).decode_utf8_lossy();
            text.into_owned()
        };
        let parts = request.path.split('/').filter(|s| !s.is_empty());
        let mut segments: Vec<String> = parts.take(MAX_SEGMENTS).map(decode).collect();
        let path = format!("/{}", segments.join("/"));
        let suffix = segments.last_mut().and_then(cut_suffix);
        // Slack and others name methods: `users.list`.
        if let Some((noun, verb)) = segments.last().and_then(|last| last.rsplit_once('.'))
            && (LISTING.contains(&verb) || VERBS.contains(&verb))
        {
            let (noun, verb) = (noun.to_owned(), verb.to_owned());
            segments.pop();
            segments.extend([noun, verb]);
        }
        let last = segments.last().map_or("", String::as_str);
        let before = segments
            .len()
            .checked_sub(2)
            .map_or("", |i| segments[i].as_str());
        let listing = LISTING.contains(&last);
        let verb = VERBS.contains(&last);
        let member = !listing
            && !verb
            && segments.len() > 1
            && (is_id(last) || is_plural(before) && !is_plural(last));
        let reads = matches!(request.method.as_str(), "GET" | "HEAD");
        let noun_at = segments.len()
            - usize::from(!segments.is_empty())
            - usize::from(member || (listing || verb) && is_plural(before));
        let noun = segments.get(noun_at).map_or("", String::as_str);
        Self {
            noun: if noun.is_empty() { "item" } else { noun }.to_lowercase(),
            collection: segments[..(noun_at + 1).min(segments.len())]
                .join("/")
                .to_lowercase(),
            id: member.then(|| last.to_owned()),
            is_list: listing || reads && !member && !verb && is_plural(last),
            path,
            suffix,
            segments,
        }
    }

    pub fn last(&self) -> &str {
        self.segments.last().map_or("", String::as_str)
    }

    /// The noun for one object.
    pub fn singular(&self) -> String {
        singular(&self.noun)
    }

    /// The noun for many.
    pub fn plural(&self) -> String {
        if is_plural(&self.noun) {
            return self.noun.clone();
        }
        format!("{}s", self.noun)
    }
}

pub(super) fn is_plural(word: &str) -> bool {
    let word = word.to_lowercase();
    word.len() > 3 && word.ends_with('s') && !SINGULAR_ENDINGS.iter().any(|e| word.ends_with(e))
}

pub(super) fn singular(word: &str) -> String {
    if !is_plural(word) {
        return word.to_owned();
    }
    if let Some(stem) = word.strip_suffix("ies") {
        return format!("{stem}y");
    }
    let stem = word.strip_suffix('s').unwrap_or(word);
    let sibilant = ["sse", "xe", "che", "she"]
        .iter()
        .any(|e| stem.ends_with(e));
    stem[..stem.len() - usize::from(sibilant)].to_owned()
}

/// Digits, a UUID, a hash, an address, a key: nothing that names a collection.
fn is_id(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let version = text.len() <= 3 && text.starts_with('v');
    !version && (text.contains('@') || digits > 0 && (digits == text.len() || text.len() >= 8))
}

/// Takes a file suffix of one to five letters off a segment.
fn cut_suffix(segment: &mut String) -> Option<String> {
    let (stem, suffix) = segment.rsplit_once('.')?;
    let known = super::page::SUFFIXES
        .iter()
        .any(|(s, _)| s.eq_ignore_ascii_case(suffix));
    if stem.is_empty() || !known {
        return None;
    }
    let (stem, suffix) = (stem.to_owned(), suffix.to_ascii_lowercase());
    *segment = stem;
    Some(suffix)
}

#[cfg(test)]
mod tests {
    use super::super::tests::request;
    use super::*;

    #[test]
    fn paths_name_collections_and_members() {
        let cases = [
            ("GET", "/v1/users", "users", None, true),
            ("POST", "/v1/users", "users", None, false),
            ("GET", "/v1/users/alex", "users", Some("alex"), false),
            ("GET", "/users/42/posts/", "posts", None, true),
            ("POST", "/posts/search", "posts", None, true),
            ("GET", "/api/users.list", "users", None, true),
            ("GET", "/status", "status", None, false),
            ("GET", "/", "item", None, false),
            ("GET", "/search", "search", None, true),
            ("GET", "/v1/me", "me", None, false),
            ("GET", "/files/report.json", "files", Some("report"), false),
        ];
        for (method, path, noun, id, is_list) in cases {
            let target = Target::read(&request(method, path, ""));
            let got = (target.noun.as_str(), target.id.as_deref(), target.is_list);
            assert_eq!(got, (noun, id, is_list), "{method} {path}");
        }
    }

    #[test]
    fn words_become_singular() {
        for (many, one) in [
            ("boxes", "box"),
            ("companies", "company"),
            ("issues", "issue"),
            ("status", "status"),
        ] {
            assert_eq!(singular(many), one);
        }
    }
}
