//! A byte stream that can be looked at before it is read, and whose last bytes can be kept for
//! the case that they turn out to be no request at all.

use bytes::{Buf, BytesMut};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

pub trait Io: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Io for T {}

/// Any stream, whatever carries it: TCP, TLS, a tunnel.
pub struct Stream {
    io: Box<dyn Io>,
    ahead: BytesMut,
    tape: Option<Tape>,
}

impl Stream {
    pub fn new(io: impl Io) -> Self {
        Self {
            io: Box::new(io),
            ahead: BytesMut::new(),
            tape: None,
        }
    }

    /// What has come and has not been read yet.
    pub fn ahead(&self) -> &[u8] {
        &self.ahead
    }

    /// Waits for more bytes and keeps them ahead; 0 at the end of the stream.
    pub async fn look(&mut self) -> io::Result<usize> {
        self.ahead.reserve(4096);
        self.io.read_buf(&mut self.ahead).await
    }

    /// Takes all that has come so far.
    pub fn take_ahead(&mut self) -> BytesMut {
        std::mem::take(&mut self.ahead)
    }

    /// Puts bytes that were taken too early before everything else.
    pub fn put_back(&mut self, mut bytes: BytesMut) {
        bytes.unsplit(std::mem::take(&mut self.ahead));
        self.ahead = bytes;
    }

    /// From now on keeps what is read on a tape as well.
    pub fn record(&mut self) -> Tape {
        let tape = Tape::default();
        self.tape = Some(tape.clone());
        tape
    }
}

/// The last bytes read from a stream, from the last rewind on, up to a bound.
#[derive(Clone, Default)]
pub struct Tape(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    bytes: Vec<u8>,
    /// Whether there were more.
    is_cut: bool,
    /// Further bytes that belong to what is understood.
    skip: u64,
}

impl Tape {
    const KEEP: usize = 64 << 10;

    /// What is recorded began with something that is understood: nothing before now matters.
    pub fn rewind(&self) {
        *self.recorded() = Recorded::default();
    }

    /// It began with the head of an HTTP/1 request, which so long a body follows: what came with
    /// those and is neither stays.
    pub fn rewind_past(&self, body: u64) {
        let recorded = &mut *self.recorded();
        let bytes = &recorded.bytes;
        let start = bytes
            .iter()
            .take_while(|b| matches!(b, b'\r' | b'\n'))
            .count();
        let ends = [&b"\n\r\n"[..], b"\n\n"].map(|blank| {
            let at = memchr::memmem::find(&bytes[start..], blank);
            at.map(|at| start + at + blank.len())
        });
        let rest = match ends.into_iter().flatten().min() {
            Some(end) if !recorded.is_cut => recorded.bytes.split_off(end),
            _ => Vec::new(),
        };
        *recorded = Recorded {
            skip: body,
            ..Recorded::default()
        };
        recorded.push(&rest);
    }

    /// What was recorded since.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.recorded().bytes)
    }

    fn recorded(&self) -> MutexGuard<'_, Recorded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recorded {
    fn push(&mut self, bytes: &[u8]) {
        let skipped = self.skip.min(bytes.len() as u64);
        self.skip -= skipped;
        let bytes = &bytes[skipped as usize..];
        let room = Tape::KEEP.saturating_sub(self.bytes.len()).min(bytes.len());
        self.bytes.extend_from_slice(&bytes[..room]);
        self.is_cut |= room < bytes.len();
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        if self.ahead.is_empty() {
            ready!(Pin::new(&mut self.io).poll_read(cx, into))?;
        } else {
            let n = self.ahead.len().min(into.remaining());
            into.put_slice(&self.ahead[..n]);
            self.ahead.advance(n);
            if self.ahead.is_empty() {
                self.ahead = BytesMut::new();
            }
        }
        if let Some(tape) = &self.tape {
            tape.recorded().push(&into.filled()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
