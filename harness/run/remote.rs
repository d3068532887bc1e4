//! A server that runs somewhere else: what it lists and what it answers is recorded, and nothing else
//! can be. The only place from which turncoat itself talks to the real internet, and only to the
//! address that its user named.

use super::blind;
use super::door::{Door, Speech};
use super::drive::{Job, Planner, Run};
use super::error::RunError;
use super::log::Log;
use super::patience::Patience;
use super::plan::{DESTROYS, Plan};
use super::recorder::{Recorded, Recorder};
use crate::effect::{Kind, Phase, Sink};
use crate::event::{Event, FORMAT, Progress};
use crate::mcp::{self, ConnectError, Dial, Endpoint, Flavour, Session, look};
use crate::package::Remote;
use crate::provenance::Explainer;
use crate::snapshot::Collector;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Url;

const SILENT: &str = "the server could not be talked to";
/// How long a connection may take, and how long the server to answer at first.
const CONNECT: Duration = Duration::from_secs(10);
const START: Duration = Duration::from_secs(30);

/// Makes the run. Tools whose annotations say that they destroy are left out by the plan, unless the
/// scenario names them: what is called is called in earnest.
pub async fn drive(job: &Job<'_>, remote: &Remote, planner: Planner<'_>) -> Result<Run, RunError> {
    let mut log =
        Log::create(&job.folder).map_err(|e| RunError::new("the run folder cannot be made", e))?;
    log.write(Event::Started {
        format: FORMAT.to_owned(),
        role: job.role.to_owned(),
        target: job.package.resolved.clone(),
        seed: job.setup.seed.0,
    });
    let now = job.setup.clock().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_secs() as i64);
    let (confided, planted) = (job.setup.confided(), job.setup.planted.clone());
    let collector = move || Collector::new(Explainer::watching(confided(), &planted, now));
    let (recorder, recording) = Recorder::start(log, collector);
    let (mut session, surface) = connect(job, remote, &recorder).await?;
    recorder.emit(Kind::Surface(surface.clone()));
    let mut made = Made::default();
    if let Some(plan) = planner(surface.clone()).await {
        made = calls(job, &mut session, &recorder, plan).await;
    }
    if !session.is_gone()
        && let Some(later) = session.list().await
    {
        recorder.emit(Kind::Surface(later));
    }
    recorder.enter(Phase::Exit);
    let era = session.era();
    session.close().await;
    let isolation = "none (remote)".to_owned();
    let mut notes = job.package.notes.clone();
    notes.push(blind::REMOTE.to_owned());
    notes.extend(made.notes);
    recorder.end(isolation.clone(), notes.clone());
    drop(recorder);
    let recorded = tokio::task::block_in_place(|| recording.finish());
    let mut problem = made.problem;
    let recorded = recorded.unwrap_or_else(|| {
        problem = Some(RunError::plain("the recorder of the run failed"));
        Recorded::nothing()
    });
    Ok(Run {
        recorded,
        surface,
        isolation,
        notes,
        folder: job.folder.clone(),
        speech: Speech {
            era,
            door: Door::Unknown,
        },
        problem,
        valid_calls: made.valid,
    })
}

#[derive(Default)]
struct Made {
    valid: u32,
    notes: Vec<String>,
    problem: Option<RunError>,
}

async fn calls(job: &Job<'_>, session: &mut Session, recorder: &Recorder, plan: Plan) -> Made {
    let mut made = Made::default();
    for (tool, why) in plan.left_out.iter().filter(|(_, why)| *why == DESTROYS) {
        let hint = format!("`[exercise.tools.{tool}]` in a scenario has it called");
        made.notes
            .push(format!("`{tool}` was not called: {why}; {hint}"));
    }
    let mut patience = Patience::new(job.setup.scenario().exercise.timeout);
    let of = plan.len();
    made.notes.extend(plan.note());
    for (nth, call) in plan.calls().enumerate() {
        recorder.call(&call.tool, call.is_tool(), &call.arguments);
        let limit = patience.limit(&call.tool);
        let result = session.ask(limit, &call.tool, &call.request()).await;
        patience.ended(&call.tool, result.outcome != "timeout");
        recorder.emit(Kind::Result(result));
        made.valid += u32::from(call.valid && call.is_tool());
        let done = nth as u32 + 1;
        job.listener.hear(Progress::Calls {
            role: job.role,
            done,
            of,
        });
        if session.is_gone() {
            let at = format!("call {done} of {of}, of {}", call.whose());
            let what = format!("nobody answers at its address any more since {at}");
            made.problem = Some(RunError::plain(what));
            break;
        }
    }
    made.notes.extend(patience.note());
    made
}

async fn connect(
    job: &Job<'_>,
    remote: &Remote,
    recorder: &Arc<Recorder>,
) -> Result<(Session, crate::effect::Surface), RunError> {
    let dial: Arc<dyn Dial> = Arc::new(Outside::new(&remote.url)?);
    let reached = dial.dial().await;
    reached.map_err(|e| RunError::new(&format!("`{}` cannot be reached", remote.url), e))?;
    let mut headers = remote.headers.clone();
    headers.extend(job.setup.headers().iter().cloned());
    let mut endpoint = Endpoint {
        authority: authority(&remote.url),
        path: remote.url[url::Position::BeforePath..url::Position::AfterQuery].to_owned(),
        flavour: Flavour::Streamable,
        headers,
    };
    let options = mcp::Options {
        era: job.speech.era,
        start_timeout: START,
        call_timeout: job.setup.scenario().exercise.timeout,
        ..job.setup.client()
    };
    let found = look(Arc::clone(&dial), &endpoint, &options).await;
    endpoint.flavour = found.unwrap_or(Flavour::Streamable);
    let sink: Arc<dyn Sink> = recorder.clone();
    let connected = mcp::connect_http(dial, endpoint, options, sink, None).await;
    connected.map_err(|refused| {
        let hint = match &refused {
            ConnectError::Gone { .. } => None,
            refused => refused.hint(""),
        };
        let mut error = RunError::new(SILENT, refused);
        error.hint = hint;
        error
    })
}

/// Host, and port where it is not the scheme's own.
fn authority(url: &Url) -> String {
    url[url::Position::BeforeHost..url::Position::AfterPort].to_owned()
}

/// Dials the address that the user named.
struct Outside {
    host: String,
    port: u16,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Outside {
    fn new(url: &Url) -> Result<Self, RunError> {
        let no = |what: &str| RunError::plain(format!("`{url}`: {what}")).usage();
        let host = url.host_str().ok_or_else(|| no("it names no host"))?;
        // Brackets belong to an address in a URL, not to the address.
        let host = host.trim_matches(['[', ']']).to_owned();
        let port = url.port_or_known_default();
        let port = port.ok_or_else(|| no("it names no port"))?;
        let tls = match url.scheme() {
            "https" => {
                let name = ServerName::try_from(host.clone());
                let name = name.map_err(|_| no("its host cannot stand in a certificate"))?;
                Some((TlsConnector::from(Arc::new(trust()?)), name))
            }
            _ => None,
        };
        Ok(Self { host, port, tls })
    }
}

/// What this machine trusts, and `SSL_CERT_FILE` where that is set.
fn trust() -> Result<ClientConfig, RunError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        return Err(RunError::plain("this machine trusts no certificates")
            .hint("install `ca-certificates`, or name a bundle with SSL_CERT_FILE"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|e| RunError::new("TLS cannot be used", e))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

impl Dial for Outside {
    fn dial(&self) -> mcp::Dialling<'_> {
        let dialled = async {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
            stream.set_nodelay(true)?;
            let stream: Box<dyn mcp::Stream> = match &self.tls {
                None => Box::new(stream),
                Some((tls, name)) => Box::new(tls.connect(name.clone(), stream).await?),
            };
            Ok(stream)
        };
        Box::pin(async { timeout(CONNECT, dialled).await? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let url = |text| Url::parse(text).unwrap();
        assert_eq!(authority(&url("https://mcp.example/a?b")), "mcp.example");
        assert_eq!(authority(&url("http://[::1]:3000/mcp")), "[::1]:3000");
        let outside = Outside::new(&url("http://[::1]:3000/mcp")).unwrap();
        assert_eq!((&*outside.host, outside.port), ("::1", 3000));
    }
}
