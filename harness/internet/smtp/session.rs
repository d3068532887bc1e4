//! One SMTP session: commands in, replies out, transactions told as they end.

use super::auth::{self, Partial, Step};
use super::command::Command;
use super::rule::{SmtpAction, SmtpStage};
use super::transaction::{Sender, Transaction};
use crate::effect::{Body, MailTls};
use crate::internet::busy::Hold;
use crate::internet::flow::Flow;
use crate::internet::link::Link;
use crate::internet::shared::Shared;
use crate::internet::stream::Stream;
use crate::internet::tls;
use data_encoding::{BASE64, HEXUPPER};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

/// The size announced (RFC 1870), that of a large provider.
const SIZE: usize = 35_882_577;

/// Longest command line; AUTH may need 12,288 octets (RFC 4954, section 4).
const LINE: usize = 16 << 10;

/// Serves a session. `greets` is false where the client has been greeted already.
pub async fn serve(shared: Arc<Shared>, stream: Stream, link: Link, hold: Hold, greets: bool) {
    let implicit = link.tls.is_some();
    let mut session = Session {
        flow: Some(Flow::open(&shared, &link, "smtp")),
        sender: Sender {
            peer: link.peer.clone(),
            tls: if implicit {
                MailTls::Implicit
            } else {
                MailTls::None
            },
            helo: String::new(),
            auth: None,
        },
        host: link.host().map_or_else(|| "mail".to_owned(), str::to_owned),
        transaction: None,
        message: Vec::new(),
        hold: Some(hold),
        shared,
        link,
    };
    session.run(stream, greets).await;
}

struct Session {
    shared: Arc<Shared>,
    link: Link,
    /// The name the server goes by.
    host: String,
    sender: Sender,
    transaction: Option<Transaction>,
    /// The message that is being received.
    message: Vec<u8>,
    /// The session's words, told if it ends without a mail.
    flow: Option<Flow>,
    hold: Option<Hold>,
}

/// What follows a command.
enum After {
    Next,
    StartTls,
    End,
}

impl Session {
    async fn run(&mut self, mut stream: Stream, greets: bool) {
        if greets {
            let refused = self.rule(SmtpStage::Connect, "").await;
            let greeting = refused
                .clone()
                .unwrap_or_else(|| format!("220 {} ESMTP Postfix", self.host));
            if !self.say(&mut stream, &greeting).await || refused.is_some() {
                return;
            }
        }
        while let Some(line) = self.line(&mut stream).await {
            match self.command(&mut stream, Command::parse(&line)).await {
                After::Next => {}
                After::End => return,
                After::StartTls => {
                    // What was sent ahead in the clear is not part of what follows (RFC 3207,
                    // section 5), but it was sent.
                    let early = stream.take_ahead();
                    let hello = early.first() == Some(&0x16);
                    if hello {
                        stream.put_back(early);
                    } else {
                        self.heard(&early);
                    }
                    let upgraded = tls::accept(&self.shared, stream, &self.link).await;
                    let Some((inner, link, _)) = upgraded else {
                        return;
                    };
                    stream = inner;
                    self.link = link;
                    self.sender.tls = MailTls::Starttls;
                    self.sender.helo.clear();
                    self.sender.auth = None;
                    self.end_transaction("reset");
                }
            }
        }
    }

    async fn command(&mut self, stream: &mut Stream, command: Command) -> After {
        let reply = match command {
            Command::Hello { extended, name } => {
                self.sender.helo = name;
                self.end_transaction("reset");
                if extended {
                    self.features()
                } else {
                    format!("250 {}", self.host)
                }
            }
            Command::StartTls if self.sender.tls == MailTls::None => {
                let ready = self.say(stream, "220 2.0.0 Ready to start TLS").await;
                return if ready { After::StartTls } else { After::End };
            }
            Command::StartTls => "503 5.5.1 TLS already active".into(),
            Command::Auth { mechanism, initial } => {
                match self
                    .authenticate(stream, &mechanism, initial.as_deref())
                    .await
                {
                    Some(reply) => reply,
                    None => return After::End,
                }
            }
            Command::Mail(path) => {
                self.end_transaction("reset");
                let refused = self.rule(SmtpStage::Mail, &path.address).await;
                let transaction = Transaction {
                    from: path,
                    refusal: refused.clone(),
                    ..Transaction::default()
                };
                self.transaction = Some(transaction);
                if let Some(refused) = refused {
                    self.end_transaction(&refused);
                    refused
                } else {
                    "250 2.1.0 Ok".into()
                }
            }
            Command::Rcpt(path) => self.recipient(path.address).await,
            Command::Data => match &self.transaction {
                None => "503 5.5.1 Error: need MAIL command".into(),
                Some(t) if t.to.is_empty() => "554 5.5.1 Error: no valid recipients".into(),
                Some(_) => match self.rule(SmtpStage::Data, "").await {
                    Some(refused) => {
                        self.end_transaction(&refused);
                        refused
                    }
                    None => {
                        let go = "354 End data with <CR><LF>.<CR><LF>";
                        if !self.say(stream, go).await {
                            return After::End;
                        }
                        match self.data(stream).await {
                            Some(reply) => reply,
                            None => return After::End,
                        }
                    }
                },
            },
            Command::Reset => {
                self.end_transaction("reset");
                "250 2.0.0 Ok".into()
            }
            Command::Noop => "250 2.0.0 Ok".into(),
            Command::Verify(who) => format!("252 2.0.0 {}", who.replace(['\r', '\n'], " ")),
            Command::Help => "214 2.0.0 See RFC 5321".into(),
            Command::Quit => {
                self.end_transaction("quit");
                self.say(stream, "221 2.0.0 Bye").await;
                let _ = stream.shutdown().await;
                return After::End;
            }
            Command::Syntax => "501 5.5.4 Syntax error in parameters".into(),
            Command::Unknown => "502 5.5.2 Error: command not recognized".into(),
        };
        if self.say(stream, &reply).await {
            After::Next
        } else {
            After::End
        }
    }

    fn features(&self) -> String {
        let starttls = match self.sender.tls {
            MailTls::None => "250-STARTTLS\r\n",
            _ => "",
        };
        format!(
            "250-{}\r\n250-PIPELINING\r\n250-SIZE {SIZE}\r\n{starttls}\
             250-AUTH PLAIN LOGIN XOAUTH2\r\n250-ENHANCEDSTATUSCODES\r\n\
             250-8BITMIME\r\n250 SMTPUTF8",
            self.host
        )
    }

    async fn recipient(&mut self, address: String) -> String {
        let Some(open) = &self.transaction else {
            return "503 5.5.1 Error: need MAIL command".into();
        };
        if open.to.len() + open.refused.len() >= Transaction::RECIPIENTS {
            return "452 4.5.3 Too many recipients".into();
        }
        let refused = self.rule(SmtpStage::Rcpt, &address).await;
        let Some(open) = &mut self.transaction else {
            return "503 5.5.1 Error: need MAIL command".into();
        };
        match refused {
            Some(refused) => {
                open.refused.push(address);
                open.refusal = Some(refused.clone());
                refused
            }
            None => {
                open.to.push(address);
                "250 2.1.5 Ok".into()
            }
        }
    }

    /// The dialogue of AUTH; none where the client went away in it.
    async fn authenticate(
        &mut self,
        stream: &mut Stream,
        mechanism: &str,
        initial: Option<&str>,
    ) -> Option<String> {
        let mut step = auth::begin(mechanism, initial);
        loop {
            match step {
                Step::Unknown => return Some("504 5.5.4 Unrecognized authentication type".into()),
                Step::Done(auth) => {
                    let user = auth.user.clone();
                    self.sender.auth = Some(auth);
                    let refused = self.rule(SmtpStage::Auth, &user).await;
                    return Some(
                        refused.unwrap_or_else(|| "235 2.7.0 Authentication successful".into()),
                    );
                }
                Step::Ask(prompt, partial) => {
                    let prompt = format!("334 {}", BASE64.encode(prompt.as_bytes()));
                    if !self.say(stream, &prompt).await {
                        return None;
                    }
                    let line = self.line(stream).await?;
                    let line = String::from_utf8_lossy(&line);
                    // A client cancels with a star (RFC 4954, section 4).
                    if line.trim() == "*" && partial != Partial::Plain {
                        return Some("501 5.7.0 Authentication aborted".into());
                    }
                    step = auth::go_on(partial, &line);
                }
            }
        }
    }

    /// Receives a message; the reply to it, or none where the client went away in it.
    async fn data(&mut self, stream: &mut Stream) -> Option<String> {
        let mut capture = Body::capture(0);
        let mut received = 0usize;
        // Only a dot between two CRLF ends a message: anything looser lets mails be smuggled.
        let mut at_start = true;
        'message: loop {
            while let Some(end) = memchr::memchr(b'\n', stream.ahead())
                .or_else(|| (stream.ahead().len() > LINE).then(|| stream.ahead().len() - 1))
            {
                let mut line = stream.take_ahead();
                stream.put_back(line.split_off(end + 1));
                let mut bytes = &line[..];
                if at_start {
                    if bytes == b".\r\n" {
                        break 'message;
                    }
                    bytes = bytes.strip_prefix(b".").unwrap_or(bytes);
                }
                at_start = line.ends_with(b"\r\n");
                capture.push(bytes);
                received += bytes.len();
                if self.message.len() < SIZE && self.shared.budget.take(bytes.len()) {
                    self.message.extend_from_slice(bytes);
                }
            }
            if !matches!(
                timeout(self.shared.limits.idle, stream.look()).await,
                Ok(Ok(1..))
            ) {
                return None;
            }
            if received > self.shared.limits.whole * 4 {
                return None;
            }
        }
        let reply = if received > SIZE {
            Some("552 5.3.4 Message size exceeds fixed limit".to_owned())
        } else {
            self.rule(SmtpStage::Message, "").await
        };
        // Taken only now: a client that leaves while a rule delays has sent a mail all the same.
        let message = self.take_message();
        let transaction = self.transaction.take().unwrap_or_default();
        let reply = reply
            .unwrap_or_else(|| format!("250 2.0.0 Ok: queued as {}", self.queue_id(&transaction)));
        let mut body = capture.finish();
        body.kept = message[..message.len().min(Body::KEEP)].to_vec();
        let told = transaction.tell(&self.sender, &message, body, &reply);
        self.shared.budget.give(message.len());
        self.forget_flow();
        self.shared.stats.mails.fetch_add(1, Ordering::Relaxed);
        self.shared.emit(told);
        Some(reply)
    }

    /// An id in Postfix's shape that depends on the envelope and on nothing else that was sent.
    fn queue_id(&self, transaction: &Transaction) -> String {
        let key = (&self.host, &transaction.from.address, &transaction.to);
        let nth = self.shared.nth.next(key);
        let mut hash = Sha256::new();
        hash.update(self.shared.seed.0.to_le_bytes());
        hash.update(format!("{key:?} {nth}"));
        HEXUPPER.encode(&hash.finalize()[..5])
    }

    fn take_message(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.message)
    }

    /// Ends a transaction that has not become a mail; it is told if anything came of it.
    fn end_transaction(&mut self, why: &str) {
        let message = self.take_message();
        self.shared.budget.give(message.len());
        let Some(transaction) = self.transaction.take() else {
            return;
        };
        let reply = transaction
            .refusal
            .clone()
            .unwrap_or_else(|| format!("none: {why}"));
        let told = transaction.tell(&self.sender, &message, Body::new(&message), &reply);
        self.forget_flow();
        self.shared.emit(told);
    }

    /// The session has become effects of its own.
    fn forget_flow(&mut self) {
        if let Some(flow) = self.flow.take() {
            flow.forget();
        }
    }

    /// The reply of the rule that refuses here, once those that delay have had their time.
    async fn rule(&self, stage: SmtpStage, subject: &str) -> Option<String> {
        if stage == SmtpStage::Message
            && let Some(refusal) = self.shared.weather().refusal()
        {
            return Some(refusal);
        }
        let port = self.link.peer.address.port();
        let rules = self.shared.smtp.iter();
        let name = self
            .link
            .host()
            .map_or_else(|| self.link.peer.name(), str::to_owned);
        for rule in rules.filter(|r| r.matches(&name, port, stage, subject)) {
            match &rule.action {
                SmtpAction::Accept => return None,
                SmtpAction::Reject(reply) => return Some(reply.clone()),
                SmtpAction::Delay(time) => tokio::time::sleep(*time).await,
            }
        }
        None
    }

    /// The next line; none at the end of the stream or of patience.
    async fn line(&mut self, stream: &mut Stream) -> Option<Vec<u8>> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', stream.ahead()) {
                let mut line = stream.take_ahead();
                stream.put_back(line.split_off(end + 1));
                self.heard(&line);
                return Some(line.to_vec());
            }
            if stream.ahead().len() > LINE {
                let rest = stream.take_ahead();
                self.heard(&rest);
                self.say(stream, "500 5.5.2 Error: line too long").await;
                return None;
            }
            let read = match timeout(self.shared.limits.fresh, stream.look()).await {
                Ok(read) => read,
                Err(_) => {
                    // A pooled connection between two mails is idle; one within a mail is not.
                    if self.transaction.is_none() {
                        self.hold = None;
                    }
                    timeout(self.shared.limits.idle, stream.look()).await.ok()?
                }
            };
            if self.hold.is_none() {
                self.hold = Some(self.shared.busy.hold());
            }
            if !matches!(read, Ok(1..)) {
                let rest = stream.take_ahead();
                self.heard(&rest);
                return None;
            }
        }
    }

    async fn say(&mut self, stream: &mut Stream, reply: &str) -> bool {
        let line = format!("{reply}\r\n");
        if let Some(flow) = &self.flow {
            flow.received(line.as_bytes());
        }
        stream.write_all(line.as_bytes()).await.is_ok() && stream.flush().await.is_ok()
    }

    fn heard(&self, bytes: &[u8]) {
        if let Some(flow) = &self.flow {
            flow.sent(bytes);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.end_transaction("connection closed");
    }
}
