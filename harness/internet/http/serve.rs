//! One HTTP connection, whichever version: hyper frames it, `exchange` answers it, and what hyper
//! could not make a request of is kept as a flow.

use super::date;
use super::exchange::respond;
use super::tunnel::Next;
use crate::internet::busy::Hold;
use crate::internet::flow::Flow;
use crate::internet::link::Link;
use crate::internet::shared::Shared;
use crate::internet::stream::{Stream, Tape};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Most bytes of a request's head.
const HEAD: usize = 256 << 10;

/// What the requests of one connection share.
pub struct Conversation {
    pub shared: Arc<Shared>,
    pub link: Link,
    pub tape: Tape,
    /// What the connection becomes after the request that is being answered.
    pub next: Mutex<Option<Next>>,
    /// Whether anything was asked yet.
    asked: AtomicBool,
}

impl Conversation {
    fn new(shared: Arc<Shared>, link: Link, stream: &mut Stream) -> Arc<Self> {
        Arc::new(Self {
            shared,
            link,
            tape: stream.record(),
            next: Mutex::new(None),
            asked: AtomicBool::new(false),
        })
    }

    fn next(&self) -> Option<Next> {
        self.next
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// What came after the last request and was none.
    fn tell_rest(&self, protocol: &str, error: &hyper::Error) {
        let rest = self.tape.take();
        // Ended by us.
        if error.is_user() {
            return;
        }
        // An empty line too many says nothing.
        if rest.trim_ascii().is_empty() && !error.is_parse() {
            return;
        }
        let flow = Flow::open(&self.shared, &self.link, protocol);
        flow.sent(&rest);
    }
}

/// Serves HTTP/1.0 and HTTP/1.1. `hold` covers the time until the first request is complete.
pub async fn serve1(shared: Arc<Shared>, mut stream: Stream, link: Link, hold: Hold) {
    let conversation = Conversation::new(shared, link, &mut stream);
    let hold = Mutex::new(Some(hold));
    let service = service_fn(|request| {
        let conversation = Arc::clone(&conversation);
        let first = hold.lock().unwrap_or_else(PoisonError::into_inner).take();
        let hold = first.unwrap_or_else(|| conversation.shared.busy.hold());
        async move {
            let shared = Arc::clone(&conversation.shared);
            let response = respond(conversation, request, hold).await;
            response.map(|response| date::stamp(&shared, response))
        }
    });
    let served = http1::Builder::new()
        // A client that closes its half still gets its answer.
        .half_close(true)
        // No time limit on heads: it would set a timer for every request, a tenth of its cost, to
        // end idle connections, whose number is bounded anyway.
        .header_read_timeout(None)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
    drop(hold);
    if let Err(error) = served {
        conversation.tell_rest("http", &error);
    }
    if let Some(next) = conversation.next() {
        next.run(conversation).await;
    }
}

/// Serves HTTP/2, with or without TLS.
pub async fn serve2(shared: Arc<Shared>, mut stream: Stream, link: Link) {
    let conversation = Conversation::new(shared, link, &mut stream);
    let unasked = Unasked(Arc::clone(&conversation));
    let service = service_fn(|request| {
        let conversation = Arc::clone(&conversation);
        conversation.asked.store(true, Ordering::Relaxed);
        let hold = conversation.shared.busy.hold();
        async move {
            let shared = Arc::clone(&conversation.shared);
            let response = respond(conversation, request, hold).await;
            response.map(|response| date::stamp(&shared, response))
        }
    });
    let streams = Streams(Arc::clone(&conversation.shared));
    let served = http2::Builder::new(streams)
        .timer(TokioTimer::new())
        .max_concurrent_streams(256)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .max_header_list_size(HEAD as u32)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served
        && conversation.asked.load(Ordering::Relaxed)
    {
        conversation.tell_rest("http2", &error);
    }
    drop(unasked);
}

/// An HTTP/2 connection on which nothing was asked: its preface and whatever frames came with it
/// are all it said, and go for a flow when it ends, however it ends.
struct Unasked(Arc<Conversation>);

impl Drop for Unasked {
    fn drop(&mut self) {
        let Self(conversation) = self;
        if conversation.asked.load(Ordering::Relaxed) {
            return;
        }
        let said = conversation.tape.take();
        // A handshake with nothing after it is told as that.
        if !said.is_empty() {
            Flow::open(&conversation.shared, &conversation.link, "http2").sent(&said);
        }
    }
}

/// Runs the streams of HTTP/2 connections as tasks that closing a world waits for.
#[derive(Clone)]
struct Streams(Arc<Shared>);

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        struct Open(Arc<Shared>);
        impl Drop for Open {
            fn drop(&mut self) {
                self.0.stats.open.fetch_sub(1, Ordering::SeqCst);
            }
        }
        self.0.stats.open.fetch_add(1, Ordering::SeqCst);
        let open = Open(Arc::clone(&self.0));
        tokio::spawn(async move {
            let _open = open;
            task.await;
        });
    }
}
