//! The module from outside: what loads, what is refused and how it reads, what the schema says.

mod errors;
mod hosts;
mod loading;
mod published;

use super::Known;

const KNOWN: Known<'static> = Known {
    mocks: &["github", "json", "postmark", "slack", "smtp"],
    behaviours: &["fine", "error", "slow"],
    rules: &["description-changed", "hidden-recipient", "new-destination"],
};

/// Every key of the format that this version runs.
const EVERYTHING: &str = r#"
format = "turncoat.scenario/1"

[server]
target = "npm:@acme/postmark-mcp@1.0.15"
args = ["--token", { secret = "github" }]
env.DEFAULT_SENDER_EMAIL = "sender@corp.example"
env.POSTMARK_SERVER_TOKEN = { secret = "uuid" }
env.ACME_KEY = { secret = "acme_{hex:16}" }
home = "empty"
cwd = "~/projects/./app"
platform = "linux/amd64"

[server.files]
"notes/today.md" = "call Jane"
"~/.acme/token" = { secret = "token", mode = 0o600 }
"~/.acme/config" = { text = "region = eu", mode = 0o640 }

[[upstream]]
host = "API.postmarkapp.com."
mock = "postmark"
behaves = ["slow", "fine"]

[[upstream]]
host = "smtp.corp.example"
port = 587
mock = "smtp"
reject = ["*@blocked.example"]
delay_ms = 250
fail = "451 try again later"

[exercise]
calls = 100
seed = 18446744073709551615
floor = 0.25
idle_ms = 2000
timeout_s = 10

[exercise.tools.sendEmail]
args.to = ["jane@corp.example", "ops@partner.example"]
args.filter.status = ["open", 3, 0.5, true, 2026-11-23, { nested = [1] }]
calls = 7

[exercise.tools.dropDatabase]
skip = true

[policy]
fail_on = "suspicious"
allow = [{ rule = "new-destination", host = "OTEL.corp.example", path = "/v1/traces" }]
rules.description-changed = "suspicious"
rules.hidden-recipient = "off"
"#;
