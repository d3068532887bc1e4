//! One connection from its first byte: finds out what it is and hands it on. Tunnels and TLS come
//! back here with what is inside them.

use super::busy::Hold;
use super::dialogue::{self, Dialogue, Mongo, MySql, Postgres, Redis, Socks, Target};
use super::flow::{self, Dialect, Flow};
use super::link::Link;
use super::shared::{Shared, names_host};
use super::sniff::{First, classify};
use super::stream::Stream;
use super::{dns, http, imap, smtp, tls};
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

/// Serves one connection to its end. `hold` is released when nothing is awaited of it.
pub fn serve(
    shared: Arc<Shared>,
    stream: Stream,
    link: Link,
    hold: Hold,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(route(shared, stream, link, hold))
}

async fn route(shared: Arc<Shared>, stream: Stream, link: Link, hold: Hold) {
    let address = link.peer.address;
    let inside = link.tls.is_some();
    match (address.port(), inside) {
        (53, false) | (853, true) => {
            return dns::over_stream(shared, stream, link, hold).await;
        }
        (25 | 587 | 2525, false) | (465, true) => {
            return smtp::serve(shared, stream, link, hold, true).await;
        }
        (port, false) if is_mail_server(&shared, &link, port) => {
            return smtp::serve(shared, stream, link, hold, true).await;
        }
        (port, inside) if is_mailbox(&shared, &link, port, inside) => {
            return imap::serve(shared, stream, link, hold).await;
        }
        _ => {}
    }
    if address.port() == 3306 && !inside {
        let flow = Flow::open(&shared, &link, "mysql");
        return talk(shared, stream, link, flow, Box::<MySql>::default(), hold).await;
    }
    if let Some(words) = flow::greeting(address.port(), inside) {
        let flow = Flow::open(&shared, &link, words.0.name());
        return flow::converse(shared, stream, flow, Some(hold), words, address).await;
    }
    first_bytes(shared, stream, link, hold).await;
}

/// A port on which the scenario put a mail server.
fn is_mail_server(shared: &Shared, link: &Link, port: u16) -> bool {
    let name = link.peer.name();
    // 465 begins with TLS, whoever stands there.
    port != 465
        && shared
            .smtp
            .iter()
            .any(|rule| rule.port == Some(port) && names_host(&rule.host, &name))
}

/// A port at which mailboxes are read.
fn is_mailbox(shared: &Shared, link: &Link, port: u16, inside: bool) -> bool {
    imap::ImapPlace::greets(&shared.imap, &link.peer.name(), port, inside)
}

/// Waits for the client to begin, and speaks where it may be waiting itself.
async fn first_bytes(shared: Arc<Shared>, mut stream: Stream, link: Link, hold: Hold) {
    let mut opening = Opening {
        shared: Arc::clone(&shared),
        link: link.clone(),
        flow: None,
        handled: false,
    };
    let limits = &shared.limits;
    // What follows a request to a proxy may have come with it.
    let come = stream.ahead().len();
    let first = async {
        match come {
            0 => stream.look().await,
            _ => Ok(come),
        }
    };
    let read = match timeout(limits.fresh, first).await {
        Ok(read) => Some((read, hold)),
        Err(_) => {
            drop(hold);
            if link.tls.is_none() {
                // From here on the silence is something to tell, at a cut or at the end.
                opening.flow = Some(Flow::open(&shared, &link, "raw"));
            }
            let greets = flow::expects_greeting(link.peer.address.port(), link.tls.is_some());
            let wait = if greets { limits.silence } else { limits.idle };
            match timeout(wait, stream.look()).await {
                Ok(read) => Some((read, shared.busy.hold())),
                Err(_) if greets => greet(&shared, &mut stream, &link, &mut opening).await,
                Err(_) => None,
            }
        }
    };
    let Some((Ok(1..), hold)) = read else {
        return;
    };
    let first = loop {
        let first = classify(stream.ahead());
        if first != First::More {
            break first;
        }
        match timeout(limits.handshake, stream.look()).await {
            Ok(Ok(1..)) => {}
            _ => break First::Raw,
        }
    };
    opening.handled = true;
    let flow = opening.flow.take();
    if let Some(dialogue) = dialogue_of(first, link.peer.address.port()) {
        let flow = flow.unwrap_or_else(|| Flow::open(&shared, &link, dialogue.name()));
        return talk(shared, stream, link, flow, dialogue, hold).await;
    }
    if matches!(first, First::Ftp | First::Ssh | First::Raw) {
        let flow = flow.unwrap_or_else(|| Flow::open(&shared, &link, "raw"));
        match first {
            First::Ftp => {
                let (address, words) = (link.peer.address, (Dialect::Ftp, &b""[..]));
                flow::converse(shared, stream, flow, Some(hold), words, address).await;
            }
            First::Ssh => {
                flow.is("ssh");
                flow::listen(shared, stream, flow, hold).await;
            }
            _ => flow::listen(shared, stream, flow, hold).await,
        }
        return;
    }
    let greeted = flow.as_ref().is_some_and(Flow::has_spoken);
    if let Some(flow) = flow {
        flow.forget();
    }
    match first {
        First::Tls if link.tls.is_none() || link.depth > 0 => {
            let Some((stream, inner, h2)) = tls::accept(&shared, stream, &link).await else {
                return;
            };
            if h2 {
                drop(hold);
                return http::serve2(shared, stream, inner).await;
            }
            serve(shared, stream, inner, hold).await;
        }
        First::Http1 => http::serve1(shared, stream, link, hold).await,
        First::Http2 => {
            drop(hold);
            http::serve2(shared, stream, link).await;
        }
        First::Smtp => smtp::serve(shared, stream, link, hold, !greeted).await,
        // TLS straight inside TLS: nothing here speaks it.
        _ => {
            let flow = Flow::open(&shared, &link, "raw");
            flow::listen(shared, stream, flow, hold).await;
        }
    }
}

/// Who speaks with a client that began so.
fn dialogue_of(first: First, port: u16) -> Option<Box<dyn Dialogue>> {
    Some(match first {
        First::Redis => Box::<Redis>::default(),
        First::Postgres => Box::<Postgres>::default(),
        First::Mongo => Box::new(Mongo),
        First::Socks => Box::<Socks>::default(),
        // A line typed by hand, or by a script.
        First::Raw if matches!(port, 6379 | 6380) => Box::<Redis>::default(),
        _ => return None,
    })
}

/// Holds a dialogue; where it leads elsewhere, what comes next is served as from there.
async fn talk(
    shared: Arc<Shared>,
    stream: Stream,
    link: Link,
    flow: Flow,
    dialogue: Box<dyn Dialogue>,
    hold: Hold,
) {
    let around = link.clone();
    let talked = dialogue::converse(
        Arc::clone(&shared),
        stream,
        link,
        flow,
        dialogue,
        Some(hold),
    );
    let Some(Target {
        stream,
        host,
        port,
        hold,
    }) = talked.await
    else {
        return;
    };
    if let Some(inner) = around.beyond(&shared.names, host, port) {
        serve(shared, stream, inner, hold).await;
    }
}

/// Says what mail and FTP servers say, and waits for the answer.
async fn greet(
    shared: &Arc<Shared>,
    stream: &mut Stream,
    link: &Link,
    opening: &mut Opening,
) -> Option<(std::io::Result<usize>, Hold)> {
    let words = format!("220 {} ready\r\n", link.host().unwrap_or("server"));
    if let Some(flow) = &opening.flow {
        flow.received(words.as_bytes());
    }
    stream.write_all(words.as_bytes()).await.ok()?;
    stream.flush().await.ok()?;
    let read = timeout(shared.limits.idle, stream.look()).await.ok()?;
    Some((read, shared.busy.hold()))
}

/// A connection that has not said anything. Ending like this, it is an effect all the same.
struct Opening {
    shared: Arc<Shared>,
    link: Link,
    flow: Option<Flow>,
    handled: bool,
}

impl Drop for Opening {
    fn drop(&mut self) {
        if self.handled || self.flow.is_some() {
            return;
        }
        if self.link.tls.is_some() {
            self.shared.emit(tls::silent(&self.link));
        } else {
            drop(Flow::open(&self.shared, &self.link, "raw"));
        }
    }
}
