//! What an account token reaches: servers, domains and sender signatures, to list, get, create.

use super::call::Fields;
use super::world::{self, MAX_ACCOUNT};
use super::{Call, Fault, Reply, World, address, manage};
use serde_json::{Value, json};

const SERVERS: u32 = 600;
const SENDERS: u32 = 500;
const MAX_NAME: usize = 255;
/// Fields that lists show of a domain and of a sender.
const DOMAIN: [&str; 6] = [
    "ID",
    "Name",
    "SPFVerified",
    "DKIMVerified",
    "WeakDKIM",
    "ReturnPathDomainVerified",
];
const SENDER: [&str; 6] = [
    "ID",
    "Domain",
    "EmailAddress",
    "ReplyToEmailAddress",
    "Name",
    "Confirmed",
];

/// `GET /servers`, by part of the name where one is given.
pub(super) fn servers(world: &mut World, call: &Call<'_>) -> Reply {
    let (count, offset) = call.page(SERVERS)?;
    let part = call.query("name").map(str::to_lowercase);
    let named = |s: &&Value| {
        let name = s["Name"].as_str().unwrap_or_default().to_lowercase();
        part.as_deref().is_none_or(|part| name.contains(part))
    };
    let fitting: Vec<&Value> = world.servers.iter().filter(named).collect();
    let page: Vec<&&Value> = fitting.iter().skip(offset).take(count).collect();
    Ok(json!({"TotalCount": fitting.len(), "Servers": page}))
}

/// `GET /servers/{id}`.
pub(super) fn server(world: &mut World, call: &Call<'_>) -> Reply {
    let not_found = || Fault::new(601, "The server was not found.");
    by_id(&world.servers, call).cloned().ok_or_else(not_found)
}

/// `POST /servers`.
pub(super) fn create_server(world: &mut World, call: &Call<'_>) -> Reply {
    let body = call.object(|| Fault::new(609, "No server data received."))?;
    let name = body.text("Name")?.filter(|n| n.len() <= MAX_NAME);
    let name = name.ok_or_else(|| Fault::new(608, "Server name is invalid or missing."))?;
    if world.servers.iter().any(|s| s["Name"] == name) {
        return Err(Fault::new(603, "This server name already exists."));
    }
    room(&world.servers)?;
    let id = world.next_id("server");
    let mut server = world::server(&world.made.part(format!("server {id}")), id, name);
    let types = ["Live", "Sandbox"];
    let kind = body
        .choice("DeliveryType", &types)
        .map_err(|_| Fault::new(613, "The supplied 'DeliveryType' option is not valid."))?;
    server["DeliveryType"] = kind.unwrap_or("Live").into();
    manage::set_server(&mut server, &body)?;
    world.servers.push(server.clone());
    Ok(server)
}

/// `GET /domains`.
pub(super) fn domains(world: &mut World, call: &Call<'_>) -> Reply {
    let (count, offset) = call.page(SENDERS)?;
    let page = short(&world.domains, &DOMAIN, count, offset);
    Ok(json!({"TotalCount": world.domains.len(), "Domains": page}))
}

/// `GET /domains/{id}`.
pub(super) fn domain(world: &mut World, call: &Call<'_>) -> Reply {
    let not_found = || Fault::new(510, "This domain was not found.");
    by_id(&world.domains, call).cloned().ok_or_else(not_found)
}

/// `POST /domains`: its DNS records are pending.
pub(super) fn create_domain(world: &mut World, call: &Call<'_>) -> Reply {
    let body = call.object(no_data)?;
    let name = body
        .text("Name")?
        .map(str::to_ascii_lowercase)
        .ok_or_else(|| Fault::new(514, "Name is a required field to create a Domain."))?;
    if name.len() > MAX_NAME || address::list("Name", &format!("x@{name}")).is_err() {
        return Err(Fault::new(516, "Name format is invalid."));
    }
    if world.domains.iter().any(|d| d["Name"] == *name) {
        return Err(Fault::new(512, "Domain already exists."));
    }
    room(&world.domains)?;
    let id = world.next_id("domain");
    let mut domain = world::domain(&world.made.part(format!("domain {id}")), &name, false);
    domain["ID"] = id.into();
    if let Some(path) = short_text(&body, "ReturnPathDomain")? {
        domain["ReturnPathDomain"] = path.into();
    }
    world.domains.push(domain.clone());
    Ok(domain)
}

/// `GET /senders`.
pub(super) fn senders(world: &mut World, call: &Call<'_>) -> Reply {
    let (count, offset) = call.page(SENDERS)?;
    let page = short(&world.senders, &SENDER, count, offset);
    Ok(json!({"TotalCount": world.senders.len(), "SenderSignatures": page}))
}

/// `GET /senders/{id}`.
pub(super) fn sender(world: &mut World, call: &Call<'_>) -> Reply {
    let not_found = || Fault::new(501, "Signature not found.").with_status(404);
    by_id(&world.senders, call).cloned().ok_or_else(not_found)
}

/// `POST /senders`: the owner of the address has yet to confirm.
pub(super) fn create_sender(world: &mut World, call: &Call<'_>) -> Reply {
    let body = call.object(no_data)?;
    let email = body.text("FromEmail")?.ok_or_else(|| {
        Fault::new(
            520,
            "FromEmail is a required field to create a Sender Signature.",
        )
    })?;
    if email.contains('<') || address::list("FromEmail", email).map_or(0, |l| l.len()) != 1 {
        let message = format!("'{}' is not a valid email address.", head(email));
        return Err(Fault::new(522, message));
    }
    let same = |s: &Value| {
        s["EmailAddress"]
            .as_str()
            .is_some_and(|e| e.eq_ignore_ascii_case(email))
    };
    if world.senders.iter().any(same) {
        return Err(Fault::new(504, "This signature already exists."));
    }
    room(&world.senders)?;
    let name = short_text(&body, "Name")?.unwrap_or_default();
    let reply_to = short_text(&body, "ReplyToEmail")?.unwrap_or_default();
    let id = world.next_id("sender");
    let made = world.made.part(format!("sender {id}"));
    let mut sender = world::sender(&made, name, email, reply_to);
    sender["ID"] = id.into();
    sender["Confirmed"] = false.into();
    let note = short_text(&body, "ConfirmationPersonalNote")?.unwrap_or_default();
    sender["ConfirmationPersonalNote"] = note.into();
    world.senders.push(sender.clone());
    Ok(sender)
}

fn by_id<'a>(items: &'a [Value], call: &Call<'_>) -> Option<&'a Value> {
    let id = call.param(0).parse::<u64>().ok()?;
    items.iter().find(|item| item["ID"].as_u64() == Some(id))
}

fn short(items: &[Value], fields: &[&str], count: usize, offset: usize) -> Value {
    let show = |item: &Value| -> Value {
        let shown = fields.iter().map(|f| ((*f).to_owned(), item[*f].clone()));
        Value::Object(shown.collect())
    };
    items.iter().skip(offset).take(count).map(show).collect()
}

fn room(items: &[Value]) -> Result<(), Fault> {
    if items.len() < MAX_ACCOUNT {
        return Ok(());
    }
    Err(Fault::new(
        614,
        "You have reached the limit of your account.",
    ))
}

fn no_data() -> Fault {
    Fault::new(502, "No update data or signature data received.")
}

fn short_text<'a>(body: &'a Fields, name: &str) -> Result<Option<&'a str>, Fault> {
    let text = body.text(name)?;
    if text.is_some_and(|t| t.len() > MAX_NAME) {
        return Err(Fault::new(521, format!("The '{name}' field is too long.")));
    }
    Ok(text)
}

fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_NAME)]
}
