//! Resend (api.resend.com): what its public API reference says of routes and shapes. Every key
//! is taken; without one the answer is 401. It delivers nothing.
//!
//! | method | route |
//! | --- | --- |
//! | POST | `/emails`, `/emails/batch`, `/emails/{id}/cancel` |
//! | GET, PATCH | `/emails`, `/emails/{id}`; `/emails/receiving`, `/emails/receiving/{id}` |
//! | GET, POST, PATCH, DELETE | `/domains`, `/api-keys`, `/audiences`, `/segments`, `/contacts`, `/audiences/{id}/contacts`, `/broadcasts`, `/templates`, `/topics`, `/contact-properties`, `/webhooks`, and their members |
//! | POST | `/domains/{id}/verify`, `/broadcasts/{id}/send`, `/templates/{id}/publish`, `/templates/{id}/duplicate` |

use super::Request;
use super::made::Made;
use super::rest::{Act, Call, Collection, Id, Reply, Route, Service, Style};
use serde_json::{Map, Value, json};

pub(super) static SERVICE: Service = Service {
    name: "resend",
    prefixes: &[""],
    routes: &[
        post("/emails", send),
        post("/emails/batch", batch),
        post("/emails/{id}/cancel", cancel),
        post("/domains/{id}/verify", |call| acted(call, "domain")),
        post("/broadcasts/{id}/send", |call| {
            Reply::json(200, json!({"id": call.param(0)}))
        }),
        post("/templates/{id}/publish", |call| acted(call, "template")),
        post("/templates/{id}/duplicate", duplicate),
        post("/api-keys", api_key),
    ],
    collections: &[
        all(
            "/emails/receiving",
            "inbound",
            ("GET", "GET DELETE"),
            inbound,
        ),
        all("/emails", "email", ("GET", "GET PATCH"), email),
        all("/domains", "domain", EVERY, domain),
        all("/api-keys", "api_key", ("GET", "DELETE"), key),
        all("/audiences/{id}/contacts", "contact", EVERY, contact),
        all("/audiences", "audience", EVERY, named),
        all("/segments", "segment", EVERY, named),
        all("/contacts", "contact", EVERY, contact),
        all("/broadcasts", "broadcast", EVERY, broadcast),
        all("/templates", "template", EVERY, template),
        all("/topics", "topic", EVERY, named),
        all("/contact-properties", "contact_property", EVERY, named),
        all("/webhooks", "webhook", EVERY, webhook),
    ],
    style: Style {
        list: |_, _, members| {
            Reply::json(
                200,
                json!({"object": "list", "has_more": false, "data": members}),
            )
        },
        one: |collection, value| Reply::json(200, typed(collection, value)),
        created: |collection, value| {
            // A domain is told whole, for its records are needed next.
            let whole = collection.noun == "domain";
            let value = if whole {
                value
            } else {
                json!({"object": collection.noun, "id": value["id"]})
            };
            Reply::json(201, value)
        },
        changed: |collection, value| {
            Reply::json(200, json!({"object": collection.noun, "id": value["id"]}))
        },
        deleted: |collection, value| {
            let (noun, id) = (collection.noun, value["id"].clone());
            let mut gone = json!({"object": noun, "id": id, "deleted": true});
            if noun == "contact" {
                gone["contact"] = id;
            }
            Reply::json(200, gone)
        },
        missing: |collection| {
            fault(
                404,
                "not_found",
                &format!("{} not found", capital(collection.noun)),
            )
        },
    },
    guard,
};

const EVERY: (&str, &str) = ("GET POST", "GET PUT PATCH DELETE");

const fn post(path: &'static str, act: Act) -> Route {
    Route {
        method: "POST",
        path,
        act,
    }
}

const fn all(
    path: &'static str,
    noun: &'static str,
    methods: (&'static str, &'static str),
    make: fn(&Made) -> Value,
) -> Collection {
    Collection {
        path,
        noun,
        methods,
        id: Id::Uuid("id"),
        make,
    }
}

fn guard(request: &Request) -> Option<Reply> {
    let key = request
        .header("authorization")
        .and_then(|value| value.split_once(' '));
    let missing = key.is_none_or(|(_, key)| key.trim().is_empty());
    missing.then(|| fault(401, "missing_api_key", "Missing API Key"))
}

fn fault(status: u16, name: &str, message: &str) -> Reply {
    Reply::json(
        status,
        json!({"statusCode": status, "message": message, "name": name}),
    )
}

fn capital(noun: &str) -> String {
    let mut chars = noun.chars();
    chars
        .next()
        .map_or(String::new(), |c| c.to_uppercase().chain(chars).collect())
}

fn typed(collection: &Collection, mut value: Value) -> Value {
    if let Value::Object(map) = &mut value {
        map.shift_insert(0, "object".to_owned(), collection.noun.into());
    }
    value
}

/// What lacks in a mail, as the service says it.
fn lacking(mail: &Value) -> Option<Reply> {
    let has = |name: &str| match &mail[name] {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    };
    let templated = has("template");
    let needed = ["from", "to", "subject"]
        .into_iter()
        .filter(|name| *name == "to" || !templated);
    let field = needed.into_iter().find(|name| !has(name));
    let field = field.map(|field| format!("Missing `{field}` field."));
    let content = !templated && !["html", "text", "react"].iter().any(|name| has(name));
    let content = content.then(|| "Missing `html` or `text` field.".to_owned());
    field
        .or(content)
        .map(|message| fault(422, "missing_required_field", &message))
}

fn send(call: &mut Call<'_>) -> Reply {
    if let Some(fault) = lacking(&call.sent) {
        return fault;
    }
    let id = call.once().uuid("id");
    let fields = kept(&call.sent);
    call.store.create("/emails", &id, fields);
    Reply::json(200, json!({"id": id}))
}

fn batch(call: &mut Call<'_>) -> Reply {
    let Value::Array(mails) = std::mem::take(&mut call.sent) else {
        return fault(
            422,
            "validation_error",
            "The request body must be an array.",
        );
    };
    let mut sent = Vec::new();
    for (i, mail) in mails.iter().enumerate().take(100) {
        if let Some(fault) = lacking(mail) {
            return fault;
        }
        let id = call.once().uuid(&format!("id {i}"));
        call.store.create("/emails", &id, kept(mail));
        sent.push(json!({"id": id}));
    }
    Reply::json(200, json!({"data": sent}))
}

/// A mail as it is told later: lists of addresses where one was sent.
fn kept(mail: &Value) -> Map<String, Value> {
    let mut fields = mail.as_object().cloned().unwrap_or_default();
    for name in ["to", "cc", "bcc", "reply_to"] {
        if let Some(value @ Value::String(_)) = fields.get_mut(name) {
            *value = Value::Array(vec![value.take()]);
        }
    }
    fields
}

fn cancel(call: &mut Call<'_>) -> Reply {
    let id = call.param(0).to_owned();
    let event = Map::from_iter([("last_event".to_owned(), "canceled".into())]);
    call.store.change("/emails", &id, event, false);
    Reply::json(200, json!({"object": "email", "id": id}))
}

fn acted(call: &mut Call<'_>, noun: &str) -> Reply {
    Reply::json(200, json!({"object": noun, "id": call.param(0)}))
}

fn duplicate(call: &mut Call<'_>) -> Reply {
    let fields = call.store.fields("/templates", call.param(0));
    let id = call.once().uuid("id");
    call.store.create("/templates", &id, fields);
    Reply::json(201, json!({"object": "template", "id": id}))
}

fn api_key(call: &mut Call<'_>) -> Reply {
    let (id, token) = (call.once().uuid("id"), call.once().long_token("token", 32));
    let fields = call.fields();
    call.store.create("/api-keys", &id, fields);
    Reply::json(201, json!({"id": id, "token": format!("re_{token}")}))
}

fn created(made: &Made) -> String {
    made.moment("created").seconds()
}

fn email(made: &Made) -> Value {
    let token = made.token("to");
    json!({
        "to": [format!("{token}@example.com")], "from": format!("Acme <{}@example.com>", made.token("from")),
        "created_at": created(made), "subject": format!("About {}", made.token("subject")),
        "html": format!("<p>Text {}</p>", made.token("text")), "text": format!("Text {}", made.token("text")),
        "bcc": [], "cc": [], "reply_to": [], "last_event": "delivered", "scheduled_at": null, "tags": [],
    })
}

fn inbound(made: &Made) -> Value {
    let mut mail = email(made);
    mail["message_id"] = format!("<{}@mail.example.com>", made.token("message")).into();
    mail["attachments"] = json!([]);
    mail
}

fn domain(made: &Made) -> Value {
    json!({
        "name": format!("{}.example.com", made.token("name")), "status": "verified",
        "created_at": created(made), "region": "us-east-1", "open_tracking": false, "click_tracking": false,
        "records": [
            {"record": "SPF", "name": "send", "type": "MX", "ttl": "Auto", "status": "verified",
             "value": "feedback-smtp.us-east-1.amazonses.com", "priority": 10},
            {"record": "DKIM", "name": "resend._domainkey", "type": "TXT", "ttl": "Auto", "status": "verified",
             "value": format!("p={}", made.long_token("dkim", 64))},
        ],
    })
}

fn key(made: &Made) -> Value {
    json!({"name": format!("Key {}", made.token("name")), "created_at": created(made), "last_used_at": null})
}

fn named(made: &Made) -> Value {
    json!({"name": format!("Sample {}", made.token("name")), "description": "", "created_at": created(made)})
}

fn contact(made: &Made) -> Value {
    json!({
        "email": format!("{}@example.com", made.token("email")), "first_name": format!("Sam {}", made.token("first")),
        "last_name": "Doe", "created_at": created(made), "unsubscribed": false, "properties": {},
    })
}

fn broadcast(made: &Made) -> Value {
    json!({
        "name": format!("Broadcast {}", made.token("name")), "audience_id": made.uuid("audience"), "segment_id": made.uuid("audience"),
        "from": format!("Acme <{}@example.com>", made.token("from")), "subject": format!("About {}", made.token("subject")),
        "reply_to": null, "preview_text": null, "html": "", "text": format!("Text {}", made.token("text")),
        "status": "draft", "created_at": created(made), "scheduled_at": null, "sent_at": null,
    })
}

fn template(made: &Made) -> Value {
    json!({
        "name": format!("template-{}", made.token("name")), "alias": made.token("alias"), "status": "published",
        "from": null, "subject": format!("About {}", made.token("subject")), "reply_to": null,
        "html": format!("<p>Text {}</p>", made.token("text")), "text": null, "variables": [],
        "created_at": created(made), "updated_at": created(made), "published_at": created(made),
    })
}

fn webhook(made: &Made) -> Value {
    json!({
        "endpoint": format!("https://example.com/{}", made.token("endpoint")), "events": ["email.sent"],
        "status": "enabled", "created_at": created(made), "signing_secret": format!("whsec_{}", made.token("secret")),
    })
}
