//! Commands in the folder that is self.

use super::account::{Account, Mail};
use super::command::{Word, chosen};
use super::{fetch, search};

/// Every folder's; a number that never changes says that none was made anew.
pub const UIDVALIDITY: u32 = 1_735_689_600;

/// The folder that a client self.
pub struct Selected {
    pub folder: String,
    /// Whether it may be changed.
    pub writes: bool,
    /// Numbers stand for these, until the client is told otherwise.
    pub uids: Vec<u32>,
}

/// What a command is answered, and what comes next.
pub enum Done {
    /// Lines before the last, and the last without its tag.
    Say(Vec<u8>, String),
    StartTls,
    Leave,
    /// The connection is gone, or what came cannot be followed.
    Gone,
}

pub fn ok(what: &str) -> Done {
    Done::Say(Vec::new(), format!("OK {what} completed."))
}

pub fn no(why: &str) -> Done {
    Done::Say(Vec::new(), format!("NO {why}"))
}

pub fn bad(why: &str) -> Done {
    Done::Say(Vec::new(), format!("BAD {why}"))
}

impl Selected {
    /// A command in a folder, and the folder that is selected after it.
    pub fn answer(
        mut self,
        account: &mut Account,
        name: &str,
        by_uid: bool,
        rest: &[Word],
    ) -> (Done, Option<Selected>) {
        let Some(folder) = account.folders.get_mut(&self.folder) else {
            return (no("[NONEXISTENT] Mailbox was deleted"), None);
        };
        let numbers: Vec<u32> = match by_uid {
            true => self.uids.clone(),
            false => (1..).take(self.uids.len()).collect(),
        };
        let set = rest.first().map(Word::text).unwrap_or_default();
        let positions = || chosen(&set, &numbers);
        let mut out = Vec::new();
        let done = match (name, rest) {
            ("CLOSE" | "UNSELECT", _) => {
                if name == "CLOSE" && self.writes {
                    let gone = deleted(&folder.mails);
                    account.remove(&self.folder, &gone);
                }
                return (ok(name), None);
            }
            ("EXPUNGE", _) if self.writes => {
                let mut gone = deleted(&folder.mails);
                if by_uid && let Some(named) = positions() {
                    gone.retain(|uid| named.iter().any(|i| self.uids[*i] == *uid));
                }
                account.remove(&self.folder, &gone);
                told_gone(&mut out, &mut self.uids, &gone);
                Done::Say(out, "OK Expunge completed.".to_owned())
            }
            ("SEARCH", _) => {
                let words = match rest {
                    [first, Word::List(_), after @ ..]
                        if first.text().eq_ignore_ascii_case("return") =>
                    {
                        after
                    }
                    _ => rest,
                };
                let Some(key) = search::keys(words) else {
                    return (
                        bad("Error in IMAP command SEARCH: Unknown argument."),
                        Some(self),
                    );
                };
                let found = search::find(&key, &folder.mails)
                    .into_iter()
                    .filter_map(|i| {
                        let uid = folder.mails[i].uid;
                        let number = self.uids.iter().position(|known| *known == uid)? + 1;
                        Some(if by_uid {
                            format!(" {uid}")
                        } else {
                            format!(" {number}")
                        })
                    });
                let line = format!("* SEARCH{}\r\n", found.collect::<String>());
                Done::Say(line.into_bytes(), "OK Search completed.".to_owned())
            }
            ("FETCH", [_, items, ..]) => {
                let (Some(positions), Some(mut items)) = (positions(), fetch::items(items)) else {
                    return (
                        bad("Error in IMAP command FETCH: Invalid arguments."),
                        Some(self),
                    );
                };
                if by_uid && !items.contains(&fetch::Item::Uid) {
                    items.insert(0, fetch::Item::Uid);
                }
                let marks = self.writes && fetch::marks(&items);
                for i in positions {
                    let uid = self.uids[i];
                    let Some(mail) = folder.mails.iter_mut().find(|mail| mail.uid == uid) else {
                        continue;
                    };
                    let mut items = items.clone();
                    if marks && !mail.has("\\Seen") {
                        mail.mark(Some('+'), &["\\Seen".to_owned()]);
                        if !items.contains(&fetch::Item::Flags) {
                            items.push(fetch::Item::Flags);
                        }
                    }
                    if !fetch::write(&mut out, i + 1, mail, &items) {
                        return (no("[LIMIT] The answer would be too long"), Some(self));
                    }
                }
                Done::Say(out, "OK Fetch completed.".to_owned())
            }
            ("STORE", [_, how, flags @ ..]) if self.writes && !flags.is_empty() => {
                let how = how.text().to_ascii_uppercase();
                let silent = how.ends_with(".SILENT");
                let sign = how.chars().next().filter(|c| matches!(c, '+' | '-'));
                let Some(positions) = positions() else {
                    return (
                        bad("Error in IMAP command STORE: Invalid messageset."),
                        Some(self),
                    );
                };
                let flags: Vec<String> =
                    flags.iter().flat_map(Word::words).map(Word::text).collect();
                for i in positions {
                    let uid = self.uids[i];
                    let Some(mail) = folder.mails.iter_mut().find(|mail| mail.uid == uid) else {
                        continue;
                    };
                    mail.mark(sign, &flags);
                    let told: &[fetch::Item] = if by_uid {
                        &[fetch::Item::Uid, fetch::Item::Flags]
                    } else {
                        &[fetch::Item::Flags]
                    };
                    if !silent {
                        fetch::write(&mut out, i + 1, mail, told);
                    }
                }
                Done::Say(out, "OK Store completed.".to_owned())
            }
            ("COPY" | "MOVE", [_, to, ..]) => {
                let (Some(positions), Some(to)) = (positions(), account.name(&to.text())) else {
                    return (no("[TRYCREATE] Mailbox doesn't exist"), Some(self));
                };
                let uids: Vec<u32> = positions.into_iter().map(|i| self.uids[i]).collect();
                let mails = account.folders[&self.folder].mails.iter();
                let mails: Vec<_> = mails
                    .filter(|mail| uids.contains(&mail.uid))
                    .cloned()
                    .collect();
                let from: Vec<u32> = mails.iter().map(|mail| mail.uid).collect();
                let new: Option<Vec<u32>> = mails
                    .into_iter()
                    .map(|mail| account.file(&to, mail.raw, mail.arrived, mail.flags))
                    .collect();
                let Some(new) = new else {
                    return (no("[OVERQUOTA] Quota exceeded"), Some(self));
                };
                let join = |uids: &[u32]| {
                    uids.iter()
                        .map(u32::to_string)
                        .collect::<Vec<_>>()
                        .join(",")
                };
                let code = match from.is_empty() {
                    true => String::new(),
                    false => format!("[COPYUID {UIDVALIDITY} {} {}] ", join(&from), join(&new)),
                };
                if name == "COPY" || !self.writes {
                    Done::Say(out, format!("OK {code}Copy completed."))
                } else {
                    out.extend(format!("* OK {code}Moved UIDs.\r\n").bytes());
                    account.remove(&self.folder, &from);
                    told_gone(&mut out, &mut self.uids, &from);
                    Done::Say(out, "OK Move completed.".to_owned())
                }
            }
            ("STORE" | "EXPUNGE", _) if !self.writes => no("[READ-ONLY] Mailbox is read-only"),
            _ => bad("Error in IMAP command: Missing arguments."),
        };
        (done, Some(self))
    }
}

fn deleted(mails: &[Mail]) -> Vec<u32> {
    let gone = mails.iter().filter(|mail| mail.has("\\Deleted"));
    gone.map(|mail| mail.uid).collect()
}

/// Tells from the last, so that the numbers of those before stay (RFC 3501, section 7.4.1).
fn told_gone(out: &mut Vec<u8>, uids: &mut Vec<u32>, gone: &[u32]) {
    for i in (0..uids.len()).rev() {
        if gone.contains(&uids[i]) {
            out.extend(format!("* {} EXPUNGE\r\n", i + 1).bytes());
            uids.remove(i);
        }
    }
}
