//! The sending routes and their validation. Checks run in one order: types, stream, addresses,
//! bodies, lengths, metadata, attachments, and last the recipients that are suppressed.

use super::address::{self, Mailbox};
use super::call::Fields;
use super::world::Template;
use super::{Call, Fault, Reply, World, mustache};
use serde_json::{Map, Value, json};

const MAX_RECIPIENTS: usize = 50;
const MAX_MESSAGES: usize = 500;
const MAX_FROM: usize = 255;
const MAX_SUBJECT: usize = 2000;
const MAX_TAG: usize = 1000;
const MAX_METADATA: (usize, usize, usize) = (10, 20, 80);
/// How much of a body is kept for the message routes.
const KEPT_BODY: usize = 16 * 1024;
const LINKS: [&str; 4] = ["None", "HtmlAndText", "HtmlOnly", "TextOnly"];
/// File name extensions that Postmark does not send.
const FORBIDDEN: [&str; 31] = [
    "vbs", "exe", "bin", "bat", "chm", "com", "cpl", "crt", "hlp", "hta", "inf", "ins", "isp",
    "jse", "lnk", "mdb", "pcd", "pif", "reg", "scr", "sct", "shs", "vbe", "vba", "wsf", "wsh",
    "wsl", "msc", "msi", "msp", "mst",
];

/// `POST /email`.
pub(super) fn one(world: &mut World, call: &Call<'_>) -> Reply {
    let message = call.object(no_message)?;
    send(world, call, 0, &message, None)
}

/// `POST /email/batch`: a list of messages, each with an outcome of its own.
pub(super) fn batch(world: &mut World, call: &Call<'_>) -> Reply {
    let Value::Array(messages) = call.json()? else {
        return Err(no_message());
    };
    each(world, call, messages, |world, call, i, message| {
        send(world, call, i, message, None)
    })
}

/// `POST /email/withTemplate`.
pub(super) fn with_template(world: &mut World, call: &Call<'_>) -> Reply {
    let message = call.object(no_message)?;
    templated(world, call, 0, &message)
}

/// `POST /email/batchWithTemplates`: the list stands under `Messages`.
pub(super) fn batch_with_templates(world: &mut World, call: &Call<'_>) -> Reply {
    let body = call.object(no_message)?;
    let Some(Value::Array(messages)) = body.get("Messages") else {
        return Err(Fault::field("Messages"));
    };
    each(world, call, messages.clone(), templated)
}

type Send = fn(&mut World, &Call<'_>, usize, &Fields) -> Reply;

fn each(world: &mut World, call: &Call<'_>, messages: Vec<Value>, send: Send) -> Reply {
    if messages.len() > MAX_MESSAGES {
        let message =
            format!("You may only send up to {MAX_MESSAGES} messages in a single batched request.");
        return Err(Fault::new(410, message));
    }
    let mut outcome = |(i, message)| {
        let message = Fields::of(message).ok_or_else(no_message);
        let reply = message.and_then(|message| send(world, call, i, &message));
        reply.unwrap_or_else(|fault| fault.body())
    };
    Ok(messages.into_iter().enumerate().map(&mut outcome).collect())
}

fn templated(world: &mut World, call: &Call<'_>, i: usize, message: &Fields) -> Reply {
    let not_found = |what: &str| {
        let message =
            format!("The {what} associated with this request is not valid or was not found.");
        Fault::new(1101, message)
    };
    // With both given, the id decides.
    let (key, missing) = if let Some(id) = message.get("TemplateId") {
        let id = id.as_u64().ok_or_else(|| Fault::field("TemplateId"))?;
        (id.to_string(), "'TemplateId'")
    } else {
        let alias = message.text("TemplateAlias")?;
        let none = || {
            Fault::new(
                1101,
                "Either 'TemplateId' or 'TemplateAlias' must be specified.",
            )
        };
        (alias.ok_or_else(none)?.to_owned(), "Template's 'Alias'")
    };
    let template = world.template(&key).filter(|t| t.active && !t.layout);
    let template = template.cloned().ok_or_else(|| not_found(missing))?;
    if ["Subject", "HtmlBody", "TextBody"]
        .iter()
        .any(|f| message.has(f))
    {
        let text = "Subject, HtmlBody and TextBody may not be specified with a template.";
        return Err(Fault::new(1123, text));
    }
    let model = match message.get("TemplateModel") {
        Some(model @ Value::Object(_)) => model.clone(),
        Some(_) => return Err(Fault::field("TemplateModel")),
        None => return Err(Fault::new(1120, "The 'TemplateModel' field is required.")),
    };
    send(world, call, i, message, Some((&template, &model)))
}

/// Checks one message and, unless the test token came with it, keeps it.
fn send(
    world: &mut World,
    call: &Call<'_>,
    i: usize,
    message: &Fields,
    template: Option<(&Template, &Value)>,
) -> Reply {
    let draft = Draft::read(world, message, template)?;
    let made = world.made.part(call.route).part(call.nth).part(i);
    let id = made.uuid("message");
    let at = world.now(call).ticks();
    let answer = |text: &str| {
        let mut reply = Map::new();
        for (field, given) in [("To", &draft.to), ("Cc", &draft.cc), ("Bcc", &draft.bcc)] {
            if let Some((text, _)) = given {
                reply.insert(field.to_owned(), text.clone().into());
            }
        }
        reply.insert("SubmittedAt".to_owned(), at.clone().into());
        reply.insert("MessageID".to_owned(), id.clone().into());
        reply.insert("ErrorCode".to_owned(), 0.into());
        reply.insert("Message".to_owned(), text.into());
        Value::Object(reply)
    };
    if call.test {
        return Ok(answer("Test job accepted"));
    }
    draft.refuse_suppressed(world)?;
    let reply = answer("OK");
    let kept = draft.kept(&id, &at);
    world.keep_message(kept);
    Ok(reply)
}

/// An address field as given and as read.
type Addresses = Option<(String, Vec<Mailbox>)>;

struct Draft {
    from: String,
    to: Addresses,
    cc: Addresses,
    bcc: Addresses,
    subject: String,
    text: String,
    html: String,
    tag: String,
    stream: String,
    metadata: Map<String, Value>,
    track_opens: bool,
    track_links: &'static str,
    attachments: Vec<String>,
}

impl Draft {
    fn read(
        world: &World,
        message: &Fields,
        template: Option<(&Template, &Value)>,
    ) -> Result<Self, Fault> {
        let text = |name| Ok::<_, Fault>(message.text(name)?.unwrap_or_default().to_owned());
        let track_opens = message.flag("TrackOpens")?.unwrap_or(false);
        let track_links = message.choice("TrackLinks", &LINKS)?.unwrap_or("None");
        let (subject, tag) = (text("Subject")?, text("Tag")?);
        let (subject, plain, html) = match template {
            None => (subject, text("TextBody")?, text("HtmlBody")?),
            Some((template, model)) => rendered(world, template, model)?,
        };
        headers(message)?;
        let stream = stream(world, message.text("MessageStream")?)?;
        let from = from(message.text("From")?)?;
        let addresses = |field| -> Result<Addresses, Fault> {
            let Some(given) = message.text(field)? else {
                return Ok(None);
            };
            Ok(Some((given.to_owned(), address::list(field, given)?)))
        };
        let (to, cc, bcc) = (addresses("To")?, addresses("Cc")?, addresses("Bcc")?);
        addresses("ReplyTo")?;
        recipients([&to, &cc, &bcc])?;
        if plain.is_empty() && html.is_empty() {
            return Err(Fault::new(
                300,
                "Provide either email TextBody or HtmlBody or both.",
            ));
        }
        length("From", &from, MAX_FROM)?;
        length("Subject", &subject, MAX_SUBJECT)?;
        length("Tag", &tag, MAX_TAG)?;
        Ok(Self {
            from,
            to,
            cc,
            bcc,
            subject,
            text: plain,
            html,
            tag,
            stream,
            metadata: metadata(message)?,
            track_opens,
            track_links,
            attachments: attachments(message)?,
        })
    }

    fn mailboxes(&self) -> impl Iterator<Item = &Mailbox> {
        let fields = [&self.to, &self.cc, &self.bcc];
        fields.into_iter().flatten().flat_map(|(_, list)| list)
    }

    /// Postmark takes no message for a recipient that bounced or complained before.
    fn refuse_suppressed(&self, world: &World) -> Result<(), Fault> {
        let inactive = self.mailboxes().map(|m| m.address.as_str());
        let inactive: Vec<&str> = inactive
            .filter(|a| world.is_suppressed(&self.stream, a))
            .collect();
        if inactive.is_empty() {
            return Ok(());
        }
        let message = format!(
            "You tried to send to recipient(s) that have been marked as inactive. \
             Found inactive addresses: {}. Inactive recipients are ones that have generated \
             a hard bounce, a spam complaint, or a manual suppression.",
            inactive.join(", ")
        );
        Err(Fault::new(406, message))
    }

    /// As the message routes show it.
    fn kept(&self, id: &str, at: &str) -> Value {
        let people = |field: &Addresses| -> Value {
            let list = field.iter().flat_map(|(_, list)| list);
            list.map(|m| json!({"Email": m.address, "Name": m.name.as_deref().map(|n| head(n, MAX_FROM))}))
                .collect()
        };
        let recipients: Vec<&str> = self.mailboxes().map(|m| m.address.as_str()).collect();
        let delivered = |address: &&str| {
            json!({
                "Recipient": address, "Type": "Delivered", "ReceivedAt": at,
                "Details": {
                    "DeliveryMessage": "smtp;250 2.0.0 OK",
                    "DestinationServer": "mx.example.net", "DestinationIP": "203.0.113.25",
                },
            })
        };
        json!({
            "Tag": self.tag, "MessageID": id, "MessageStream": self.stream,
            "To": people(&self.to), "Cc": people(&self.cc), "Bcc": people(&self.bcc),
            "Recipients": recipients, "ReceivedAt": at, "From": self.from,
            "Subject": self.subject, "Attachments": self.attachments, "Status": "Sent",
            "TrackOpens": self.track_opens && !self.html.is_empty(),
            "TrackLinks": self.track_links, "Metadata": self.metadata, "Sandboxed": false,
            "TextBody": head(&self.text, KEPT_BODY), "HtmlBody": head(&self.html, KEPT_BODY),
            "MessageEvents": recipients.iter().map(delivered).collect::<Value>(),
        })
    }
}

fn no_message() -> Fault {
    Fault::new(402, "Received invalid JSON input.")
}

/// Subject, text and HTML of a template with its layout.
fn rendered(
    world: &World,
    template: &Template,
    model: &Value,
) -> Result<(String, String, String), Fault> {
    let layout = template
        .uses
        .as_deref()
        .and_then(|alias| world.template(alias));
    let part = |own: &Option<String>, outer: Option<&String>| -> Result<String, Fault> {
        let Some(own) = own else {
            return Ok(String::new());
        };
        let inner = mustache::render(own, model).map_err(|e| Fault::new(1122, e.message))?;
        let Some(outer) = outer else {
            return Ok(inner);
        };
        mustache::render_layout(outer, &inner, model).map_err(|e| Fault::new(1122, e.message))
    };
    let subject = part(&template.subject, None)?;
    let text = part(&template.text, layout.and_then(|l| l.text.as_ref()))?;
    let html = part(&template.html, layout.and_then(|l| l.html.as_ref()))?;
    Ok((subject, text, html))
}

fn stream(world: &World, name: Option<&str>) -> Result<String, Fault> {
    let name = name.unwrap_or("outbound");
    let Some(stream) = world.stream(name) else {
        let message = format!("The stream provided: '{name}' does not exist on this server.");
        return Err(Fault::new(1235, message));
    };
    if stream["MessageStreamType"] == "Inbound" {
        return Err(Fault::new(
            1236,
            "Sending is not supported for this stream type.",
        ));
    }
    Ok(stream["ID"].as_str().unwrap_or(name).to_owned())
}

/// One mailbox.
fn from(text: Option<&str>) -> Result<String, Fault> {
    let text = text.ok_or_else(|| Fault::new(300, "Invalid 'From' value."))?;
    match address::list("From", text) {
        Ok(list) if list.len() == 1 => Ok(text.to_owned()),
        _ => Err(Fault::new(
            300,
            format!("Invalid 'From' address: '{text}'."),
        )),
    }
}

fn recipients(fields: [&Addresses; 3]) -> Result<(), Fault> {
    let count = |field: &&Addresses| field.as_ref().map_or(0, |(_, list)| list.len());
    if count(&fields[0]) == 0 {
        return Err(Fault::new(300, "Zero recipients specified"));
    }
    if fields.iter().map(count).sum::<usize>() > MAX_RECIPIENTS {
        let message = format!("Maximum of {MAX_RECIPIENTS} recipients allowed per email message.");
        return Err(Fault::new(300, message));
    }
    Ok(())
}

/// Postmark counts UTF-16 code units.
fn length(field: &str, text: &str, most: usize) -> Result<(), Fault> {
    if text.encode_utf16().count() <= most {
        return Ok(());
    }
    let message = format!("The '{field}' field exceeds the maximum length of {most} characters.");
    Err(Fault::new(300, message))
}

fn headers(message: &Fields) -> Result<(), Fault> {
    for header in message.list("Headers")? {
        let name = header.text("Name").map_err(|_| Fault::field("Headers"))?;
        header.text("Value").map_err(|_| Fault::field("Headers"))?;
        let token = |b: u8| b.is_ascii_graphic() && b != b':';
        if !name.is_some_and(|n| n.bytes().all(token)) {
            let message = "Header names must be of printable characters without a colon.";
            return Err(Fault::new(300, message));
        }
    }
    Ok(())
}

fn metadata(message: &Fields) -> Result<Map<String, Value>, Fault> {
    let (fields, longest_key, longest_value) = MAX_METADATA;
    let map = match message.get("Metadata") {
        None => return Ok(Map::new()),
        // PHP writes an empty map as an empty list.
        Some(Value::Array(list)) if list.is_empty() => return Ok(Map::new()),
        Some(Value::Object(map)) => map,
        Some(_) => return Err(Fault::field("Metadata")),
    };
    if map.len() > fields {
        let message = format!("Metadata may contain at most {fields} fields.");
        return Err(Fault::new(300, message));
    }
    for (key, value) in map {
        let value = value.as_str().ok_or_else(|| Fault::field("Metadata"))?;
        if key.chars().count() > longest_key || value.chars().count() > longest_value {
            let message = format!(
                "Metadata field '{}' exceeds {longest_key} characters of name or \
                 {longest_value} of value.",
                head(key, longest_key)
            );
            return Err(Fault::new(300, message));
        }
    }
    Ok(map.clone())
}

/// The names of the attached files.
fn attachments(message: &Fields) -> Result<Vec<String>, Fault> {
    let mut names = Vec::new();
    for attachment in message.list("Attachments")? {
        let text = |name| {
            attachment
                .text(name)
                .map_err(|_| Fault::field("Attachments"))
        };
        let name = text("Name")?.ok_or_else(|| Fault::field("Attachments"))?;
        let content = text("Content")?.ok_or_else(|| Fault::field("Attachments"))?;
        text("ContentType")?;
        text("ContentID")?;
        let extension = name.rsplit_once('.').map_or("", |(_, e)| e);
        if FORBIDDEN.iter().any(|f| f.eq_ignore_ascii_case(extension)) {
            return Err(Fault::new(411, "Attachment file type not allowed."));
        }
        let coded: Vec<u8> = content
            .bytes()
            .filter(|b| !b.is_ascii_whitespace())
            .collect();
        if data_encoding::BASE64.decode(&coded).is_err() {
            return Err(Fault::field("Attachments"));
        }
        if names.len() < MAX_RECIPIENTS {
            names.push(head(name, MAX_FROM).to_owned());
        }
    }
    Ok(names)
}

/// At most the first `most` bytes, whole characters.
fn head(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}
