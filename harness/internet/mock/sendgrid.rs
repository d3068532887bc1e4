//! SendGrid (api.sendgrid.com), version 3 of its Web API: what its public reference says of
//! routes and shapes. Every key is taken; without one the answer is 401. It delivers nothing.
//!
//! | method | route, below `/v3` |
//! | --- | --- |
//! | POST | `/mail/send`, `/mail/batch` |
//! | all | `/templates`, `/templates/{id}/versions`, `/marketing/lists`, `/marketing/singlesends`, `/marketing/segments/2.0`, `/api_keys`, `/asm/groups`, `/senders`, `/verified_senders`, `/whitelabel/domains`, and their members |
//! | GET, PUT, DELETE | `/marketing/contacts`, `/marketing/contacts/{id}`; POST `/marketing/contacts/search` and `/search/emails`; GET `/marketing/contacts/count` |
//! | GET, DELETE | `/suppression/bounces`, `blocks`, `spam_reports`, `invalid_emails`, `unsubscribes`, and their members |
//! | GET, POST | `/asm/groups/{id}/suppressions`, `/asm/suppressions/global` |
//! | GET | `/messages`, `/stats`, `/scopes`, `/user/profile`, `/user/account`, `/user/email` |
//! | POST | `/validations/email` |

use super::Request;
use super::made::Made;
use super::rest::{Call, Collection, Id, Reply, Service, Style, route};
use serde_json::{Value, json};

pub(super) static SERVICE: Service = Service {
    name: "sendgrid",
    prefixes: &["/v3"],
    routes: &[
        route("POST", "/mail/send", send),
        route("POST", "/mail/batch", |call| {
            Reply::json(201, json!({"batch_id": call.once().long_token("id", 40)}))
        }),
        route("PUT", "/marketing/contacts", contacts),
        route("DELETE", "/marketing/contacts", |call| {
            Reply::json(202, json!({"job_id": call.once().uuid("job")}))
        }),
        route("POST", "/marketing/contacts/search", search),
        route("POST", "/marketing/contacts/search/emails", search_emails),
        route("GET", "/marketing/contacts/count", |_| {
            Reply::json(200, json!({"contact_count": 2, "billable_count": 2}))
        }),
        route("GET", "/asm/groups/{id}/suppressions", suppressed),
        route("POST", "/asm/groups/{id}/suppressions", suppress),
        route("POST", "/asm/suppressions/global", suppress),
        route("GET", "/messages", messages),
        route("GET", "/stats", stats),
        route("GET", "/scopes", |_| {
            Reply::json(
                200,
                json!({"scopes": ["mail.send", "templates.read", "marketing.read", "suppression.read"]}),
            )
        }),
        route("GET", "/user/profile", profile),
        route("GET", "/user/account", |_| {
            Reply::json(200, json!({"type": "paid", "reputation": 99.7}))
        }),
        route("GET", "/user/email", |call| {
            Reply::json(
                200,
                json!({"email": format!("{}@example.com", call.made.token("user"))}),
            )
        }),
        route("POST", "/validations/email", validate),
    ],
    collections: &[
        all("/templates", "template", Id::Token("id"), template),
        all(
            "/templates/{id}/versions",
            "version",
            Id::Uuid("id"),
            version,
        ),
        all("/marketing/lists", "list", Id::Uuid("id"), list),
        all(
            "/marketing/singlesends",
            "singlesend",
            Id::Uuid("id"),
            single_send,
        ),
        all("/marketing/segments/2.0", "segment", Id::Uuid("id"), list),
        Collection {
            methods: ("GET", "GET"),
            ..all("/marketing/contacts", "contact", Id::Uuid("id"), contact)
        },
        all("/api_keys", "api_key", Id::Token("api_key_id"), key),
        all("/asm/groups", "group", Id::Number("id"), group),
        all(
            "/asm/suppressions/global",
            "suppression",
            Id::Sent("email"),
            suppression,
        ),
        all("/senders", "sender", Id::Number("id"), sender),
        all(
            "/verified_senders",
            "verified_sender",
            Id::Number("id"),
            sender,
        ),
        all("/whitelabel/domains", "domain", Id::Number("id"), domain),
        all(
            "/suppression/{kind}",
            "suppression",
            Id::Sent("email"),
            suppression,
        ),
    ],
    style: Style {
        list: |_, collection, members| {
            Reply::json(
                200,
                match collection.noun {
                    "group" | "sender" | "domain" | "suppression" => members.into(),
                    "verified_sender" => json!({"results": members}),
                    _ => {
                        let meta =
                            json!({"count": members.len(), "self": "https://api.sendgrid.com/v3"});
                        json!({"contact_count": members.len(), "result": members, "_metadata": meta})
                    }
                },
            )
        },
        one: |collection, value| match collection.noun {
            // One entry of these is told as a list.
            "suppression" => Reply::json(200, json!([value])),
            _ => Reply::json(200, value),
        },
        created: |_, value| Reply::json(201, value),
        changed: |_, value| Reply::json(200, value),
        deleted: |_, _| Reply::empty(204),
        missing: |collection| fault(404, &format!("{} not found", collection.noun), Value::Null),
    },
    guard: |request: &Request| {
        let key = request
            .header("authorization")
            .and_then(|value| value.split_once(' '));
        key.is_none()
            .then(|| fault(401, "authorization required", Value::Null))
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
        methods: ("GET POST", "GET PUT PATCH DELETE"),
        id,
        make,
    }
}

fn fault(status: u16, message: &str, field: Value) -> Reply {
    Reply::json(
        status,
        json!({"errors": [{"message": message, "field": field, "help": null}]}),
    )
}

/// The checks that every mail goes through; their words are the documented ones.
fn send(call: &mut Call<'_>) -> Reply {
    let bad = |message: &str, field: &str| fault(400, message, field.into());
    let each = call.sent["personalizations"].as_array();
    let Some(each) = each.filter(|each| !each.is_empty()) else {
        return bad(
            "The personalizations field is required and must have at least one personalization.",
            "personalizations",
        );
    };
    for (i, one) in each.iter().enumerate() {
        let to = one["to"].as_array().filter(|to| !to.is_empty());
        let addressed = to.is_some_and(|to| {
            to.iter()
                .all(|to| to["email"].as_str().is_some_and(|e| e.contains('@')))
        });
        if !addressed {
            return bad(
                "Does not contain a valid address.",
                &format!("personalizations.{i}.to"),
            );
        }
    }
    if !call.sent["from"]["email"]
        .as_str()
        .is_some_and(|e| e.contains('@'))
    {
        return bad(
            "The from object must be provided for every email send. It is an object that requires the email parameter, but may also contain a name parameter.",
            "from.email",
        );
    }
    if !call.has("template_id") && !call.has("content") {
        return bad(
            "Unless a valid template_id is provided, the content parameter is required. There must be at least one defined content block.",
            "content",
        );
    }
    if call.sent["mail_settings"]["sandbox_mode"]["enable"] == true {
        return Reply::empty(200);
    }
    Reply::empty(202).header("x-message-id", call.once().long_token("message", 22))
}

fn contacts(call: &mut Call<'_>) -> Reply {
    let each = call.sent["contacts"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for (i, one) in each.iter().enumerate().take(1_000) {
        let id = call.once().uuid(&format!("contact {i}"));
        let fields = one.as_object().cloned().unwrap_or_default();
        call.store.create("/marketing/contacts", &id, fields);
    }
    Reply::json(202, json!({"job_id": call.once().uuid("job")}))
}

fn every_contact(call: &Call<'_>) -> Vec<Value> {
    let collection = call.collection("contact");
    collection.map_or(Vec::new(), |c| call.members(c, "/marketing/contacts"))
}

fn search(call: &mut Call<'_>) -> Reply {
    let found = every_contact(call);
    Reply::json(200, json!({"contact_count": found.len(), "result": found}))
}

fn search_emails(call: &mut Call<'_>) -> Reply {
    let known = every_contact(call);
    let asked = call.sent["emails"].as_array().cloned().unwrap_or_default();
    let found = asked
        .iter()
        .filter_map(Value::as_str)
        .take(100)
        .map(|email| {
            let contact = known.iter().find(|c| c["email"] == email).cloned();
            let contact = contact.unwrap_or_else(|| {
                let mut made = contact_of(&call.made.part(email));
                made["email"] = email.into();
                made
            });
            (email.to_owned(), json!({"contact": contact}))
        });
    Reply::json(
        200,
        json!({"result": found.collect::<serde_json::Map<_, _>>()}),
    )
}

fn suppressed(call: &mut Call<'_>) -> Reply {
    let place = call.path.to_owned();
    Reply::json(200, json!(call.store.created(&place)))
}

fn suppress(call: &mut Call<'_>) -> Reply {
    let place = call.path.to_owned();
    let emails = call.sent["recipient_emails"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for email in emails.iter().filter_map(Value::as_str).take(1_000) {
        call.store.create(&place, email, Default::default());
    }
    Reply::json(201, json!({"recipient_emails": emails}))
}

fn messages(call: &mut Call<'_>) -> Reply {
    let message = |i: usize| {
        let made = call.made.part(format!("message {i}"));
        json!({
            "from_email": format!("{}@example.com", made.token("from")), "msg_id": made.long_token("id", 22),
            "subject": format!("About {}", made.token("subject")), "to_email": format!("{}@example.com", made.token("to")),
            "status": "delivered", "opens_count": 1, "clicks_count": 0, "last_event_time": made.moment("last").seconds(),
        })
    };
    Reply::json(200, json!({"messages": [message(0), message(1)]}))
}

fn stats(call: &mut Call<'_>) -> Reply {
    let date = call
        .text("start_date")
        .unwrap_or_else(|| call.made.moment("stats").date());
    let n = |label: &str| call.made.number(label, 100, 999);
    Reply::json(
        200,
        json!([{"date": date, "stats": [{"metrics": {
            "blocks": 0, "bounce_drops": 0, "bounces": 1, "clicks": n("clicks"), "deferred": 0, "delivered": n("delivered"),
            "invalid_emails": 0, "opens": n("opens"), "processed": n("processed"), "requests": n("requests"),
            "spam_report_drops": 0, "spam_reports": 0, "unique_clicks": n("unique clicks"), "unique_opens": n("unique opens"),
            "unsubscribe_drops": 0, "unsubscribes": 0,
        }}]}]),
    )
}

fn profile(call: &mut Call<'_>) -> Reply {
    let made = call.made.part("profile");
    Reply::json(
        200,
        json!({
            "username": made.token("user"), "first_name": "Sam", "last_name": made.token("last"), "company": format!("Company {}", made.token("company")),
            "address": "1 Example Street", "city": "Springfield", "state": "CA", "zip": "90001", "country": "US",
            "phone": "+15551234567", "website": "https://example.com",
        }),
    )
}

fn validate(call: &mut Call<'_>) -> Reply {
    let email = call.text("email").unwrap_or_default();
    let (local, host) = email.split_once('@').unwrap_or((&email, ""));
    Reply::json(
        200,
        json!({"result": {
            "email": email, "verdict": "Valid", "score": 0.95, "local": local, "host": host,
            "checks": {"domain": {"has_valid_address_syntax": true, "has_mx_or_a_record": true, "is_suspected_disposable_address": false}},
        }}),
    )
}

fn template(made: &Made) -> Value {
    json!({
        "name": format!("Template {}", made.token("name")), "generation": "dynamic",
        "updated_at": made.moment("updated").seconds().replace('T', " ").replace('Z', ""), "versions": [],
    })
}

fn version(made: &Made) -> Value {
    json!({
        "template_id": made.token("template"), "active": 1, "name": format!("Version {}", made.token("name")),
        "subject": format!("About {}", made.token("subject")), "html_content": format!("<p>Text {}</p>", made.token("text")),
        "plain_content": format!("Text {}", made.token("text")), "updated_at": made.moment("updated").seconds(), "editor": "code",
    })
}

fn list(made: &Made) -> Value {
    json!({"name": format!("List {}", made.token("name")), "contact_count": 2, "_metadata": {}})
}

fn single_send(made: &Made) -> Value {
    json!({
        "name": format!("Single send {}", made.token("name")), "status": "draft", "categories": [], "is_abtest": false,
        "created_at": made.moment("created").seconds(), "updated_at": made.moment("created").seconds(),
        "send_to": {"list_ids": []}, "email_config": {"subject": format!("About {}", made.token("subject"))},
    })
}

fn contact(made: &Made) -> Value {
    json!({
        "email": format!("{}@example.com", made.token("email")), "first_name": format!("Sam {}", made.token("first")), "last_name": "Doe",
        "alternate_emails": [], "city": "", "country": "", "list_ids": [], "custom_fields": {},
        "created_at": made.moment("created").seconds(), "updated_at": made.moment("created").seconds(),
    })
}

fn contact_of(made: &Made) -> Value {
    let mut value = contact(made);
    value["id"] = made.uuid("id").into();
    value
}

fn key(made: &Made) -> Value {
    json!({"name": format!("Key {}", made.token("name")), "scopes": ["mail.send"]})
}

fn group(made: &Made) -> Value {
    json!({"name": format!("Group {}", made.token("name")), "description": format!("About {}", made.token("description")), "is_default": false, "unsubscribes": 0})
}

fn suppression(made: &Made) -> Value {
    json!({"created": made.number("created", 1_735_689_600, 1_750_000_000), "reason": format!("550 mailbox {} unavailable", made.token("reason")), "status": "5.1.1"})
}

fn sender(made: &Made) -> Value {
    json!({
        "nickname": format!("Sender {}", made.token("nickname")), "from_email": format!("{}@example.com", made.token("from")),
        "from_name": "Sam Doe", "reply_to": format!("{}@example.com", made.token("from")), "address": "1 Example Street",
        "city": "Springfield", "country": "USA", "verified": true, "locked": false,
    })
}

fn domain(made: &Made) -> Value {
    json!({
        "domain": format!("{}.example.com", made.token("domain")), "subdomain": "em1", "username": made.token("user"), "user_id": made.number("user", 100_000, 999_999),
        "ips": [], "custom_spf": false, "default": true, "automatic_security": true, "valid": true,
        "dns": {"mail_cname": {"host": "em1.example.com", "type": "cname", "data": "u1.wl.sendgrid.net", "valid": true}},
    })
}
