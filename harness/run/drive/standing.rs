//! A server that stays up for calls one by one, as long as somebody wants to make them.

use super::{Job, Live, Mark, RunError, scene, start};
use crate::effect::{Kind, Sink, Surface};
use crate::mcp::Request;
use crate::snapshot::Behaviour;
use serde_json::Value;
use tokio::sync::oneshot;

/// A server that has been started and is at rest.
pub struct Standing<'a> {
    job: Job<'a>,
    live: Live,
}

impl<'a> Standing<'a> {
    /// Starts it.
    pub async fn start(job: Job<'a>) -> Result<Self, RunError> {
        let mut live = start(&job).await?;
        live.settle().await;
        live.harvest();
        live.child.mark(Mark::Start);
        Ok(Self { job, live })
    }

    /// What it declared.
    pub fn surface(&self) -> &Surface {
        &self.live.surface
    }

    /// Calls a tool, waits for what that sets off, and gives the behaviour up to now; none where
    /// the server has ended.
    pub async fn call(&mut self, tool: &str, arguments: &Value) -> Option<Behaviour> {
        let live = &mut self.live;
        live.recorder.call(tool, true, arguments);
        let limit = live.patience.limit(tool);
        let request = Request::tool(tool, arguments);
        let result = live.session.ask(limit, tool, &request).await;
        live.patience.ended(tool, result.outcome != "timeout");
        live.recorder.emit(Kind::Result(result));
        let scene = scene(&live.world, &live.child, &live.recorder);
        live.rest.after(tool, scene).await;
        live.child.mark(Mark::Call);
        live.harvest();
        live.world.cut();
        let (tell, told) = oneshot::channel();
        live.recorder.so_far(tell);
        told.await.ok().filter(|_| !live.session.is_gone())
    }

    /// Ends it.
    pub async fn end(self) {
        self.live.end(&self.job).await;
    }
}
