//! Frames out and arrivals in, where each frame is a request of its own. A frame that is no request
//! reaches the server before anything that is sent later.

use super::endpoint::{Dial, Endpoint, Flavour};
use super::header::Repeated;
use super::line::Line;
use crate::mcp::frame::Line as Frame;
use crate::mcp::options::{Direction, Options, Tap};
use crate::mcp::wire::Arrival;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

/// Arrivals that may wait to be looked at. Each may be as long as a line.
const WAITING: usize = 4;
/// Requests under way; a server that leaves more unanswered gets no further ones.
const UNDER_WAY: usize = 32;
/// Requests given up that are still listened to.
const GIVEN_UP: usize = 4;
/// How long what is sent later waits for a frame that is no request, and for the stream.
const IN_ORDER: Duration = Duration::from_secs(2);
const STREAM: Duration = Duration::from_millis(300);
/// How long the end of a session may take.
const FAREWELL: Duration = Duration::from_secs(1);

pub struct Http {
    line: Arc<Line>,
    out: mpsc::Sender<Arrival>,
    arrivals: mpsc::Receiver<Arrival>,
    /// Looked at, and not handed on yet.
    next: Option<Arrival>,
    tasks: JoinSet<()>,
    /// Requests, by id.
    requests: VecDeque<(u64, AbortHandle)>,
    given_up: VecDeque<AbortHandle>,
    /// Closed when the last frame that is no request has arrived.
    before: Option<watch::Receiver<()>>,
    ended: bool,
    over_bound: bool,
    tap: Option<Arc<dyn Tap>>,
}

impl Http {
    pub fn open(
        dial: Arc<dyn Dial>,
        endpoint: Endpoint,
        options: &Options,
        tap: Option<Arc<dyn Tap>>,
    ) -> Self {
        let (out, arrivals) = mpsc::channel(WAITING);
        let line = Line::new(
            dial,
            endpoint,
            options.max_line,
            options.max_total,
            out.clone(),
        );
        let mut http = Self {
            line: Arc::new(line),
            out,
            arrivals,
            next: None,
            tasks: JoinSet::new(),
            requests: VecDeque::new(),
            given_up: VecDeque::new(),
            before: None,
            ended: false,
            over_bound: false,
            tap,
        };
        if http.line.flavour() == Flavour::Sse {
            let line = Arc::clone(&http.line);
            let opened = watch::channel(()).0;
            http.tasks.spawn(async move { line.listen(opened).await });
        }
        http
    }

    pub fn is_ended(&self) -> bool {
        self.ended
    }

    pub fn is_over_bound(&self) -> bool {
        self.over_bound
    }

    /// Arguments of tools that requests repeat in their heads.
    pub fn repeat(&self, repeated: Repeated) {
        self.line.repeat(repeated);
    }

    pub fn agreed(&self, revision: &str) {
        self.line.agreed(revision);
    }

    pub fn send(&mut self, frame: &[u8], id: Option<u64>) -> bool {
        while self.tasks.try_join_next().is_some() {}
        self.requests.retain(|(_, task)| !task.is_finished());
        if self.tasks.len() >= UNDER_WAY {
            return false;
        }
        if let Some(tap) = &self.tap {
            tap.frame(Direction::ToServer, frame);
        }
        let line = Arc::clone(&self.line);
        let before = self.before.clone();
        let bytes = Bytes::copy_from_slice(frame);
        let Some(id) = id else {
            let (done, arrived) = watch::channel(());
            self.before = Some(arrived);
            // The stream of a session can be opened once both sides know of the session.
            let opens = is_initialized(frame) && line.flavour() == Flavour::Streamable;
            let (opened, mut open) = watch::channel(());
            if opens {
                let (line, mut arrived) = (Arc::clone(&line), done.subscribe());
                let listen = async move {
                    let _ = arrived.changed().await;
                    line.listen(opened).await;
                };
                self.tasks.spawn(listen);
                let (ready, wait) = watch::channel(());
                self.before = Some(wait);
                self.tasks.spawn(async move {
                    let _ = timeout(IN_ORDER + STREAM, open.changed()).await;
                    drop(ready);
                });
            }
            self.tasks.spawn(async move {
                in_order(before).await;
                line.post(bytes, None).await;
                drop(done);
            });
            return true;
        };
        let task = self.tasks.spawn(async move {
            in_order(before).await;
            line.post(bytes, Some(id)).await;
        });
        self.requests.push_back((id, task));
        true
    }

    /// An answer that comes late is still heard, while there are not many of these.
    pub fn abandon(&mut self, id: u64) {
        if let Some(at) = self.requests.iter().position(|(known, _)| *known == id)
            && let Some((_, task)) = self.requests.remove(at)
        {
            self.given_up.push_back(task);
        }
        if self.given_up.len() > GIVEN_UP
            && let Some(task) = self.given_up.pop_front()
        {
            task.abort();
        }
    }

    /// Ends the session, and with it everything under way.
    pub fn close(&mut self) {
        self.tasks.abort_all();
        let (line, out) = (Arc::clone(&self.line), self.out.clone());
        self.tasks.spawn(async move {
            let _ = timeout(FAREWELL, line.end_session()).await;
            let _ = out.send(Arrival::End).await;
        });
    }

    pub fn buffered(&mut self) -> Option<Frame> {
        if self.next.is_none() && !self.ended {
            self.next = self.arrivals.try_recv().ok();
        }
        match self.next.take() {
            Some(Arrival::Line(line)) => Some(self.seen(line)),
            other => {
                self.next = other;
                None
            }
        }
    }

    pub fn poll_arrival(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        if self.ended {
            return Poll::Ready(Arrival::End);
        }
        let arrival = match self.next.take() {
            Some(arrival) => arrival,
            None => match std::task::ready!(self.arrivals.poll_recv(cx)) {
                Some(arrival) => arrival,
                None => Arrival::End,
            },
        };
        Poll::Ready(match arrival {
            Arrival::Line(line) => Arrival::Line(self.seen(line)),
            Arrival::End => {
                self.ended = true;
                Arrival::End
            }
            Arrival::TooMuch => {
                (self.ended, self.over_bound) = (true, true);
                Arrival::TooMuch
            }
            failed @ Arrival::Failed { .. } => failed,
        })
    }

    fn seen(&self, line: Frame) -> Frame {
        if let Some(tap) = &self.tap {
            let bytes = match &line {
                Frame::Whole(bytes) | Frame::Unterminated(bytes) => &bytes[..],
                Frame::Long { body, .. } => &body.kept,
            };
            tap.frame(Direction::FromServer, bytes);
        }
        line
    }
}

async fn in_order(before: Option<watch::Receiver<()>>) {
    if let Some(mut before) = before {
        let _ = timeout(IN_ORDER, before.changed()).await;
    }
}

fn is_initialized(frame: &[u8]) -> bool {
    memchr::memmem::find(frame, br#""method":"notifications/initialized""#).is_some()
}
