//! What one Postmark account holds: some history from the seed, and what the run created.
//! Every collection is bounded, by Postmark's own limit where it has one.

use super::super::made::{Made, Moment};
use super::Call;
use serde_json::{Value, json};
use std::collections::VecDeque;

/// A server's templates (the documented limit).
pub(super) const MAX_TEMPLATES: usize = 100;
/// Webhooks and message streams of a server (ten streams is the documented limit).
pub(super) const MAX_WEBHOOKS: usize = 100;
/// Servers, domains and sender signatures of an account.
pub(super) const MAX_ACCOUNT: usize = 100;
const MAX_MESSAGES: usize = 200;
const MAX_SUPPRESSIONS: usize = 1000;

/// The default streams of every server: id, name, type.
const STREAMS: [(&str, &str, &str); 3] = [
    ("outbound", "Default Transactional Stream", "Transactional"),
    ("inbound", "Default Inbound Stream", "Inbound"),
    ("broadcast", "Default Broadcast Stream", "Broadcasts"),
];

pub(super) struct World {
    pub made: Made,
    pub server: Value,
    pub templates: Vec<Template>,
    pub bounces: Vec<Value>,
    /// Newest first.
    pub messages: VecDeque<Value>,
    pub inbound: Vec<Value>,
    pub webhooks: Vec<Value>,
    pub streams: Vec<Value>,
    pub suppressions: VecDeque<Suppression>,
    pub servers: Vec<Value>,
    pub domains: Vec<Value>,
    pub senders: Vec<Value>,
    created: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Template {
    pub id: u64,
    pub name: String,
    pub alias: Option<String>,
    pub layout: bool,
    pub subject: Option<String>,
    pub html: Option<String>,
    pub text: Option<String>,
    pub uses: Option<String>,
    pub active: bool,
}

pub(super) struct Suppression {
    pub stream: String,
    pub address: String,
    pub reason: &'static str,
    pub origin: &'static str,
    pub at: String,
}

impl World {
    pub fn new(made: Made) -> Self {
        let server_id = made.number("server", 10_000_000, 99_999_999);
        let server = server(&made.part("server"), server_id, "Production");
        let streams = STREAMS.map(|(id, name, kind)| {
            json!({
                "ID": id, "ServerID": server_id, "Name": name, "Description": "",
                "MessageStreamType": kind,
                "CreatedAt": made.moment("streams").seconds(),
                "UpdatedAt": null, "ArchivedAt": null, "ExpectedPurgeDate": null,
                "SubscriptionManagementConfiguration": {
                    "UnsubscribeHandlingType": if id == "broadcast" { "Postmark" } else { "None" },
                },
            })
        });
        let mut world = Self {
            templates: templates(&made),
            webhooks: Vec::new(),
            streams: streams.into(),
            servers: vec![server.clone()],
            server,
            bounces: Vec::new(),
            messages: VecDeque::new(),
            inbound: Vec::new(),
            suppressions: VecDeque::new(),
            domains: vec![domain(&made.part("domain 0"), "example.com", true)],
            senders: Vec::new(),
            created: 0,
            made,
        };
        world.add_history();
        world
    }

    pub fn server_id(&self) -> u64 {
        self.server["ID"].as_u64().unwrap_or_default()
    }

    /// The time of a request: a minute after the one before it, from a start that the seed sets.
    pub fn now(&self, call: &Call<'_>) -> Moment {
        let start = self.made.moment("start").plus(180 * 86_400);
        start.plus(call.nth.saturating_mul(60))
    }

    /// A number for something new, like those that exist already.
    pub fn next_id(&mut self, what: &str) -> u64 {
        self.created += 1;
        self.made.number(what, 20_000_000, 80_000_000) + self.created
    }

    pub fn template(&self, id_or_alias: &str) -> Option<&Template> {
        self.templates.iter().find(|t| t.is(id_or_alias))
    }

    pub fn stream(&self, id: &str) -> Option<&Value> {
        let same = |s: &&Value| s["ID"].as_str().is_some_and(|s| s.eq_ignore_ascii_case(id));
        self.streams.iter().find(same)
    }

    pub fn keep_message(&mut self, message: Value) {
        self.messages.push_front(message);
        self.messages.truncate(MAX_MESSAGES);
    }

    pub fn is_suppressed(&self, stream: &str, address: &str) -> bool {
        let mut all = self.suppressions.iter();
        all.any(|s| s.stream == stream && s.address.eq_ignore_ascii_case(address))
    }

    pub fn suppress(&mut self, suppression: Suppression) {
        if !self.is_suppressed(&suppression.stream, &suppression.address) {
            self.suppressions.push_front(suppression);
            self.suppressions.truncate(MAX_SUPPRESSIONS);
        }
    }

    /// Three bounces with the messages they belong to, a delivered message, one inbound
    /// message, a webhook and a sender: enough for every list to have something to show.
    fn add_history(&mut self) {
        const BOUNCES: [(&str, u32, &str, bool, &str); 3] = [
            (
                "HardBounce",
                1,
                "Hard bounce",
                true,
                "smtp;550 5.1.1 user unknown",
            ),
            (
                "SoftBounce",
                4096,
                "Soft bounce",
                false,
                "smtp;452 4.2.2 mailbox full",
            ),
            (
                "Transient",
                2,
                "Message delayed",
                false,
                "smtp;421 4.3.0 try again later",
            ),
        ];
        for (i, (kind, code, name, inactive, details)) in BOUNCES.into_iter().enumerate() {
            let made = self.made.part(format!("bounce {i}"));
            let message = past_message(&made, "welcome", "Bounced");
            let address = message["Recipients"][0].clone();
            let id = made.number("id", 690_000_000, 699_999_999);
            if inactive {
                self.suppress(Suppression {
                    stream: "outbound".to_owned(),
                    address: address.as_str().unwrap_or_default().to_owned(),
                    reason: "HardBounce",
                    origin: "Recipient",
                    at: made.moment("at").seconds(),
                });
            }
            self.bounces.push(json!({
                "RecordType": "Bounce", "ID": id, "Type": kind, "TypeCode": code, "Name": name,
                "Tag": "welcome", "MessageID": message["MessageID"],
                "ServerID": self.server_id(), "MessageStream": "outbound",
                "Description": format!("The server answered that it could not take the message ({name})."),
                "Details": details, "Email": address, "From": message["From"],
                "BouncedAt": made.moment("at").seconds(), "DumpAvailable": true,
                "Inactive": inactive, "CanActivate": inactive, "Subject": message["Subject"],
                "Content": format!("Final-Recipient: rfc822; {}\r\nAction: failed\r\nDiagnostic-Code: {details}\r\n",
                    address.as_str().unwrap_or_default()),
            }));
            self.keep_message(message);
        }
        let made = self.made.part("delivered");
        self.keep_message(past_message(&made, "receipt", "Delivered"));
        self.inbound.push(inbound(&self.made.part("inbound")));
        self.webhooks.push(json!({
            "ID": self.made.number("webhook", 1_000_000, 9_999_999),
            "Url": format!("https://hooks.example.com/{}", self.made.token("webhook url")),
            "MessageStream": "outbound", "HttpAuth": null, "HttpHeaders": [],
            "Triggers": {
                "Open": {"Enabled": false, "PostFirstOpenOnly": false},
                "Click": {"Enabled": false}, "Delivery": {"Enabled": true},
                "Bounce": {"Enabled": true, "IncludeContent": false},
                "SpamComplaint": {"Enabled": true, "IncludeContent": false},
                "SubscriptionChange": {"Enabled": false},
            },
        }));
        self.senders.push(sender(
            &self.made.part("sender 0"),
            "Sender",
            "sender@example.com",
            "",
        ));
    }
}

impl Template {
    pub fn is(&self, id_or_alias: &str) -> bool {
        let alias = self.alias.as_deref();
        alias.is_some_and(|a| a.eq_ignore_ascii_case(id_or_alias))
            || id_or_alias.parse() == Ok(self.id)
    }

    pub fn kind(&self) -> &'static str {
        if self.layout { "Layout" } else { "Standard" }
    }

    /// As lists and replies to changes show it.
    pub fn short(&self) -> Value {
        json!({
            "TemplateId": self.id, "Name": self.name, "Active": self.active,
            "Alias": self.alias, "TemplateType": self.kind(), "LayoutTemplate": self.uses,
        })
    }

    pub fn whole(&self, server_id: u64) -> Value {
        json!({
            "TemplateId": self.id, "Name": self.name, "Subject": self.subject,
            "HtmlBody": self.html, "TextBody": self.text, "AssociatedServerId": server_id,
            "Active": self.active, "Alias": self.alias, "TemplateType": self.kind(),
            "LayoutTemplate": self.uses,
        })
    }
}

fn templates(made: &Made) -> Vec<Template> {
    let standard = [
        (
            "Welcome",
            "welcome",
            "Welcome to {{product_name}}, {{name}}!",
        ),
        (
            "Password reset",
            "password-reset",
            "Set up a new password for {{product_name}}",
        ),
        ("Receipt", "receipt", "Your receipt from {{company_name}}"),
    ];
    let first = made.number("templates", 30_000_000, 39_999_999);
    let layout = Template {
        id: first,
        name: "Basic layout".to_owned(),
        alias: Some("basic-layout".to_owned()),
        layout: true,
        subject: None,
        html: Some("<html><body>{{{ @content }}}</body></html>".to_owned()),
        text: Some("{{{ @content }}}".to_owned()),
        uses: None,
        active: true,
    };
    let standard = standard
        .into_iter()
        .zip(1..)
        .map(|((name, alias, subject), i)| Template {
            id: first + i,
            name: name.to_owned(),
            alias: Some(alias.to_owned()),
            layout: false,
            subject: Some(subject.to_owned()),
            html: Some(format!(
                "<p>Hello {{{{name}}}}</p><p>{}</p>",
                made.token(alias)
            )),
            text: Some("Hello {{name}}".to_owned()),
            uses: Some("basic-layout".to_owned()),
            active: true,
        });
    std::iter::once(layout).chain(standard).collect()
}

fn past_message(made: &Made, tag: &str, event: &str) -> Value {
    let address = format!("{}@example.net", made.token("recipient"));
    let at = made.moment("at");
    let details = if event == "Bounced" {
        json!({"Summary": "smtp;550", "BounceID": made.number("id", 690_000_000, 699_999_999).to_string()})
    } else {
        json!({"DeliveryMessage": "smtp;250 2.0.0 OK", "DestinationServer": "mx.example.net", "DestinationIP": "203.0.113.25"})
    };
    json!({
        "Tag": tag, "MessageID": made.uuid("message"), "MessageStream": "outbound",
        "To": [{"Email": address, "Name": null}], "Cc": [], "Bcc": [], "Recipients": [address],
        "ReceivedAt": at.ticks(), "From": "\"Sender\" <sender@example.com>",
        "Subject": format!("Order {}", made.token("subject")), "Attachments": [],
        "Status": "Sent", "TrackOpens": true, "TrackLinks": "None", "Metadata": {},
        "Sandboxed": false,
        "TextBody": format!("Thank you. Reference {}", made.token("body")), "HtmlBody": "",
        "MessageEvents": [{"Recipient": address, "Type": event, "ReceivedAt": at.plus(2).ticks(), "Details": details}],
    })
}

fn inbound(made: &Made) -> Value {
    let hash = made.long_token("hash", 32);
    let to = format!("{hash}@inbound.postmarkapp.com");
    let from = format!("{}@example.org", made.token("from"));
    let full = |email: &str, name: &str| json!({"Email": email, "Name": name, "MailboxHash": ""});
    json!({
        "From": from, "FromName": "A Customer", "FromFull": full(&from, "A Customer"),
        "To": to, "ToFull": [full(&to, "")], "Cc": "", "CcFull": [], "Bcc": "", "BccFull": [],
        "ReplyTo": "", "OriginalRecipient": to,
        "Subject": format!("Question {}", made.token("subject")),
        "Date": made.moment("at").seconds(), "MailboxHash": "", "Tag": "",
        "MessageID": made.uuid("message"), "Status": "Processed", "Attachments": [],
        "MessageStream": "inbound",
        "TextBody": format!("Where is order {}?", made.token("body")), "HtmlBody": "",
        "StrippedTextReply": "", "Headers": [{"Name": "X-Spam-Status", "Value": "No"}],
        "BlockedReason": null,
    })
}

pub(super) fn server(made: &Made, id: u64, name: &str) -> Value {
    let hash = made.long_token("hash", 32);
    json!({
        "ID": id, "Name": name, "ApiTokens": [made.uuid("token")],
        "ServerLink": format!("https://account.postmarkapp.com/servers/{id}/streams"),
        "Color": "Blue", "SmtpApiActivated": true, "RawEmailEnabled": false,
        "DeliveryType": "Live", "InboundAddress": format!("{hash}@inbound.postmarkapp.com"),
        "InboundHookUrl": "", "BounceHookUrl": "", "OpenHookUrl": "", "DeliveryHookUrl": "",
        "ClickHookUrl": "", "PostFirstOpenOnly": false, "InboundDomain": "",
        "InboundHash": hash, "InboundSpamThreshold": 0, "TrackOpens": false,
        "TrackLinks": "None", "IncludeBounceContentInHook": false,
        "EnableSmtpApiErrorHooks": false,
    })
}

pub(super) fn domain(made: &Made, name: &str, verified: bool) -> Value {
    let key = made.long_token("dkim", 64);
    json!({
        "ID": made.number("id", 1_000_000, 9_999_999), "Name": name,
        "SPFVerified": true, "SPFHost": name, "SPFTextValue": "v=spf1 a mx include:spf.mtasv.net ~all",
        "DKIMVerified": verified, "WeakDKIM": false,
        "DKIMHost": if verified { format!("pm._domainkey.{name}") } else { String::new() },
        "DKIMTextValue": if verified { format!("k=rsa;p={key}") } else { String::new() },
        "DKIMPendingHost": if verified { String::new() } else { format!("pm._domainkey.{name}") },
        "DKIMPendingTextValue": if verified { String::new() } else { format!("k=rsa;p={key}") },
        "DKIMRevokedHost": "", "DKIMRevokedTextValue": "",
        "SafeToRemoveRevokedKeyFromDNS": false,
        "DKIMUpdateStatus": if verified { "Verified" } else { "Pending" },
        "ReturnPathDomain": format!("pm-bounces.{name}"), "ReturnPathDomainVerified": verified,
        "ReturnPathDomainCNAMEValue": "pm.mtasv.net",
    })
}

pub(super) fn sender(made: &Made, name: &str, email: &str, reply_to: &str) -> Value {
    let domain_name = email.rsplit_once('@').map_or("", |(_, d)| d);
    let mut sender = domain(made, domain_name, true);
    sender["Domain"] = domain_name.into();
    sender["Name"] = name.into();
    sender["EmailAddress"] = email.into();
    sender["ReplyToEmailAddress"] = reply_to.into();
    sender["Confirmed"] = true.into();
    sender["ConfirmationPersonalNote"] = "".into();
    sender
}
