//! A server that can be called. Whatever it does is an outcome or an effect, never an error.

use super::era::{self, Agreed, Round};
use super::exchange::{Exchange, Reply};
use super::options::{Era, Options};
use super::request::Request;
use super::surface;
use crate::effect::{Surface, ToolResult};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// Rounds of questions within one call.
const ROUNDS: usize = 8;

/// One conversation. Reading happens only inside these methods: between calls, give the server
/// a hearing with [`listen`](Self::listen). Dropping a future of theirs loses nothing but its
/// answer.
pub struct Session {
    exchange: Exchange,
    agreed: Agreed,
    options: Options,
}

impl Session {
    pub(super) fn new(exchange: Exchange, agreed: Agreed, options: Options) -> Self {
        Self {
            exchange,
            agreed,
            options,
        }
    }

    /// Calls a tool, answers what it asks, and waits for at most `call_timeout`. The result is
    /// returned and not emitted.
    pub async fn call(&mut self, tool: &str, arguments: &Value) -> ToolResult {
        let limit = self.options.call_timeout;
        let request = Request::tool(tool, arguments);
        self.ask(limit, tool, &request).await
    }

    /// The same with another limit, or for something else than a tool: the result is `of` that.
    pub async fn ask(&mut self, limit: Duration, of: &str, request: &Request) -> ToolResult {
        self.exchange.watch.reset();
        let deadline = Instant::now() + limit;
        let Request { method, members } = request;
        let mut further = String::new();
        let mut rounds = 0;
        let (outcome, value, bytes) = loop {
            let params = self.agreed.params(&format!("{members}{further}"));
            let (value, frame) = match self.exchange.request(method, &params, deadline).await {
                Reply::Result { value, frame } => (value, frame),
                Reply::Error { value, bytes } => break ("protocol-error", value, bytes),
                Reply::Oversized(bytes) => break ("oversized", Value::Null, bytes),
                Reply::Timeout => break ("timeout", Value::Null, 0),
                Reply::Gone => break ("gone", Value::Null, 0),
            };
            let bytes = frame.len() as u64;
            let round = match self.agreed.era {
                Era::Modern => era::round(&mut self.exchange, &value, &frame),
                _ => Round::Done,
            };
            let wrong = match round {
                Round::Done if value["isError"] == true => break ("error", value, bytes),
                Round::Done => break ("ok", value, bytes),
                Round::Again(members) if rounds < ROUNDS => {
                    further = members;
                    rounds += 1;
                    continue;
                }
                Round::Again(_) => "endless-input",
                Round::Invalid => "result-type",
            };
            self.exchange.watch.misbehaviour(wrong, &frame);
            break ("protocol-error", value, bytes);
        };
        ToolResult {
            tool: of.into(),
            outcome: outcome.into(),
            value,
            bytes,
        }
    }

    /// Lists everything once more, within `call_timeout`: a surface must not change with calls.
    /// None where the tools did not come: a list that is missing is not an empty one.
    pub async fn list(&mut self) -> Option<Surface> {
        self.exchange.watch.reset();
        let deadline = Instant::now() + self.options.call_timeout;
        let (mut surface, fault) = surface::list(&mut self.exchange, &self.agreed, deadline).await;
        surface::repeat(&mut self.exchange, &self.agreed, &mut surface);
        fault.is_none().then_some(surface)
    }

    /// Hears what the server says of itself and answers its requests, for this long or until
    /// its output ends.
    pub async fn listen(&mut self, time: Duration) {
        self.exchange.watch.reset();
        self.exchange.listen(Instant::now() + time).await;
    }

    /// How many `notifications/*/list_changed` have come so far.
    pub fn list_changed(&self) -> u64 {
        self.exchange.list_changed
    }

    /// Whether the server's output has ended: every further call would be `gone`.
    pub fn is_gone(&self) -> bool {
        self.exchange.wire.is_ended()
    }

    /// Whether the server counts as gone because it wrote more than `max_total`.
    pub fn is_cut_off(&self) -> bool {
        self.exchange.wire.is_over_bound()
    }

    /// `Legacy` or `Modern`.
    pub fn era(&self) -> Era {
        self.agreed.era
    }

    /// The protocol revision in force.
    pub fn revision(&self) -> &str {
        &self.agreed.revision
    }

    /// Closes the server's stdin, or ends the session that an HTTP server keeps, and hears what it
    /// still says, for at most `close_timeout`. True when its output ended within that.
    pub async fn close(mut self) -> bool {
        self.exchange.watch.reset();
        self.exchange.wire.close();
        let deadline = Instant::now() + self.options.close_timeout;
        let ended = self.exchange.listen(deadline).await;
        self.exchange.watch.reset();
        ended
    }
}
