//! What leaves with an effect as one stretch of bytes: data may be cut across its values, stand
//! where no value is (a method, the name of a header, a boundary), or be no text at all. Streams
//! are only looked at for what was confided; what they say otherwise, the values say.

use super::text;
use crate::effect::{Body, Kind, TlsOutcome};
use std::borrow::Cow;

/// A place, and the bytes that left there.
pub type Stream<'a> = (&'static str, Cow<'a, [u8]>);

/// Everything that leaves with an effect, beyond its values. What comes back does not count, and
/// neither does what lies in a file that was planted.
pub fn streams(kind: &Kind) -> Vec<Stream<'_>> {
    match kind {
        Kind::Http(request) => {
            let names = request.headers.iter().map(|(name, _)| name.as_str());
            let framing = request.headers.iter().filter(|(name, value)| {
                super::http::is_framing(name) || name == "content-type" && value.contains('=')
            });
            let head = std::iter::once(request.method.as_str())
                .chain(names)
                .chain(framing.map(|(_, value)| value.as_str()))
                .chain([request.authority.as_str()]);
            vec![
                ("path", text_of(&request.target)),
                ("head", joined(head, " ")),
                ("body as a whole", bytes_of(&request.body)),
            ]
        }
        Kind::Dns(question) => vec![("labels", joined(question.name.split('.'), ""))],
        Kind::Tls(handshake) => {
            let subject = match &handshake.outcome {
                TlsOutcome::Authenticated(subject) => Some(subject),
                _ => None,
            };
            let names = handshake.sni.iter().chain(&handshake.alpn).chain(subject);
            vec![("names", joined(names.map(String::as_str), " "))]
        }
        Kind::Mail(mail) => {
            let envelope = [&mail.helo, &mail.mail_from, &mail.mail_from_params];
            let envelope = envelope.into_iter().chain(&mail.rcpt_to);
            let envelope = envelope.chain(&mail.rcpt_refused);
            vec![
                ("envelope", joined(envelope.map(String::as_str), " ")),
                ("message as a whole", bytes_of(&mail.raw)),
            ]
        }
        Kind::Flow(flow) => vec![("sent as a whole", bytes_of(&flow.sent))],
        Kind::Datagram(datagram) => vec![("payload as a whole", bytes_of(&datagram.payload))],
        Kind::File(change) => {
            let mut streams = vec![("path", text_of(&change.path))];
            if change.planted.is_none() {
                streams.push(("content as a whole", bytes_of(&change.content)));
            }
            streams
        }
        // It says what is run next, what is looked at, or what was used: nothing leaves.
        Kind::Script(_) | Kind::Life(_) | Kind::Read(_) | Kind::Reads(_) | Kind::Usage(_) => {
            Vec::new()
        }
        Kind::Forbidden(call) => vec![("target", text_of(&call.target))],
        // Whom it is for is said in words of ours.
        Kind::Signal(_) => Vec::new(),
        Kind::Program(program) => {
            let argv = program.argv.iter().map(String::as_str);
            let variables = program.variables.values().flatten().map(String::as_str);
            vec![
                ("path", text_of(&program.path)),
                ("argv as a whole", joined(argv, " ")),
                ("variables as a whole", joined(variables, " ")),
            ]
        }
        Kind::Exit(exit) => {
            let names = exit.left_behind.iter().map(String::as_str);
            vec![("left behind", joined(names, " "))]
        }
        Kind::Result(result) => vec![("value as a whole", strings(&result.value))],
        Kind::Message(message) => vec![("params as a whole", strings(&message.params))],
        Kind::Misbehaviour(what) => vec![("text", bytes_of(&what.bytes))],
        Kind::Surface(surface) => {
            let lists = [
                &surface.tools,
                &surface.prompts,
                &surface.resources,
                &surface.resource_templates,
            ];
            let mut all = vec![("listing", strings(&surface.server))];
            let members = lists.into_iter().flatten();
            all.extend(members.map(|member| ("listing", strings(member))));
            all
        }
    }
}

/// What the values of one effect say one after the other.
pub fn in_a_row<'a>(values: impl Iterator<Item = &'a str>) -> Cow<'static, [u8]> {
    let mut out = Vec::new();
    for value in values.take(text::MAX_LINES) {
        if value.len() <= LONGEST_PIECE {
            out.extend(value.bytes());
        }
    }
    Cow::Owned(out)
}

/// A longer value is no piece of anything: it is looked at by itself.
const LONGEST_PIECE: usize = 128;

fn text_of(text: &str) -> Cow<'_, [u8]> {
    Cow::Borrowed(text.as_bytes())
}

fn bytes_of(body: &Body) -> Cow<'_, [u8]> {
    Cow::Borrowed(&body.kept)
}

fn joined<'a>(words: impl Iterator<Item = &'a str>, between: &str) -> Cow<'a, [u8]> {
    let words: Vec<&str> = words.collect();
    Cow::Owned(words.join(between).into_bytes())
}

/// The strings of a JSON value, names included, a line each.
fn strings(value: &serde_json::Value) -> Cow<'static, [u8]> {
    use serde_json::Value;
    let mut out = String::new();
    let mut todo = vec![value];
    while let Some(value) = todo.pop() {
        match value {
            Value::String(text) => {
                out.push_str(text);
                out.push('\n');
            }
            Value::Array(items) => todo.extend(items.iter().rev()),
            Value::Object(map) => {
                for (name, value) in map.iter().rev() {
                    todo.push(value);
                    out.push_str(name);
                    out.push('\n');
                }
            }
            Value::Number(number) => {
                out.push_str(&number.to_string());
                out.push(',');
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
    Cow::Owned(out.into_bytes())
}
