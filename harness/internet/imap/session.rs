//! One connection of a client to its mailboxes.

use super::account::Account;
use super::command::{Word, literal, words};
use super::folder::{Done, Selected, UIDVALIDITY, bad, no, ok};
use super::message::quoted;
use crate::internet::busy::Hold;
use crate::internet::flow::Flow;
use crate::internet::link::Link;
use crate::internet::shared::Shared;
use crate::internet::stream::Stream;
use crate::internet::tls;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

/// Longest line and longest command with its literals.
const LINE: usize = 64 << 10;
const COMMAND: usize = 4 << 20;
const CAPABILITIES: &str = "IMAP4rev1 LITERAL+ SASL-IR LOGIN-REFERRALS ID ENABLE IDLE NAMESPACE UIDPLUS MOVE UNSELECT SPECIAL-USE CHILDREN AUTH=PLAIN AUTH=LOGIN AUTH=XOAUTH2";
const FLAGS: &str = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";

/// Speaks to a client until it leaves. `hold` is released while it is silent.
pub async fn serve(shared: Arc<Shared>, stream: Stream, link: Link, hold: Hold) {
    let host = link.host().map_or_else(|| link.peer.name(), str::to_owned);
    let account = shared.mailboxes.of(shared.seed, &host);
    let flow = Flow::open(&shared, &link, "imap");
    let limit = shared.limits.flow;
    let mut session = Session {
        secure: link.tls.is_some(),
        shared,
        stream,
        flow,
        link,
        account,
        hold: Some(hold),
        left: limit,
        signed_in: false,
        selected: None,
    };
    session.run().await;
}

struct Session {
    shared: Arc<Shared>,
    stream: Stream,
    flow: Flow,
    link: Link,
    account: Arc<Mutex<Account>>,
    hold: Option<Hold>,
    /// Bytes that are still accepted.
    left: u64,
    secure: bool,
    signed_in: bool,
    selected: Option<Selected>,
}

impl Session {
    async fn run(&mut self) {
        let greeting = format!(
            "* OK [CAPABILITY {}] Dovecot ready.\r\n",
            self.capabilities()
        );
        if !self.say(greeting.as_bytes()).await {
            return;
        }
        while let Some(command) = self.command().await {
            let Some(mut words) = words(&command) else {
                if !self
                    .say(b"* BAD Error in IMAP command received by server.\r\n")
                    .await
                {
                    return;
                }
                continue;
            };
            if words.len() < 2 {
                if !words.is_empty() && !self.say(b"* BAD Missing command.\r\n").await {
                    return;
                }
                continue;
            }
            let rest = words.split_off(2);
            let (tag, name) = (words[0].text(), words[1].text().to_ascii_uppercase());
            let tag: String = tag.chars().filter(|c| !c.is_control()).take(64).collect();
            let (before, last, end) = match self.answer(&name, &rest).await {
                Done::Say(before, last) => (before, last, false),
                Done::Leave => (
                    b"* BYE Logging out\r\n".to_vec(),
                    "OK Logout completed.".to_owned(),
                    true,
                ),
                Done::StartTls => {
                    let ready = format!("{tag} OK Begin TLS negotiation now.\r\n");
                    if !self.say(ready.as_bytes()).await || !self.upgrade().await {
                        return;
                    }
                    continue;
                }
                Done::Gone => return,
            };
            let mut answer = before;
            answer.extend(format!("{tag} {last}\r\n").bytes());
            if end {
                // Whatever the client does with what it read comes after this.
                self.flow.received(&answer);
                self.flow.tell();
                let _ = self.stream.write_all(&answer).await;
                let _ = self.stream.flush().await;
                return;
            }
            if !self.say(&answer).await {
                return;
            }
        }
    }

    async fn answer(&mut self, name: &str, rest: &[Word]) -> Done {
        let (name, by_uid, rest) = match (name, rest) {
            ("UID", [sub, rest @ ..]) => (sub.text().to_ascii_uppercase(), true, rest),
            _ => (name.to_owned(), false, rest),
        };
        match name.as_str() {
            "CAPABILITY" => {
                let line = format!("* CAPABILITY {}\r\n", self.capabilities());
                return Done::Say(line.into_bytes(), "OK Capability completed.".to_owned());
            }
            "NOOP" | "CHECK" => return self.noop(),
            "LOGOUT" => return Done::Leave,
            "ID" => {
                return Done::Say(
                    b"* ID (\"name\" \"Dovecot\")\r\n".to_vec(),
                    "OK ID completed.".to_owned(),
                );
            }
            "ENABLE" => return Done::Say(b"* ENABLED\r\n".to_vec(), "OK Enabled.".to_owned()),
            "STARTTLS" if !self.secure => return Done::StartTls,
            "STARTTLS" => return bad("TLS is already active."),
            "LOGIN" if rest.len() >= 2 => return self.sign_in(),
            "LOGIN" => return bad("Error in IMAP command LOGIN: Missing arguments."),
            "AUTHENTICATE" => return self.authenticate(rest).await,
            _ if !self.signed_in => return bad("Please login first."),
            _ => {}
        }
        let first = rest.first().map(Word::text).unwrap_or_default();
        match (name.as_str(), rest) {
            ("NAMESPACE", _) => Done::Say(
                b"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n".to_vec(),
                "OK Namespace completed.".to_owned(),
            ),
            ("LIST" | "LSUB", rest) => self.list(&name, rest),
            ("SELECT" | "EXAMINE", [_, ..]) => self.select(&first, name == "SELECT"),
            ("STATUS", [_, items, ..]) => self.status(&first, items),
            ("CREATE", [_, ..]) => match self.account().make(first.trim_end_matches('/')) {
                true => ok("Create"),
                false => no("[ALREADYEXISTS] Mailbox already exists"),
            },
            ("DELETE", [_, ..]) => self.delete(&first),
            ("RENAME", [_, to, ..]) => self.rename(&first, &to.text()),
            ("SUBSCRIBE" | "UNSUBSCRIBE", [_, ..]) => ok("Subscription"),
            ("APPEND", [_, .., Word::Text(raw)]) => {
                self.append(&first, &rest[1..rest.len() - 1], raw)
            }
            ("IDLE", _) => self.idle().await,
            (
                "FETCH" | "STORE" | "COPY" | "MOVE" | "SEARCH" | "EXPUNGE" | "CLOSE" | "UNSELECT",
                rest,
            ) => {
                let Some(selected) = self.selected.take() else {
                    return bad("No mailbox selected.");
                };
                let mut account = self.account();
                let (done, selected) = selected.answer(&mut account, &name, by_uid, rest);
                drop(account);
                self.selected = selected;
                done
            }
            _ => bad("Error in IMAP command: Unknown command or missing arguments."),
        }
    }

    fn capabilities(&self) -> String {
        let starttls = if self.secure { "" } else { " STARTTLS" };
        format!("{CAPABILITIES}{starttls}")
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sign_in(&mut self) -> Done {
        self.signed_in = true;
        Done::Say(
            Vec::new(),
            format!("OK [CAPABILITY {}] Logged in", self.capabilities()),
        )
    }

    /// RFC 3501, section 6.2.2, with the initial response of RFC 4959.
    async fn authenticate(&mut self, rest: &[Word]) -> Done {
        let mechanism = rest
            .first()
            .map(Word::text)
            .unwrap_or_default()
            .to_ascii_uppercase();
        let prompts: &[&str] = match mechanism.as_str() {
            "PLAIN" | "XOAUTH2" | "OAUTHBEARER" => &["+ \r\n"],
            // `Username:` and `Password:`
            "LOGIN" => &["+ VXNlcm5hbWU6\r\n", "+ UGFzc3dvcmQ6\r\n"],
            _ => return no("Unsupported authentication mechanism."),
        };
        for prompt in prompts.iter().skip(usize::from(rest.len() > 1)) {
            if !self.say(prompt.as_bytes()).await {
                return Done::Gone;
            }
            let Some(line) = self.line().await else {
                return Done::Gone;
            };
            if line.trim_ascii() == b"*" {
                return bad("Authentication aborted by client.");
            }
        }
        self.sign_in()
    }

    /// What became of the folder since the client was told last.
    fn noop(&mut self) -> Done {
        let account = Arc::clone(&self.account);
        let account = account.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = Vec::new();
        if let Some(selected) = &mut self.selected
            && let Some(folder) = account.folders.get(&selected.folder)
        {
            let now: Vec<u32> = folder.mails.iter().map(|mail| mail.uid).collect();
            for (i, uid) in selected.uids.iter().enumerate().rev() {
                if !now.contains(uid) {
                    out.extend(format!("* {} EXPUNGE\r\n", i + 1).bytes());
                }
            }
            if now != selected.uids {
                out.extend(format!("* {} EXISTS\r\n", now.len()).bytes());
            }
            selected.uids = now;
        }
        Done::Say(out, "OK NOOP completed.".to_owned())
    }

    fn list(&self, name: &str, rest: &[Word]) -> Done {
        // Conditions stand before, wishes behind (RFC 5258); neither changes what there is.
        let words: Vec<String> = rest
            .iter()
            .filter(|w| !matches!(w, Word::List(_)))
            .map(Word::text)
            .collect();
        let pattern = words.get(..2).map(|two| two.concat()).unwrap_or_default();
        if words.get(1).is_some_and(String::is_empty) {
            let root = format!("* {name} (\\Noselect) \"/\" \"\"\r\n");
            return Done::Say(root.into_bytes(), format!("OK {name} completed."));
        }
        let mut out = Vec::new();
        for (folder, kept) in &self.account().folders {
            if like(pattern.as_bytes(), folder.as_bytes()) {
                let role = if kept.role.is_empty() {
                    String::new()
                } else {
                    format!(" {}", kept.role)
                };
                out.extend(
                    format!(
                        "* {name} (\\HasNoChildren{role}) \"/\" {}\r\n",
                        quoted(folder)
                    )
                    .bytes(),
                );
            }
        }
        Done::Say(out, format!("OK {name} completed."))
    }

    fn select(&mut self, given: &str, writes: bool) -> Done {
        self.selected = None;
        let account = Arc::clone(&self.account);
        let account = account.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(name) = account.name(given) else {
            return no("[NONEXISTENT] Mailbox doesn't exist");
        };
        let folder = &account.folders[&name];
        let unseen = folder.mails.iter().position(|mail| !mail.has("\\Seen"));
        let unseen = unseen.map_or(String::new(), |at| {
            format!("* OK [UNSEEN {}] First unseen.\r\n", at + 1)
        });
        let permanent = if writes {
            format!("{FLAGS} \\*")
        } else {
            String::new()
        };
        let out = format!(
            "* FLAGS ({FLAGS})\r\n* OK [PERMANENTFLAGS ({permanent})] Flags permitted.\r\n* {} EXISTS\r\n* 0 RECENT\r\n\
             {unseen}* OK [UIDVALIDITY {UIDVALIDITY}] UIDs valid\r\n* OK [UIDNEXT {}] Predicted next UID\r\n",
            folder.mails.len(),
            folder.next_uid,
        );
        let uids = folder.mails.iter().map(|mail| mail.uid).collect();
        self.selected = Some(Selected {
            folder: name,
            writes,
            uids,
        });
        let how = if writes {
            "[READ-WRITE] Select"
        } else {
            "[READ-ONLY] Examine"
        };
        Done::Say(out.into_bytes(), format!("OK {how} completed."))
    }

    fn status(&self, given: &str, items: &Word) -> Done {
        let account = self.account();
        let Some(name) = account.name(given) else {
            return no("[NONEXISTENT] Mailbox doesn't exist");
        };
        let folder = &account.folders[&name];
        let told = items.words().iter().take(16).filter_map(|item| {
            let item = item.text().to_ascii_uppercase();
            let number = match item.as_str() {
                "MESSAGES" => folder.mails.len(),
                "UNSEEN" => folder
                    .mails
                    .iter()
                    .filter(|mail| !mail.has("\\Seen"))
                    .count(),
                "RECENT" => 0,
                "UIDNEXT" => folder.next_uid as usize,
                "UIDVALIDITY" => UIDVALIDITY as usize,
                "SIZE" => folder.mails.iter().map(|mail| mail.raw.len()).sum(),
                _ => return None,
            };
            Some(format!("{item} {number}"))
        });
        let told: Vec<String> = told.collect();
        let line = format!("* STATUS {} ({})\r\n", quoted(&name), told.join(" "));
        Done::Say(line.into_bytes(), "OK Status completed.".to_owned())
    }

    fn delete(&mut self, given: &str) -> Done {
        let mut account = self.account();
        match account.name(given) {
            Some(name) if name != "INBOX" => {
                let uids: Vec<u32> = account.folders[&name]
                    .mails
                    .iter()
                    .map(|mail| mail.uid)
                    .collect();
                account.remove(&name, &uids);
                account.folders.remove(&name);
                ok("Delete")
            }
            Some(_) => no("[CANNOT] INBOX can't be deleted."),
            None => no("[NONEXISTENT] Mailbox doesn't exist"),
        }
    }

    fn rename(&mut self, from: &str, to: &str) -> Done {
        let mut account = self.account();
        let Some(name) = account.name(from).filter(|name| name != "INBOX") else {
            return no("[NONEXISTENT] Mailbox doesn't exist");
        };
        if !account.make(to) {
            return no("[ALREADYEXISTS] Target mailbox already exists");
        }
        if let Some(folder) = account.folders.remove(&name) {
            account.folders.insert(to.to_owned(), folder);
        }
        ok("Rename")
    }

    fn append(&mut self, given: &str, between: &[Word], raw: &[u8]) -> Done {
        let mut account = self.account();
        let Some(name) = account.name(given) else {
            return no("[TRYCREATE] Mailbox doesn't exist");
        };
        let flags = between.iter().find_map(|word| match word {
            Word::List(flags) => Some(flags.iter().map(Word::text).collect()),
            _ => None,
        });
        let date = between.iter().find_map(|word| match word {
            Word::Text(date) if date.len() == 26 && date.is_ascii() => {
                Some(String::from_utf8_lossy(date).into_owned())
            }
            _ => None,
        });
        // The hour of a run would differ from that of the next.
        let date = date.unwrap_or_else(|| "30-Jun-2025 12:00:00 +0000".to_owned());
        let date: String = date
            .chars()
            .map(|c| {
                if c == '"' || c == '\\' || c.is_control() {
                    ' '
                } else {
                    c
                }
            })
            .collect();
        match account.file(&name, raw.into(), date, flags.unwrap_or_default()) {
            Some(uid) => Done::Say(
                Vec::new(),
                format!("OK [APPENDUID {UIDVALIDITY} {uid}] Append completed."),
            ),
            None => no("[OVERQUOTA] Quota exceeded"),
        }
    }

    /// RFC 2177. Nothing happens here that a client would have to be told.
    async fn idle(&mut self) -> Done {
        if !self.say(b"+ idling\r\n").await {
            return Done::Gone;
        }
        match self.line().await {
            Some(line) if line.trim_ascii().eq_ignore_ascii_case(b"done") => ok("Idle"),
            Some(_) => bad("Expected DONE."),
            None => Done::Gone,
        }
    }

    /// What was said in the clear is a flow of its own; the rest of the session is another.
    async fn upgrade(&mut self) -> bool {
        let mut stream = std::mem::replace(&mut self.stream, Stream::new(tokio::io::empty()));
        // What was sent ahead in the clear is no part of what follows, but it was sent.
        let early = stream.take_ahead();
        if early.first() == Some(&0x16) {
            stream.put_back(early);
        } else {
            self.flow.sent(&early);
        }
        let Some((inner, link, _)) = tls::accept(&self.shared, stream, &self.link).await else {
            return false;
        };
        self.flow = Flow::open(&self.shared, &link, "imap");
        (self.stream, self.link, self.secure) = (inner, link, true);
        // What was learnt before counts no more (RFC 3501, section 6.2.1).
        self.signed_in = false;
        true
    }

    async fn say(&mut self, words: &[u8]) -> bool {
        self.flow.received(words);
        self.stream.write_all(words).await.is_ok() && self.stream.flush().await.is_ok()
    }

    /// The next command with its literals.
    async fn command(&mut self) -> Option<Vec<u8>> {
        let mut command = self.line().await?;
        while let Some((len, waits)) = literal(&command) {
            if command.len() + len > COMMAND {
                self.say(b"* BYE Literal too large\r\n").await;
                return None;
            }
            if waits && !self.say(b"+ OK\r\n").await {
                return None;
            }
            let wanted = command.len() + len;
            while command.len() < wanted {
                let mut bytes = self.stream.take_ahead();
                if bytes.is_empty() {
                    self.more().await?;
                    continue;
                }
                let rest = bytes.split_off((wanted - command.len()).min(bytes.len()));
                self.stream.put_back(rest);
                self.flow.sent(&bytes);
                command.extend_from_slice(&bytes);
            }
            let line = self.line().await?;
            // A literal that looks like the start of another is none.
            let start = command.len();
            command.extend_from_slice(&line);
            if literal(&command[start..]).is_none() {
                break;
            }
        }
        Some(command)
    }

    /// The next line with its end; none where the client is gone, or it is too long.
    async fn line(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', self.stream.ahead()) {
                let mut line = self.stream.take_ahead();
                let rest = line.split_off(end + 1);
                self.stream.put_back(rest);
                self.flow.sent(&line);
                return Some(line.to_vec());
            }
            if self.stream.ahead().len() > LINE {
                self.flow.sent(&self.stream.take_ahead());
                self.say(b"* BYE Too long line\r\n").await;
                return None;
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Option<()> {
        let limits = self.shared.limits.clone();
        let read = match timeout(limits.fresh, self.stream.look()).await {
            Ok(read) => read,
            Err(_) => {
                self.hold = None;
                timeout(limits.idle, self.stream.look()).await.ok()?
            }
        };
        if self.hold.is_none() {
            self.hold = Some(self.shared.busy.hold());
        }
        match read {
            Ok(n @ 1..) => self.left = self.left.checked_sub(n as u64)?,
            _ => {
                self.flow.sent(&self.stream.take_ahead());
                return None;
            }
        }
        Some(())
    }
}

/// `*` stands for anything, `%` for anything without a slash (RFC 3501, section 6.3.8).
fn like(pattern: &[u8], text: &[u8]) -> bool {
    // Which ends of the text each start of the pattern reaches: hostile patterns cost no more.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for p in pattern {
        let mut next = vec![false; text.len() + 1];
        for i in 0..=text.len() {
            match p {
                b'*' | b'%' => {
                    let from = i > 0 && next[i - 1] && (*p == b'*' || text[i - 1] != b'/');
                    next[i] = reached[i] || from;
                }
                p => next[i] = i > 0 && reached[i - 1] && p.eq_ignore_ascii_case(&text[i - 1]),
            }
        }
        reached = next;
    }
    reached[text.len()]
}
