//! A world: the sockets of one sandbox, and everything that answers behind them.

use super::connection;
use super::cues::Cues;
use super::flow::Flows;
use super::icmp;
use super::imap::ImapPlace;
use super::limits::Limits;
use super::link::Link;
use super::mock::Mock;
use super::names::Names;
use super::nearby;
use super::shared::{Budget, Counters, Nth, Shared};
use super::smtp::SmtpRule;
use super::stream::Stream;
use super::tls::{Acceptors, Ca, CaError};
use super::udp;
use super::upstream::{Upstream, Upstreams};
use super::weather::Weather;
use crate::effect::Sink;
use crate::secret::Seed;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// The ends of a sandbox's network that are ours.
///
/// TCP sockets listen; the local address of what they accept is the address that was dialled
/// (TPROXY). UDP sockets tell it by `IP_RECVORIGDSTADDR` and `IPV6_RECVORIGDSTADDR`, else it is
/// their own; replies then leave through the raw sockets (`IPPROTO_RAW`, whole packets, marked so
/// that the sandbox's rules let them pass), or without those through the UDP sockets. ICMP sockets
/// (raw ones, that of IPv6 with `IPV6_RECVPKTINFO`) only hear what the kernel inside answers.
#[derive(Debug, Default)]
pub struct Sockets {
    pub tcp4: Option<OwnedFd>,
    pub tcp6: Option<OwnedFd>,
    pub udp4: Option<OwnedFd>,
    pub udp6: Option<OwnedFd>,
    pub raw4: Option<OwnedFd>,
    pub raw6: Option<OwnedFd>,
    pub icmp4: Option<OwnedFd>,
    pub icmp6: Option<OwnedFd>,
    /// Listens at the path of the engine of containers.
    pub docker: Option<OwnedFd>,
}

/// What stands in the world.
#[derive(Clone)]
pub struct Config {
    pub ca: Arc<Ca>,
    pub upstreams: Vec<Upstream>,
    pub smtp: Vec<SmtpRule>,
    /// Where mailboxes stand beside the usual ports.
    pub imap: Vec<ImapPlace>,
    /// Answers every request that no upstream knows.
    pub sink_mock: Arc<dyn Mock>,
    /// What answers hold while upstreams are [`Weather::Telling`].
    pub cues: Cues,
    pub seed: Seed,
    pub limits: Limits,
}

/// A world could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("a socket of the sandbox cannot be used")]
    Socket(#[from] io::Error),
    #[error("no certificates can be made")]
    Certificates(#[from] CaError),
}

/// Totals since the world was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub connections: u64,
    /// Connections and HTTP/2 streams that are open now.
    pub open: usize,
    pub requests: u64,
    pub mails: u64,
    pub queries: u64,
    pub datagrams: u64,
    pub effects: u64,
}

/// A running internet. Dropping it ends it at once; `close` waits until everything is told.
pub struct World {
    shared: Arc<Shared>,
    closing: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl World {
    /// Starts serving; must be called within a tokio runtime with time and I/O enabled.
    pub fn open(
        sockets: Sockets,
        config: Config,
        effects: Arc<dyn Sink>,
    ) -> Result<Self, OpenError> {
        let hosts = config.upstreams.iter().map(|u| &u.host);
        let known = hosts.chain(config.smtp.iter().map(|r| &r.host));
        let known = known.chain(config.imap.iter().map(|p| &p.host)).cloned();
        let known = known.collect();
        let ahead_ns: Arc<AtomicI64> = Arc::default();
        let mut named = config.upstreams;
        // After those of the scenario, which may stand in their place.
        named.extend(nearby::upstreams(config.seed, Arc::clone(&ahead_ns)));
        let shared = Arc::new(Shared {
            names: Names::new(known),
            tls: Acceptors::new(config.ca, Arc::clone(&ahead_ns))?,
            upstreams: Upstreams {
                named,
                sink: config.sink_mock,
            },
            smtp: config.smtp,
            imap: config.imap,
            mailboxes: Default::default(),
            seed: config.seed,
            ahead_ns,
            weather: Default::default(),
            cues: config.cues,
            busy: Default::default(),
            flows: Flows::default(),
            budget: Budget::new(config.limits.memory),
            nth: Nth::default(),
            stats: Counters::default(),
            limits: config.limits,
            effects,
        });
        let (closing, closed) = watch::channel(false);
        let room = Arc::new(Semaphore::new(shared.limits.connections));
        let mut tasks = Vec::new();
        for listener in [sockets.tcp4, sockets.tcp6].into_iter().flatten() {
            let listener = std::net::TcpListener::from(listener);
            listener.set_nonblocking(true)?;
            let listener = TcpListener::from_std(listener)?;
            let accept = accept(
                Arc::clone(&shared),
                Listener::Tcp(listener),
                Arc::clone(&room),
                closed.clone(),
            );
            tasks.push(tokio::spawn(accept));
        }
        let udp = [(sockets.udp4, sockets.raw4), (sockets.udp6, sockets.raw6)];
        for (socket, raw) in udp {
            let Some(socket) = socket else { continue };
            let shared = Arc::clone(&shared);
            tasks.push(tokio::spawn(async move {
                // Ends only where the socket itself is unusable, which `open` would have seen.
                let _ = udp::serve(shared, socket, raw).await;
            }));
        }
        if let Some(listener) = sockets.docker {
            let listener = std::os::unix::net::UnixListener::from(listener);
            listener.set_nonblocking(true)?;
            let listener = Listener::Unix(UnixListener::from_std(listener)?);
            let (shared, room) = (Arc::clone(&shared), Arc::clone(&room));
            tasks.push(tokio::spawn(accept(shared, listener, room, closed.clone())));
        }
        for (socket, v6) in [(sockets.icmp4, false), (sockets.icmp6, true)] {
            let Some(socket) = socket else { continue };
            let shared = Arc::clone(&shared);
            tasks.push(tokio::spawn(async move {
                let _ = icmp::serve(shared, socket, v6).await;
            }));
        }
        Ok(Self {
            shared,
            closing,
            tasks,
        })
    }

    /// By how many nanoseconds its date is ahead of the real one: what tells the time here (headers,
    /// time servers) tells that of the server's own clock, once it is set to that.
    pub fn ahead(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.shared.ahead_ns)
    }

    /// How much is under way: fresh connections that may still speak, handshakes, requests not
    /// answered in full, mails in the middle, flows that spoke just now. Takes no lock.
    pub fn busy(&self) -> usize {
        self.shared.busy.count()
    }

    /// Tells what open flows said since the last cut, so that it belongs to the call that has
    /// just ended. Flows go on; each is one effect for every cut in which it said something.
    pub fn cut(&self) {
        for kind in self.shared.flows.cut() {
            self.shared.emit(kind);
        }
    }

    /// The date here is later by so much from now on.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        let ahead_ns = &self.shared.ahead_ns;
        let later = ahead_ns.load(Ordering::SeqCst).saturating_add(by);
        ahead_ns.store(later, Ordering::SeqCst);
    }

    /// How all upstreams do from now on.
    pub fn turn(&self, weather: Weather) {
        let code = weather.code();
        self.shared.weather.store(code, Ordering::SeqCst);
    }

    pub fn stats(&self) -> Stats {
        let s = &self.shared.stats;
        Stats {
            connections: s.connections.load(Ordering::Relaxed),
            open: s.open.load(Ordering::SeqCst),
            requests: s.requests.load(Ordering::Relaxed),
            mails: s.mails.load(Ordering::Relaxed),
            queries: s.queries.load(Ordering::Relaxed),
            datagrams: s.datagrams.load(Ordering::Relaxed),
            effects: s.effects.load(Ordering::Relaxed),
        }
    }

    #[cfg(any(test, fuzzing))]
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Stops accepting, drops what is open and waits until all of it has been told, for two
    /// seconds at most.
    pub async fn close(mut self) {
        let _ = self.closing.send(true);
        for task in std::mem::take(&mut self.tasks) {
            task.abort();
            let _ = task.await;
        }
        let all_ended = async {
            while self.shared.stats.open.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(2), all_ended).await;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.closing.send(true);
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn accept(
    shared: Arc<Shared>,
    listener: Listener,
    room: Arc<Semaphore>,
    closed: watch::Receiver<bool>,
) {
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept(&shared).await {
            Ok(stream) => stream,
            // Out of descriptors (or reset while waiting): connections in progress will end.
            Err(_) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
                continue;
            }
        };
        let (open, hold) = (Open::new(&shared), shared.busy.hold());
        let (shared, mut closed) = (Arc::clone(&shared), closed.clone());
        tokio::spawn(async move {
            let (_permit, open) = (permit, open);
            // Dropping a connection's future tells what it was about.
            tokio::select! {
                biased;
                () = connection::serve(Arc::clone(&shared), stream.0, stream.1, hold) => {}
                _ = closed.wait_for(|closing| *closing) => {}
            }
            drop(open);
        });
    }
}

/// Where connections come from.
enum Listener {
    Tcp(TcpListener),
    /// That of the engine of containers.
    Unix(UnixListener),
}

impl Listener {
    async fn accept(&self, shared: &Shared) -> io::Result<(Stream, Link)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                let address = dialled(&stream)?;
                // Small answers must not wait for acknowledgements.
                let _ = stream.set_nodelay(true);
                let host = shared.host_of(address);
                Ok((Stream::new(stream), Link::to(host, address)))
            }
            Self::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
                let link = Link::to(Some(nearby::DOCKER.to_owned()), nowhere);
                Ok((Stream::new(stream), link))
            }
        }
    }
}

fn dialled(stream: &TcpStream) -> io::Result<SocketAddr> {
    let address = stream.local_addr()?;
    Ok(SocketAddr::new(address.ip().to_canonical(), address.port()))
}

/// One open connection, counted until its task has ended.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.stats.connections.fetch_add(1, Ordering::Relaxed);
        shared.stats.open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.stats.open.fetch_sub(1, Ordering::SeqCst);
    }
}
