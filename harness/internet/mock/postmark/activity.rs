//! What happened to messages: bounces, delivery statistics, and the message search.

use super::{Call, Fault, Reply, World};
use serde_json::{Value, json};

const BOUNCES: u32 = 1000;
const MESSAGES: u32 = 700;
const NO_BOUNCE: u32 = 1001;
const NO_MESSAGE: u32 = 701;
/// Fields of a message that only its details show.
const DETAILS: [&str; 3] = ["TextBody", "HtmlBody", "MessageEvents"];
const INBOUND_DETAILS: [&str; 5] = [
    "TextBody",
    "HtmlBody",
    "StrippedTextReply",
    "Headers",
    "BlockedReason",
];
const BOUNCE_TYPES: [&str; 22] = [
    "HardBounce",
    "Transient",
    "Unsubscribe",
    "Subscribe",
    "AutoResponder",
    "AddressChange",
    "DnsError",
    "SpamNotification",
    "OpenRelayTest",
    "Unknown",
    "SoftBounce",
    "VirusNotification",
    "ChallengeVerification",
    "BadEmailAddress",
    "SpamComplaint",
    "ManuallyDeactivated",
    "Unconfirmed",
    "Blocked",
    "SMTPApiError",
    "InboundError",
    "DMARCPolicy",
    "TemplateRenderingFailed",
];

/// `GET /deliverystats`: bounces by type, the sum of all first.
pub(super) fn delivery_stats(world: &mut World, _: &Call<'_>) -> Reply {
    let count = |f: &dyn Fn(&Value) -> bool| world.bounces.iter().filter(|b| f(b)).count();
    let mut groups = vec![json!({"Name": "All", "Count": world.bounces.len()})];
    for kind in BOUNCE_TYPES {
        let of_kind = count(&|b| b["Type"] == kind);
        if let Some(first) = world.bounces.iter().find(|b| b["Type"] == kind) {
            groups.push(json!({"Type": kind, "Name": first["Name"], "Count": of_kind}));
        }
    }
    Ok(json!({"InactiveMails": count(&|b| b["Inactive"] == true), "Bounces": groups}))
}

/// `GET /bounces`.
pub(super) fn bounces(world: &mut World, call: &Call<'_>) -> Reply {
    let (count, offset) = call.page(BOUNCES)?;
    let kind = call.query("type");
    if kind.is_some_and(|k| !BOUNCE_TYPES.iter().any(|t| t.eq_ignore_ascii_case(k))) {
        return Err(Fault::new(BOUNCES, "The bounce type is not valid."));
    }
    let inactive = match call
        .query("inactive")
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        None => None,
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) => {
            return Err(Fault::new(
                BOUNCES,
                "Parameter 'inactive' should be a boolean.",
            ));
        }
    };
    let email = call.query("emailfilter").map(str::to_ascii_lowercase);
    let fits = |b: &&Value| {
        kind.is_none_or(|k| is(&b["Type"], k))
            && inactive.is_none_or(|want| b["Inactive"] == want)
            && email.as_deref().is_none_or(|e| holds(&b["Email"], e))
            && call
                .query("messageid")
                .is_none_or(|id| is(&b["MessageID"], id))
            && call.query("tag").is_none_or(|tag| b["Tag"] == tag)
            && on_stream(call, b)
            && in_time(call, &b["BouncedAt"])
    };
    let fitting: Vec<&Value> = world.bounces.iter().filter(fits).collect();
    let page = fitting
        .iter()
        .skip(offset)
        .take(count)
        .map(|b| without(b, &["Content"]));
    Ok(json!({"TotalCount": fitting.len(), "Bounces": page.collect::<Value>()}))
}

/// `GET /bounces/{id}`.
pub(super) fn bounce(world: &mut World, call: &Call<'_>) -> Reply {
    find_bounce(world, call).map(|i| world.bounces[i].clone())
}

/// `GET /bounces/{id}/dump`.
pub(super) fn bounce_dump(world: &mut World, call: &Call<'_>) -> Reply {
    find_bounce(world, call).map(|i| json!({"Body": world.bounces[i]["Content"]}))
}

/// `PUT /bounces/{id}/activate`: mail goes to the address again.
pub(super) fn activate_bounce(world: &mut World, call: &Call<'_>) -> Reply {
    let i = find_bounce(world, call)?;
    let bounce = &mut world.bounces[i];
    if bounce["CanActivate"] != true {
        let message = "Due to the type of bounce, this address cannot be reactivated.";
        return Err(Fault::new(1003, message));
    }
    bounce["Inactive"] = false.into();
    let bounce = bounce.clone();
    let address = bounce["Email"].as_str().unwrap_or_default();
    world
        .suppressions
        .retain(|s| s.stream != "outbound" || s.address != address);
    Ok(json!({"Message": "OK", "Bounce": bounce}))
}

/// `GET /messages/outbound`.
pub(super) fn outbound(world: &mut World, call: &Call<'_>) -> Reply {
    let (count, offset) = call.page(MESSAGES)?;
    if !matches!(
        call.query("status").map(str::to_ascii_lowercase).as_deref(),
        None | Some("queued" | "sent" | "processed")
    ) {
        return Err(Fault::new(MESSAGES, "Parameter 'status' is not valid."));
    }
    let queued = call
        .query("status")
        .is_some_and(|s| s.eq_ignore_ascii_case("queued"));
    let fits = |m: &&Value| {
        // Nothing waits in a queue here.
        !queued
            && call.query("recipient").is_none_or(|r| has_recipient(m, r))
            && call.query("fromemail").is_none_or(|f| holds(&m["From"], f))
            && call.query("tag").is_none_or(|tag| m["Tag"] == tag)
            && call
                .query("subject")
                .is_none_or(|s| holds(&m["Subject"], s))
            && on_stream(call, m)
            && in_time(call, &m["ReceivedAt"])
    };
    let fitting: Vec<&Value> = world.messages.iter().filter(fits).collect();
    let page = fitting
        .iter()
        .skip(offset)
        .take(count)
        .map(|m| without(m, &DETAILS));
    Ok(json!({"TotalCount": fitting.len(), "Messages": page.collect::<Value>()}))
}

/// `GET /messages/outbound/{id}/details`.
pub(super) fn outbound_details(world: &mut World, call: &Call<'_>) -> Reply {
    let message = find_message(world, call)?;
    let mut details = message.clone();
    details["Body"] = source(message).into();
    Ok(details)
}

/// `GET /messages/outbound/{id}/dump`.
pub(super) fn outbound_dump(world: &mut World, call: &Call<'_>) -> Reply {
    Ok(json!({"Body": source(find_message(world, call)?)}))
}

/// `GET /messages/inbound`.
pub(super) fn inbound(world: &mut World, call: &Call<'_>) -> Reply {
    let (count, offset) = call.page(MESSAGES)?;
    let fits = |m: &&Value| {
        call.query("recipient").is_none_or(|r| holds(&m["To"], r))
            && call.query("fromemail").is_none_or(|f| holds(&m["From"], f))
            && call
                .query("subject")
                .is_none_or(|s| holds(&m["Subject"], s))
            && call.query("tag").is_none_or(|tag| m["Tag"] == tag)
            && call.query("status").is_none_or(|s| is(&m["Status"], s))
            && in_time(call, &m["Date"])
    };
    let fitting: Vec<&Value> = world.inbound.iter().filter(fits).collect();
    let page = fitting
        .iter()
        .skip(offset)
        .take(count)
        .map(|m| without(m, &INBOUND_DETAILS));
    Ok(json!({"TotalCount": fitting.len(), "InboundMessages": page.collect::<Value>()}))
}

/// `GET /messages/inbound/{id}/details`.
pub(super) fn inbound_details(world: &mut World, call: &Call<'_>) -> Reply {
    let found = world
        .inbound
        .iter()
        .find(|m| is(&m["MessageID"], call.param(0)));
    found.cloned().ok_or_else(no_message)
}

/// `GET /messages/outbound/opens`: of messages sent with open tracking, the delivered ones.
pub(super) fn opens(world: &mut World, call: &Call<'_>) -> Reply {
    let (count, offset) = call.page(MESSAGES)?;
    let opens: Vec<Value> = world
        .messages
        .iter()
        .filter_map(|m| open(call, m))
        .collect();
    let total = opens.len();
    let page: Vec<Value> = opens.into_iter().skip(offset).take(count).collect();
    Ok(json!({"TotalCount": total, "Opens": page}))
}

/// `GET /messages/outbound/opens/{id}`: the first open at most.
pub(super) fn opens_of(world: &mut World, call: &Call<'_>) -> Reply {
    call.page(MESSAGES)?;
    let open: Vec<Value> = open(call, find_message(world, call)?).into_iter().collect();
    Ok(json!({"TotalCount": open.len(), "Opens": open}))
}

/// `GET /messages/outbound/clicks`: nobody clicks on anything here.
pub(super) fn clicks(_: &mut World, call: &Call<'_>) -> Reply {
    call.page(MESSAGES)?;
    Ok(json!({"TotalCount": 0, "Clicks": []}))
}

/// `GET /messages/outbound/clicks/{id}`.
pub(super) fn clicks_of(world: &mut World, call: &Call<'_>) -> Reply {
    find_message(world, call)?;
    clicks(world, call)
}

/// The history's delivered message was opened; what the run sends is not.
fn open(call: &Call<'_>, message: &Value) -> Option<Value> {
    let delivered = message["MessageEvents"][0]["Type"] == "Delivered";
    let past = message["Tag"] == "receipt" && message["From"] == "\"Sender\" <sender@example.com>";
    let wanted = call
        .query("recipient")
        .is_none_or(|r| has_recipient(message, r))
        && call.query("tag").is_none_or(|tag| message["Tag"] == tag)
        && on_stream(call, message);
    (delivered && past && wanted).then(|| {
        json!({
            "RecordType": "Open", "UserAgent": "Mozilla/5.0",
            "MessageID": message["MessageID"], "MessageStream": message["MessageStream"],
            "ReceivedAt": message["ReceivedAt"], "Tag": message["Tag"],
            "Recipient": message["Recipients"][0], "Platform": "Desktop", "ReadSeconds": 7,
            "Client": {"Name": "Thunderbird", "Company": "Mozilla", "Family": "Thunderbird"},
            "OS": {"Name": "Linux", "Company": "", "Family": "Linux"}, "Geo": {},
        })
    })
}

fn find_bounce(world: &World, call: &Call<'_>) -> Result<usize, Fault> {
    let id = call.param(0).parse::<u64>().ok();
    let found = world
        .bounces
        .iter()
        .position(|b| id.is_some() && b["ID"].as_u64() == id);
    found.ok_or_else(|| Fault::new(NO_BOUNCE, "The bounce was not found."))
}

fn find_message<'a>(world: &'a World, call: &Call<'_>) -> Result<&'a Value, Fault> {
    let found = world
        .messages
        .iter()
        .find(|m| is(&m["MessageID"], call.param(0)));
    found.ok_or_else(no_message)
}

fn no_message() -> Fault {
    Fault::new(NO_MESSAGE, "This message was not found.")
}

/// A message as it went over SMTP, in short.
fn source(message: &Value) -> String {
    let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
    let to: Vec<&str> = message["To"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|p| p["Email"].as_str())
        .collect();
    format!(
        "From: {}\r\nTo: {}\r\nSubject: {}\r\nX-PM-Message-Id: {}\r\nX-PM-Tag: {}\r\n\r\n{}\r\n",
        text("From"),
        to.join(", "),
        text("Subject"),
        text("MessageID"),
        text("Tag"),
        text("TextBody"),
    )
}

/// Lists look at the default stream unless another is named.
fn on_stream(call: &Call<'_>, item: &Value) -> bool {
    is(
        &item["MessageStream"],
        call.query("messagestream").unwrap_or("outbound"),
    )
}

/// `fromdate` and `todate`, both included; a date alone is the whole day.
fn in_time(call: &Call<'_>, at: &Value) -> bool {
    let at = at.as_str().unwrap_or_default();
    let head = |bound: &str| at[..at.floor_char_boundary(bound.len())].to_owned();
    call.query("fromdate")
        .is_none_or(|from| *head(from) >= *from)
        && call.query("todate").is_none_or(|to| *head(to) <= *to)
}

fn has_recipient(message: &Value, address: &str) -> bool {
    let mut all = message["Recipients"].as_array().into_iter().flatten();
    all.any(|r| is(r, address))
}

fn is(value: &Value, text: &str) -> bool {
    value.as_str().is_some_and(|v| v.eq_ignore_ascii_case(text))
}

fn holds(value: &Value, text: &str) -> bool {
    let value = value.as_str().unwrap_or_default().to_ascii_lowercase();
    value.contains(&text.to_ascii_lowercase())
}

fn without(value: &Value, fields: &[&str]) -> Value {
    let mut value = value.clone();
    if let Value::Object(map) = &mut value {
        map.retain(|name, _| !fields.contains(&name.as_str()));
    }
    value
}
