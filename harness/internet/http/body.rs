//! Bodies: a request's, read to its end within bounds, and a reply's, which says when it is gone.

use crate::effect::Body;
use crate::internet::busy::Hold;
use crate::internet::shared::Shared;
use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::timeout;

/// How reading a body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Whole,
    /// The client went away or broke the framing.
    Cut,
    /// More than is accepted of one body.
    TooLong,
}

/// A body in the making: hashed whole, held as far as the budget allows.
pub struct Collect {
    shared: Arc<Shared>,
    hash: Option<crate::effect::Capture>,
    held: Vec<u8>,
    /// Set instead of `held` where the body came in one piece: nothing is copied then.
    piece: Option<Bytes>,
    taken: usize,
    len: u64,
    /// Set once a byte was dropped: what is held has no gaps.
    full: bool,
    finished: bool,
    pub trailers: Vec<(String, String)>,
}

impl Collect {
    pub fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            hash: None,
            held: Vec::new(),
            piece: None,
            taken: 0,
            len: 0,
            full: false,
            finished: false,
            trailers: Vec::new(),
        }
    }

    /// Reads `body` to its end.
    pub async fn read(&mut self, mut body: Incoming) -> End {
        let limits = self.shared.limits.clone();
        loop {
            let frame = match timeout(limits.idle, body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => return End::Whole,
                Ok(Some(Err(_))) | Err(_) => return End::Cut,
            };
            match frame.into_data() {
                Ok(data) => self.push(data),
                Err(frame) => {
                    if let Ok(trailers) = frame.into_trailers() {
                        self.trailers = super::exchange::fields(&trailers);
                    }
                }
            }
            if self.len > limits.body {
                return End::TooLong;
            }
        }
    }

    fn push(&mut self, data: Bytes) {
        self.len += data.len() as u64;
        if self.len == data.len() as u64 && data.len() <= self.shared.limits.whole {
            self.full = !self.shared.budget.take(data.len());
            if !self.full {
                self.taken = data.len();
                self.piece = Some(data);
                return;
            }
        }
        self.hash_with(&data);
        let room = self.shared.limits.whole.saturating_sub(self.held.len());
        let more = room.min(data.len());
        self.full = self.full || !self.shared.budget.take(more);
        if !self.full {
            self.taken += more;
            self.held.extend_from_slice(&data[..more]);
            self.full = more < data.len();
        }
    }

    fn hash_with(&mut self, data: &[u8]) {
        let hash = self.hash.get_or_insert_with(|| Body::capture(0));
        if let Some(piece) = self.piece.take() {
            hash.push(&piece);
            self.held.extend_from_slice(&piece);
        }
        hash.push(data);
    }

    /// The body as captured, and as far as it is held; none the second time. Bytes that were
    /// dropped for want of room are in the length and the hash.
    pub fn finish(&mut self) -> Option<(Body, Bytes)> {
        if std::mem::replace(&mut self.finished, true) {
            return None;
        }
        let Some(hash) = self.hash.take() else {
            let piece = self.piece.take().unwrap_or_default();
            return Some((Body::new(&piece), piece));
        };
        let held = Bytes::from(std::mem::take(&mut self.held));
        let mut body = hash.finish();
        body.kept = held[..held.len().min(Body::KEEP)].to_vec();
        Some((body, held))
    }
}

impl Drop for Collect {
    fn drop(&mut self) {
        self.shared.budget.give(self.taken);
    }
}

/// The body of a reply; the request counts as under way until it is written.
pub struct ReplyBody {
    bytes: Bytes,
    len: usize,
    is_cut: bool,
    /// Whether what comes before the cut has had its chance to be sent.
    is_sent: bool,
    _hold: Option<Hold>,
}

/// The body ends before its end.
#[derive(Debug, thiserror::Error)]
#[error("cut short")]
pub struct CutShort;

impl ReplyBody {
    pub fn new(bytes: Bytes, hold: Option<Hold>) -> Self {
        Self {
            len: bytes.len(),
            bytes,
            is_cut: false,
            is_sent: false,
            _hold: hold,
        }
    }

    /// Says how long it is, and breaks off in the middle.
    pub fn cut(&mut self) {
        self.bytes.truncate(self.len / 2);
        self.is_cut = true;
    }
}

impl hyper::body::Body for ReplyBody {
    type Data = Bytes;
    type Error = CutShort;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutShort>>> {
        if !self.bytes.has_remaining() {
            if self.is_cut && !std::mem::replace(&mut self.is_sent, true) {
                // An error drops what is still to be written.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            return Poll::Ready(self.is_cut.then_some(Err(CutShort)));
        }
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.bytes)))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_empty() && !self.is_cut
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len as u64)
    }
}
