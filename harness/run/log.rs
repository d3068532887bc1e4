//! The run folder (`turncoat.run/1`): events as JSON Lines, large bodies beside them by hash,
//! bounded. Also reads one back.

use crate::effect::{Body, Effect, Kind};
use crate::event::Event;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Bytes of a body that stand in the event itself.
const INLINE: usize = 16 * 1024;
/// Bytes of one run folder; past it bodies are left out, then events.
const MOST: u64 = 1 << 30;
/// Files of bodies in one run folder.
const MOST_BODIES: usize = 20_000;

/// Name of the event file in a run folder.
pub const EVENTS: &str = "events.jsonl";

/// A run folder being written. The first error is kept and told at the end.
pub struct Log {
    folder: PathBuf,
    to: BufWriter<File>,
    bodies: HashSet<String>,
    written: u64,
    error: Option<io::Error>,
}

impl Log {
    /// Makes the folder, which must not hold another run.
    pub fn create(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder.join("bodies"))?;
        let file = File::create_new(folder.join(EVENTS))?;
        Ok(Self {
            folder: folder.to_owned(),
            to: BufWriter::with_capacity(1 << 16, file),
            bodies: HashSet::new(),
            written: 0,
            error: None,
        })
    }

    pub fn write(&mut self, event: Event) {
        if self.error.is_some() {
            return;
        }
        if let Err(e) = self.try_write(event) {
            self.error = Some(e);
        }
    }

    fn try_write(&mut self, mut event: Event) -> io::Result<()> {
        if let Event::Effect(effect) = &mut event {
            for body in bodies(&mut effect.kind) {
                if body.kept.len() > INLINE {
                    self.put_aside(body)?;
                }
            }
        }
        if self.written > MOST {
            return Err(io::Error::other(
                "a run folder is bounded to 1 GiB, and this one is full",
            ));
        }
        let line = serde_json::to_vec(&event)?;
        self.written += line.len() as u64 + 1;
        self.to.write_all(&line)?;
        self.to.write_all(b"\n")
    }

    fn put_aside(&mut self, body: &mut Body) -> io::Result<()> {
        let room = self.bodies.len() < MOST_BODIES && self.written < MOST / 2;
        if room && self.bodies.insert(body.sha256.clone()) {
            fs::write(self.folder.join("bodies").join(&body.sha256), &body.kept)?;
            self.written += body.kept.len() as u64;
        }
        let end = (0..=INLINE).rev().find(|at| {
            // Text stays text: it is not cut inside a character.
            body.kept.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80)
        });
        body.kept.truncate(end.unwrap_or(INLINE));
        Ok(())
    }

    /// Writes out what is buffered.
    pub fn finish(mut self) -> io::Result<()> {
        match self.error.take() {
            Some(e) => Err(e),
            None => self.to.flush(),
        }
    }
}

/// Every captured body of an effect.
fn bodies(kind: &mut Kind) -> Vec<&mut Body> {
    match kind {
        Kind::Http(http) => vec![&mut http.body, &mut http.reply.body],
        Kind::Mail(mail) => mail
            .parts
            .iter_mut()
            .map(|part| &mut part.body)
            .chain([&mut mail.raw])
            .collect(),
        Kind::Flow(flow) => vec![&mut flow.sent, &mut flow.received],
        Kind::Datagram(datagram) => vec![&mut datagram.payload],
        Kind::File(change) => std::iter::once(&mut change.content)
            .chain(&mut change.planted)
            .collect(),
        Kind::Misbehaviour(what) => vec![&mut what.bytes],
        Kind::Dns(_)
        | Kind::Tls(_)
        | Kind::Program(_)
        | Kind::Life(_)
        | Kind::Script(_)
        | Kind::Forbidden(_)
        | Kind::Signal(_)
        | Kind::Read(_)
        | Kind::Reads(_)
        | Kind::Exit(_)
        | Kind::Usage(_)
        | Kind::Surface(_)
        | Kind::Result(_)
        | Kind::Message(_) => Vec::new(),
    }
}

/// The events of a run folder, in order; a line that is none is an error of its own.
pub fn read(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<Event>>> {
    let file = BufReader::new(File::open(folder.join(EVENTS))?);
    Ok(file
        .lines()
        .map(|line| serde_json::from_str(&line?).map_err(io::Error::other)))
}

/// The effects with these sequence numbers.
pub fn effects(folder: &Path, wanted: &BTreeSet<u64>) -> io::Result<BTreeMap<u64, Effect>> {
    let mut found = BTreeMap::new();
    for event in read(folder)? {
        if let Event::Effect(effect) = event?
            && wanted.contains(&effect.seq)
        {
            found.insert(effect.seq, *effect);
            if found.len() == wanted.len() {
                break;
            }
        }
    }
    Ok(found)
}
