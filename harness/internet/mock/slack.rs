//! Slack's Web API (slack.com/api): every method is answered with `ok`, the usual ones in the
//! shapes of the public reference. Arguments come in the query, as a form or as JSON; without a
//! token the answer says `not_authed`, with status 200 as all of Slack's.
//!
//! | method | answer beside `ok` |
//! | --- | --- |
//! | `chat.postMessage`, `update`, `delete`, `postEphemeral`, `scheduleMessage`, `getPermalink` | `channel`, `ts`, `message` as sent; kept for the history |
//! | `conversations.list`, `info`, `history`, `replies`, `members`, `create`, `join`, `open`, `invite`, … | `channels`, `channel`, `messages`, `members` |
//! | `users.list`, `info`, `lookupByEmail`, `conversations`, `profile.get`, `getPresence` | `members`, `user`, `channels`, `profile` |
//! | `auth.test`, `team.info`, `bots.info`, `emoji.list`, `usergroups.list`, `reactions.get`, `pins.list`, `files.list`, `files.info`, `files.getUploadURLExternal`, `search.messages` | what they are named after |
//! | any other | nothing |

use super::made::Made;
use super::rest::{Call, Reply, Route, Service, Style};
use serde_json::{Map, Value, json};

pub(super) static SERVICE: Service = Service {
    name: "slack",
    prefixes: &["/api"],
    routes: &[
        Route {
            method: "POST",
            path: "/{method}",
            act: method,
        },
        Route {
            method: "GET",
            path: "/{method}",
            act: method,
        },
    ],
    collections: &[],
    style: Style {
        list: |_, _, _| Reply::empty(200),
        one: |_, _| Reply::empty(200),
        created: |_, _| Reply::empty(200),
        changed: |_, _| Reply::empty(200),
        deleted: |_, _| Reply::empty(200),
        missing: |_| Reply::empty(404),
    },
    guard: |_| None,
};

/// Channels and people that are there.
const MEMBERS: u64 = 3;

fn method(call: &mut Call<'_>) -> Reply {
    let token = call.request.header("authorization").is_some()
        || call.text("token").is_some_and(|t| !t.is_empty());
    if !token {
        return Reply::json(200, json!({"ok": false, "error": "not_authed"}));
    }
    let name = call.param(0).to_owned();
    let answer = match lacking(call, &name) {
        Some(error) => json!({"ok": false, "error": error}),
        None => {
            let mut answer = Map::from_iter([("ok".to_owned(), true.into())]);
            if let Value::Object(more) = answered(call, &name) {
                answer.extend(more);
            }
            answer.into()
        }
    };
    Reply::json(200, answer)
}

/// The error of a method that lacks an argument.
fn lacking(call: &Call<'_>, name: &str) -> Option<&'static str> {
    let has = |argument: &str| call.text(argument).is_some_and(|text| !text.is_empty());
    let channel = [
        "chat.postMessage",
        "chat.update",
        "chat.delete",
        "chat.postEphemeral",
        "chat.scheduleMessage",
    ];
    if (channel.contains(&name)
        || [
            "conversations.history",
            "conversations.replies",
            "conversations.info",
        ]
        .contains(&name))
        && !has("channel")
    {
        return Some("channel_not_found");
    }
    let says = has("text") || call.has("blocks") || call.has("attachments");
    if ["chat.postMessage", "chat.postEphemeral"].contains(&name) && !says {
        return Some("no_text");
    }
    if name == "users.info" && !has("user") {
        return Some("user_not_found");
    }
    (name == "users.lookupByEmail" && !has("email")).then_some("users_not_found")
}

fn answered(call: &mut Call<'_>, name: &str) -> Value {
    let done = || json!({"response_metadata": {"next_cursor": ""}});
    let channel_id = call
        .text("channel")
        .unwrap_or_else(|| id(&call.made.part("channel 0"), 'C'));
    match name {
        "chat.postMessage" | "chat.update" | "chat.postEphemeral" | "chat.scheduleMessage" => {
            said(call, name, &channel_id)
        }
        "chat.delete" => {
            let ts = call.text("ts").unwrap_or_default();
            call.store.delete(&format!("/{channel_id}"), &ts);
            json!({"channel": channel_id, "ts": ts})
        }
        "chat.getPermalink" => {
            let ts = call.text("message_ts").unwrap_or_default().replace('.', "");
            json!({"channel": channel_id, "permalink": format!("https://acme.slack.com/archives/{channel_id}/p{ts}")})
        }
        "conversations.list" | "users.conversations" => {
            let channels: Vec<Value> = listed(call, |made| channel(made, None));
            json!({"channels": channels, "response_metadata": {"next_cursor": ""}})
        }
        "conversations.create" => {
            let made = call.once();
            let mut new = channel(&made, None);
            if let Some(name) = call.text("name") {
                new["name"] = name.into();
            }
            json!({"channel": new})
        }
        "conversations.open" => json!({"channel": {"id": id(&call.once(), 'D')}}),
        "conversations.history" | "conversations.replies" => history(call, &channel_id),
        "conversations.members" => {
            let ids: Vec<Value> = listed(call, |made| id(made, 'U').into());
            json!({"members": ids, "response_metadata": {"next_cursor": ""}})
        }
        name if name.starts_with("conversations.") => {
            json!({"channel": channel(&call.made.part(&channel_id), Some(&channel_id))})
        }
        "users.list" => {
            let members: Vec<Value> = listed(call, |made| user(made, None));
            json!({"members": members, "cache_ts": call.made.number("cache", 1_735_689_600, 1_750_000_000), "response_metadata": {"next_cursor": ""}})
        }
        "users.info" => {
            let asked = call.text("user").unwrap_or_default();
            json!({"user": user(&call.made.part(&asked), Some(&asked))})
        }
        "users.lookupByEmail" => {
            let email = call.text("email").unwrap_or_default();
            let mut found = user(&call.made.part(&email), None);
            found["profile"]["email"] = email.into();
            json!({"user": found})
        }
        "users.profile.get" => {
            let asked = call.text("user").unwrap_or_default();
            json!({"profile": user(&call.made.part(&asked), Some(&asked))["profile"]})
        }
        "users.getPresence" => json!({"presence": "active", "online": true}),
        "auth.test" => {
            let made = call.made.part("auth");
            json!({
                "url": "https://acme.slack.com/", "team": format!("Acme {}", made.token("team")), "user": made.token("user"),
                "team_id": id(&made, 'T'), "user_id": id(&made, 'U'), "bot_id": id(&made, 'B'), "is_enterprise_install": false,
            })
        }
        "team.info" => {
            let made = call.made.part("auth");
            json!({"team": {"id": id(&made, 'T'), "name": format!("Acme {}", made.token("team")), "domain": "acme", "email_domain": "example.com"}})
        }
        "bots.info" => {
            json!({"bot": {"id": id(&call.made.part("auth"), 'B'), "name": call.made.token("bot"), "deleted": false}})
        }
        "emoji.list" => json!({"emoji": {}}),
        "usergroups.list" => json!({"usergroups": []}),
        "reactions.get" => {
            json!({"type": "message", "channel": channel_id, "message": message(&call.made.part("reacted"))})
        }
        "reactions.list" | "pins.list" | "stars.list" => json!({"items": []}),
        "files.list" => {
            json!({"files": [file(&call.made.part("file"), None)], "paging": {"count": 100, "total": 1, "page": 1, "pages": 1}})
        }
        "files.info" => {
            let asked = call.text("file").unwrap_or_default();
            json!({"file": file(&call.made.part(&asked), Some(&asked))})
        }
        "files.getUploadURLExternal" => {
            let made = call.once();
            json!({"upload_url": format!("https://files.slack.com/upload/v1/{}", made.long_token("upload", 24)), "file_id": id(&made, 'F')})
        }
        "files.completeUploadExternal" | "files.upload" => {
            json!({"files": [file(&call.once(), None)], "file": file(&call.once(), None)})
        }
        "search.messages" | "search.all" => {
            let asked = call.text("query").unwrap_or_default();
            let found = message(&call.made.part("found"));
            json!({"query": asked, "messages": {"total": 1, "matches": [found], "paging": {"count": 20, "total": 1, "page": 1, "pages": 1}}})
        }
        _ => done(),
    }
}

/// A message that was said: it is in the channel's history from then on.
fn said(call: &mut Call<'_>, name: &str, channel: &str) -> Value {
    let made = call.once();
    let own = (name == "chat.update").then(|| call.text("ts")).flatten();
    let ts = own.unwrap_or_else(|| stamp(&made));
    let mut new = message(&made);
    for field in ["text", "blocks", "attachments", "thread_ts", "username"] {
        if let Some(value) = call.sent.get(field).or_else(|| call.query.get(field)) {
            // Forms hold blocks as JSON in text.
            let read = value
                .as_str()
                .filter(|_| field != "text")
                .and_then(|text| serde_json::from_str(text).ok());
            new[field] = read.unwrap_or_else(|| value.clone());
        }
    }
    new["ts"] = ts.clone().into();
    if name == "chat.scheduleMessage" {
        return json!({"channel": channel, "scheduled_message_id": id(&made, 'Q'), "post_at": call.text("post_at"), "message": new});
    }
    if name == "chat.postEphemeral" {
        return json!({"message_ts": ts});
    }
    let fields = new.as_object().cloned().unwrap_or_default();
    call.store.create(&format!("/{channel}"), &ts, fields);
    json!({"channel": channel, "ts": ts, "message": new})
}

fn history(call: &mut Call<'_>, channel: &str) -> Value {
    let place = format!("/{channel}");
    let later = call.text("cursor").is_some_and(|cursor| !cursor.is_empty());
    let said = call.store.created(&place).into_iter();
    let mut messages: Vec<Value> = said
        .map(|ts| call.store.fields(&place, &ts).into())
        .collect();
    let made = call.made.part(&place);
    messages.extend((0..2).map(|i| message(&made.part(i))).filter(|m| {
        let ts = m["ts"].as_str().unwrap_or_default();
        !call.store.is_deleted(&place, ts)
    }));
    if later {
        messages.clear();
    }
    json!({"messages": messages, "has_more": false, "pin_count": 0, "response_metadata": {"next_cursor": ""}})
}

/// The members of a list; none on a further page.
fn listed(call: &Call<'_>, make: impl Fn(&Made) -> Value) -> Vec<Value> {
    let later = call.text("cursor").is_some_and(|cursor| !cursor.is_empty());
    let n = if later { 0 } else { MEMBERS };
    (0..n)
        .map(|i| make(&call.made.part(format!("channel {i}"))))
        .collect()
}

/// Identifiers are a letter for the kind and ten others.
fn id(made: &Made, kind: char) -> String {
    let token = made.token(&format!("id {kind}")).to_ascii_uppercase();
    format!("{kind}0{}", &token[..9])
}

fn stamp(made: &Made) -> String {
    let (seconds, micros) = (
        made.number("ts", 1_735_689_600, 1_750_000_000),
        made.number("ts micros", 100, 999_999),
    );
    format!("{seconds}.{micros:06}")
}

fn channel(made: &Made, known: Option<&str>) -> Value {
    let id = known.map_or_else(|| id(made, 'C'), str::to_owned);
    let name = format!("channel-{}", made.token("name"));
    json!({
        "id": id, "name": name, "name_normalized": name, "is_channel": true, "is_group": false, "is_im": false, "is_mpim": false,
        "is_private": false, "is_archived": false, "is_general": false, "is_member": true, "is_shared": false,
        "created": made.number("created", 1_735_689_600, 1_750_000_000), "creator": self::id(made, 'U'), "num_members": MEMBERS,
        "topic": {"value": format!("About {}", made.token("topic")), "creator": "", "last_set": 0},
        "purpose": {"value": format!("For {}", made.token("purpose")), "creator": "", "last_set": 0},
    })
}

fn user(made: &Made, known: Option<&str>) -> Value {
    let id = known.map_or_else(|| id(made, 'U'), str::to_owned);
    let name = made.token("name");
    json!({
        "id": id, "team_id": "T0ACME", "name": name, "deleted": false, "real_name": format!("Sam {name}"), "tz": "Europe/London",
        "is_admin": false, "is_owner": false, "is_bot": false, "is_app_user": false, "updated": made.number("updated", 1_735_689_600, 1_750_000_000),
        "profile": {
            "real_name": format!("Sam {name}"), "display_name": name, "email": format!("{name}@example.com"), "title": "", "phone": "",
            "status_text": "", "status_emoji": "", "image_72": format!("https://avatars.slack-edge.com/{}.png", made.token("image")),
        },
    })
}

fn message(made: &Made) -> Value {
    json!({"type": "message", "user": id(made, 'U'), "text": format!("Text {}", made.token("text")), "ts": stamp(made), "team": "T0ACME"})
}

fn file(made: &Made, known: Option<&str>) -> Value {
    let id = known.map_or_else(|| id(made, 'F'), str::to_owned);
    let name = format!("{}.txt", made.token("name"));
    json!({
        "id": id, "name": name, "title": name, "mimetype": "text/plain", "filetype": "text", "size": 120,
        "created": made.number("created", 1_735_689_600, 1_750_000_000), "url_private": format!("https://files.slack.com/files-pri/{name}"),
    })
}
