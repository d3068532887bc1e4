//! Both directions of a byte stream at once: a server that reads nothing keeps us from writing,
//! never from reading or from giving up.

use super::frame::{Line, Lines};
use super::options::{Direction, Tap};
use super::wire::Arrival;
use bytes::{Buf, BytesMut};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

/// Bytes that may wait for a server to read them. More are not queued: see [`Pipes::send`].
const QUEUE: usize = 4 << 20;

pub(super) type Reader = Box<dyn AsyncRead + Send + Unpin>;
pub(super) type Writer = Box<dyn AsyncWrite + Send + Unpin>;

pub(super) struct Pipes {
    reader: Option<Reader>,
    writer: Option<Writer>,
    lines: Lines,
    queue: BytesMut,
    unflushed: bool,
    closing: bool,
    left: u64,
    tap: Option<Arc<dyn Tap>>,
}

impl Pipes {
    pub fn new(
        writer: Writer,
        reader: Reader,
        max_line: usize,
        max_total: u64,
        tap: Option<Arc<dyn Tap>>,
    ) -> Self {
        Self {
            reader: Some(reader),
            writer: Some(writer),
            lines: Lines::new(max_line),
            queue: BytesMut::new(),
            unflushed: false,
            closing: false,
            left: max_total,
            tap,
        }
    }

    /// Whether nothing more can come.
    pub fn is_ended(&self) -> bool {
        self.reader.is_none()
    }

    /// Whether it ended because the bound on all bytes was reached.
    pub fn is_over_bound(&self) -> bool {
        self.left == 0
    }

    /// Queues one frame; its bytes leave while arrivals are awaited. False when the server has
    /// left so much unread that the frame was not queued.
    pub fn send(&mut self, frame: &[u8]) -> bool {
        // One frame may be of any size: it is ours.
        if !self.queue.is_empty() && self.queue.len() + frame.len() > QUEUE {
            return false;
        }
        if self.writer.is_some() {
            self.see(Direction::ToServer, frame);
            self.queue.extend_from_slice(frame);
            self.queue.extend_from_slice(b"\n");
        }
        true
    }

    /// Lets stdin end once everything queued has left.
    pub fn close_stdin(&mut self) {
        self.closing = true;
    }

    /// A line that has been read already.
    pub fn buffered(&mut self) -> Option<Line> {
        let line = match self.reader {
            Some(_) => self.lines.next(),
            None => self.lines.next().or_else(|| self.lines.rest()),
        }?;
        self.see(
            Direction::FromServer,
            match &line {
                Line::Whole(bytes) | Line::Unterminated(bytes) => bytes,
                Line::Long { body, .. } => &body.kept,
            },
        );
        Some(line)
    }

    /// Writes what is queued and waits for the next line. Dropping the future loses nothing.
    pub fn poll_arrival(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        loop {
            if let Some(line) = self.buffered() {
                return Poll::Ready(Arrival::Line(line));
            }
            self.poll_write(cx);
            let Some(reader) = &mut self.reader else {
                return Poll::Ready(Arrival::End);
            };
            let read = pin!(reader.read_buf(self.lines.space())).poll(cx);
            match read {
                Poll::Pending => return Poll::Pending,
                // An error on a pipe is an end as well: nothing more will come.
                Poll::Ready(Ok(0) | Err(_)) => self.reader = None,
                Poll::Ready(Ok(n)) => {
                    self.left = self.left.saturating_sub(n as u64);
                    if self.left == 0 {
                        self.reader = None;
                        return Poll::Ready(Arrival::TooMuch);
                    }
                }
            }
        }
    }

    /// Never pending by itself: reading goes on whether or not the server reads.
    fn poll_write(&mut self, cx: &mut Context<'_>) {
        let Some(writer) = &mut self.writer else {
            return;
        };
        match drain(Pin::new(writer), &mut self.queue, &mut self.unflushed, cx) {
            Poll::Pending => return,
            Poll::Ready(Ok(())) if !self.closing => return,
            Poll::Ready(Ok(())) => {
                if Pin::new(writer).poll_shutdown(cx).is_pending() {
                    return;
                }
            }
            // The server closed its stdin. It may still talk, so this alone is not its end.
            Poll::Ready(Err(_)) => {}
        }
        self.writer = None;
        self.queue.clear();
    }

    fn see(&self, direction: Direction, bytes: &[u8]) {
        if let Some(tap) = &self.tap {
            tap.frame(direction, bytes);
        }
    }
}

fn drain(
    mut writer: Pin<&mut Writer>,
    queue: &mut BytesMut,
    unflushed: &mut bool,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while !queue.is_empty() {
        match std::task::ready!(writer.as_mut().poll_write(cx, queue))? {
            0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            n => queue.advance(n),
        }
        *unflushed = true;
    }
    if *unflushed {
        std::task::ready!(writer.poll_flush(cx))?;
        *unflushed = false;
    }
    Poll::Ready(Ok(()))
}
