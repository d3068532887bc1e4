//! One request to a service, and what it is answered.

use super::super::store::Store;
use super::super::{Answer, Request, made::Made, paging};
use super::route::{Collection, Id};
use serde_json::{Map, Value};

/// Members that every collection has from the start.
const SEEDED: u64 = 2;

/// A request that a route takes.
pub struct Call<'a> {
    pub request: &'a Request,
    /// Below the service's own prefix, as sent.
    pub path: &'a str,
    /// What stands for the placeholders, in order, decoded.
    pub params: Vec<String>,
    pub query: Map<String, Value>,
    /// The body, whatever its coding; null where there is none that is understood.
    pub sent: Value,
    /// The values of the service.
    pub made: Made,
    pub store: &'a mut Store,
    pub(super) collections: &'static [Collection],
}

/// An answer in the making.
pub struct Reply {
    pub status: u16,
    pub body: Option<Value>,
    pub headers: Vec<(&'static str, String)>,
}

impl Reply {
    pub fn json(status: u16, body: Value) -> Self {
        Self {
            status,
            body: Some(body),
            headers: Vec::new(),
        }
    }

    pub fn empty(status: u16) -> Self {
        Self {
            status,
            body: None,
            headers: Vec::new(),
        }
    }

    pub fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    pub fn answer(self, by: String, method: &str) -> Answer {
        let mut answer = match self.body {
            // What is no JSON is a bare word.
            Some(Value::String(text)) => {
                Answer::bytes(self.status, "text/html; charset=utf-8", text, by)
            }
            Some(value) => Answer::json(self.status, &value, by),
            None => Answer::bytes(self.status, "", "", by),
        };
        let headers = self.headers.into_iter();
        answer
            .headers
            .extend(headers.map(|(name, value)| (name.to_owned(), value)));
        if method == "HEAD" {
            // RFC 9110, section 9.3.2: the length that a GET would have.
            let length = ("content-length".to_owned(), answer.body.len().to_string());
            answer.headers.push(length);
            answer.body.clear();
        }
        answer
    }
}

impl Call<'_> {
    pub fn param(&self, i: usize) -> &str {
        self.params.get(i).map_or("", String::as_str)
    }

    /// A field of the body, else of the query, as text.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.sent.get(name).or_else(|| self.query.get(name))? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    /// Whether the body has something under this name.
    pub fn has(&self, name: &str) -> bool {
        match self.sent.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(items)) => !items.is_empty(),
            Some(_) => true,
        }
    }

    /// The body's fields.
    pub fn fields(&self) -> Map<String, Value> {
        self.sent.as_object().cloned().unwrap_or_default()
    }

    /// The values of this request alone.
    pub fn once(&self) -> Made {
        let Request { method, nth, .. } = self.request;
        self.made.part(self.path).part(format!("{method} {nth}"))
    }

    /// The collection whose members are called so.
    pub fn collection(&self, noun: &str) -> Option<&'static Collection> {
        self.collections
            .iter()
            .find(|collection| collection.noun == noun)
    }

    /// The path of a collection, with what this request says.
    pub fn place(&self, collection: &Collection) -> String {
        let mut params = self.params.iter();
        let segments = collection
            .path
            .split('/')
            .map(|segment| match segment.starts_with('{') {
                true => params.next().map_or(segment, String::as_str),
                false => segment,
            });
        segments.collect::<Vec<_>>().join("/")
    }

    /// A member: made up, with what was sent for it laid over.
    pub fn member(&self, collection: &Collection, place: &str, id: &str) -> Value {
        let mut value = (collection.make)(&self.made.part(place).part(id));
        let sent = self.store.fields(place, id);
        if let Value::Object(map) = &mut value {
            for (name, value) in sent {
                // What is an object here is often named by a text there, and stays the object.
                if let Some(known) = map.get_mut(&name)
                    && (value.is_object() || !known.is_object())
                {
                    *known = value;
                }
            }
            let key = collection.id.key();
            map.shift_insert(0, key.to_owned(), collection.id.value(id));
        }
        value
    }

    /// All members, the newest first; none where a further page is asked for.
    pub fn members(&self, collection: &Collection, place: &str) -> Vec<Value> {
        let query = &self.query;
        let asked = |name: &str| {
            let value = query.get(name).or_else(|| self.sent.get(name))?;
            value
                .as_str()
                .map(str::to_owned)
                .or_else(|| value.as_u64().map(|n| n.to_string()))
        };
        if paging::is_later(asked) {
            return Vec::new();
        }
        let made = self.made.part(place);
        let seeded = (0..SEEDED).map(|i| match collection.id {
            // What people name themselves is no number, and looks the part.
            Id::Sent("email" | "address") => {
                format!("{}@example.com", made.token(&format!("member {i}")))
            }
            Id::Sent("name") if collection.noun == "domain" => {
                format!("mg{i}.{}.example", made.token(&format!("member {i}")))
            }
            _ => collection.new_id(&made.part(format!("member {i}")), &Map::new()),
        });
        let mut ids = self.store.created(place);
        for id in seeded {
            if !self.store.is_deleted(place, &id) && !ids.contains(&id) {
                ids.push(id);
            }
        }
        let limit = paging::limit(asked).and_then(|limit| usize::try_from(limit).ok());
        ids.truncate(limit.unwrap_or(usize::MAX));
        ids.iter()
            .map(|id| self.member(collection, place, id))
            .collect()
    }
}
