//! The record of one connection without a protocol of ours, and the register of those still open.

use crate::effect::{self, Body, Kind, Peer};
use crate::internet::link::Link;
use crate::internet::shared::Shared;
use std::collections::HashMap;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes kept of a direction while few flows are open, and while many are.
const KEEP_OF_FEW: usize = Body::KEEP;
const KEEP_OF_MANY: usize = 16 << 10;
const FEW: usize = 64;
/// Values taken note of between two cuts.
const FIELDS: usize = 1000;
/// Place of the note that there were more.
const CUT: &str = "(cut)";

/// A flow that is being recorded. Becomes an effect when it ends, however its task ends, and at
/// every cut in between that finds something new.
pub struct Flow {
    id: u64,
    shared: Arc<Shared>,
    record: Arc<Mutex<Record>>,
}

impl Flow {
    pub fn open(shared: &Arc<Shared>, link: &Link, protocol: &str) -> Self {
        let id = shared.flows.next.fetch_add(1, Ordering::Relaxed);
        let mut open = shared.flows.open();
        let record = Arc::new(Mutex::new(Record {
            peer: link.peer.clone(),
            tls: link.tls.is_some(),
            protocol: protocol.to_owned(),
            sent: Vec::new(),
            received: Vec::new(),
            sent_len: 0,
            received_len: 0,
            keep: if open.len() < FEW {
                KEEP_OF_FEW
            } else {
                KEEP_OF_MANY
            },
            fields: Vec::new(),
            fields_len: 0,
            spoken: false,
            told: false,
        }));
        open.insert(id, Arc::clone(&record));
        drop(open);
        Self {
            id,
            shared: Arc::clone(shared),
            record,
        }
    }

    /// What the flow turned out to be.
    pub fn is(&self, protocol: &str) {
        protocol.clone_into(&mut self.record().protocol);
    }

    pub fn sent(&self, bytes: &[u8]) {
        let record = &mut *self.record();
        record.sent_len += bytes.len() as u64;
        keep(&mut record.sent, bytes, record.keep);
    }

    pub fn received(&self, bytes: &[u8]) {
        let record = &mut *self.record();
        record.received_len += bytes.len() as u64;
        record.spoken |= !bytes.is_empty();
        keep(&mut record.received, bytes, record.keep);
    }

    /// Takes note of a value that the client said, at its place in the protocol.
    pub fn says(&self, place: &str, value: &str) {
        let record = &mut *self.record();
        if record.fields.len() < FIELDS && record.fields_len + value.len() <= record.keep {
            record.fields_len += value.len();
            record.fields.push((place.to_owned(), value.to_owned()));
        } else if record.fields.last().is_none_or(|(place, _)| place != CUT) {
            record
                .fields
                .push((CUT.to_owned(), "more values".to_owned()));
        }
    }

    /// Whether the client has been told anything.
    pub fn has_spoken(&self) -> bool {
        self.record().spoken
    }

    /// Tells now what was said so far: what the client does next comes after it.
    pub fn tell(&self) {
        let told = self.record().tell();
        if let Some(kind) = told {
            self.shared.emit(kind);
        }
    }

    /// Whether the client has said nothing yet, since the last cut.
    pub fn is_empty(&self) -> bool {
        self.record().sent_len == 0
    }

    /// Ends without an effect: what was said has become effects of its own.
    pub fn forget(self) {
        self.record().told = true;
        let record = &mut *self.record();
        (record.sent_len, record.received_len) = (0, 0);
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.shared.flows.open().remove(&self.id);
        let told = self.record().tell();
        if let Some(kind) = told {
            self.shared.emit(kind);
        }
    }
}

/// The flows that are open now.
#[derive(Default)]
pub struct Flows {
    next: AtomicU64,
    open: Mutex<HashMap<u64, Arc<Mutex<Record>>>>,
}

impl Flows {
    /// What open flows said since the last cut, oldest flow first.
    pub fn cut(&self) -> Vec<Kind> {
        let mut open: Vec<_> = self
            .open()
            .iter()
            .map(|(id, r)| (*id, Arc::clone(r)))
            .collect();
        open.sort_by_key(|(id, _)| *id);
        open.iter()
            .filter_map(|(_, r)| r.lock().unwrap_or_else(PoisonError::into_inner).tell())
            .collect()
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Arc<Mutex<Record>>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Record {
    peer: Peer,
    tls: bool,
    protocol: String,
    sent: Vec<u8>,
    received: Vec<u8>,
    fields: Vec<(String, String)>,
    fields_len: usize,
    sent_len: u64,
    received_len: u64,
    keep: usize,
    spoken: bool,
    /// Whether the flow has been an effect before, so that it is one more only with new bytes.
    told: bool,
}

impl Record {
    fn tell(&mut self) -> Option<Kind> {
        if self.told && self.sent_len == 0 && self.received_len == 0 {
            return None;
        }
        self.told = true;
        self.fields_len = 0;
        let silent = self.sent_len == 0;
        let body = |kept: Vec<u8>, len: u64| Body {
            len,
            ..Body::new(&kept)
        };
        Some(Kind::Flow(effect::Flow {
            peer: self.peer.clone(),
            protocol: if silent {
                "silent".into()
            } else {
                self.protocol.clone()
            },
            tls: self.tls,
            sent: body(mem::take(&mut self.sent), mem::take(&mut self.sent_len)),
            received: body(
                mem::take(&mut self.received),
                mem::take(&mut self.received_len),
            ),
            fields: mem::take(&mut self.fields),
        }))
    }
}

fn keep(into: &mut Vec<u8>, bytes: &[u8], keep: usize) {
    let room = keep.saturating_sub(into.len()).min(bytes.len());
    into.extend_from_slice(&bytes[..room]);
}
