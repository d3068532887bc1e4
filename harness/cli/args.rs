//! What was typed. Nothing here is resolved, defaulted from the surroundings or looked up:
//! `meaning` does that.

use crate::diff::Rule;
use crate::report::Kind;
use crate::run::Conditions;
use clap::builder::{PossibleValuesParser, Styles, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

const STYLES: Styles = Styles::styled()
    .header(anstyle::Style::new().bold())
    .usage(anstyle::Style::new().bold())
    .literal(anstyle::AnsiColor::Cyan.on_default());

const STATUSES: &str = "\
Exit status:
  0  nothing beyond what the policy allows, and enough was exercised to say so
  1  the policy failed: behaviour changed, or something is suspicious (see --fail-on)
  2  usage, configuration or scenario error: nothing was run
  3  inconclusive: the server did not start, the sandbox could not be built, or too few
     calls succeeded";

const TARGETS: &str = "\
A TARGET is one of
  npm:NAME@VERSION, pypi:NAME@VERSION, pkg:npm/NAME@VERSION   a published package
  ./folder                                                    a server's own folder
  server.tgz, server.whl, server.mcpb                         a packed server
  config.json#SERVER                                          an entry of an MCP client's config
  scenario.toml                                               the server that a scenario names";

/// Catches the MCP server that changes sides between two versions.
///
/// Runs two versions of an MCP server in a sandbox in which turncoat is the whole internet,
/// calls every tool, records every side effect, explains each value, and says what only the new
/// version does.
#[derive(Debug, Parser)]
#[command(name = "turncoat", version, styles = STYLES, subcommand_required = true, arg_required_else_help = true)]
#[command(after_help = "Try: turncoat diff npm:SOME-MCP@1.0.0 npm:SOME-MCP@1.0.1")]
#[command(after_long_help = STATUSES)]
pub struct Typed {
    #[command(subcommand)]
    pub command: TypedCommand,
    #[command(flatten)]
    pub manner: Manner,
}

#[derive(Debug, Subcommand)]
pub enum TypedCommand {
    Diff(Diff),
    Record(Record),
    Check(Check),
    Review(Review),
    Accept(Accept),
    Reject(Reject),
    Triage(Triage),
    Fuzz(Fuzz),
    Explain(Explain),
    Doctor(Doctor),
}

/// How to talk, for every command.
#[derive(Debug, Args)]
pub struct Manner {
    /// Say nothing but errors, and of a report only the verdict.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Show everything: findings for information, blind spots, whole lists.
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// When to use colours (NO_COLOR is honoured).
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

/// Compare two versions of a server: same world, same calls, and a verdict.
///
/// Needs no baseline. Where the versions differ both run again, to learn what differs by itself;
/// then both run under other circumstances (see --under).
#[derive(Debug, Args)]
#[command(
    after_help = "Example: turncoat diff npm:postmark-mcp@1.0.15 npm:postmark-mcp@1.0.16 --scenario scenarios/postmark.toml"
)]
#[command(after_long_help = format!("\
Examples:
  turncoat diff npm:postmark-mcp@1.0.15 npm:postmark-mcp@1.0.16 --scenario scenarios/postmark.toml
  turncoat diff npm:postmark-mcp@1.0.15 .                  the release against this folder
  turncoat diff ./old -- node new/server.js --stdio        the new version is a command
  turncoat diff OLD NEW --report sarif=turncoat.sarif --report html=turncoat.html

{TARGETS}

{STATUSES}"))]
pub struct Diff {
    /// The version that is trusted.
    pub old: String,
    /// The version in question.
    #[arg(required_unless_present = "command", conflicts_with = "command")]
    pub new: Option<String>,
    /// A program and its arguments: the version in question, in place of NEW.
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
    /// Settings, upstream mocks, hints for arguments and the policy.
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// Resolve both versions' dependencies as of the newer one's publication, or each as of its
    /// own.
    #[arg(long, value_name = "WHEN", default_value = "newest")]
    pub deps: Deps,
    /// Compare in one world only: `none` for the ordinary one, `all` for one in which everything
    /// is different, or conditions separated by commas.
    ///
    /// By default both versions run in the ordinary world, and then in one where everything is
    /// different at once: date, uptime, number and order of calls, client and its capabilities,
    /// failing upstreams, CI, user, host, time zone, locale, an end by SIGTERM. What shows only
    /// there is looked into until its cause can be named.
    #[arg(long, value_name = "CONDITIONS")]
    pub under: Option<Conditions>,
    #[command(flatten)]
    pub exercise: Exercise,
    #[command(flatten)]
    pub judgement: Judgement,
    #[command(flatten)]
    pub output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Deps {
    /// Both trees as of the newer version's publication.
    Newest,
    /// Each tree as its first users had it.
    AsPublished,
}

/// Run scenarios and let what they show wait as pending snapshots.
#[derive(Debug, Args)]
#[command(after_help = "Example: turncoat record && turncoat review")]
#[command(after_long_help = format!("\
Examples:
  turncoat record                             every scenario under scenarios/
  turncoat record scenarios/postmark.toml
  turncoat review                             then decide what to accept

{STATUSES}"))]
pub struct Record {
    /// Scenario files; without one, all of scenarios/.
    #[arg(value_name = "SCENARIO")]
    pub scenarios: Vec<PathBuf>,
    #[command(flatten)]
    pub exercise: Exercise,
    #[command(flatten)]
    pub output: Output,
}

/// Run scenarios and compare with the accepted snapshots.
///
/// Under CI nothing is written to snapshots/.
#[derive(Debug, Args)]
#[command(after_help = "Example: turncoat check --report junit=turncoat.xml")]
#[command(after_long_help = format!("\
Examples:
  turncoat check                              every scenario under scenarios/
  turncoat check scenarios/postmark.toml --fail-on suspicious
  turncoat check --report junit=turncoat.xml --report markdown=$GITHUB_STEP_SUMMARY

{STATUSES}"))]
pub struct Check {
    /// Scenario files; without one, all of scenarios/.
    #[arg(value_name = "SCENARIO")]
    pub scenarios: Vec<PathBuf>,
    #[command(flatten)]
    pub exercise: Exercise,
    #[command(flatten)]
    pub judgement: Judgement,
    #[command(flatten)]
    pub output: Output,
}

/// Walk through pending snapshots: accept, reject or skip each.
#[derive(Debug, Args)]
#[command(
    after_help = "Without a terminal it lists what is pending and ends with status 2 if anything is."
)]
pub struct Review {}

/// Accept pending snapshots.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  turncoat accept --all\n  turncoat accept postmark npm/@acme/mail/basic"
)]
pub struct Accept {
    #[command(flatten)]
    pub which: Which,
}

/// Drop pending snapshots; accepted ones stay.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  turncoat reject --all\n  turncoat reject postmark")]
pub struct Reject {
    #[command(flatten)]
    pub which: Which,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// Everything that is pending.
    #[arg(long)]
    pub all: bool,
    /// Snapshots by name, by the end of their name, or by file.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

/// Ask of one version, without a baseline: what does it do that nothing it was given explains?
#[derive(Debug, Args)]
#[command(
    after_help = "Example: turncoat triage npm:some-mcp@2.1.0 --scenario scenarios/some.toml"
)]
#[command(after_long_help = format!("\
Examples:
  turncoat triage npm:some-mcp@2.1.0 --scenario scenarios/some.toml
  turncoat triage -- node server.js

{TARGETS}

{STATUSES}"))]
pub struct Triage {
    #[arg(required_unless_present = "command", conflicts_with = "command")]
    pub target: Option<String>,
    /// A program and its arguments, in place of TARGET.
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
    /// Settings, upstream mocks, hints for arguments and the policy.
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    #[command(flatten)]
    pub exercise: Exercise,
    #[command(flatten)]
    pub judgement: Judgement,
    #[command(flatten)]
    pub output: Output,
}

/// Look for differences for a long time, and keep what is found.
///
/// With two versions it is differential; with one it holds rules that need no baseline. Goes on in
/// rounds, each with arguments, an order of calls and circumstances of its own, until the budget
/// is spent; calls that showed something new are kept, and later ones are made of them. Each
/// finding is cut down to the shortest sequence of calls that shows it.
#[derive(Debug, Args)]
#[command(after_help = "Example: turncoat fuzz npm:some-mcp@2.1.0 npm:some-mcp@2.1.1 --time 10m")]
#[command(after_long_help = format!("\
Examples:
  turncoat fuzz npm:some-mcp@2.1.0 npm:some-mcp@2.1.1 --time 10m
  turncoat fuzz npm:some-mcp@2.1.1 --scenario scenarios/some.toml
  turncoat fuzz OLD NEW --scenario some.toml --add           findings become part of the scenario

The same command goes on where it stopped, also where it was interrupted. What was found can be
seen again with `turncoat diff OLD NEW --sequence FILE`, FILE being the finding's in the corpus.

{TARGETS}

{STATUSES}"))]
pub struct Fuzz {
    /// The version that is trusted; or with no other the one in question.
    pub old: String,
    /// The version in question.
    pub new: Option<String>,
    /// Settings, upstream mocks, hints for arguments and the policy.
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,
    /// When to stop: a number and s, m or h. A round that has begun is finished.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = time)]
    pub time: Duration,
    /// Where everything is kept between campaigns [default: turncoat-corpus/NAME].
    #[arg(long, value_name = "DIR")]
    pub corpus: Option<PathBuf>,
    /// Add the calls that show a finding to the scenario, as `[[exercise.sequence]]`.
    #[arg(long, requires = "scenario")]
    pub add: bool,
    /// Resolve both versions' dependencies as of the newer one's publication, or each as of its
    /// own.
    #[arg(long, value_name = "WHEN", default_value = "newest")]
    pub deps: Deps,
    #[command(flatten)]
    pub exercise: Exercise,
    #[command(flatten)]
    pub judgement: Judgement,
    #[command(flatten)]
    pub output: Output,
}

/// Show a recorded run again; no server is started.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  turncoat diff OLD NEW --keep-run run\n  turncoat explain run\n  turncoat explain run 4f1c2a"
)]
pub struct Explain {
    /// The folder that --keep-run named.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// A finding's id, or the beginning of one.
    #[arg(value_name = "FINDING")]
    pub finding: Option<String>,
}

/// Say what this host can isolate and observe, and what to do about what is missing.
#[derive(Debug, Args)]
#[command(after_help = STATUSES)]
pub struct Doctor {}

/// What to run, and how much of it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Exercise")]
pub struct Exercise {
    /// Calls made of each server [default: the scenario's, else 64]; in all by fuzz [default: as
    /// many as there is time for].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub calls: Option<u32>,
    /// Where arguments and all that is made up come from: the same seed, the same run.
    ///
    /// Without it the scenario's, else 1.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Make this call alone, numbered as in a finding's `reproduce`.
    #[arg(long, value_name = "N")]
    pub only_call: Option<u32>,
    /// Make the calls of this file and no others: a finding's, or a JSON list of
    /// `{"tool": ..., "arguments": ...}`.
    #[arg(long, value_name = "FILE")]
    pub sequence: Option<PathBuf>,
    /// Servers running side by side [default: as many as there are cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Fetch nothing: use what is in the cache.
    #[arg(long)]
    pub offline: bool,
    /// Where installed packages are kept [default: turncoat in the user's cache folder].
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Keep the recorded runs in this folder, for `turncoat explain`.
    #[arg(long, value_name = "DIR")]
    pub keep_run: Option<PathBuf>,
}

/// What counts as failure.
#[derive(Debug, Args)]
#[command(next_help_heading = "Policy")]
pub struct Judgement {
    /// What fails [default: the scenario's, else `change` for check and `suspicious` otherwise].
    #[arg(long, value_name = "WHAT")]
    pub fail_on: Option<FailOn>,
    /// Allow what a rule finds, wherever it finds it; may be given again.
    #[arg(long, value_name = "RULE", value_parser = rule(), hide_possible_values = true)]
    pub allow: Vec<Rule>,
}

/// The least that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum FailOn {
    /// Any observable change.
    Change,
    /// What no honest upgrade needs without saying so.
    Suspicious,
}

/// Where results go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// What is printed.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub format: Format,
    /// Write a report as well: KIND is json, sarif, junit, markdown, html, har or mbox; may be
    /// given again.
    #[arg(long = "report", value_name = "KIND=PATH", value_parser = destination)]
    pub reports: Vec<(Kind, PathBuf)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Human,
    Json,
}

fn rule() -> impl TypedValueParser<Value = Rule> {
    PossibleValuesParser::new(Rule::names()).try_map(|name| Rule::named(&name).ok_or("no rule"))
}

/// `90s`, `10m`, `2h`.
fn time(typed: &str) -> Result<Duration, String> {
    let wrong = || "write a number and `s`, `m` or `h`: `90s`, `10m`".to_owned();
    let at = typed.len().saturating_sub(1);
    let (number, unit) = typed.split_at_checked(at).ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    match number {
        0 => Err("nothing is found in no time".to_owned()),
        number => Ok(Duration::from_secs(u64::from(number) * seconds)),
    }
}

fn destination(typed: &str) -> Result<(Kind, PathBuf), String> {
    let kinds = || Kind::ALL.map(Kind::name).join(", ");
    let (kind, path) = typed
        .split_once('=')
        .ok_or_else(|| format!("write KIND=PATH, with KIND one of {}", kinds()))?;
    let kind = Kind::named(kind).ok_or_else(|| format!("`{kind}` is none of {}", kinds()))?;
    if path.is_empty() {
        return Err(format!("`{kind}=` names no file"));
    }
    Ok((kind, path.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn refused(line: &str) -> String {
        let typed = std::iter::once("turncoat").chain(line.split_whitespace());
        let error = Typed::try_parse_from(typed).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
        let text = error.render().to_string();
        let text = text.split("\n\nUsage").next().unwrap_or_default();
        text.split("\n\nFor more")
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    #[test]
    fn the_grammar_holds_together() {
        Typed::command().debug_assert();
    }

    #[test]
    fn a_command_after_two_dashes_is_the_new_version() {
        let typed = Typed::try_parse_from("turncoat diff ./old -- node new.js --seed 9".split(' '));
        let TypedCommand::Diff(diff) = typed.unwrap().command else {
            panic!("another command")
        };
        assert_eq!((diff.new, diff.exercise.seed), (None, None));
        assert_eq!(diff.command, ["node", "new.js", "--seed", "9"]);
    }

    #[test]
    fn mistakes_are_explained() {
        let said: Vec<String> = [
            "diff a",
            "diff a b -- c",
            "diff a b --report pdf=x",
            "diff a b --report json",
            "diff a b --report json=",
            "diff a b --allow hidden-recipent",
            "diff a b --fail-on never",
            "diff a b --calls 0",
            "diff a b -q -v",
            "triage",
            "accept",
            "accept --all x",
            "hunt a",
            "explain",
        ]
        .iter()
        .map(|line| format!("$ turncoat {line}\n{}\n", refused(line)))
        .collect();
        insta::assert_snapshot!(said.join("\n"), @"
        $ turncoat diff a
        error: the following required arguments were not provided:
          <NEW>

        $ turncoat diff a b -- c
        error: the argument '[NEW]' cannot be used with '[COMMAND]...'

        $ turncoat diff a b --report pdf=x
        error: invalid value 'pdf=x' for '--report <KIND=PATH>': `pdf` is none of json, sarif, junit, markdown, html, har, mbox

        $ turncoat diff a b --report json
        error: invalid value 'json' for '--report <KIND=PATH>': write KIND=PATH, with KIND one of json, sarif, junit, markdown, html, har, mbox

        $ turncoat diff a b --report json=
        error: invalid value 'json=' for '--report <KIND=PATH>': `json=` names no file

        $ turncoat diff a b --allow hidden-recipent
        error: invalid value 'hidden-recipent' for '--allow <RULE>'
          [possible values: hidden-recipient, redirect-field, new-destination, changed-destination, secret-leak, canary-leak, argument-leak, credentials-swapped, altered-value, vanished-effect, new-request, new-field, vanished-field, changed-value, repeated-effect, new-program, new-file, sensitive-read, probes-sandbox, new-read, forbidden-call, signals-other-process, leaves-process-behind, refused-tls, new-attempt, tool-added, tool-removed, description-changed, instructing-text, invisible-unicode, schema-changed, asks-for-context, annotations-changed, annotation-contradicted, surface-changed, server-request, result-changed, secret-in-result, outcome-changed, exit-changed, install-script-added, install-script-changed, dependencies-changed, uses-more-cpu, uses-more-memory, uses-more-disk, more-threads, leaks-memory, leaks-descriptors, protocol-violation]

          tip: a similar value exists: 'hidden-recipient'

        $ turncoat diff a b --fail-on never
        error: invalid value 'never' for '--fail-on <WHAT>'
          [possible values: change, suspicious]

        $ turncoat diff a b --calls 0
        error: invalid value '0' for '--calls <N>': 0 is not in 1..=1000000

        $ turncoat diff a b -q -v
        error: the argument '--quiet' cannot be used with '--verbose'

        $ turncoat triage
        error: the following required arguments were not provided:
          <TARGET>

        $ turncoat accept
        error: the following required arguments were not provided:
          <--all|NAME>

        $ turncoat accept --all x
        error: the argument '--all' cannot be used with '[NAME]...'

        $ turncoat hunt a
        error: unrecognized subcommand 'hunt'

        $ turncoat explain
        error: the following required arguments were not provided:
          <RUN>
        ");
    }

    #[test]
    fn help_teaches() {
        let help = Typed::command()
            .find_subcommand_mut("diff")
            .unwrap()
            .render_long_help()
            .to_string();
        for part in [
            "Examples:",
            "Exit status:",
            "A TARGET is one of",
            "KIND=PATH",
        ] {
            assert!(help.contains(part), "{part}");
        }
    }
}
