//! The clients that servers really use, inside: what each sends is captured whole, and what it is
//! answered is good enough for it.

use crate::context::{Context, built};
use serde_json::{Value, json};
use std::fs;

/// What one fixture did in the one call of its tool.
struct Seen {
    /// What each client was answered.
    answers: Value,
    /// The argument that each was to send.
    word: String,
    events: Vec<Value>,
}

impl Seen {
    fn of(server: &str) -> Self {
        Self::at(&Context::new(), &format!("tests/servers/{server}"))
    }

    fn at(context: &Context, server: &str) -> Self {
        let run = context.work().join("run");
        let folder = run.to_str().unwrap();
        context
            .line(&format!(
                "triage {server} --only-call 0 --format json --keep-run {folder}"
            ))
            .ended(1);
        let events = fs::read_to_string(run.join("new/events.jsonl")).unwrap();
        let events: Vec<Value> = (events.lines())
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let word = events
            .iter()
            .find_map(|event| event["arguments"]["word"].as_str());
        let result = events
            .iter()
            .find(|event| event["kind"] == "result")
            .unwrap();
        let text = result["value"]["content"][0]["text"].as_str();
        let text = text.unwrap_or_else(|| panic!("{result}"));
        Self {
            answers: serde_json::from_str(text).unwrap(),
            word: word.unwrap().to_owned(),
            events,
        }
    }

    fn find(&self, kind: &str, host: &str) -> Vec<&Value> {
        let here = |event: &&Value| event["kind"] == kind && event["peer"]["host"] == host;
        self.events.iter().filter(here).collect()
    }

    /// The request of a client that was answered well: whole.
    fn request(&self, client: &str) {
        let host = format!("{client}.client.example");
        let [request] = self.find("http", &host)[..] else {
            panic!("{client}: {:#?}", self.find("http", &host));
        };
        let (body, header) = (body(request), |name| header(request, name));
        let told = (
            &request["method"],
            &request["scheme"],
            &request["authority"],
            &request["target"],
        );
        let expected = (
            json!("POST"),
            json!("https"),
            json!(host),
            json!(format!("/in?via={client}")),
        );
        assert_eq!(told, (&expected.0, &expected.1, &expected.2, &expected.3));
        assert_eq!(header("x-client"), client);
        assert!(
            header("content-type").starts_with("application/json"),
            "{client}"
        );
        let body: Value = serde_json::from_str(&body).unwrap_or_else(|e| panic!("{e}: {body}"));
        assert_eq!(
            body,
            json!({"client": client, "word": self.word}),
            "{client}"
        );
    }

    /// The one message of a WebSocket, and its answer.
    fn message(&self, client: &str) {
        let host = format!("{client}.client.example");
        let [handshake] = self.find("http", &host)[..] else {
            panic!("{client}: {:#?}", self.find("http", &host));
        };
        assert_eq!(
            (&handshake["target"], &handshake["reply"]["status"]),
            (&json!("/live"), &json!(101))
        );
        assert_eq!(header(handshake, "x-client"), client);
        let flows = self.find("flow", &host);
        let sent: Value = serde_json::from_str(flows[0]["sent"]["kept"].as_str().unwrap()).unwrap();
        assert_eq!(sent, json!({"client": client, "word": self.word}));
        let received = flows[0]["received"]["kept"].as_str().unwrap();
        assert_eq!(self.answers[client], received);
    }
}

fn body(request: &Value) -> String {
    request["body"]["kept"].as_str().unwrap().to_owned()
}

fn header<'a>(request: &'a Value, name: &str) -> &'a str {
    let fields = request["headers"].as_array().unwrap();
    let field = fields.iter().find(|field| field[0] == name);
    field.map_or("", |field| field[1].as_str().unwrap())
}

#[test]
fn clients_of_node_and_programs_are_captured_whole() {
    let seen = Seen::of("clients-node");
    for client in ["https", "fetch", "axios", "undici", "curl", "java", "go"] {
        let answer = seen.answers[client].as_str().unwrap();
        if answer == "absent" {
            assert!(["curl", "java", "go"].contains(&client), "{client}");
            eprintln!("skipped: there is no `{client}` on this machine");
            continue;
        }
        assert_eq!(answer.split(' ').next(), Some("200"), "{client}: {answer}");
        seen.request(client);
    }
    seen.message("ws");
    assert_eq!(seen.answers["events"], true);
    match seen.answers["git"].as_str().unwrap() {
        "absent" => eprintln!("skipped: there is no `git` on this machine"),
        answer => {
            assert_eq!(answer, "pushed");
            let requests = seen.find("http", "git.client.example");
            let targets: Vec<&str> = (requests.iter())
                .map(|request| request["target"].as_str().unwrap())
                .collect();
            assert_eq!(
                targets,
                [
                    "/corp/notes.git/info/refs?service=git-upload-pack",
                    "/corp/notes.git/info/refs?service=git-receive-pack",
                    "/corp/notes.git/git-receive-pack",
                ]
            );
            // The whole pack, beside its one line of orders.
            let pack = requests[2]["body"]["len"].as_u64().unwrap();
            assert!(pack > 200, "{pack}");
        }
    }
}

#[test]
fn clients_of_python_are_captured_whole() {
    let seen = Seen::of("clients-python");
    for client in ["requests", "httpx", "aiohttp", "curl-cffi"] {
        assert_eq!(seen.answers[client], "200", "{client}");
        seen.request(client);
    }
    let tried = seen.find("datagram", "curl-cffi.client.example");
    assert!(!tried.is_empty(), "HTTP/3 was tried first");
    assert!(tried.iter().all(|sent| sent["protocol"] == "quic"));
    seen.message("websockets");
    assert_eq!(seen.answers["smtplib"], "sent");
    let [mail] = seen.find("mail", "smtplib.client.example")[..] else {
        panic!("no mail");
    };
    assert_eq!(mail["rcpt_to"], json!(["jane@partner.example"]));
    assert_eq!(mail["auth"]["password"], "open-door");
    assert_eq!(mail["tls"], "starttls");
    let text = mail["parts"][0]["body"]["kept"].as_str().unwrap();
    assert_eq!(text.trim_end(), seen.word);
}

#[test]
fn clients_with_compiled_in_roots_are_captured_whole() {
    let context = Context::new();
    let folder = context.copy("clients-native", "native");
    let client = built("rust-client");
    fs::copy(&client, folder.join("rust-client")).unwrap();
    let seen = Seen::at(&context, folder.to_str().unwrap());
    for client in ["bun", "deno", "rust"] {
        assert_eq!(seen.answers[client], "200", "{client}");
        seen.request(client);
    }
}
