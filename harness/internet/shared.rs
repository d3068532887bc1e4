//! What all connections of one world share.

use super::busy::Busy;
use super::cues::Cues;
use super::flow::Flows;
use super::imap::{Accounts, ImapPlace};
use super::limits::Limits;
use super::names::Names;
use super::smtp::SmtpRule;
use super::tls::Acceptors;
use super::upstream::Upstreams;
use super::weather::Weather;
use crate::effect::{Kind, Sink};
use crate::secret::Seed;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

pub struct Shared {
    pub names: Names,
    pub tls: Acceptors,
    pub upstreams: Upstreams,
    pub smtp: Vec<SmtpRule>,
    pub imap: Vec<ImapPlace>,
    pub mailboxes: Accounts,
    pub seed: Seed,
    /// Nanoseconds by which the date here is ahead of the real one.
    pub ahead_ns: Arc<AtomicI64>,
    /// [`Weather`] by its code.
    pub weather: AtomicU8,
    pub cues: Cues,
    pub limits: Limits,
    pub busy: Busy,
    pub flows: Flows,
    pub budget: Budget,
    pub nth: Nth,
    pub stats: Counters,
    pub effects: Arc<dyn Sink>,
}

/// The real date and that of a world whose clock is so far ahead.
#[expect(clippy::disallowed_methods, reason = "the clock that is shifted")]
pub fn dates(ahead_ns: &AtomicI64) -> (SystemTime, SystemTime) {
    let ahead_ns = ahead_ns.load(Ordering::SeqCst);
    let (real, shift) = (
        SystemTime::now(),
        Duration::from_nanos(ahead_ns.unsigned_abs()),
    );
    let shifted = if ahead_ns < 0 {
        real.checked_sub(shift)
    } else {
        real.checked_add(shift)
    };
    (real, shifted.unwrap_or(real))
}

impl Shared {
    pub fn emit(&self, kind: Kind) {
        self.stats.effects.fetch_add(1, Ordering::Relaxed);
        self.effects.emit(kind);
    }

    /// The date in this world.
    pub fn now(&self) -> SystemTime {
        dates(&self.ahead_ns).1
    }

    /// How upstreams are doing.
    pub fn weather(&self) -> Weather {
        Weather::of_code(self.weather.load(Ordering::SeqCst))
    }

    /// The name that a dialled address stands for.
    pub fn host_of(&self, address: SocketAddr) -> Option<String> {
        self.names.name_of(address.ip())
    }
}

/// Running totals.
#[derive(Debug, Default)]
pub struct Counters {
    pub connections: AtomicU64,
    pub open: AtomicUsize,
    pub requests: AtomicU64,
    pub mails: AtomicU64,
    pub queries: AtomicU64,
    pub datagrams: AtomicU64,
    pub effects: AtomicU64,
}

/// Bytes that may be held for bodies under way, over all connections.
#[derive(Debug)]
pub struct Budget(AtomicUsize);

impl Budget {
    pub fn new(bytes: usize) -> Self {
        Self(AtomicUsize::new(bytes))
    }

    /// Takes `n` bytes if they are left; the taker gives them back.
    pub fn take(&self, n: usize) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(n)
            })
            .is_ok()
    }

    pub fn give(&self, n: usize) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }
}

/// How often something happened before, by key. Bounded: beyond it everything is a first time.
#[derive(Debug, Default)]
pub struct Nth(Mutex<HashMap<u64, u64>>);

impl Nth {
    const KEYS: usize = 1 << 16;

    pub fn next(&self, key: impl Hash) -> u64 {
        // A hasher with fixed keys: the same requests count the same in every run.
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let key = hasher.finish();
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= Self::KEYS && !counts.contains_key(&key) {
            return 0;
        }
        let count = counts.entry(key).or_default();
        *count += 1;
        *count - 1
    }
}

/// Whether `host` is what a pattern names: the same name, `*.suffix`, or `*`.
pub fn names_host(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => suffix.is_empty() || (host.len() > suffix.len() && host.ends_with(suffix)),
        None => pattern == host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_hosts() {
        assert!(names_host("a.example", "a.example"));
        assert!(names_host("*.example", "a.b.example"));
        assert!(names_host("*", "1.2.3.4"));
        assert!(!names_host("*.example", ".example"));
        assert!(!names_host("*.example", "badexample"));
        assert!(!names_host("a.example", "b.a.example"));
    }

    #[test]
    fn counting_is_by_key() {
        let nth = Nth::default();
        assert_eq!([nth.next("a"), nth.next("a"), nth.next("b")], [0, 1, 0]);
    }

    #[test]
    fn a_budget_ends() {
        let budget = Budget::new(10);
        assert!(budget.take(8) && !budget.take(3) && budget.take(2));
        budget.give(3);
        assert!(budget.take(3));
    }
}
