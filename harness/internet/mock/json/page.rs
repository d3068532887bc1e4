//! Which form an answer takes, and the small documents that are not JSON.

use super::super::{Answer, Request, made::Made};
use super::target::Target;
use bytes::Bytes;
use serde_json::Value;

/// The form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    /// One JSON value as a server-sent event.
    Events,
    Html,
    Text,
    Markdown,
    Xml,
    Feed,
    Csv,
    Image,
    Vector,
    Script,
    Style,
    Pdf,
    Binary,
}

/// File suffixes and the form that they ask for.
pub(super) const SUFFIXES: [(&str, Form); 29] = [
    ("json", Form::Json),
    ("html", Form::Html),
    ("htm", Form::Html),
    ("txt", Form::Text),
    ("md", Form::Markdown),
    ("xml", Form::Xml),
    ("rss", Form::Feed),
    ("atom", Form::Feed),
    ("csv", Form::Csv),
    ("png", Form::Image),
    ("jpg", Form::Image),
    ("jpeg", Form::Image),
    ("gif", Form::Image),
    ("webp", Form::Image),
    ("ico", Form::Image),
    ("svg", Form::Vector),
    ("js", Form::Script),
    ("mjs", Form::Script),
    ("css", Form::Style),
    ("pdf", Form::Pdf),
    ("sh", Form::Text),
    ("py", Form::Text),
    ("yaml", Form::Text),
    ("yml", Form::Text),
    ("zip", Form::Binary),
    ("gz", Form::Binary),
    ("tgz", Form::Binary),
    ("bin", Form::Binary),
    ("whl", Form::Binary),
];

/// Media types of Accept, the longest match first, and their form.
const TYPES: [(&str, Form); 14] = [
    ("text/event-stream", Form::Events),
    ("application/xhtml", Form::Html),
    ("text/html", Form::Html),
    ("application/rss", Form::Feed),
    ("application/atom", Form::Feed),
    ("image/svg", Form::Vector),
    ("text/markdown", Form::Markdown),
    ("text/csv", Form::Csv),
    ("text/css", Form::Style),
    ("text/plain", Form::Text),
    ("application/xml", Form::Xml),
    ("text/xml", Form::Xml),
    ("application/pdf", Form::Pdf),
    ("image/", Form::Image),
];

/// A one-pixel PNG (W3C PNG, third edition): signature, IHDR, IDAT, IEND.
const PIXEL: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0,
    1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 13, b'I', b'D', b'A', b'T',
    0x78, 0xda, 0x63, 0x64, 0x60, 0xf8, 0x5f, 0x0f, 0, 2, 0x87, 1, 0x80, 0xeb, 0x47, 0xba, 0x92, 0,
    0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

pub(super) struct Page {
    pub content_type: &'static str,
    pub body: Bytes,
}

impl Form {
    /// JSON named anywhere in Accept wins over what stands beside it; then the suffix, then
    /// Accept's order of preference; then XML for XML, and HTML for a site's front page.
    pub fn of(request: &Request, target: &Target) -> Self {
        let accept = request
            .header("accept")
            .unwrap_or_default()
            .to_ascii_lowercase();
        let by_suffix = target.suffix.as_deref();
        let by_suffix = by_suffix.and_then(|s| SUFFIXES.iter().find(|(name, _)| *name == s));
        let mut ranges: Vec<(f32, &str)> = accept.split(',').map(range).collect();
        ranges.sort_by(|a, b| b.0.total_cmp(&a.0));
        let by_type = ranges
            .iter()
            .filter(|(q, _)| *q > 0.0)
            .find_map(|(_, range)| {
                TYPES
                    .iter()
                    .find(|(name, _)| range.starts_with(name))
                    .map(|(_, form)| *form)
            });
        let sent = request.header("content-type").unwrap_or_default();
        let front =
            target.path == "/" && request.method == "GET" && !request.host.starts_with("api.");
        if accept.contains("json") {
            Self::Json
        } else if let Some((_, form)) = by_suffix {
            *form
        } else if let Some(form) = by_type {
            form
        } else if sent.contains("xml") {
            Self::Xml
        } else if front {
            Self::Html
        } else {
            Self::Json
        }
    }
}

/// Weight and media range of one part of Accept (RFC 9110, section 12.5.1).
fn range(part: &str) -> (f32, &str) {
    let (range, parameters) = part.split_once(';').unwrap_or((part, ""));
    let weight = parameters
        .split(';')
        .find_map(|p| p.trim().strip_prefix("q="));
    let weight = weight.and_then(|w| w.trim().parse().ok()).unwrap_or(1.0);
    (weight, range.trim())
}

/// A JSON answer, as an event where the client reads a stream.
pub(super) fn json(form: Form, value: &Value, by: &str) -> Answer {
    match form {
        Form::Events => Answer::bytes(200, "text/event-stream", format!("data: {value}\n\n"), by),
        _ => Answer::json(200, value, by),
    }
}

/// The document for a form, or nothing for those that carry JSON.
pub(super) fn render(form: Form, request: &Request, target: &Target, made: &Made) -> Option<Page> {
    let token = |label: &str| made.token(label);
    let paragraphs = [1, 2, 3].map(|i| {
        format!(
            "Paragraph {i} is about {}.",
            token(&format!("paragraph {i}"))
        )
    });
    let title = format!("Page {}", token("title"));
    let (content_type, body) = match form {
        _ if target.path == "/robots.txt" => (
            "text/plain; charset=utf-8",
            "User-agent: *\nAllow: /\n".to_owned(),
        ),
        Form::Json | Form::Events => return None,
        Form::Html => (
            "text/html; charset=utf-8",
            html(&title, &paragraphs, &token("link")),
        ),
        Form::Text => (
            "text/plain; charset=utf-8",
            format!("# {}\n", paragraphs.join("\n# ")),
        ),
        Form::Markdown => (
            "text/markdown; charset=utf-8",
            format!("# {title}\n\n{}\n", paragraphs.join("\n\n")),
        ),
        Form::Csv => (
            "text/csv; charset=utf-8",
            format!("id,name\n1,{}\n2,{}\n", token("one"), token("two")),
        ),
        Form::Xml => ("application/xml", xml(&title, &token("id"), &paragraphs[0])),
        Form::Feed => (
            "application/rss+xml",
            feed(request, &title, &token("link"), &paragraphs[0]),
        ),
        Form::Vector => (
            "image/svg+xml",
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1\" height=\"1\"><title>{title}</title></svg>"
            ),
        ),
        Form::Script => (
            "text/javascript; charset=utf-8",
            format!("/* {} */\n", token("script")),
        ),
        Form::Style => (
            "text/css; charset=utf-8",
            format!("/* {} */\n", token("style")),
        ),
        Form::Pdf => ("application/pdf", pdf(&title)),
        Form::Image => {
            return Some(Page {
                content_type: "image/png",
                body: Bytes::from_static(PIXEL),
            });
        }
        Form::Binary => ("application/octet-stream", token("bytes")),
    };
    Some(Page {
        content_type,
        body: body.into(),
    })
}

fn html(title: &str, paragraphs: &[String], link: &str) -> String {
    let paragraphs: String = paragraphs.iter().map(|p| format!("<p>{p}</p>\n")).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{title}</title></head>\n\
         <body>\n<article>\n<h1>{title}</h1>\n{paragraphs}<p><a href=\"/{link}\">More</a></p>\n</article>\n</body>\n</html>\n"
    )
}

fn xml(title: &str, id: &str, text: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<response><status>ok</status><id>{id}</id>\
         <title>{title}</title><text>{text}</text></response>\n"
    )
}

fn feed(request: &Request, title: &str, link: &str, text: &str) -> String {
    // A host is what DNS or a header said; only harmless ones are repeated.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
    let host = if request.host.bytes().all(plain) {
        request.host.as_str()
    } else {
        "example.com"
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rss version=\"2.0\"><channel><title>{title}</title>\
         <link>https://{host}/</link><description>{title}</description>\
         <item><title>{title}</title><link>https://{host}/{link}</link><guid>{link}</guid>\
         <description>{text}</description></item></channel></rss>\n"
    )
}

/// One page with a line of text (ISO 32000-1, section 7.5); readers rebuild the missing table.
fn pdf(title: &str) -> String {
    let content = format!("BT /F1 12 Tf 72 720 Td ({title}) Tj ET");
    format!(
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n\
         2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
         3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R\
         /Resources<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj\n\
         4 0 obj<</Length {}>>stream\n{content}\nendstream endobj\n\
         trailer<</Root 1 0 R>>\n%%EOF\n",
        content.len()
    )
}
