//! Every key of `turncoat.scenario/1`, what it takes and what it means: the one table behind
//! both the checker and the published schema.

use super::model::{Exercise, File, Server};
use super::text::Text;

/// What may stand in one place of the document.
#[derive(Debug)]
pub enum Node {
    Text(Text),
    /// One of these words.
    Choice(&'static [&'static str]),
    Whole {
        min: u64,
        max: u64,
    },
    Number {
        min: f64,
        max: f64,
    },
    /// Permission bits, which must be written in octal to mean what they look like.
    Mode,
    Flag,
    /// Any value that JSON has too.
    Json,
    /// A list of at least this many.
    List(usize, &'static Node),
    Table(Table),
    /// A table whose keys are the user's.
    Map(Text, &'static Node),
    /// Such tables inside each other to any depth, with lists of any values as leaves.
    Tree,
    /// One of these, told apart by their TOML type.
    Either(&'static [Node]),
}

/// A table with fixed keys.
#[derive(Debug)]
pub struct Table {
    /// How messages name it.
    pub title: &'static str,
    /// How it looks, for what could also be written in another way; empty otherwise.
    pub example: &'static str,
    pub keys: &'static [Key],
    /// Exactly one of these keys must be there; none means no such rule.
    pub one_of: &'static [&'static str],
    /// Keys that people bring from other tools, and what to write here instead.
    pub strangers: &'static [(&'static str, &'static str)],
}

/// One key of a table.
#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    /// For the schema: what editors show.
    pub doc: &'static str,
    pub node: Node,
    pub need: Need,
    pub default: Option<Literal>,
}

/// Whether a key may, must or cannot be there.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    Optional,
    Required,
    /// Only where that key has that value.
    With(&'static str, &'static str),
}

/// What an absent key means, where that can be said in a word.
#[derive(Clone, Copy, Debug)]
pub enum Literal {
    Text(&'static str),
    Whole(u64),
    Number(f64),
    Flag(bool),
}

const fn key(name: &'static str, doc: &'static str, node: Node) -> Key {
    Key {
        name,
        doc,
        node,
        need: Need::Optional,
        default: None,
    }
}

impl Key {
    const fn need(mut self, need: Need) -> Self {
        self.need = need;
        self
    }

    const fn default(mut self, default: Literal) -> Self {
        self.default = Some(default);
        self
    }
}

/// The document.
pub static ROOT: Table = Table {
    title: "a scenario",
    example: "",
    keys: &[
        key(
            "format",
            "Name and version of this format.",
            Node::Text(Text::Format),
        )
        .need(Need::Required),
        key(
            "server",
            "What is run, and the machine it finds itself on.",
            Node::Table(SERVER),
        ),
        key(
            "upstream",
            "Who answers for a host. A host that no entry names answers too: the rest of the internet is a permissive sink that records everything.",
            Node::List(0, &Node::Table(UPSTREAM)),
        ),
        key(
            "exercise",
            "How the server is called.",
            Node::Table(EXERCISE),
        ),
        key(
            "policy",
            "What the findings mean for the exit status.",
            Node::Table(POLICY),
        ),
    ],
    one_of: &[],
    strangers: &[
        (
            "mcpServers",
            "`turncoat init` writes a scenario for each server of a client's config",
        ),
        ("tools", "tools are listed below `[exercise.tools.NAME]`"),
        (
            "rules",
            "rules are set below `[policy]`: `rules.NAME = \"off\"`",
        ),
    ],
};

const SERVER: Table = Table {
    title: "[server]",
    example: "",
    keys: &[
        key(
            "target",
            "What to run: `npm:NAME@VERSION`, `pypi:NAME@VERSION`, a package URL (`pkg:…`), a folder, a `.tgz`, `.whl` or `.mcpb` file, an entry of a client's config (`CONFIG.json#SERVER`), or an `https://` address. Paths are relative to the scenario. May be left out where the command line names it.",
            Node::Text(Text::Line),
        ),
        key(
            "args",
            "Arguments after the server's own command. A made-up secret may stand for one.",
            Node::List(0, &SETTING),
        ),
        key(
            "env",
            "Environment variables. A plain string is a setting: where it shows up in an effect it is explained by its name. `{ secret = \"uuid\" }` is made up for every run in that shape, planted, and watched wherever it goes.",
            Node::Map(Text::Variable, &SETTING),
        ),
        key(
            "url",
            "Where the server listens, if it speaks HTTP: `http://localhost:PORT/PATH`, streamable HTTP or the older server-sent events. Found out where left out: a server that says nothing on its stdout and listens on a port is asked there.",
            Node::Text(Text::Local),
        ),
        key(
            "headers",
            "Header fields of every request to a server that speaks HTTP: `headers.Authorization = \"Bearer …\"`, or a made-up secret.",
            Node::Map(Text::Header, &SETTING),
        ),
        key(
            "home",
            "What lies in the home folder: plausible dotfiles and documents full of canaries, or nothing.",
            Node::Choice(&["populated", "empty"]),
        )
        .default(Literal::Text("populated")),
        key(
            "files",
            "Files planted before the server starts, by path: `~/…` in the home folder, otherwise relative to the working folder. A string is the content.",
            Node::Map(Text::Place, &Node::Either(&[Node::Text(Text::Any), Node::Table(FILE)])),
        ),
        key(
            "cwd",
            "The folder the server is started in: `~/…`, or relative to the usual one, an ordinary project folder.",
            Node::Text(Text::Place),
        ),
        key(
            "install_scripts",
            "What becomes of the scripts that installing the package executes, its own and those of its dependencies: they run in the sandbox before the server is started there, or are left out, as with `npm install --ignore-scripts`.",
            Node::Choice(&["run", "skip"]),
        )
        .default(Literal::Text("run")),
        key(
            "install_timeout_s",
            "How long one such script may take, in seconds; all together may take five times that.",
            Node::Whole { min: 1, max: 3600 },
        )
        .default(Literal::Whole(Server::INSTALL_TIMEOUT_S)),
        key(
            "platform",
            "The platform this scenario is written for; it is not run on another one.",
            Node::Choice(&["linux/amd64", "linux/arm64"]),
        ),
    ],
    one_of: &[],
    strangers: &[
        ("command", "`target` names what to run; a raw command follows `--` on the command line"),
        ("environment", "write `env.NAME = \"value\"`"),
        ("secrets", "write `env.NAME = { secret = \"uuid\" }`"),
        ("package", "write `target = \"npm:NAME@VERSION\"`"),
    ],
};

const SETTING: Node = Node::Either(&[
    Node::Text(Text::Any),
    Node::Table(Table {
        title: "a secret",
        example: "{ secret = \"uuid\" }",
        keys: &[key(
            "secret",
            "A shape's name, or a pattern of literal text and `{hex:N}`, `{alnum:N}`, `{digits:N}`, `{base32:N}` or `{uuid}`.",
            Node::Text(Text::Shape),
        )
        .need(Need::Required)],
        one_of: &[],
        strangers: &[
            ("value", "nothing real is needed here: write a plain string, or `{ secret = \"uuid\" }` for a made-up one"),
            ("from", "nothing of this machine's environment is handed on: write a plain string, or `{ secret = \"uuid\" }`"),
        ],
    }),
]);

const FILE: Table = Table {
    title: "a planted file",
    example: "{ from = \"file\" }",
    keys: &[
        key("text", "The content.", Node::Text(Text::Any)),
        key(
            "from",
            "A file to copy, relative to the scenario.",
            Node::Text(Text::Line),
        ),
        key(
            "secret",
            "The content is a made-up secret of this shape and nothing else.",
            Node::Text(Text::Shape),
        ),
        key("mode", "Permission bits, in octal: `0o600`.", Node::Mode)
            .default(Literal::Whole(File::MODE as u64)),
    ],
    one_of: &["text", "from", "secret"],
    strangers: &[(
        "content",
        "write `text = \"…\"`, or the content alone as a string",
    )],
};

const UPSTREAM: Table = Table {
    title: "[[upstream]]",
    example: "",
    keys: &[
        key("host", "Host name or IP address.", Node::Text(Text::Host)).need(Need::Required),
        key(
            "port",
            "The port this entry is for; every port that no other entry names where absent.",
            Node::Whole { min: 1, max: 65535 },
        ),
        key(
            "mock",
            "A built-in mock: `github`, `imap`, `json`, `mailgun`, `postmark`, `resend`, `sendgrid`, `slack` or `smtp`.",
            Node::Text(Text::Mock),
        ),
        key(
            "stubs",
            "A folder of WireMock JSON mappings, relative to the scenario.",
            Node::Text(Text::Line),
        ),
        key(
            "openapi",
            "An OpenAPI document, 3.0 or 3.1, YAML or JSON, relative to the scenario: requests are answered as it says, and what is created is kept.",
            Node::Text(Text::Line),
        ),
        key(
            "har",
            "A HAR recording whose answers are given again, relative to the scenario.",
            Node::Text(Text::Line),
        ),
        key(
            "behaves",
            "How it does, request by request and then from the start: `fine`, or one of `error`, `rate-limited`, `unauthorized`, `bad-json`, `reset`, `cut-short`, `redirect`, `pages`, `instructions`, `slow` and `expired-certificate`, which holds for every connection.",
            Node::List(1, &Node::Text(Text::Behaviour)),
        ),
        key(
            "reject",
            "Recipients that the mail server refuses; `*` stands for any characters.",
            Node::List(1, &Node::Text(Text::Line)),
        )
        .need(Need::With("mock", "smtp")),
        key(
            "delay_ms",
            "How long each mail waits for its answer, in milliseconds.",
            Node::Whole {
                min: 0,
                max: 600_000,
            },
        )
        .need(Need::With("mock", "smtp")),
        key(
            "fail",
            "The answer to every mail, such as `550 mailbox unavailable`.",
            Node::Text(Text::Reply),
        )
        .need(Need::With("mock", "smtp")),
    ],
    one_of: &["mock", "openapi", "stubs", "har"],
    strangers: &[
        (
            "url",
            "`host` takes the host name alone, `port` the port where it matters",
        ),
        ("wiremock", "write `stubs = \"folder\"`"),
    ],
};

const EXERCISE: Table = Table {
    title: "[exercise]",
    example: "",
    keys: &[
        key("calls", "Tool calls per server run.", Node::Whole { min: 1, max: 10_000_000 })
            .default(Literal::Whole(Exercise::CALLS as u64)),
        key(
            "seed",
            "The number that decides everything made up.",
            Node::Whole { min: 0, max: u64::MAX },
        ),
        key(
            "floor",
            "The part of the valid calls, 0 to 1, that must be answered without error for a conclusion.",
            Node::Number { min: 0.0, max: 1.0 },
        )
        .default(Literal::Number(Exercise::FLOOR)),
        key(
            "idle_ms",
            "How long the server is watched after its last call, in milliseconds.",
            Node::Whole { min: 0, max: 600_000 },
        ),
        key(
            "timeout_s",
            "How long one call may take, in seconds. After two in a row without an answer, further calls of that tool may take an eighth of it, until it answers.",
            Node::Whole { min: 1, max: 3600 },
        )
        .default(Literal::Whole(Exercise::TIMEOUT_S)),
        key("tools", "Per tool, by its name.", Node::Map(Text::Line, &Node::Table(TOOL))),
        key(
            "sequence",
            "Calls made as they stand, in this order, after the generated ones: what `turncoat fuzz` has found, say.",
            Node::List(0, &Node::Table(STEP)),
        ),
    ],
    one_of: &[],
    strangers: &[("args", "hints belong to a tool: `[exercise.tools.NAME]`")],
};

const STEP: Table = Table {
    title: "[[exercise.sequence]]",
    example: "",
    keys: &[
        Key {
            need: Need::Required,
            ..key("tool", "The tool to be called.", Node::Text(Text::Line))
        },
        key(
            "arguments",
            "What it is called with; nothing where absent.",
            Node::Json,
        ),
    ],
    one_of: &[],
    strangers: &[("args", "a call's arguments are `arguments`")],
};

const TOOL: Table = Table {
    title: "[exercise.tools.NAME]",
    example: "",
    keys: &[
        key(
            "args",
            "Values for arguments, by path: `args.to = [\"jane@corp.example\"]`, `args.filter.status = [\"open\"]`. They join the generated values, they do not replace them.",
            Node::Tree,
        ),
        key("skip", "Never call this tool.", Node::Flag).default(Literal::Flag(false)),
        key(
            "calls",
            "Calls of this tool; its share of all calls where absent.",
            Node::Whole {
                min: 1,
                max: 10_000_000,
            },
        ),
    ],
    one_of: &[],
    strangers: &[],
};

const POLICY: Table = Table {
    title: "[policy]",
    example: "",
    keys: &[
        key(
            "fail_on",
            "The least severity that fails. Without it `diff` fails on `suspicious` and `check` on `change`.",
            Node::Choice(&["suspicious", "change"]),
        ),
        key(
            "allow",
            "Findings that are fine: those of the rule that fit every other field given.",
            Node::List(0, &Node::Table(ALLOW)),
        ),
        key(
            "rules",
            "Severities in place of the rules' own.",
            Node::Map(
                Text::Rule,
                &Node::Choice(&["off", "info", "change", "suspicious"]),
            ),
        ),
    ],
    one_of: &[],
    strangers: &[(
        "deny",
        "every rule applies unless `allow` or `rules` says otherwise",
    )],
};

const ALLOW: Table = Table {
    title: "an entry of `allow`",
    example: "{ rule = \"new-destination\", host = \"otel.corp.example\" }",
    keys: &[
        key("rule", "The rule's name.", Node::Text(Text::Rule)).need(Need::Required),
        key(
            "host",
            "The host the effect went to; `*.corp.example` for every host below `corp.example`.",
            Node::Text(Text::Hosts),
        ),
        key(
            "tool",
            "The tool whose call caused it.",
            Node::Text(Text::Line),
        ),
        key(
            "path",
            "The path of the file or of the request.",
            Node::Text(Text::Line),
        ),
        key("field", "The field of the effect.", Node::Text(Text::Line)),
    ],
    one_of: &[],
    strangers: &[],
};

impl Table {
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The titles of all tables at or below this one that have the key `name`.
    pub fn owners(&self, name: &str) -> Vec<&'static str> {
        let mut owners = Vec::new();
        if self.key(name).is_some() {
            owners.push(self.title);
        }
        for key in self.keys {
            key.node.owners(name, &mut owners);
        }
        owners.dedup();
        owners
    }
}

impl Node {
    fn owners(&self, name: &str, owners: &mut Vec<&'static str>) {
        match self {
            Self::Table(table) => owners.extend(table.owners(name)),
            Self::List(_, node) | Self::Map(_, node) => node.owners(name, owners),
            Self::Either(nodes) => nodes.iter().for_each(|node| node.owners(name, owners)),
            _ => {}
        }
    }
}
