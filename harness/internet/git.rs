//! Repositories of git over HTTP (gitprotocol-http (5)), far enough that what a client pushes is
//! sent: each one is there, empty, and takes whatever it is given.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET …/info/refs?service=git-upload-pack` | an empty repository |
//! | `GET …/info/refs?service=git-receive-pack` | the same, and that commands are reported on |
//! | `POST …/git-receive-pack` | that each command went well |
//! | `POST …/git-upload-pack` | nothing |

use super::mock::{Answer, Request};
use bytes::Bytes;

/// Commands of one push that are reported on.
const COMMANDS: usize = 256;
const NO_OBJECT: &str = "0000000000000000000000000000000000000000";
const AGENT: &str = "agent=git/2.43.0";

/// The answer, where the request is one of git's.
pub fn answer(request: &Request) -> Option<Answer> {
    let path = request.path.as_str();
    let service = if path.ends_with("/info/refs") {
        request.query.strip_prefix("service=")?
    } else {
        path.rsplit('/').next()?
    };
    let kind = ["git-upload-pack", "git-receive-pack"]
        .into_iter()
        .find(|known| *known == service)?;
    let (form, body) = match request.method.as_str() {
        "GET" if path.ends_with("/info/refs") => ("advertisement", refs(kind)),
        "POST" if kind == "git-receive-pack" => ("result", report(&request.body)),
        "POST" => ("result", Vec::new()),
        _ => return None,
    };
    let media_type = format!("application/x-{kind}-{form}");
    let mut answer = Answer::bytes(200, &media_type, Bytes::from(body), format!("git {kind}"));
    let cache = ("cache-control".to_owned(), "no-cache".to_owned());
    answer.headers.push(cache);
    Some(answer)
}

/// What an empty repository has, in the first version of the protocol: its capabilities.
fn refs(service: &str) -> Vec<u8> {
    let capabilities = match service {
        "git-receive-pack" => "report-status delete-refs ofs-delta",
        _ => "ofs-delta no-progress",
    };
    let mut out = line(format!("# service={service}\n"));
    out.extend(b"0000");
    out.extend(line(format!(
        "{NO_OBJECT} capabilities^{{}}\0{capabilities} {AGENT}\n"
    )));
    out.extend(b"0000");
    out
}

/// That all is well (gitprotocol-pack (5), "Report Status"). A client that first sends nothing,
/// to see whether it may, is told nothing.
pub(super) fn report(body: &[u8]) -> Vec<u8> {
    let mut refs = Vec::new();
    let mut rest = body;
    while refs.len() < COMMANDS
        && let Some((command, after)) = read_line(rest)
    {
        // Two objects and a name; capabilities follow the first one's.
        let command = command.split(|b| *b == 0).next().unwrap_or_default();
        let name = command.trim_ascii_end().splitn(3, |b| *b == b' ').nth(2);
        refs.extend(name);
        rest = after;
    }
    if refs.is_empty() {
        return Vec::new();
    }
    let mut out = line("unpack ok\n");
    for name in refs {
        out.extend(line([b"ok ", name, b"\n"].concat()));
    }
    out.extend(b"0000");
    out
}

/// A line with its length before it, in four digits (gitprotocol-common (5)).
fn line(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    [format!("{:04x}", text.len() + 4).as_bytes(), text].concat()
}

/// The next line and what follows; none at a flush or the end.
pub(super) fn read_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = std::str::from_utf8(bytes.get(..4)?).ok()?;
    let len = usize::from_str_radix(digits, 16).ok()?;
    Some((bytes.get(4..len)?, &bytes[len..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ask(method: &str, path: &str, query: &str, body: &[u8]) -> Option<String> {
        let request = Request {
            scheme: "https",
            host: "git.example".into(),
            port: 443,
            method: method.into(),
            path: path.into(),
            query: query.into(),
            headers: Vec::new(),
            body: Bytes::copy_from_slice(body),
            nth: 0,
        };
        answer(&request).map(|answer| String::from_utf8_lossy(&answer.body).into_owned())
    }

    #[test]
    fn a_push_is_told_that_it_went_well() {
        let refs = ask("GET", "/a.git/info/refs", "service=git-receive-pack", b"").unwrap();
        assert!(
            refs.starts_with("001f# service=git-receive-pack\n00000"),
            "{refs}"
        );
        let object = "1".repeat(40);
        let command = format!("{NO_OBJECT} {object} refs/heads/main\0 report-status");
        let body = [line(&command), b"0000PACK".to_vec()].concat();
        let told = ask("POST", "/a.git/git-receive-pack", "", &body).unwrap();
        assert_eq!(told, "000eunpack ok\n0017ok refs/heads/main\n0000");
        assert_eq!(
            ask("POST", "/a.git/git-receive-pack", "", b"0000").unwrap(),
            ""
        );
        assert_eq!(ask("GET", "/a.git/HEAD", "", b""), None);
        assert_eq!(ask("GET", "/a/info/refs", "service=git-x", b""), None);
    }

    #[test]
    fn names_come_back_byte_for_byte() {
        // As text, what is no UTF-8 grows beyond what a line's length can say.
        let name = [0xff; 40_000];
        let command = [
            NO_OBJECT.as_bytes(),
            b" ",
            NO_OBJECT.as_bytes(),
            b" ",
            &name,
        ]
        .concat();
        let (unpack, rest) = read_line(&report(&line(command)))
            .map(|(a, b)| (a.to_vec(), b.to_vec()))
            .unwrap();
        assert_eq!(unpack, b"unpack ok\n");
        let (said, rest) = read_line(&rest).unwrap();
        assert_eq!(
            (said, rest),
            (&[b"ok ", &name[..], b"\n"].concat()[..], &b"0000"[..])
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_bytes_panic(start in "([0-9a-f]{4})?", rest in proptest::collection::vec(any::<u8>(), 0..80)) {
            report(&[start.as_bytes(), &rest].concat());
        }
    }
}
