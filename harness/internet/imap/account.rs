//! The mailboxes of a host: who signs in there does not matter. Bounded, whatever is filed.

use super::seeded;
use crate::secret::Seed;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// Hosts with mailboxes of their own; further ones share.
const MAX_HOSTS: usize = 64;
const MAX_FOLDERS: usize = 100;
const MAX_MAILS: usize = 500;
/// Bytes of all mails of a host.
const MAX_BYTES: usize = 4 << 20;
/// Keywords of one mail, and bytes of one.
const MAX_FLAGS: usize = 32;
const MAX_FLAG: usize = 64;

/// Folders that are there from the start, and what they are for (RFC 6154).
const FOLDERS: [(&str, &str); 6] = [
    ("INBOX", ""),
    ("Archive", "\\Archive"),
    ("Drafts", "\\Drafts"),
    ("Junk", "\\Junk"),
    ("Sent", "\\Sent"),
    ("Trash", "\\Trash"),
];

/// The accounts of one world.
#[derive(Default)]
pub struct Accounts(Mutex<HashMap<String, Arc<Mutex<Account>>>>);

impl Accounts {
    /// The account of a host, made when it is first asked for.
    pub(super) fn of(&self, seed: Seed, host: &str) -> Arc<Mutex<Account>> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = accounts.len() >= MAX_HOSTS && !accounts.contains_key(host);
        let host = if full { "" } else { host };
        let account = accounts.entry(host.to_owned());
        let account = account.or_insert_with(|| Arc::new(Mutex::new(Account::new(seed, host))));
        Arc::clone(account)
    }
}

pub struct Account {
    pub folders: BTreeMap<String, Folder>,
    bytes: usize,
}

#[derive(Default)]
pub struct Folder {
    /// What it is for, as an attribute.
    pub role: &'static str,
    /// In the order of their numbers.
    pub mails: Vec<Mail>,
    pub next_uid: u32,
}

#[derive(Clone)]
pub struct Mail {
    pub uid: u32,
    pub raw: Arc<[u8]>,
    pub arrived: String,
    /// Sorted, without duplicates.
    pub flags: Vec<String>,
}

impl Account {
    fn new(seed: Seed, host: &str) -> Self {
        let folder = |(name, role): (&str, &'static str)| {
            let folder = Folder {
                role,
                mails: Vec::new(),
                next_uid: 101,
            };
            (name.to_owned(), folder)
        };
        let mut account = Self {
            folders: FOLDERS.into_iter().map(folder).collect(),
            bytes: 0,
        };
        for mail in seeded::mails(seed, host) {
            let flags = if mail.seen {
                vec!["\\Seen".to_owned()]
            } else {
                Vec::new()
            };
            account.file(mail.folder, mail.raw.into(), mail.arrived, flags);
        }
        account
    }

    /// Puts a mail into a folder; its number there, or nothing where there is no room.
    pub fn file(
        &mut self,
        folder: &str,
        raw: Arc<[u8]>,
        arrived: String,
        flags: Vec<String>,
    ) -> Option<u32> {
        let mails: usize = self.folders.values().map(|folder| folder.mails.len()).sum();
        let bytes = self.bytes + raw.len();
        let folder = self.folders.get_mut(folder)?;
        if mails >= MAX_MAILS || bytes > MAX_BYTES {
            return None;
        }
        self.bytes = bytes;
        let uid = folder.next_uid;
        folder.next_uid += 1;
        folder.mails.push(Mail {
            uid,
            raw,
            arrived,
            flags: sorted(flags),
        });
        Some(uid)
    }

    /// Takes the mails with these numbers out of a folder.
    pub fn remove(&mut self, folder: &str, uids: &[u32]) {
        let Some(folder) = self.folders.get_mut(folder) else {
            return;
        };
        for mail in folder.mails.iter().filter(|mail| uids.contains(&mail.uid)) {
            self.bytes = self.bytes.saturating_sub(mail.raw.len());
        }
        folder.mails.retain(|mail| !uids.contains(&mail.uid));
    }

    /// Makes a folder; false where it is there or there is no room.
    pub fn make(&mut self, name: &str) -> bool {
        let room = self.folders.len() < MAX_FOLDERS && name.len() <= 256 && !name.is_empty();
        if !room || self.folders.contains_key(name) {
            return false;
        }
        let folder = Folder {
            next_uid: 101,
            ..Folder::default()
        };
        self.folders.insert(name.to_owned(), folder);
        true
    }

    /// The name of a folder as it is kept: the inbox's in any case (RFC 3501, section 5.1).
    pub fn name(&self, given: &str) -> Option<String> {
        let name = if given.eq_ignore_ascii_case("inbox") {
            "INBOX"
        } else {
            given
        };
        self.folders.contains_key(name).then(|| name.to_owned())
    }
}

impl Mail {
    pub fn has(&self, flag: &str) -> bool {
        self.flags
            .iter()
            .any(|known| known.eq_ignore_ascii_case(flag))
    }

    /// `how` is `+`, `-`, or nothing where the flags are replaced.
    pub fn mark(&mut self, how: Option<char>, flags: &[String]) {
        let kept = self.flags.iter().filter(|known| {
            let named = flags.iter().any(|flag| flag.eq_ignore_ascii_case(known));
            how == Some('+') || how == Some('-') && !named
        });
        let mut all: Vec<String> = kept.cloned().collect();
        if how != Some('-') {
            all.extend(flags.iter().cloned());
        }
        self.flags = sorted(all);
    }
}

fn sorted(mut flags: Vec<String>) -> Vec<String> {
    flags.retain(|flag| flag.len() <= MAX_FLAG && flag.bytes().all(|b| b.is_ascii_graphic()));
    flags.sort();
    flags.dedup();
    flags.truncate(MAX_FLAGS);
    flags
}
