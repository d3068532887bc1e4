//! Where a server is, and how connections to it are made.

use std::io;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite};

/// A connection, encrypted already where it has to be.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Makes connections to one server.
pub trait Dial: Send + Sync {
    /// A fresh connection. `ConnectionRefused` where nobody listens any more.
    fn dial(&self) -> Dialling<'_>;
}

/// A connection in the making.
pub type Dialling<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send + 'a>>;

/// The address of a server that speaks the protocol over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host, and port where it is not the scheme's own, as the `Host` header names them.
    pub authority: String,
    /// Path and query, beginning with `/`.
    pub path: String,
    pub flavour: Flavour,
    /// Further header fields of every request, names in lower case.
    pub headers: Vec<(String, String)>,
}

/// Which of the two transports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// One address that takes everything and answers with JSON or a stream.
    Streamable,
    /// A stream that is opened first, names the address that takes messages, and brings all answers.
    Sse,
}
