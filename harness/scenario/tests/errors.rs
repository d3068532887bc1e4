//! What mistakes read like.

use super::KNOWN;
use crate::scenario::{FORMAT, load, parse};
use insta::assert_snapshot;
use std::path::Path;

/// The rendered errors of a scenario with these lines below its format.
fn errors(lines: &str) -> String {
    let text = format!("format = \"turncoat.scenario/1\"\n{lines}");
    raw(&text)
}

fn raw(text: &str) -> String {
    match parse(text, Path::new("scenarios/x.toml"), &KNOWN) {
        Ok(scenario) => panic!("{scenario:#?}"),
        Err(error) => error.render(),
    }
}

#[test]
fn unknown_keys() {
    let lines = r#"
[[upstream]]
host = "api.postmarkapp.com"
mok = "postmark"

[server]
command = "node"
calls = 3
colour = "red"
"#;
    assert_snapshot!(errors(lines), @r#"
    error: unknown key `mok` in [[upstream]]
     --> scenarios/x.toml:5:1
      |
    5 | mok = "postmark"
      | ^^^
      = hint: did you mean `mock`?

    error: unknown key `command` in [server]
     --> scenarios/x.toml:8:1
      |
    8 | command = "node"
      | ^^^^^^^
      = hint: `target` names what to run; a raw command follows `--` on the command line

    error: unknown key `calls` in [server]
     --> scenarios/x.toml:9:1
      |
    9 | calls = 3
      | ^^^^^
      = hint: `calls` belongs to [exercise]

    error: unknown key `colour` in [server]
      --> scenarios/x.toml:10:1
       |
    10 | colour = "red"
       | ^^^^^^
       = hint: valid here: `target`, `args`, `env`, `url`, `headers`, `home`, `files`, `cwd`, `install_scripts`, `install_timeout_s` and `platform`
    "#);
}

#[test]
fn the_short_form_is_one_line_each() {
    let text = "format = \"turncoat.scenario/1\"\nupstrem = []\npolcy = {}\n";
    let error = parse(text, Path::new("scenarios/x.toml"), &KNOWN).unwrap_err();
    assert_snapshot!(error, @r#"
    scenarios/x.toml:2:1: unknown key `upstrem` in a scenario
    scenarios/x.toml:3:1: unknown key `polcy` in a scenario
    "#);
}

#[test]
fn bad_values() {
    let lines = r#"
[server]
home = "populatd"
platform = "windows"
[exercise]
calls = 0
floor = 1.5
seed = -1
[policy]
fail_on = "info"
rules.new-destinaton = "off"
rules.hidden-recipient = "of"
"#;
    assert_snapshot!(errors(lines), @r#"
    error: unknown value `populatd` for `home`
     --> scenarios/x.toml:4:8
      |
    4 | home = "populatd"
      |        ^^^^^^^^^^
      = hint: did you mean `populated`?

    error: unknown value `windows` for `platform`
     --> scenarios/x.toml:5:12
      |
    5 | platform = "windows"
      |            ^^^^^^^^^
      = hint: valid here: `linux/amd64` and `linux/arm64`

    error: `calls` must be from 1 to 10000000
     --> scenarios/x.toml:7:9
      |
    7 | calls = 0
      |         ^

    error: `floor` must be from 0 to 1
     --> scenarios/x.toml:8:9
      |
    8 | floor = 1.5
      |         ^^^

    error: `seed` must be from 0 to 18446744073709551615
     --> scenarios/x.toml:9:8
      |
    9 | seed = -1
      |        ^^

    error: unknown value `info` for `fail_on`
      --> scenarios/x.toml:11:11
       |
    11 | fail_on = "info"
       |           ^^^^^^
       = hint: valid here: `suspicious` and `change`

    error: unknown rule `new-destinaton`
      --> scenarios/x.toml:12:7
       |
    12 | rules.new-destinaton = "off"
       |       ^^^^^^^^^^^^^^
       = hint: did you mean `new-destination`?

    error: unknown value `of` for `hidden-recipient`
      --> scenarios/x.toml:13:26
       |
    13 | rules.hidden-recipient = "of"
       |                          ^^^^
       = hint: did you mean `off`?
    "#);
}

#[test]
fn bad_shapes() {
    let lines = r#"
[server]
env.A = { secret = "uuuid" }
env.B = { secret = "key_{hex:0}" }
env.C = { from = "HOME" }
"#;
    assert_snapshot!(errors(lines), @r#"
    error: unknown secret shape `uuuid`
     --> scenarios/x.toml:4:20
      |
    4 | env.A = { secret = "uuuid" }
      |                    ^^^^^^^
      = hint: did you mean `uuid`?; any other as a pattern: `key_{alnum:32}`

    error: unknown secret shape `key_{hex:0}`
     --> scenarios/x.toml:5:20
      |
    5 | env.B = { secret = "key_{hex:0}" }
      |                    ^^^^^^^^^^^^^
      = hint: valid here: `uuid`, `hex`, `token`, `password`, `github`, `slack`, `resend`, `sendgrid`, `stripe`, `openai`, `anthropic`, `aws-access-key`, `aws-secret-key`, `notion` and `npm`; any other as a pattern: `key_{alnum:32}`

    error: unknown key `from` in a secret
     --> scenarios/x.toml:6:11
      |
    6 | env.C = { from = "HOME" }
      |           ^^^^
      = hint: nothing of this machine's environment is handed on: write a plain string, or `{ secret = "uuid" }`
    "#);
}

#[test]
fn wrong_types() {
    let lines = r#"
server.env.PORT = 3000
server.args = "--verbose"
exercise.calls = "64"
exercise.tools.send.args.to = "jane@corp.example"
exercise.tools.drop.skip = "true"
policy.allow = { rule = "new-destination" }
[upstream]
host = "api.example.com"
"#;
    assert_snapshot!(errors(lines), @r#"
    error: `PORT` must be a string or `{ secret = "uuid" }`, not a whole number
     --> scenarios/x.toml:3:19
      |
    3 | server.env.PORT = 3000
      |                   ^^^^
      = hint: write it in quotes: `"3000"`

    error: `args` must be a list, not a string
     --> scenarios/x.toml:4:15
      |
    4 | server.args = "--verbose"
      |               ^^^^^^^^^^^
      = hint: write it in brackets: `["--verbose"]`

    error: `calls` must be a whole number, not a string
     --> scenarios/x.toml:5:18
      |
    5 | exercise.calls = "64"
      |                  ^^^^
      = hint: write it without quotes: `64`

    error: `to` must be a list, not a string
     --> scenarios/x.toml:6:31
      |
    6 | exercise.tools.send.args.to = "jane@corp.example"
      |                               ^^^^^^^^^^^^^^^^^^^
      = hint: write it in brackets: `["jane@corp.example"]`

    error: `skip` must be `true` or `false`, not a string
     --> scenarios/x.toml:7:28
      |
    7 | exercise.tools.drop.skip = "true"
      |                            ^^^^^^
      = hint: write it without quotes: `true`

    error: `allow` must be a list, not a table
     --> scenarios/x.toml:8:16
      |
    8 | policy.allow = { rule = "new-destination" }
      |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      = hint: write it in brackets: `[{ rule = "new-destination" }]`

    error: `upstream` must be a list, not a table
     --> scenarios/x.toml:9:1
      |
    9 | [upstream]
      | ^^^^^^^^^^
      = hint: write the header with two brackets: `[[upstream]]`
    "#);
}

#[test]
fn missing_files() {
    let lines = r#"
[server]
target = "postmark-mcp@1.0.16"
files."notes.md" = { from = "notes.md" }
[[upstream]]
host = "api.example.com"
stubs = "./stubs"
"#;
    assert_snapshot!(errors(lines), @r#"
    error: `postmark-mcp@1.0.16` does not exist
     --> scenarios/x.toml:4:10
      |
    4 | target = "postmark-mcp@1.0.16"
      |          ^^^^^^^^^^^^^^^^^^^^^
      = hint: for a package write `npm:postmark-mcp@1.0.16` or `pypi:postmark-mcp@1.0.16`; paths are relative to the scenario

    error: `notes.md` does not exist
     --> scenarios/x.toml:5:29
      |
    5 | files."notes.md" = { from = "notes.md" }
      |                             ^^^^^^^^^^
      = hint: paths are relative to the scenario's folder

    error: `./stubs` does not exist
     --> scenarios/x.toml:8:9
      |
    8 | stubs = "./stubs"
      |         ^^^^^^^^^
      = hint: paths are relative to the scenario's folder
    "#);
}

#[test]
fn planted_files() {
    let lines = r#"
[server.files]
"../../etc/cron.d/x" = "x"
"~root/.profile" = "x"
"~" = "x"
"a/b" = { text = "x", from = "y" }
"a" = "x"
"c" = { mode = 600, text = "x" }
"c/d" = "x"
"#;
    assert_snapshot!(errors(lines), @r#"
    error: `../../etc/cron.d/x` leads outside the home folder
     --> scenarios/x.toml:4:1
      |
    4 | "../../etc/cron.d/x" = "x"
      | ^^^^^^^^^^^^^^^^^^^^
      = hint: write `~/…` for the home folder, or a path relative to the working folder, without `..`

    error: `~root/.profile` is another user's home
     --> scenarios/x.toml:5:1
      |
    5 | "~root/.profile" = "x"
      | ^^^^^^^^^^^^^^^^
      = hint: write `~/…` for the home folder, or a path relative to the working folder

    error: `~` is a folder
     --> scenarios/x.toml:6:1
      |
    6 | "~" = "x"
      | ^^^
      = hint: name a file below it

    error: `from` cannot stand beside `text`
     --> scenarios/x.toml:7:23
      |
    7 | "a/b" = { text = "x", from = "y" }
      |                       ^^^^
      = hint: a planted file takes one of `text`, `from` or `secret`

    error: `a` and `a/b` cannot both be files
     --> scenarios/x.toml:8:1
      |
    8 | "a" = "x"
      | ^^^

    error: `mode` must be written in octal
     --> scenarios/x.toml:9:16
      |
    9 | "c" = { mode = 600, text = "x" }
      |                ^^^
      = hint: write `mode = 0o600`

    error: `c/d` and `c` cannot both be files
      --> scenarios/x.toml:10:1
       |
    10 | "c/d" = "x"
       | ^^^^^
    "#);
}

#[test]
fn hosts() {
    let lines = r#"
upstream = [
  { host = "https://api.example.com/v1", mock = "json" },
  { host = "api.example.com:8443", mock = "json" },
  { host = "*.example.com", mock = "json" },
  { host = "bücher.example", mock = "json" },
  { host = "a..example", mock = "json" },
]
"#;
    assert_snapshot!(errors(lines), @r#"
    error: `https://api.example.com/v1` is an address, not a host name
     --> scenarios/x.toml:4:12
      |
    4 |   { host = "https://api.example.com/v1", mock = "json" },
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      = hint: write the host alone: `host = "api.example.com"`

    error: `api.example.com:8443` names a port
     --> scenarios/x.toml:5:12
      |
    5 |   { host = "api.example.com:8443", mock = "json" },
      |            ^^^^^^^^^^^^^^^^^^^^^^
      = hint: write `host = "api.example.com"` and `port = 8443`

    error: `*.example.com` is a pattern
     --> scenarios/x.toml:6:12
      |
    6 |   { host = "*.example.com", mock = "json" },
      |            ^^^^^^^^^^^^^^^
      = hint: name each host; one without an [[upstream]] is answered permissively anyway

    error: `bücher.example` is not an ASCII host name
     --> scenarios/x.toml:7:12
      |
    7 |   { host = "bücher.example", mock = "json" },
      |            ^^^^^^^^^^^^^^^^
      = hint: write it as DNS carries it, each such label beginning with `xn--`

    error: `a..example` is not a host name
     --> scenarios/x.toml:8:12
      |
    8 |   { host = "a..example", mock = "json" },
      |            ^^^^^^^^^^^^
      = hint: labels of letters, digits and hyphens, such as `api.example.com`, or an IP address
    "#);
}

#[test]
fn upstreams_that_clash() {
    let lines = r#"
[[upstream]]
host = "api.example.com"
mock = "json"
[[upstream]]
host = "API.example.com."
mock = "json"
[[upstream]]
host = "smtp.example.com"
port = 25
mock = "json"
[[upstream]]
host = "smtp.example.com"
port = 25
mock = "smtp"
"#;
    assert_snapshot!(errors(lines), @r#"
    error: a second [[upstream]] for `api.example.com`
     --> scenarios/x.toml:7:8
      |
    7 | host = "API.example.com."
      |        ^^^^^^^^^^^^^^^^^^
      = hint: one answers for a host; `port` tells two on the same host apart

    error: a second [[upstream]] for port 25 of `smtp.example.com`
      --> scenarios/x.toml:14:8
       |
    14 | host = "smtp.example.com"
       |        ^^^^^^^^^^^^^^^^^^
       = hint: one answers for a host; `port` tells two on the same host apart
    "#);
}

#[test]
fn answers() {
    let lines = r#"
[[upstream]]
host = "a.example"
mock = "postmrk"
[[upstream]]
host = "b.example"
openapi = "b.yaml"
[[upstream]]
host = "c.example"
[[upstream]]
host = "d.example"
mock = "json"
stubs = "folder"
[[upstream]]
host = "e.example"
mock = "json"
delay_ms = 100
[[upstream]]
host = "f.example"
mock = "smtp"
fail = "250 ok"
reject = []
"#;
    assert_snapshot!(errors(lines), @r#"
    error: unknown mock `postmrk`
     --> scenarios/x.toml:5:8
      |
    5 | mock = "postmrk"
      |        ^^^^^^^^^
      = hint: did you mean `postmark`?

    error: `b.yaml` does not exist
     --> scenarios/x.toml:8:11
      |
    8 | openapi = "b.yaml"
      |           ^^^^^^^^
      = hint: paths are relative to the scenario's folder

    error: [[upstream]] needs one of `mock`, `openapi`, `stubs` or `har`
     --> scenarios/x.toml:9:1
      |
    9 | [[upstream]]
      | ^^^^^^^^^^^^

    error: `stubs` cannot stand beside `mock`
      --> scenarios/x.toml:14:1
       |
    14 | stubs = "folder"
       | ^^^^^
       = hint: [[upstream]] takes one of `mock`, `openapi`, `stubs` or `har`

    error: `delay_ms` in [[upstream]] goes with `mock = "smtp"` only
      --> scenarios/x.toml:18:1
       |
    18 | delay_ms = 100
       | ^^^^^^^^

    error: `250 ok` is not an SMTP reply that refuses
      --> scenarios/x.toml:22:8
       |
    22 | fail = "250 ok"
       |        ^^^^^^^^
       = hint: a code from 400 to 599, a space and ASCII text, such as `550 mailbox unavailable`

    error: `reject` is an empty list
      --> scenarios/x.toml:23:10
       |
    23 | reject = []
       |          ^^
       = hint: leave the key out instead
    "#);
}

#[test]
fn other_formats() {
    assert_snapshot!(raw("[server]\n"), @r#"
    error: `format` is missing from a scenario
     --> scenarios/x.toml:1:1
      |
    1 | [server]
      | ^
      = hint: the first line of a scenario is `format = "turncoat.scenario/1"`
    "#);
    assert_snapshot!(raw("format = \"turncoat.scenario/2\"\nworld = 3\n"), @r#"
    error: unknown format `turncoat.scenario/2`
     --> scenarios/x.toml:1:10
      |
    1 | format = "turncoat.scenario/2"
      |          ^^^^^^^^^^^^^^^^^^^^^
      = hint: this version of turncoat reads `turncoat.scenario/1` only
    "#);
}

#[test]
fn toml_syntax() {
    let text = "format = \"turncoat.scenario/1\"\n[server]\nenv.A = sender\nhome = \"empty\"\nhome = \"empty\"\n[policy\n";
    assert_snapshot!(raw(text), @r#"
    error: string values must be quoted, expected literal string
     --> scenarios/x.toml:3:9
      |
    3 | env.A = sender
      |         ^^^^^^

    error: duplicate key
     --> scenarios/x.toml:5:1
      |
    5 | home = "empty"
      | ^^^^

    error: unclosed table, expected `]`
     --> scenarios/x.toml:6:8
      |
    6 | [policy
      |        ^
    "#);
}

#[test]
fn files_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let shown = |name: &str| {
        let error = load(&folder.path().join(name), &KNOWN).unwrap_err();
        let place = folder.path().display().to_string();
        error.render().replace(&place, "scenarios")
    };
    let latin = [FORMAT.as_bytes(), b" caf\xe9\n"].concat();
    std::fs::write(folder.path().join("latin1.toml"), [b"# ", &*latin].concat()).unwrap();
    std::fs::write(folder.path().join("clippy.toml"), "").unwrap();
    std::fs::create_dir(folder.path().join("all")).unwrap();
    assert_snapshot!(shown("latin.toml"), @r#"
    error: no such scenario
    --> scenarios/latin.toml
     = hint: did you mean `scenarios/latin1.toml`?
    "#);
    assert_snapshot!(shown("postmark.toml"), @r#"
    error: no such scenario
    --> scenarios/postmark.toml
     = hint: there is `scenarios/latin1.toml`
    "#);
    assert_snapshot!(shown("all/postmark.toml"), @r#"
    error: no such scenario
    --> scenarios/all/postmark.toml
     = hint: did you mean `scenarios/postmark.toml`?
    "#);
    assert_snapshot!(shown("latin1.toml"), @r#"
    error: not UTF-8
     --> scenarios/latin1.toml:1:26
      |
    1 | # turncoat.scenario/1 caf�
      |                          ^
      = hint: save the file in UTF-8
    "#);
    assert_snapshot!(shown("all"), @r#"
    error: this is a folder, not a scenario
    --> scenarios/all
     = hint: name a `.toml` file
    "#);
}

#[test]
fn a_hopeless_file_ends_with_a_count() {
    let lines: String = (0..60).map(|i| format!("k{i} = 1\n")).collect();
    let error = parse(&lines, Path::new("x.toml"), &KNOWN).unwrap_err();
    assert_eq!((error.problems.len(), error.more), (50, 11));
    assert!(error.render().ends_with("error: 11 further mistakes\n"));
}
