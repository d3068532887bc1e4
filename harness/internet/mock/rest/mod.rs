//! What the built-in mocks of REST services have in common: routes, credentials, and collections
//! whose members exist until they are deleted. A service is a table of routes of its own and of
//! collections, with the shapes in which it lists, creates and deletes.
//!
//! Members follow from the seed, the collection's path and their name, so that lists and members
//! agree; what was sent for one is laid over it. Sizes are bounded by [`Store`].

mod call;
mod route;

pub(super) use call::{Call, Reply};
pub(super) use route::{Act, Collection, Id, Route, route};

use super::store::Store;
use super::{Answer, Mock, Request, form, made::Made};
use crate::secret::Seed;
use serde_json::{Map, Value};
use std::sync::Mutex;

/// A service as tables.
pub(super) struct Service {
    pub name: &'static str,
    /// Before every path; the first that fits is taken off.
    pub prefixes: &'static [&'static str],
    /// Looked at before the collections, in order.
    pub routes: &'static [Route],
    pub collections: &'static [Collection],
    pub style: Style,
    /// The refusal of a request without credentials.
    pub guard: fn(&Request) -> Option<Reply>,
}

/// How a service writes what is done to members of a collection.
pub(super) struct Style {
    pub list: fn(&Call<'_>, &Collection, Vec<Value>) -> Reply,
    pub one: fn(&Collection, Value) -> Reply,
    pub created: fn(&Collection, Value) -> Reply,
    pub changed: fn(&Collection, Value) -> Reply,
    pub deleted: fn(&Collection, Value) -> Reply,
    pub missing: fn(&Collection) -> Reply,
}

/// A service that runs; one for each run, since it remembers what was created.
pub(super) struct Rest {
    service: &'static Service,
    seed: Seed,
    store: Mutex<Store>,
}

impl Rest {
    pub fn new(service: &'static Service, seed: Seed) -> Self {
        Self {
            service,
            seed,
            store: Mutex::default(),
        }
    }
}

impl Mock for Rest {
    fn name(&self) -> &str {
        self.service.name
    }

    fn answer(&self, request: &Request) -> Option<Answer> {
        let service = self.service;
        let given = request.path.as_str();
        let path = service.prefixes.iter().find_map(|prefix| {
            let rest = given.strip_prefix(prefix)?;
            (rest.is_empty() || rest.starts_with('/')).then_some(rest)
        })?;
        let method = match request.method.as_str() {
            "HEAD" => "GET",
            other => other,
        };
        let routed = service.routes.iter().find_map(|route| {
            let params = (route.method == method).then(|| route::fit(route.path, path))??;
            Some((route.path, params, Doing::Act(route.act)))
        });
        let (pattern, params, doing) = routed.or_else(|| {
            service.collections.iter().find_map(|collection| {
                let (params, doing) = collection.doing(method, path)?;
                Some((collection.path, params, Doing::Member(collection, doing)))
            })
        })?;
        let by = match &doing {
            Doing::Member(_, Some(_)) => {
                format!("{} {} {pattern}/{{id}}", service.name, request.method)
            }
            _ => format!("{} {} {pattern}", service.name, request.method),
        };
        let mut store = self.store.lock().unwrap_or_else(|e| e.into_inner());
        let sent = form::value(request).unwrap_or_default();
        let mut call = Call {
            request,
            path,
            params,
            query: form::query(request),
            sent,
            made: Made::new(self.seed, service.name),
            store: &mut store,
            collections: service.collections,
        };
        let reply = (service.guard)(request).unwrap_or_else(|| match doing {
            Doing::Act(act) => act(&mut call),
            Doing::Member(collection, id) => service.style.member(&mut call, collection, id),
        });
        Some(reply.answer(by, &request.method))
    }
}

enum Doing {
    Act(Act),
    /// A member, or the collection as a whole.
    Member(&'static Collection, Option<String>),
}

impl Style {
    fn member(&self, call: &mut Call<'_>, collection: &Collection, id: Option<String>) -> Reply {
        let place = call.place(collection);
        let sent = match &call.sent {
            Value::Object(fields) => fields.clone(),
            _ => Map::new(),
        };
        let Some(id) = id else {
            if matches!(call.request.method.as_str(), "GET" | "HEAD") {
                let members = call.members(collection, &place);
                return (self.list)(call, collection, members);
            }
            let id = collection.new_id(&call.once(), &sent);
            call.store.create(&place, &id, sent);
            return (self.created)(collection, call.member(collection, &place, &id));
        };
        if call.store.is_deleted(&place, &id) && call.request.method != "PUT" {
            return (self.missing)(collection);
        }
        match call.request.method.as_str() {
            "GET" | "HEAD" => (self.one)(collection, call.member(collection, &place, &id)),
            "DELETE" => {
                let gone = call.member(collection, &place, &id);
                call.store.delete(&place, &id);
                (self.deleted)(collection, gone)
            }
            method => {
                call.store.change(&place, &id, sent, method == "PUT");
                (self.changed)(collection, call.member(collection, &place, &id))
            }
        }
    }
}

#[cfg(test)]
mod tests;
