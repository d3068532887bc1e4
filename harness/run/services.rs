//! From a scenario's upstreams to services of the fake internet. Every file that one names is read
//! before anything runs; a mistake in it is the user's to mend.

use super::error::RunError;
use crate::internet::mock::{self, Document, Har, Mock, OpenApi, Recording, Stubs};
use crate::internet::{ImapPlace, SmtpAction, SmtpRule, SmtpStage, Upstream, Weather};
use crate::scenario::{Answer, Scenario, Smtp};
use crate::secret::Seed;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What stands behind the hosts that a scenario names.
#[derive(Clone)]
pub struct Services(Arc<[Service]>);

/// What stands in the internet of one run.
#[derive(Default)]
pub struct Standing {
    pub http: Vec<Upstream>,
    pub smtp: Vec<SmtpRule>,
    pub imap: Vec<ImapPlace>,
}

struct Service {
    host: String,
    port: Option<u16>,
    source: Source,
    moods: Vec<Weather>,
}

enum Source {
    Built(String),
    Smtp(Smtp),
    Imap,
    Stubs(PathBuf),
    OpenApi(Document),
    Har(Recording),
}

impl Services {
    /// Reads what the scenario's upstreams name.
    pub fn load(scenario: &Scenario) -> Result<Self, RunError> {
        let folder = scenario.path.parent().filter(|p| !p.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let each = scenario.upstreams.iter().map(|upstream| {
            Ok(Service {
                host: upstream.host.clone(),
                port: upstream.port,
                source: source(&upstream.answer, folder)?,
                moods: moods(&upstream.behaves),
            })
        });
        each.collect::<Result<_, _>>().map(Self)
    }

    /// Services that remember nothing.
    pub fn fresh(&self, seed: Seed) -> Result<Standing, RunError> {
        let mut standing = Standing::default();
        for service in &*self.0 {
            let (host, port) = (service.host.clone(), service.port);
            let mock: Arc<dyn Mock> = match &service.source {
                Source::Smtp(rule) => {
                    standing.smtp.extend(smtp_rules(&host, port, rule));
                    continue;
                }
                Source::Imap => {
                    // At the usual ports there are mailboxes anyway; that the host is named makes
                    // it resolve.
                    let port = port.unwrap_or(ImapPlace::PORT);
                    standing.imap.push(ImapPlace { host, port });
                    continue;
                }
                Source::Built(name) => mock::builtin(name, seed)
                    .ok_or_else(|| RunError::plain(format!("no built-in mock `{name}`")))?,
                Source::Stubs(folder) => Arc::new(stubs(folder)?),
                Source::OpenApi(document) => Arc::new(OpenApi::new(document.clone(), seed)),
                Source::Har(recording) => Arc::new(Har::new(recording.clone())),
            };
            let moods = service.moods.clone();
            standing.http.push(Upstream {
                host,
                port,
                mock,
                moods,
            });
        }
        Ok(standing)
    }
}

/// Names were checked when the scenario was read.
fn moods(names: &[String]) -> Vec<Weather> {
    let known = names.iter().filter_map(|name| Weather::named(name));
    known.collect()
}

fn source(answer: &Answer, folder: &Path) -> Result<Source, RunError> {
    Ok(match answer {
        Answer::Mock(name) => Source::Built(name.clone()),
        Answer::Smtp(smtp) => Source::Smtp(smtp.clone()),
        Answer::Imap => Source::Imap,
        Answer::Stubs(folder) => {
            // They are read anew for each run, which finds what is wrong with them too late.
            stubs(folder)?;
            Source::Stubs(folder.clone())
        }
        Answer::OpenApi(path) => {
            let document = Document::load(path, folder);
            Source::OpenApi(document.map_err(|error| {
                let hint = error.hint().map(str::to_owned);
                mistake("the OpenAPI document cannot be used", error, hint)
            })?)
        }
        Answer::Har(path) => {
            let recording = Recording::load(path);
            Source::Har(recording.map_err(|error| {
                let hint = error.hint().map(str::to_owned);
                mistake("the recording cannot be used", error, hint)
            })?)
        }
    })
}

fn stubs(folder: &Path) -> Result<Stubs, RunError> {
    Stubs::load(folder).map_err(|error| {
        let hint = error.hint();
        mistake("the stubs cannot be used", error, hint)
    })
}

fn mistake(what: &str, error: impl std::error::Error, hint: Option<String>) -> RunError {
    let told = RunError::plain(format!("{what}: {error}")).usage();
    match hint {
        Some(hint) => told.hint(hint),
        None => told,
    }
}

/// A mail server that accepts everything but what the scenario says.
fn smtp_rules(host: &str, port: Option<u16>, smtp: &Smtp) -> Vec<SmtpRule> {
    let rule = |stage, matching, action| SmtpRule {
        host: host.to_owned(),
        port,
        stage,
        matching,
        action,
    };
    // The first one also says that a mail server stands at this port, whichever it is.
    let mut rules = vec![rule(SmtpStage::Connect, None, SmtpAction::Accept)];
    for pattern in &smtp.reject {
        let refusal = SmtpAction::Reject("550 5.1.1 Recipient address rejected".to_owned());
        rules.push(rule(SmtpStage::Rcpt, Some(pattern.clone()), refusal));
    }
    if !smtp.delay.is_zero() {
        // One rule decides a stage: where the message is refused as well, the wait comes before it.
        let stage = if smtp.fail.is_some() {
            SmtpStage::Data
        } else {
            SmtpStage::Message
        };
        rules.push(rule(stage, None, SmtpAction::Delay(smtp.delay)));
    }
    if let Some(reply) = &smtp.fail {
        rules.push(rule(
            SmtpStage::Message,
            None,
            SmtpAction::Reject(reply.clone()),
        ));
    }
    rules
}
