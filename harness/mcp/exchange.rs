//! One request and its answer, and everything that comes in between. A single loop without
//! tasks: the caller's future does the reading, so a call costs no hand-over.

use super::answer::Answers;
use super::frame::Line;
use super::json::{self, Odd, Refused};
use super::rpc::{self, Message, Outcome};
use super::skim::Skim;
use super::watch::Watch;
use super::wire::{Arrival, Wire};
use crate::effect::ServerMessage;
use bytes::Bytes;
use serde_json::Value;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use tokio::time::{Instant, sleep_until};

/// How a request ended.
pub(super) enum Reply {
    Result {
        value: Value,
        frame: Bytes,
    },
    Error {
        value: Value,
        bytes: u64,
    },
    /// An answer came that was over a bound; its bytes.
    Oversized(u64),
    Timeout,
    Gone,
}

/// What a revision allows a server to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Allowed {
    /// JSON-RPC batches: 2025-03-26 only.
    pub batches: bool,
    /// Requests to the client: not from 2026-07-28 on, where the client must not answer either.
    pub requests: bool,
}

pub(super) struct Exchange {
    pub wire: Wire,
    pub watch: Watch,
    pub answers: Answers,
    pub allowed: Allowed,
    /// Whether something came that is no JSON.
    pub noisy: bool,
    /// How often `notifications/*/list_changed` came.
    pub list_changed: u64,
    next_id: u64,
    /// Asked and not answered.
    waiting: Vec<u64>,
    /// Asked, given up: an answer is late, not wrong.
    given_up: VecDeque<u64>,
    /// The request that keeps a stream of notifications open, and its method.
    stream: Option<(u64, &'static str)>,
    unread_told: bool,
}

/// Requests given up that are remembered.
const GIVEN_UP: usize = 1024;

impl Exchange {
    pub fn new(wire: Wire, watch: Watch, answers: Answers) -> Self {
        Self {
            wire,
            watch,
            answers,
            allowed: Allowed {
                batches: false,
                requests: true,
            },
            noisy: false,
            list_changed: 0,
            next_id: 0,
            waiting: Vec::new(),
            given_up: VecDeque::new(),
            stream: None,
            unread_told: false,
        }
    }

    /// Sends a request and returns its id, or nothing where the server has left too much unread.
    pub fn send(&mut self, method: &str, params: &str) -> Option<u64> {
        let id = self.next_id;
        self.next_id += 1;
        let frame = rpc::request(id, method, params);
        if !self.queue(&frame, Some(id)) {
            return None;
        }
        self.waiting.push(id);
        Some(id)
    }

    pub fn notify(&mut self, method: &str, params: Option<&str>) {
        self.queue(&rpc::notification(method, params), None);
    }

    /// Asks and waits. A request that gets no answer in time is cancelled.
    pub async fn request(&mut self, method: &str, params: &str, deadline: Instant) -> Reply {
        // What an abandoned future of the caller's left behind.
        while let Some(id) = self.waiting.pop() {
            self.cancel(id);
        }
        if self.wire.is_ended() {
            return Reply::Gone;
        }
        let Some(id) = self.send(method, params) else {
            return Reply::Timeout;
        };
        let reply = self.answer(deadline).await.1;
        if matches!(reply, Reply::Timeout) {
            self.cancel(id);
        }
        // What came in one read with the answer belongs to the same request.
        while let Some(line) = self.wire.buffered() {
            self.line(line);
        }
        reply
    }

    /// Sends a request whose answer only ends a stream of notifications.
    pub fn open_stream(&mut self, method: &'static str, params: &str) {
        if let Some(id) = self.send(method, params) {
            self.waiting.retain(|&waiting| waiting != id);
            self.stream = Some((id, method));
        }
    }

    /// Waits until one of the requests sent is answered; which, and how. After a timeout they
    /// are still waited for.
    pub async fn answer(&mut self, deadline: Instant) -> (u64, Reply) {
        let first = self.waiting.first().copied().unwrap_or_default();
        let mut sleep = pin!(sleep_until(deadline));
        loop {
            // The clock goes first: with a server that always has something to say, it would
            // never get its turn.
            let arrival = poll_fn(|cx| match sleep.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(None),
                Poll::Pending => self.wire.poll_arrival(cx).map(Some),
            })
            .await;
            match arrival {
                None => return (first, Reply::Timeout),
                Some(Arrival::End) => return (first, Reply::Gone),
                Some(Arrival::TooMuch) => self.watch.misbehaviour("stdout-flood", b""),
                Some(Arrival::Line(line)) => {
                    if let Some(answered) = self.line(line) {
                        return answered;
                    }
                }
                Some(Arrival::Failed { id, error, bytes }) => {
                    if let Some(at) = self.waiting.iter().position(|&waiting| waiting == id) {
                        self.waiting.swap_remove(at);
                        return (
                            id,
                            Reply::Error {
                                value: error,
                                bytes,
                            },
                        );
                    }
                    self.given_up.retain(|&late| late != id);
                }
            }
        }
    }

    /// Hears whatever comes until the deadline or the end. True at the end.
    pub async fn listen(&mut self, deadline: Instant) -> bool {
        loop {
            match self.answer(deadline).await.1 {
                Reply::Gone => return true,
                Reply::Timeout => return false,
                _ => {}
            }
        }
    }

    /// Gives up, and says so (basic/utilities/cancellation; from 2026-07-28 basic/patterns).
    fn cancel(&mut self, id: u64) {
        self.give_up(id);
        let params = format!(r#"{{"requestId":{id},"reason":"Request timed out"}}"#);
        self.notify("notifications/cancelled", Some(&params));
    }

    /// Stops waiting; an answer that comes after all is a late one.
    pub fn give_up(&mut self, id: u64) {
        self.waiting.retain(|&waiting| waiting != id);
        self.wire.abandon(id);
        if self.given_up.len() == GIVEN_UP {
            self.given_up.pop_front();
        }
        self.given_up.push_back(id);
    }

    fn queue(&mut self, frame: &str, id: Option<u64>) -> bool {
        let queued = self.wire.send(frame.as_bytes(), id);
        if !queued && !self.unread_told {
            self.unread_told = true;
            self.watch.misbehaviour("stdin-unread", b"");
        }
        queued
    }

    fn line(&mut self, line: Line) -> Option<(u64, Reply)> {
        match line {
            Line::Long { body, answers } => {
                let bytes = body.len;
                self.watch.misbehaviour_of("line-too-long", body);
                self.oversized(answers, bytes)
            }
            Line::Unterminated(frame) => {
                self.watch.misbehaviour("unterminated", &frame);
                self.frame(frame)
            }
            Line::Whole(frame) => self.frame(frame),
        }
    }

    fn frame(&mut self, frame: Bytes) -> Option<(u64, Reply)> {
        let (value, odd) = match json::parse(&frame) {
            Ok(parsed) => parsed,
            Err(Refused::Syntax) => {
                self.noisy = true;
                let what = match std::str::from_utf8(&frame) {
                    Ok(_) => "not-json",
                    Err(_) => "invalid-utf8",
                };
                self.watch.misbehaviour(what, &frame);
                return None;
            }
            Err(refused) => {
                let what = match refused {
                    Refused::TooDeep => "too-deep",
                    _ => "too-many-values",
                };
                self.watch.misbehaviour(what, &frame);
                return self.oversized(Skim::answered(&frame), frame.len() as u64);
            }
        };
        if odd != Odd::default() {
            for (found, what) in [
                (odd.duplicate_key, "duplicate-key"),
                (odd.lone_surrogate, "lone-surrogate"),
                (odd.invalid_utf8, "invalid-utf8"),
                (odd.big_number, "big-number"),
            ] {
                if found {
                    self.watch.misbehaviour(what, &frame);
                }
            }
        }
        match value {
            Value::Array(batch) if !batch.is_empty() => {
                if !self.allowed.batches {
                    self.watch.misbehaviour("batch", &frame);
                }
                let mut first = None;
                for value in batch {
                    let reply = self.message(value, &frame);
                    first = first.or(reply);
                }
                first
            }
            value => self.message(value, &frame),
        }
    }

    fn message(&mut self, value: Value, frame: &Bytes) -> Option<(u64, Reply)> {
        let (message, wrong) = rpc::classify(value);
        for what in wrong {
            self.watch.misbehaviour(what, frame);
        }
        match message {
            Message::Other => None,
            Message::Answer { id, outcome } => {
                if let Some((stream, method)) = self.stream
                    && rpc::number(&id).is_some_and(|(id, _)| id == stream)
                {
                    self.stream = None;
                    let (Outcome::Result(params) | Outcome::Error(params)) = outcome;
                    self.heard(method.into(), params, frame);
                    return None;
                }
                let id = self.asked(&id, frame)?;
                let bytes = frame.len() as u64;
                let reply = match outcome {
                    Outcome::Result(value) => Reply::Result {
                        value,
                        frame: frame.clone(),
                    },
                    Outcome::Error(value) => Reply::Error { value, bytes },
                };
                Some((id, reply))
            }
            Message::Notification { method, params } => {
                if method.ends_with("/list_changed") {
                    self.list_changed += 1;
                }
                self.heard(method, params, frame);
                None
            }
            Message::Request { id, method, params } => {
                self.serve(id, method, params, frame);
                None
            }
        }
    }

    fn heard(&mut self, method: String, params: Value, frame: &Bytes) {
        let message = ServerMessage {
            method,
            params,
            answer: Value::Null,
        };
        self.watch.message(message, frame);
    }

    fn serve(&mut self, id: Value, method: String, params: Value, frame: &Bytes) {
        let mut answer = Value::Null;
        if self.allowed.requests {
            let outcome = self.answers.to(&method, &params);
            if self.queue(&rpc::answer(id, &outcome), None) {
                answer = match outcome {
                    Outcome::Result(value) => value,
                    Outcome::Error(error) => serde_json::json!({ "error": error }),
                };
            }
        } else {
            self.watch.misbehaviour("server-request", frame);
        }
        let message = ServerMessage {
            method,
            params,
            answer,
        };
        self.watch.message(message, frame);
    }

    fn oversized(&mut self, answers: Option<Value>, bytes: u64) -> Option<(u64, Reply)> {
        let (id, _) = rpc::number(&answers?)?;
        let at = self.waiting.iter().position(|&waiting| waiting == id)?;
        self.waiting.swap_remove(at);
        Some((id, Reply::Oversized(bytes)))
    }

    /// Which waiting request an answer's id means; a misbehaviour otherwise.
    fn asked(&mut self, id: &Value, frame: &Bytes) -> Option<u64> {
        let Some((id, exact)) = rpc::number(id) else {
            self.watch.misbehaviour("unknown-id", frame);
            return None;
        };
        if let Some(at) = self.waiting.iter().position(|&waiting| waiting == id) {
            self.waiting.swap_remove(at);
            if !exact {
                self.watch.misbehaviour("id-type", frame);
            }
            return Some(id);
        }
        let what = if let Some(at) = self.given_up.iter().position(|&late| late == id) {
            self.given_up.remove(at);
            "late-answer"
        } else if id < self.next_id {
            "duplicate-answer"
        } else {
            "unknown-id"
        };
        self.watch.misbehaviour(what, frame);
        None
    }
}
