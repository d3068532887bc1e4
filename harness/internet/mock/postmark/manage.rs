//! What a server token can set up: the server itself, webhooks, streams, suppressions.

use super::call::Fields;
use super::world::{MAX_WEBHOOKS, Suppression};
use super::{Call, Fault, Reply, World, address};
use serde_json::{Value, json};

const MAX_PER_CALL: usize = 50;
const COLORS: [&str; 8] = [
    "Purple",
    "Blue",
    "Turquoise",
    "Green",
    "Red",
    "Yellow",
    "Grey",
    "Orange",
];
const LINKS: [&str; 4] = ["None", "HtmlAndText", "HtmlOnly", "TextOnly"];
const TEXTS: [&str; 6] = [
    "InboundHookUrl",
    "BounceHookUrl",
    "OpenHookUrl",
    "DeliveryHookUrl",
    "ClickHookUrl",
    "InboundDomain",
];
const FLAGS: [&str; 6] = [
    "SmtpApiActivated",
    "RawEmailEnabled",
    "PostFirstOpenOnly",
    "TrackOpens",
    "IncludeBounceContentInHook",
    "EnableSmtpApiErrorHooks",
];
/// Triggers of a webhook and the option that each has beside `Enabled`.
const TRIGGERS: [(&str, Option<&str>); 6] = [
    ("Open", Some("PostFirstOpenOnly")),
    ("Click", None),
    ("Delivery", None),
    ("Bounce", Some("IncludeContent")),
    ("SpamComplaint", Some("IncludeContent")),
    ("SubscriptionChange", None),
];
/// Names, URLs and header values that are kept.
const MAX_TEXT: usize = 2048;

/// `GET /server`.
pub(super) fn server(world: &mut World, _: &Call<'_>) -> Reply {
    Ok(world.server.clone())
}

/// `PUT /server`: fields that are left out stay.
pub(super) fn edit_server(world: &mut World, call: &Call<'_>) -> Reply {
    let body = call.object(|| Fault::new(609, "No server data received."))?;
    let mut server = world.server.clone();
    set_server(&mut server, &body)?;
    world.server = server.clone();
    Ok(server)
}

/// Takes over the settings of a server that a body names.
pub(super) fn set_server(server: &mut Value, body: &Fields) -> Result<(), Fault> {
    if let Some(name) = kept(body, "Name")? {
        server["Name"] = name.into();
    }
    let color = body.choice("Color", &COLORS);
    if let Some(color) = color.map_err(|_| Fault::new(607, "Invalid server color."))? {
        server["Color"] = color.into();
    }
    let links = body.choice("TrackLinks", &LINKS);
    let no_links = |_| Fault::new(612, "The supplied 'TrackLinks' option is not valid.");
    if let Some(links) = links.map_err(no_links)? {
        server["TrackLinks"] = links.into();
    }
    for name in TEXTS {
        let Some(text) = kept(body, name)? else {
            continue;
        };
        if name.ends_with("Url") && !is_web_url(text) {
            return Err(Fault::new(
                606,
                format!("The supplied '{name}' is not valid."),
            ));
        }
        server[name] = text.into();
    }
    for name in FLAGS {
        if let Some(flag) = body.flag(name)? {
            server[name] = flag.into();
        }
    }
    if let Some(threshold) = body.get("InboundSpamThreshold") {
        let threshold = threshold.as_u64().filter(|t| *t <= 30).ok_or_else(|| {
            Fault::new(
                611,
                "InboundSpamThreshold value is invalid. Use a number between 0 and 30.",
            )
        })?;
        server["InboundSpamThreshold"] = threshold.into();
    }
    Ok(())
}

/// `GET /webhooks`: all, or those of one stream.
pub(super) fn webhooks(world: &mut World, call: &Call<'_>) -> Reply {
    let stream = call.query("messagestream");
    if let Some(name) = stream {
        known_stream(world, name)?;
    }
    let fits = |w: &&Value| stream.is_none_or(|s| w["MessageStream"] == s);
    Ok(json!({"Webhooks": world.webhooks.iter().filter(fits).collect::<Vec<_>>()}))
}

/// `GET /webhooks/{id}`.
pub(super) fn webhook(world: &mut World, call: &Call<'_>) -> Reply {
    find_webhook(world, call).map(|i| world.webhooks[i].clone())
}

/// `POST /webhooks`. The URL is not called: verification is taken as passed.
pub(super) fn create_webhook(world: &mut World, call: &Call<'_>) -> Reply {
    let body = call.object(no_body)?;
    if body.has("ID") {
        let message = "A request 'ID' must not be provided when creating a webhook.";
        return Err(Fault::new(1356, message));
    }
    let stream = body.text("MessageStream")?.unwrap_or("outbound");
    if known_stream(world, stream)?["MessageStreamType"] == "Inbound" {
        return Err(Fault::new(
            1351,
            "You cannot create a webhook using an inbound stream.",
        ));
    }
    if world.webhooks.len() >= MAX_WEBHOOKS {
        let message = "You have reached the maximum number of webhooks for this stream.";
        return Err(Fault::new(1359, message));
    }
    let mut webhook = json!({
        "ID": 0, "Url": "", "MessageStream": stream, "HttpAuth": null, "HttpHeaders": [],
        "Triggers": {},
    });
    for (name, option) in TRIGGERS {
        webhook["Triggers"][name] = match option {
            Some(option) => json!({"Enabled": false, option: false}),
            None => json!({"Enabled": false}),
        };
    }
    if !body.has("Url") {
        return Err(no_url());
    }
    set_webhook(&mut webhook, &body)?;
    webhook["ID"] = world.next_id("webhook").into();
    world.webhooks.push(webhook.clone());
    Ok(webhook)
}

/// `PUT /webhooks/{id}`: fields and triggers that are left out stay.
pub(super) fn edit_webhook(world: &mut World, call: &Call<'_>) -> Reply {
    let i = find_webhook(world, call)?;
    let body = call.object(no_body)?;
    if body.has("ID") || body.has("MessageStream") {
        let message = "You cannot update the 'ID' or 'MessageStream' fields of a webhook.";
        return Err(Fault::new(1357, message));
    }
    let mut webhook = world.webhooks[i].clone();
    set_webhook(&mut webhook, &body)?;
    world.webhooks[i] = webhook.clone();
    Ok(webhook)
}

/// `DELETE /webhooks/{id}`.
pub(super) fn delete_webhook(world: &mut World, call: &Call<'_>) -> Reply {
    let i = find_webhook(world, call)?;
    let id = world.webhooks.remove(i)["ID"].clone();
    Ok(json!({"ErrorCode": 0, "Message": format!("Webhook {id} removed.")}))
}

/// `GET /message-streams`.
pub(super) fn streams(world: &mut World, call: &Call<'_>) -> Reply {
    let kinds = ["All", "Inbound", "Transactional", "Broadcasts"];
    let kind = call.query("messagestreamtype").unwrap_or("All");
    if !kinds.iter().any(|k| k.eq_ignore_ascii_case(kind)) {
        let message = "The 'MessageStreamType' associated with this request was invalid.";
        return Err(Fault::new(1221, message));
    }
    let all = kind.eq_ignore_ascii_case("All");
    let same = |s: &Value| {
        s["MessageStreamType"]
            .as_str()
            .is_some_and(|t| t.eq_ignore_ascii_case(kind))
    };
    let fitting: Vec<&Value> = world.streams.iter().filter(|s| all || same(s)).collect();
    Ok(json!({"MessageStreams": fitting, "TotalCount": fitting.len()}))
}

/// `GET /message-streams/{id}`.
pub(super) fn stream(world: &mut World, call: &Call<'_>) -> Reply {
    known_stream(world, call.param(0)).cloned()
}

/// `GET /message-streams/{id}/suppressions/dump`.
pub(super) fn suppressions(world: &mut World, call: &Call<'_>) -> Reply {
    let stream = stream_id(world, call)?;
    let choice = |name: &str, code: u32, choices: &[&str]| match call.query(name) {
        Some(text) if !choices.iter().any(|c| c.eq_ignore_ascii_case(text)) => {
            Err(Fault::new(code, format!("Parameter '{name}' is invalid.")))
        }
        given => Ok(given),
    };
    let reasons = ["HardBounce", "SpamComplaint", "ManualSuppression"];
    let reason = choice("SuppressionReason", 1404, &reasons)?;
    let origin = choice("Origin", 1405, &["Recipient", "Customer", "Admin"])?;
    let address = call.query("emailaddress");
    let fits = |s: &&Suppression| {
        s.stream == stream
            && reason.is_none_or(|r| s.reason.eq_ignore_ascii_case(r))
            && origin.is_none_or(|o| s.origin.eq_ignore_ascii_case(o))
            && address.is_none_or(|a| s.address.eq_ignore_ascii_case(a))
    };
    let show = |s: &Suppression| {
        json!({
            "EmailAddress": s.address, "SuppressionReason": s.reason, "Origin": s.origin,
            "CreatedAt": s.at,
        })
    };
    let found: Vec<Value> = world.suppressions.iter().filter(fits).map(show).collect();
    Ok(json!({"Suppressions": found}))
}

/// `POST /message-streams/{id}/suppressions`.
pub(super) fn suppress(world: &mut World, call: &Call<'_>) -> Reply {
    let stream = stream_id(world, call)?;
    let at = world.now(call).seconds();
    each_address(call, |address| {
        if address::list("EmailAddress", address).is_ok_and(|l| l.len() == 1) {
            world.suppress(Suppression {
                stream: stream.clone(),
                address: address.to_owned(),
                reason: "ManualSuppression",
                origin: "Customer",
                at: at.clone(),
            });
            Ok("Suppressed")
        } else {
            Err("An invalid email address was provided.")
        }
    })
}

/// `POST /message-streams/{id}/suppressions/delete`: not those from a complaint.
pub(super) fn unsuppress(world: &mut World, call: &Call<'_>) -> Reply {
    let stream = stream_id(world, call)?;
    each_address(call, |address| {
        let same = |s: &Suppression| s.stream == stream && s.address.eq_ignore_ascii_case(address);
        if world
            .suppressions
            .iter()
            .any(|s| same(s) && s.reason == "SpamComplaint")
        {
            return Err("You do not have the required authority to change this suppression.");
        }
        world.suppressions.retain(|s| !same(s));
        Ok("Deleted")
    })
}

fn each_address(
    call: &Call<'_>,
    mut change: impl FnMut(&str) -> Result<&'static str, &'static str>,
) -> Reply {
    let missing = || Fault::new(1409, "A proper request body must be provided.");
    let body = call.object(missing)?;
    let list = body.list("Suppressions").map_err(|_| missing())?;
    if list.is_empty() {
        return Err(missing());
    }
    if list.len() > MAX_PER_CALL {
        let message =
            "You cannot provide more than the maximum number of suppressions for this request.";
        return Err(Fault::new(1410, message));
    }
    let mut outcomes = Vec::new();
    for item in list {
        let address = item.text("EmailAddress")?.unwrap_or_default();
        let (status, message) = match change(address) {
            Ok(status) => (status, None),
            Err(message) => ("Failed", Some(message)),
        };
        outcomes.push(json!({"EmailAddress": address, "Status": status, "Message": message}));
    }
    Ok(json!({"Suppressions": outcomes}))
}

fn set_webhook(webhook: &mut Value, body: &Fields) -> Result<(), Fault> {
    if let Some(url) = kept(body, "Url")? {
        if !is_web_url(url) {
            return Err(no_url());
        }
        webhook["Url"] = url.into();
    }
    if let Some(auth) = body.get("HttpAuth") {
        let auth = Fields::of(auth.clone()).ok_or_else(|| Fault::field("HttpAuth"))?;
        let (user, password) = (kept(&auth, "Username")?, kept(&auth, "Password")?);
        webhook["HttpAuth"] = json!({"Username": user, "Password": password});
    }
    if body.has("HttpHeaders") {
        let mut headers = Vec::new();
        for header in body.list("HttpHeaders")?.iter().take(MAX_PER_CALL) {
            let name = kept(header, "Name")?
                .ok_or_else(|| Fault::new(1358, "You must provide a valid 'HttpHeader' 'Name'."))?;
            headers.push(json!({"Name": name, "Value": kept(header, "Value")?}));
        }
        webhook["HttpHeaders"] = headers.into();
    }
    let Some(triggers) = body.get("Triggers") else {
        return Ok(());
    };
    let triggers = Fields::of(triggers.clone()).ok_or_else(|| Fault::field("Triggers"))?;
    for (name, option) in TRIGGERS {
        let Some(trigger) = triggers.get(name) else {
            continue;
        };
        let trigger = Fields::of(trigger.clone()).ok_or_else(|| Fault::field("Triggers"))?;
        for field in ["Enabled"].into_iter().chain(option) {
            if let Some(flag) = trigger.flag(field)? {
                webhook["Triggers"][name][field] = flag.into();
            }
        }
    }
    Ok(())
}

fn find_webhook(world: &World, call: &Call<'_>) -> Result<usize, Fault> {
    let id = call.param(0).parse::<u64>().ok();
    let found = world
        .webhooks
        .iter()
        .position(|w| id.is_some() && w["ID"].as_u64() == id);
    found.ok_or_else(|| Fault::new(1352, "The webhook for the provided 'ID' was not found."))
}

fn known_stream<'a>(world: &'a World, id: &str) -> Result<&'a Value, Fault> {
    world.stream(id).ok_or_else(|| {
        Fault::new(
            1226,
            "The message stream for the provided 'ID' was not found.",
        )
    })
}

fn stream_id(world: &World, call: &Call<'_>) -> Result<String, Fault> {
    let stream = known_stream(world, call.param(0))?;
    Ok(stream["ID"].as_str().unwrap_or_default().to_owned())
}

/// A text short enough to keep.
fn kept<'a>(body: &'a Fields, name: &str) -> Result<Option<&'a str>, Fault> {
    let text = body.text(name)?;
    if text.is_some_and(|t| t.len() > MAX_TEXT) {
        return Err(Fault::field(name));
    }
    Ok(text)
}

fn is_web_url(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|u| matches!(u.scheme(), "http" | "https") && u.has_host())
}

fn no_body() -> Fault {
    Fault::new(1355, "A request body must be provided.")
}

fn no_url() -> Fault {
    Fault::new(1354, "The request must contain a valid 'Url' field.")
}
