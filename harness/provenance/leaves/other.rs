//! Everything that is neither an HTTP request nor a mail.

use super::{Dissected, Leaf, Piece, Weight, destination, text};
use crate::effect::{
    Body, Datagram, Dns, Exit, FileAction, FileChange, FileRead, Flow, Forbidden, Misbehaviour,
    Program, Script, ServerMessage, Signal, Tls, TlsOutcome, ToolResult,
};
use std::collections::HashMap;

pub fn dns(question: &Dns) -> Dissected {
    let mut parts = Dissected::named("dns ");
    parts.operation.push(Piece::Domain(question.name.clone()));
    parts.host = Some(question.name.clone());
    parts.leaf("record", question.record.as_str());
    // The labels are also one value: data may be cut across them.
    parts.leaf("name", question.name.as_str());
    parts
}

/// What a look-up found.
pub fn answers(question: &Dns) -> Vec<(String, String)> {
    let answers = question.answers.iter();
    answers.map(|a| ("answer".to_owned(), a.clone())).collect()
}

pub fn tls(handshake: &Tls) -> Dissected {
    let host = destination(&handshake.peer, &[443]);
    let (how, why) = match &handshake.outcome {
        TlsOutcome::Refused(why) => ("refused", why.as_str()),
        TlsOutcome::Silent => ("silent", ""),
        TlsOutcome::Malformed(why) => ("malformed", why.as_str()),
        TlsOutcome::Misnamed => ("misnamed", ""),
        TlsOutcome::Authenticated(_) => ("authenticated", ""),
    };
    let mut parts = Dissected::named(format!("tls {how} {host}"));
    parts.host = Some(host);
    if !why.is_empty() {
        parts.leaf("reason", why);
    }
    if let TlsOutcome::Authenticated(subject) = &handshake.outcome {
        parts.leaf("subject", subject.as_str());
    }
    if let Some(sni) = &handshake.sni {
        parts.leaf("sni", sni.as_str());
    }
    parts
}

pub fn flow(flow: &Flow) -> Dissected {
    let host = destination(&flow.peer, &[]);
    let tls = if flow.tls { "+tls" } else { "" };
    let mut parts = Dissected::named(format!("{}{tls} {host}", flow.protocol));
    parts.host = Some(host);
    if flow.fields.is_empty() {
        match (flow.protocol.as_str(), std::str::from_utf8(&flow.sent.kept)) {
            ("imap", Ok(sent)) => imap(&mut parts, sent),
            _ => text::body(&mut parts, "sent", "", &flow.sent),
        }
    }
    for (place, value) in &flow.fields {
        text::value(&mut parts, place, value);
    }
    parts
}

/// The commands of a session, each under its name. The tags before them are left out: clients
/// begin them by chance (RFC 3501, section 2.2.1), and an answer alone is known by one. A line
/// without a command, such as a literal's, is told as it is.
fn imap(parts: &mut Dissected, sent: &str) {
    for line in sent
        .lines()
        .filter(|line| !line.is_empty())
        .take(text::MAX_LINES)
    {
        let command = line.split_once(' ').and_then(|(tag, rest)| {
            let (name, arguments) = rest.split_once(' ').unwrap_or((rest, ""));
            let tagged = tag.len() <= 16 && tag.bytes().all(|b| b.is_ascii_alphanumeric());
            let named = name.len() >= 2 && COMMANDS.contains(&name.to_ascii_uppercase().as_str());
            (tagged && named).then(|| (name.to_ascii_uppercase(), arguments))
        });
        match command {
            Some((name, arguments)) => parts.leaf(format!("sent {name}"), arguments),
            None => parts.leaf("sent", line),
        }
    }
    let more = sent.lines().count().saturating_sub(text::MAX_LINES);
    if more > 0 {
        parts.plain("sent (cut)", format!("{more} more lines"));
    }
}

/// RFC 3501, section 6, and the extensions that clients use.
const COMMANDS: &[&str] = &[
    "APPEND",
    "AUTHENTICATE",
    "CAPABILITY",
    "CHECK",
    "CLOSE",
    "COPY",
    "CREATE",
    "DELETE",
    "ENABLE",
    "EXAMINE",
    "EXPUNGE",
    "FETCH",
    "ID",
    "IDLE",
    "LIST",
    "LOGIN",
    "LOGOUT",
    "LSUB",
    "MOVE",
    "NAMESPACE",
    "NOOP",
    "RENAME",
    "SEARCH",
    "SELECT",
    "STARTTLS",
    "STATUS",
    "STORE",
    "SUBSCRIBE",
    "UID",
    "UNSELECT",
    "UNSUBSCRIBE",
];

/// Lines of a flow that are learnt.
const HEARD: usize = 2_000;

/// What a flow brought, by the line: a mail's words are then as good an origin as a reply's.
pub fn received(flow: &Flow) -> Vec<(String, String)> {
    let text = flow.received.text();
    let lines = text.lines().filter(|line| !line.is_empty()).take(HEARD);
    lines
        .map(|line| ("received".to_owned(), line.to_owned()))
        .collect()
}

pub fn datagram(datagram: &Datagram) -> Dissected {
    let host = destination(&datagram.peer, &[]);
    let mut parts = Dissected::named(format!("{} {host}", datagram.protocol));
    parts.host = Some(host);
    text::body(&mut parts, "payload", "", &datagram.payload);
    parts
}

pub fn file(change: &FileChange) -> Dissected {
    let verb = match change.action {
        FileAction::Created => "create",
        FileAction::Modified => "modify",
        FileAction::Deleted => "delete",
        FileAction::FolderCreated => "make folder",
        FileAction::LinkCreated => "link",
        FileAction::Attempted => "attempt",
    };
    let mut parts = Dissected::named(format!("file {verb} "));
    for segment in change.path.trim_start_matches('/').split('/') {
        parts.operation.push(Piece::Fixed("/".into()));
        parts.operation.push(Piece::Name(segment.to_owned()));
    }
    if !matches!(change.action, FileAction::Deleted | FileAction::Attempted) {
        parts.plain("mode", format!("{:o}", change.mode & 0o7777));
    }
    match &change.planted {
        Some(planted) if planted.is_whole() && change.content.is_whole() => {
            altered(&mut parts, planted, &change.content);
        }
        _ => text::body(&mut parts, "content", "", &change.content),
    }
    parts
}

/// A path that was read; a folder's ends in a slash. Whether it was there is the world's doing.
pub fn read(read: &FileRead) -> Dissected {
    let mut parts = Dissected::named("read ");
    parts.operation.push(Piece::Path(read.path.clone()));
    if read.listed {
        parts.operation.push(Piece::Fixed("/".into()));
    }
    parts
}

/// Too many paths of one folder.
pub fn reads(folder: &str) -> Dissected {
    let mut parts = Dissected::named("read ");
    parts.operation.push(Piece::Path(folder.to_owned()));
    parts.operation.push(Piece::Fixed(format!("/{MANY}")));
    parts
}

/// Stands for names that were too many to be told.
pub const MANY: &str = "(many)";

/// Of a file that was planted, what was added as `content` and what is gone as `removed`: the
/// rest was never the server's.
fn altered(parts: &mut Dissected, planted: &Body, content: &Body) {
    let read = |body| {
        let mut all = Dissected::default();
        text::body(&mut all, "content", "", body);
        all.leaves
    };
    let mut before: HashMap<Leaf, usize> = HashMap::new();
    let was = read(planted);
    for leaf in &was {
        *before.entry(leaf.clone()).or_default() += 1;
    }
    for leaf in read(content) {
        match before.get_mut(&leaf) {
            Some(left @ 1..) => *left -= 1,
            _ => parts.leaves.push(leaf),
        }
    }
    for leaf in was {
        if let Some(left @ 1..) = before.get_mut(&leaf) {
            *left -= 1;
            let place = leaf.place.replacen("content", REMOVED, 1);
            parts.leaves.push(Leaf { place, ..leaf });
        }
    }
}

/// Where what is no longer in a planted file stands; nothing was put there.
pub const REMOVED: &str = "removed";

/// Follows the name of a program in an attempt to start it where there was none.
pub const NOT_FOUND: &str = " (not found)";

/// Where a program was looked for in vain before it was found, or at all.
pub const TRIED: &str = "tried";

/// How a program ended, or that it goes on.
pub const END: &str = "end";

/// What stands there for one that goes on.
pub const GOES_ON: &str = "goes on";

/// Where the names stand of processes that go on without their server.
pub const LEFT_BEHIND: &str = "left behind";

/// How the names of variables begin that decide which code a program runs, or whom it talks to
/// (ld.so (8), node (1), python (1), bash (1), git (1), curl (1)).
const LEADING: &[&str] = &[
    "ALL_PROXY",
    "BASH_ENV",
    "GIT_PROXY",
    "GIT_SSH",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LD_",
    "NODE_EXTRA_CA_CERTS",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NODE_TLS",
    "PERL5",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "RUBYOPT",
    "SSL_CERT",
    "all_proxy",
    "http_proxy",
    "https_proxy",
];

pub fn program(program: &Program) -> Dissected {
    // What was not found may have been started all the same: see `Program::missing`.
    let missing = if program.missing { NOT_FOUND } else { "" };
    let mut parts = Dissected::named(format!("exec {}{missing}", program.path));
    for (i, argument) in program.argv.iter().enumerate().take(64) {
        parts.leaf(format!("argv[{i}]"), argument.as_str());
    }
    parts.leaf("cwd", program.cwd.as_str());
    for (name, value) in &program.variables {
        // Package managers set dozens for whatever they start. What leads a program elsewhere is
        // told, and what hands it a secret.
        let weight = match LEADING.iter().any(|leads| name.starts_with(leads)) {
            true => Weight::Full,
            false => Weight::ConfidentialOnly,
        };
        parts.leaves.push(Leaf {
            place: format!("env.{name}"),
            label: None,
            value: value.clone().unwrap_or_default(),
            weight,
        });
    }
    if !program.tried.is_empty() {
        parts.leaf(TRIED, program.tried.join(":"));
    }
    parts
}

/// Where the text of a script stands.
pub const SCRIPT_TEXT: &str = "text";

pub fn script(script: &Script) -> Dissected {
    // Whose it is says the scope. Text of a package's author explains nothing and is explained by
    // nothing.
    let mut parts = Dissected::named("script");
    parts.plain(SCRIPT_TEXT, script.text.as_str());
    parts
}

pub fn forbidden(call: &Forbidden) -> Dissected {
    let mut parts = Dissected::named(format!("forbidden {}", call.call));
    if !call.target.is_empty() {
        parts.leaf("target", call.target.as_str());
    }
    parts
}

pub fn signal(signal: &Signal) -> Dissected {
    // Which of the calls was used says nothing.
    let mut parts = Dissected::named(format!("signal {}", signal.target));
    parts.plain("number", signal.number.to_string());
    parts
}

pub fn exit(exit: &Exit) -> Dissected {
    let mut parts = Dissected::named("exit");
    if let Some(code) = exit.code {
        parts.plain("code", code.to_string());
    }
    if let Some(signal) = exit.signal {
        parts.plain("signal", signal.to_string());
    }
    // A word of this program's own, which an argument may happen to be as well.
    parts.plain("after", exit.after.as_str());
    for process in &exit.left_behind {
        parts.leaf(LEFT_BEHIND, process.as_str());
    }
    parts
}

pub fn result(result: &ToolResult) -> Dissected {
    let mut parts = Dissected::named(format!("result {}", result.outcome));
    text::json(&mut parts, "value", &result.value, 2);
    parts
}

pub fn message(message: &ServerMessage) -> Dissected {
    let mut parts = Dissected::named(format!("message {}", message.method));
    text::json(&mut parts, "params", &message.params, 1);
    parts
}

pub fn misbehaviour(what: &Misbehaviour) -> Dissected {
    let mut parts = Dissected::named(format!("output {}", what.what));
    let log = what.what == "stderr";
    for line in what.bytes.text().lines().take(200) {
        parts.leaves.push(Leaf {
            place: "text".to_owned(),
            label: None,
            value: line.to_owned(),
            weight: if log {
                Weight::ConfidentialOnly
            } else {
                Weight::Full
            },
        });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::{Kind, Peer};

    fn flow(protocol: &str, sent: &str, received: &str) -> Flow {
        Flow {
            fields: Vec::new(),
            peer: Peer {
                host: Some("imap.corp.example".into()),
                address: ([192, 0, 2, 1], 993).into(),
            },
            protocol: protocol.into(),
            tls: true,
            sent: Body::new(sent.as_bytes()),
            received: Body::new(received.as_bytes()),
        }
    }

    fn places(flow: &Flow) -> Vec<String> {
        let parts = super::flow(flow).leaves.into_iter();
        parts
            .map(|leaf| format!("{}: {}", leaf.place, leaf.value))
            .collect()
    }

    #[test]
    fn the_tags_of_a_session_are_no_difference() {
        let session = |tag: &str| {
            let text = format!(
                "{tag}1 LOGIN alex pw\r\n{tag}2 UID SEARCH ALL\r\nDONE\r\n{tag}3 logout\r\n"
            );
            places(&flow("imap", &text, ""))
        };
        assert_eq!(session("BKHA"), session("QXZA"));
        let expected = [
            "sent LOGIN: alex pw",
            "sent UID: SEARCH ALL",
            "sent: DONE",
            "sent LOGOUT: ",
        ];
        assert_eq!(session("A"), expected);
    }

    #[test]
    fn what_is_no_tag_stays() {
        // Another protocol, another command, a word that is no tag: all of the line is a value.
        assert_eq!(places(&flow("raw", "a1 LOGIN x", "")), ["sent: a1 LOGIN x"]);
        assert_eq!(
            places(&flow("imap", "a1 XSEND x", "")),
            ["sent: a1 XSEND x"]
        );
        let long = "exfiltrated-by-tags LOGIN x";
        assert_eq!(places(&flow("imap", long, "")), [format!("sent: {long}")]);
        // A command that is sent with other arguments, or more often, shows.
        let [one, two] = ["a LOGIN x y", "a LOGIN x z"].map(|text| places(&flow("imap", text, "")));
        assert_ne!(one, two);
    }

    #[test]
    fn a_mail_is_learnt_by_the_line() {
        let mail = "* 1 FETCH (RFC822 {40}\r\nSubject: Build k7w3xq9z failed\r\n\r\nhello\r\n)\r\n";
        let learnt = super::super::learnt(&Kind::Flow(flow("imap", "", mail)));
        let line = (
            "received".to_owned(),
            "Subject: Build k7w3xq9z failed".to_owned(),
        );
        assert!(learnt.contains(&line), "{learnt:?}");
    }
}
