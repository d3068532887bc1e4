//! `wiremock::Mock`s of Rust users, mounted for a host. `wiremock` matches only inside its own
//! server, so requests are forwarded to one over loopback.
//!
//! Its limits, as measured: half the throughput of the other mocks; it keeps every request that
//! a mock matched (3 to 9 KiB each), so the mocks are mounted anew every [`RECYCLE`] requests,
//! whereupon counters such as `up_to_n_times` start again; expectations (`expect`) are not
//! verified, for the run's effects are the record of what was asked.

use super::{Answer, Mock, Request};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::sync::mpsc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc as queue;
use wiremock::matchers::any;
use wiremock::{MockServer, ResponseTemplate};

/// Requests after which the mocks are mounted anew, to let go of what was kept.
pub const RECYCLE: u64 = 2_000;

/// Marks the answer that says that no mock matched.
const UNMATCHED: &str = "x-no-mock-matched";
/// Behind every mock that a user can mount.
const LAST: u8 = u8::MAX;
const MAX_BODY: usize = 16 * 1024 * 1024;
/// Requests that wait for the forwarder.
const WAITING: usize = 256;
/// Longer than a delay that a test would set.
const PATIENCE: Duration = Duration::from_secs(60);
/// Headers that belong to one connection (RFC 9110, section 7.6.1), to the framing, or to a
/// content coding that is undone already.
const DROPPED: [&str; 10] = [
    "connection",
    "content-encoding",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Mocks that were mounted for a host. Create it before any thread of the caller enters a
/// network namespace: the server binds the caller's loopback.
pub struct Mounted {
    name: String,
    jobs: Option<queue::Sender<Job>>,
    forwarder: Option<std::thread::JoinHandle<()>>,
}

/// Why mocks could not be mounted.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    #[error("no thread for the mocks of `{name}`: {source}")]
    Thread {
        name: String,
        #[source]
        source: std::io::Error,
    },
    #[error("no loopback port for the mocks of `{name}`: {source}")]
    Port {
        name: String,
        #[source]
        source: std::io::Error,
    },
}

type Mocks = Box<dyn Fn() -> Vec<wiremock::Mock> + Send>;

struct Job {
    request: Request,
    reply: mpsc::SyncSender<Option<Answer>>,
}

impl Mounted {
    /// Mounts what `mocks` makes on a server of its own; `name` is what reports call it. A
    /// `wiremock::Mock` cannot be copied, so it is made anew each time that they are mounted.
    pub fn new<F>(name: impl Into<String>, mocks: F) -> Result<Self, MountError>
    where
        F: Fn() -> Vec<wiremock::Mock> + Send + 'static,
    {
        Self::recycling(name.into(), Box::new(mocks), RECYCLE)
    }

    fn recycling(name: String, mocks: Mocks, every: u64) -> Result<Self, MountError> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0));
        let listener = listener.map_err(|source| MountError::Port {
            name: name.clone(),
            source,
        })?;
        let thread = |source| MountError::Thread {
            name: name.clone(),
            source,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(thread)?;
        let (jobs, incoming) = queue::channel(WAITING);
        let by = format!("wiremock {name}");
        let forwarder = std::thread::Builder::new()
            .name("wiremock".to_owned())
            .spawn(move || runtime.block_on(forward_all(listener, mocks, every, incoming, by)))
            .map_err(thread)?;
        Ok(Self {
            name,
            jobs: Some(jobs),
            forwarder: Some(forwarder),
        })
    }
}

impl Mock for Mounted {
    fn name(&self) -> &str {
        &self.name
    }

    /// Waits for the mock's server; see [`Mock::blocking`].
    fn answer(&self, request: &Request) -> Option<Answer> {
        let (reply, answer) = mpsc::sync_channel(1);
        let job = Job {
            request: request.clone(),
            reply,
        };
        let failed = |why: &str| {
            let by = format!("wiremock {} failed", self.name);
            Some(Answer::bytes(502, "text/plain", why.to_owned(), by))
        };
        // A full queue means that the server is stuck: its callers would only queue up as well.
        let Some(Ok(place)) = self.jobs.as_ref().map(queue::Sender::try_reserve) else {
            let stopped = self.jobs.as_ref().is_none_or(queue::Sender::is_closed);
            return failed(match stopped {
                true => "making this mock panicked",
                false => "too many requests wait for this mock",
            });
        };
        place.send(job);
        match answer.recv_timeout(PATIENCE) {
            Ok(answer) => answer,
            Err(_) => failed("this mock gave no answer"),
        }
    }

    fn blocking(&self) -> bool {
        true
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Closing the queue ends the forwarder.
        self.jobs = None;
        if let Some(forwarder) = self.forwarder.take() {
            // A panic of a user's matcher was answered where it happened.
            let _ = forwarder.join();
        }
    }
}

/// Forwards until the queue closes, every request in a task of its own.
async fn forward_all(
    listener: std::net::TcpListener,
    mocks: Mocks,
    every: u64,
    mut incoming: queue::Receiver<Job>,
    by: String,
) {
    let server = MockServer::builder()
        .listener(listener)
        .disable_request_recording();
    let server = server.start().await;
    let address = *server.address();
    let mut tasks = tokio::task::JoinSet::new();
    let mut until_recycling = 0;
    while let Some(job) = incoming.recv().await {
        while tasks.try_join_next().is_some() {}
        if until_recycling == 0 {
            // Those under way were matched against mocks that are still there.
            while tasks.join_next().await.is_some() {}
            server.reset().await;
            mount(&server, mocks()).await;
            until_recycling = every;
        }
        until_recycling -= 1;
        let by = by.clone();
        tasks.spawn(async move {
            let answer = forward(address, &job.request, &by)
                .await
                .unwrap_or_else(|e| {
                    let by = format!("{by} failed");
                    Some(Answer::bytes(502, "text/plain", e.to_string(), by))
                });
            // Whoever asked may have given up.
            let _ = job.reply.send(answer);
        });
    }
    tasks.shutdown().await;
    // Without mocks there are no expectations left over which the server could panic.
    server.reset().await;
}

async fn mount(server: &MockServer, mocks: Vec<wiremock::Mock>) {
    for mock in mocks {
        server.register(mock).await;
    }
    let unmatched = ResponseTemplate::new(404).insert_header(UNMATCHED, "1");
    let unmatched = wiremock::Mock::given(any())
        .respond_with(unmatched)
        .with_priority(LAST);
    server.register(unmatched).await;
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One request on a connection of its own; nothing where no mock matched.
async fn forward(
    address: std::net::SocketAddr,
    request: &Request,
    by: &str,
) -> Result<Option<Answer>, Failure> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection): (SendRequest<Full<Bytes>>, _) =
        handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(outgoing(request)?).await?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await?.to_bytes();
    connection.abort();
    if head.headers.contains_key(UNMATCHED) {
        return Ok(None);
    }
    let headers = head
        .headers
        .iter()
        .filter(|(name, _)| !DROPPED.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    });
    Ok(Some(Answer {
        status: head.status.as_u16(),
        headers: headers.collect(),
        body,
        by: by.to_owned(),
        // A delay of the template has passed by now.
        delay: Duration::ZERO,
    }))
}

/// The request as the mock's server reads it. Headers that HTTP does not allow are left out.
fn outgoing(request: &Request) -> Result<hyper::Request<Full<Bytes>>, Failure> {
    let target = match request.query.is_empty() {
        true => request.path.clone(),
        false => format!("{}?{}", request.path, request.query),
    };
    let mut outgoing = hyper::Request::builder()
        .method(request.method.as_str())
        .uri(target)
        .header("host", &request.host)
        .body(Full::new(request.body.clone()))?;
    for (name, value) in &request.headers {
        let header = hyper::header::HeaderName::from_bytes(name.as_bytes());
        let value = hyper::header::HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (header, value)
            && !DROPPED.contains(&name.as_str())
        {
            outgoing.headers_mut().append(name, value);
        }
    }
    Ok(outgoing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wiremock::matchers::{body_string_contains, header, method, path, query_param};

    fn request(method: &str, target: &str, body: &str) -> Request {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Request {
            scheme: "https",
            host: "api.tracker.example".to_owned(),
            port: 443,
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: vec![
                ("x-key".to_owned(), "a".to_owned()),
                ("connection".to_owned(), "close".to_owned()),
                ("content-length".to_owned(), "999".to_owned()),
                ("bad name".to_owned(), "x".to_owned()),
            ],
            body: Bytes::copy_from_slice(body.as_bytes()),
            nth: 0,
        }
    }

    #[test]
    fn mounted_mocks_answer_or_leave_it() {
        let hello = || {
            let mock = wiremock::Mock::given(method("POST")).and(path("/hello"));
            let mock = mock.and(query_param("q", "1")).and(header("x-key", "a"));
            let hi = ResponseTemplate::new(201)
                .set_body_string("hi")
                .insert_header("x-a", "b");
            vec![
                mock.and(body_string_contains("jane"))
                    .respond_with(hi)
                    .expect(5),
            ]
        };
        let mounted = Mounted::new("tracker", hello).unwrap();
        let answer = mounted
            .answer(&request("POST", "/hello?q=1", "dear jane"))
            .unwrap();
        assert_eq!((answer.status, &answer.body[..]), (201, &b"hi"[..]));
        assert_eq!(answer.by, "wiremock tracker");
        assert!(answer.headers.contains(&("x-a".to_owned(), "b".to_owned())));
        assert!(mounted.answer(&request("GET", "/hello", "")).is_none());
        assert!(mounted.blocking());
    }

    #[test]
    fn a_matcher_that_panics_and_a_target_that_is_none_are_failures() {
        let mocks = || {
            let panics = |_: &wiremock::Request| -> bool { panic!("a user's matcher") };
            let mock = wiremock::Mock::given(path("/panic")).and(panics);
            vec![mock.respond_with(ResponseTemplate::new(200))]
        };
        let mounted = Mounted::new("x", mocks).unwrap();
        let answer = mounted.answer(&request("GET", "/panic", "")).unwrap();
        assert_eq!(
            (answer.status, answer.by.as_str()),
            (502, "wiremock x failed")
        );
        let answer = mounted.answer(&request("GET", "/a b\u{7f}", "")).unwrap();
        assert_eq!(answer.status, 502);
        assert!(mounted.answer(&request("GET", "/other", "")).is_none());
    }

    #[test]
    fn mocks_are_mounted_anew() {
        let once = || {
            let mock = wiremock::Mock::given(any()).respond_with(ResponseTemplate::new(200));
            vec![mock.up_to_n_times(1)]
        };
        let mounted = Mounted::recycling("x".to_owned(), Box::new(once), 2).unwrap();
        let answered = (0..4).map(|_| mounted.answer(&request("GET", "/", "")).is_some());
        assert_eq!(answered.collect::<Vec<_>>(), [true, false, true, false]);
    }

    #[test]
    fn a_delayed_answer_holds_up_no_other() {
        const DELAY: Duration = Duration::from_millis(500);
        let slow = || {
            let slow = ResponseTemplate::new(200).set_delay(DELAY);
            vec![wiremock::Mock::given(any()).respond_with(slow)]
        };
        let mounted = Mounted::new("slow", slow).unwrap();
        let started = std::time::Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| mounted.answer(&request("GET", "/", "")).unwrap());
            }
        });
        assert!(started.elapsed() < 8 * DELAY);
    }
}
