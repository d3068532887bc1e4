//! Mailgun (api.mailgun.net, api.eu.mailgun.net): what its public reference says of routes and
//! shapes. Bodies come as multipart/form-data, as forms or as JSON. Every key is taken; without
//! one the answer is 401. It delivers nothing.
//!
//! | method | route |
//! | --- | --- |
//! | POST | `/v3/{domain}/messages`, `/v3/{domain}/messages.mime` |
//! | all | `/v3/domains` and `/v4/domains`, `/v3/{domain}/templates`, `/v3/routes`, `/v3/lists` (listed at `/v3/lists/pages`), `/v3/lists/{address}/members` (listed at `…/pages`), and their members |
//! | PUT | `/v3/domains/{name}/verify`, `/v4/domains/{name}/verify` |
//! | GET, POST, DELETE | `/v3/{domain}/bounces`, `unsubscribes`, `complaints`, `whitelists`, and their members |
//! | GET | `/v3/{domain}/events`, `/v3/{domain}/stats/total`, `/v3/stats/total`, `/v3/{domain}/tags`, `/v3/domains/{name}/webhooks`, `/v4/address/validate` |
//! | POST | `/v1/analytics/metrics`, `/v1/analytics/logs`, `/v4/address/validate` |

use super::made::Made;
use super::rest::{Call, Collection, Id, Reply, Service, Style, route};
use serde_json::{Value, json};

pub(super) static SERVICE: Service = Service {
    name: "mailgun",
    prefixes: &[""],
    routes: &[
        route("POST", "/v3/{domain}/messages", send),
        route("POST", "/v3/{domain}/messages.mime", send),
        route("PUT", "/v3/domains/{name}/verify", verify),
        route("PUT", "/v4/domains/{name}/verify", verify),
        route("GET", "/v3/domains/{name}/webhooks", |call| {
            Reply::json(
                200,
                json!({"webhooks": {"delivered": {"urls": [format!("https://example.com/{}", call.made.token("webhook"))]}}}),
            )
        }),
        route("GET", "/v3/{domain}/events", events),
        route("GET", "/v3/{domain}/stats/total", stats),
        route("GET", "/v3/stats/total", stats),
        route("GET", "/v3/lists/pages", |call| {
            members(call, "list", "/v3/lists")
        }),
        route("GET", "/v3/lists/{address}/members/pages", |call| {
            let place = format!("/v3/lists/{}/members", call.param(0));
            members(call, "member", &place)
        }),
        route("GET", "/v4/address/validate", validate),
        route("POST", "/v4/address/validate", validate),
        route("POST", "/v1/analytics/metrics", |call| {
            Reply::json(
                200,
                json!({"items": [], "aggregates": {"metrics": {"delivered_count": call.made.number("delivered", 100, 999)}}, "pagination": {"limit": 10, "skip": 0, "total": 0}}),
            )
        }),
        route("POST", "/v1/analytics/logs", events),
    ],
    collections: &[
        all("/v4/domains", "domain", Id::Sent("name"), domain),
        all("/v3/domains", "domain", Id::Sent("name"), domain),
        all("/v3/routes", "route", Id::Token("id"), forward),
        all(
            "/v3/lists/{address}/members",
            "member",
            Id::Sent("address"),
            member,
        ),
        all("/v3/lists", "list", Id::Sent("address"), list),
        all(
            "/v3/{domain}/templates",
            "template",
            Id::Sent("name"),
            template,
        ),
        all(
            "/v3/{domain}/tags",
            "tag",
            Id::Sent("tag"),
            |made| json!({"description": format!("About {}", made.token("description")), "first-seen": made.moment("first").seconds(), "last-seen": made.moment("last").seconds()}),
        ),
        all(
            "/v3/{domain}/bounces",
            "bounce",
            Id::Sent("address"),
            bounce,
        ),
        all(
            "/v3/{domain}/unsubscribes",
            "unsubscribe",
            Id::Sent("address"),
            |made| json!({"tags": ["*"], "created_at": made.moment("created").seconds()}),
        ),
        all(
            "/v3/{domain}/complaints",
            "complaint",
            Id::Sent("address"),
            |made| json!({"created_at": made.moment("created").seconds()}),
        ),
        all(
            "/v3/{domain}/whitelists",
            "whitelist",
            Id::Sent("value"),
            |made| json!({"type": "address", "reason": format!("Reason {}", made.token("reason")), "createdAt": made.moment("created").seconds()}),
        ),
    ],
    style: Style {
        list: |call, _, members| page(call, members),
        one: |collection, value| {
            Reply::json(
                200,
                match collection.noun {
                    "bounce" | "unsubscribe" | "complaint" | "whitelist" | "tag" => value,
                    "domain" => {
                        json!({"domain": value, "receiving_dns_records": [], "sending_dns_records": records(&value)})
                    }
                    noun => json!({noun: value}),
                },
            )
        },
        created: |collection, value| {
            Reply::json(
                200,
                match collection.noun {
                    "domain" => {
                        json!({"message": "Domain has been created", "domain": value, "receiving_dns_records": [], "sending_dns_records": records(&value)})
                    }
                    "template" => json!({"message": "template has been stored", "template": value}),
                    "list" => json!({"message": "Mailing list has been created", "list": value}),
                    "member" => {
                        json!({"message": "Mailing list member has been created", "member": value})
                    }
                    "route" => json!({"message": "Route has been created", "route": value}),
                    noun => {
                        json!({"message": format!("1 address has been added to the {noun}s table"), "address": value["address"]})
                    }
                },
            )
        },
        changed: |collection, value| {
            Reply::json(
                200,
                json!({"message": format!("{} has been updated", collection.noun), collection.noun: value}),
            )
        },
        deleted: |collection, value| {
            Reply::json(
                200,
                json!({"message": format!("{} has been deleted", collection.noun), "address": value["address"], "name": value["name"]}),
            )
        },
        missing: |collection| {
            Reply::json(
                404,
                json!({"message": format!("{} not found", collection.noun)}),
            )
        },
    },
    guard: |request| {
        let missing = request.header("authorization").is_none();
        missing.then(|| Reply::json(401, "Forbidden".into()))
    },
};

const fn all(
    path: &'static str,
    noun: &'static str,
    id: Id,
    make: fn(&Made) -> Value,
) -> Collection {
    Collection {
        path,
        noun,
        methods: ("GET POST", "GET PUT DELETE"),
        id,
        make,
    }
}

fn send(call: &mut Call<'_>) -> Reply {
    let mime = call.path.ends_with(".mime");
    let needed: &[&str] = if mime { &["to"] } else { &["from", "to"] };
    if let Some(field) = needed.iter().find(|field| !call.has(field)) {
        return Reply::json(
            400,
            json!({"message": format!("{field} parameter is missing")}),
        );
    }
    let content = ["text", "html", "template", "amp-html", "message"];
    if !content.iter().any(|field| call.has(field)) {
        return Reply::json(
            400,
            json!({"message": "Need at least one of 'text', 'html', 'amp-html' or 'template' parameters specified"}),
        );
    }
    let id = call.once().long_token("id", 24);
    Reply::json(
        200,
        json!({"id": format!("<{id}@{}>", call.param(0)), "message": "Queued. Thank you."}),
    )
}

fn verify(call: &mut Call<'_>) -> Reply {
    let (name, place) = (call.param(0).to_owned(), "/v3/domains");
    let domain = call
        .collection("domain")
        .map(|c| call.member(c, place, &name))
        .unwrap_or_default();
    Reply::json(
        200,
        json!({"message": "Domain DNS records have been updated", "domain": domain, "receiving_dns_records": [], "sending_dns_records": records(&domain)}),
    )
}

fn members(call: &mut Call<'_>, noun: &str, place: &str) -> Reply {
    let all = call
        .collection(noun)
        .map_or(Vec::new(), |c| call.members(c, place));
    page(call, all)
}

/// A list with links to pages; there is one.
fn page(call: &Call<'_>, items: Vec<Value>) -> Reply {
    let base = format!("https://{}{}", call.request.host, call.path);
    let link = |page: &str| format!("{base}?page={page}");
    Reply::json(
        200,
        json!({
            "total_count": items.len(), "items": items,
            "paging": {"first": link("first"), "last": link("last"), "next": link("next"), "previous": link("previous")},
        }),
    )
}

fn events(call: &mut Call<'_>) -> Reply {
    // Clients follow `next` until a page is empty.
    let later = call.query.get("page").is_some_and(|page| page != "first");
    let event = |i: usize| {
        let made = call.made.part(call.path).part(format!("event {i}"));
        let to = format!("{}@example.com", made.token("to"));
        json!({
            "id": made.token("id"), "event": "delivered", "timestamp": made.number("time", 1_735_689_600, 1_750_000_000), "log-level": "info",
            "recipient": to, "recipient-domain": "example.com",
            "message": {"headers": {"to": to, "message-id": format!("{}@example.com", made.token("message")), "from": format!("{}@example.com", made.token("from")), "subject": format!("About {}", made.token("subject"))}, "attachments": [], "size": 512},
            "delivery-status": {"code": 250, "message": "OK", "attempt-no": 1}, "tags": [], "flags": {}, "user-variables": {},
        })
    };
    let items = if later {
        Vec::new()
    } else {
        vec![event(0), event(1)]
    };
    page(call, items)
}

fn stats(call: &mut Call<'_>) -> Reply {
    let time = call.made.moment("stats").date();
    let n = |label: &str| call.made.number(label, 100, 999);
    Reply::json(
        200,
        json!({
            "start": time, "end": time, "resolution": "day",
            "stats": [{"time": time, "accepted": {"outgoing": n("accepted"), "total": n("accepted")}, "delivered": {"smtp": n("delivered"), "total": n("delivered")}}],
        }),
    )
}

fn validate(call: &mut Call<'_>) -> Reply {
    let address = call.text("address").unwrap_or_default();
    Reply::json(
        200,
        json!({"address": address, "is_disposable_address": false, "is_role_address": false, "reason": [], "result": "deliverable", "risk": "low"}),
    )
}

fn records(domain: &Value) -> Value {
    json!([{"record_type": "TXT", "valid": "valid", "name": domain["name"], "value": "v=spf1 include:mailgun.org ~all", "is_active": true, "cached": []}])
}

fn domain(made: &Made) -> Value {
    json!({
        "id": made.token("id"), "smtp_login": format!("postmaster@{}.example.com", made.token("login")), "state": "active", "type": "custom",
        "spam_action": "disabled", "wildcard": false, "is_disabled": false, "require_tls": false, "skip_verification": false,
        "web_prefix": "email", "web_scheme": "https", "created_at": made.moment("created").seconds(),
    })
}

fn forward(made: &Made) -> Value {
    json!({"description": format!("Route {}", made.token("description")), "expression": "catch_all()", "actions": ["stop()"], "priority": 0, "created_at": made.moment("created").seconds()})
}

fn list(made: &Made) -> Value {
    json!({"name": format!("List {}", made.token("name")), "description": format!("About {}", made.token("description")), "access_level": "readonly", "reply_preference": "list", "members_count": 2, "created_at": made.moment("created").seconds()})
}

fn member(made: &Made) -> Value {
    json!({"name": format!("Sam {}", made.token("name")), "subscribed": true, "vars": {}})
}

fn template(made: &Made) -> Value {
    json!({"id": made.uuid("id"), "description": format!("About {}", made.token("description")), "createdAt": made.moment("created").seconds(), "createdBy": "", "version": {"tag": "initial", "engine": "handlebars", "active": true, "template": format!("Text {}", made.token("text"))}})
}

fn bounce(made: &Made) -> Value {
    json!({"code": "550", "error": format!("mailbox {} unavailable", made.token("error")), "created_at": made.moment("created").seconds()})
}
