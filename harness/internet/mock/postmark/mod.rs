//! Postmark (api.postmarkapp.com): what its public API documentation says of routes, shapes,
//! validation and error codes. Every server token of the right form is a server with some
//! history; every sender is taken as confirmed, for only the scenario's author knows which are.
//! It delivers nothing, posts to no webhook, and keeps a bounded number of everything.
//!
//! | method | route | token |
//! | --- | --- | --- |
//! | POST | `/email`, `/email/batch`, `/email/withTemplate`, `/email/batchWithTemplates` | server |
//! | GET, POST | `/templates` | server |
//! | POST | `/templates/validate` | server |
//! | GET, PUT, DELETE | `/templates/{idOrAlias}` | server |
//! | GET | `/deliverystats`, `/bounces`, `/bounces/{id}`, `/bounces/{id}/dump` | server |
//! | PUT | `/bounces/{id}/activate` | server |
//! | GET | `/messages/outbound`, `/messages/outbound/{id}`, the same with `/details` and `/dump` | server |
//! | GET | `/messages/outbound/opens`, `/messages/outbound/clicks`, and both with `/{id}` | server |
//! | GET | `/messages/inbound`, `/messages/inbound/{id}/details` | server |
//! | GET | `/stats/outbound` and its twelve sub-routes | server |
//! | GET, PUT | `/server` | server |
//! | GET, POST | `/webhooks` | server |
//! | GET, PUT, DELETE | `/webhooks/{id}` | server |
//! | GET | `/message-streams`, `/message-streams/{id}` | server |
//! | GET | `/message-streams/{id}/suppressions/dump` | server |
//! | POST | `/message-streams/{id}/suppressions`, `/message-streams/{id}/suppressions/delete` | server |
//! | GET, POST | `/servers`, `/domains`, `/senders` | account |
//! | GET | `/servers/{id}`, `/domains/{id}`, `/senders/{id}` | account |
//!
//! A known path with another method answers 405 without a body, before the token is looked at,
//! as the real one does; an unknown path is no route of this mock.

mod account;
mod activity;
mod address;
mod call;
mod fault;
mod manage;
mod mustache;
mod send;
mod stats;
mod templates;
mod world;

use super::{Answer, Mock, Request, made::Made};
use crate::secret::Seed;
use call::Call;
use fault::Fault;
use serde_json::Value;
use std::sync::Mutex;
use world::World;

/// The mock; one for each run, since it remembers what was created.
pub struct Postmark {
    world: Mutex<World>,
}

impl Postmark {
    /// A Postmark whose templates, bounces, messages and numbers derive from `seed`.
    pub fn new(seed: Seed) -> Self {
        Self {
            world: Mutex::new(World::new(Made::new(seed, "postmark"))),
        }
    }
}

impl Mock for Postmark {
    fn name(&self) -> &str {
        "postmark"
    }

    fn answer(&self, request: &Request) -> Option<Answer> {
        let (route, params) = match find(request)? {
            Found::Route(route, params) => (route, params),
            Found::OtherMethods(path) => {
                let by = format!("postmark {} {path}", request.method);
                return Some(Answer::bytes(405, "", "", by));
            }
        };
        let by = format!("postmark {} {}", route.method, route.path);
        let reply = Call::read(request, route, params).and_then(|call| {
            let mut world = self.world.lock().unwrap_or_else(|e| e.into_inner());
            (route.handle)(&mut world, &call)
        });
        Some(match reply {
            Ok(value) => Answer::json(200, &value, by),
            Err(fault) => fault.answer(by),
        })
    }
}

/// Whose token a route wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Server,
    Account,
}

type Reply = Result<Value, Fault>;
type Handler = fn(&mut World, &Call<'_>) -> Reply;

struct Route {
    method: &'static str,
    path: &'static str,
    token: Token,
    handle: Handler,
}

const fn server(method: &'static str, path: &'static str, handle: Handler) -> Route {
    Route {
        method,
        path,
        token: Token::Server,
        handle,
    }
}

const fn account(method: &'static str, path: &'static str, handle: Handler) -> Route {
    Route {
        method,
        path,
        token: Token::Account,
        handle,
    }
}

/// In the order of matching: literal segments stand before placeholders.
const ROUTES: &[Route] = &[
    server("POST", "/email", send::one),
    server("POST", "/email/batch", send::batch),
    server("POST", "/email/withTemplate", send::with_template),
    server(
        "POST",
        "/email/batchWithTemplates",
        send::batch_with_templates,
    ),
    server("GET", "/templates", templates::list),
    server("POST", "/templates", templates::create),
    server("POST", "/templates/validate", templates::validate),
    server("GET", "/templates/{idOrAlias}", templates::get),
    server("PUT", "/templates/{idOrAlias}", templates::edit),
    server("DELETE", "/templates/{idOrAlias}", templates::delete),
    server("GET", "/deliverystats", activity::delivery_stats),
    server("GET", "/bounces", activity::bounces),
    server("GET", "/bounces/{id}", activity::bounce),
    server("GET", "/bounces/{id}/dump", activity::bounce_dump),
    server("PUT", "/bounces/{id}/activate", activity::activate_bounce),
    server("GET", "/messages/outbound", activity::outbound),
    server("GET", "/messages/outbound/opens", activity::opens),
    server("GET", "/messages/outbound/opens/{id}", activity::opens_of),
    server("GET", "/messages/outbound/clicks", activity::clicks),
    server("GET", "/messages/outbound/clicks/{id}", activity::clicks_of),
    // The official library asks for this one up to version 4.
    server("GET", "/messages/outbound/{id}", activity::outbound_details),
    server(
        "GET",
        "/messages/outbound/{id}/details",
        activity::outbound_details,
    ),
    server(
        "GET",
        "/messages/outbound/{id}/dump",
        activity::outbound_dump,
    ),
    server("GET", "/messages/inbound", activity::inbound),
    server(
        "GET",
        "/messages/inbound/{id}/details",
        activity::inbound_details,
    ),
    server("GET", "/stats/outbound", stats::overview),
    server("GET", "/stats/outbound/sends", stats::sends),
    server("GET", "/stats/outbound/bounces", stats::bounces),
    server("GET", "/stats/outbound/spam", stats::spam),
    server("GET", "/stats/outbound/tracked", stats::tracked),
    server("GET", "/stats/outbound/opens", stats::opens),
    server(
        "GET",
        "/stats/outbound/opens/platforms",
        stats::open_platforms,
    ),
    server(
        "GET",
        "/stats/outbound/opens/emailclients",
        stats::open_clients,
    ),
    server("GET", "/stats/outbound/opens/readtimes", stats::read_times),
    server("GET", "/stats/outbound/clicks", stats::clicks),
    server(
        "GET",
        "/stats/outbound/clicks/browserfamilies",
        stats::click_browsers,
    ),
    server(
        "GET",
        "/stats/outbound/clicks/platforms",
        stats::click_platforms,
    ),
    server(
        "GET",
        "/stats/outbound/clicks/location",
        stats::click_places,
    ),
    server("GET", "/server", manage::server),
    server("PUT", "/server", manage::edit_server),
    server("GET", "/webhooks", manage::webhooks),
    server("POST", "/webhooks", manage::create_webhook),
    server("GET", "/webhooks/{id}", manage::webhook),
    server("PUT", "/webhooks/{id}", manage::edit_webhook),
    server("DELETE", "/webhooks/{id}", manage::delete_webhook),
    server("GET", "/message-streams", manage::streams),
    server("GET", "/message-streams/{id}", manage::stream),
    server(
        "GET",
        "/message-streams/{id}/suppressions/dump",
        manage::suppressions,
    ),
    server(
        "POST",
        "/message-streams/{id}/suppressions",
        manage::suppress,
    ),
    server(
        "POST",
        "/message-streams/{id}/suppressions/delete",
        manage::unsuppress,
    ),
    account("GET", "/servers", account::servers),
    account("POST", "/servers", account::create_server),
    account("GET", "/servers/{id}", account::server),
    account("GET", "/domains", account::domains),
    account("POST", "/domains", account::create_domain),
    account("GET", "/domains/{id}", account::domain),
    account("GET", "/senders", account::senders),
    account("POST", "/senders", account::create_sender),
    account("GET", "/senders/{id}", account::sender),
];

enum Found {
    Route(&'static Route, Vec<String>),
    OtherMethods(&'static str),
}

/// The route of a request. Letter case and a final slash do not matter in a path: the official
/// libraries ask for `/deliveryStats` and `/templates/`.
fn find(request: &Request) -> Option<Found> {
    let mut other = None;
    for route in ROUTES {
        if let Some(params) = fit(route.path, &request.path) {
            if route.method == request.method {
                return Some(Found::Route(route, params));
            }
            other.get_or_insert(route.path);
        }
    }
    other.map(Found::OtherMethods)
}

/// The decoded values of the placeholders, where the path fits the pattern.
fn fit(pattern: &str, path: &str) -> Option<Vec<String>> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    let mut params = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(params),
            (Some(want), Some(got)) if want.starts_with('{') && !got.is_empty() => {
                let text = percent_encoding::percent_decode_str(got).decode_utf8_lossy();
                params.push(text.into_owned());
            }
            (Some(want), Some(got)) if want.eq_ignore_ascii_case(got) => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod sdk;
#[cfg(test)]
mod tests;
