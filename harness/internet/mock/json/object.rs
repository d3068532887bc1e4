//! Objects of a host's store, alone and in lists.

use super::super::{Request, made::Made, paging};
use super::Sent;
use super::target::Target;
use serde_json::{Map, Value, json};

/// Members of a list's only page.
const LIST: u64 = 2;
/// What a few well-known APIs call the members of a collection.
const OTHER_NAMES: [(&str, &str); 2] = [("conversations", "channels"), ("users", "members")];

/// The objects that one request is about.
pub(super) struct Objects<'a> {
    /// The collection's values.
    pub made: Made,
    target: &'a Target,
    base: String,
    query: Vec<(String, String)>,
    bare_lists: bool,
    /// What tells apart things that requests of this run create here.
    fresh: String,
}

impl<'a> Objects<'a> {
    /// The collection that `target` names on the host that `made` belongs to.
    pub fn new(made: Made, request: &Request, target: &'a Target) -> Self {
        let pairs = url::form_urlencoded::parse(request.query.as_bytes());
        let pairs = pairs.map(|(n, v)| (n.to_ascii_lowercase(), v.into_owned()));
        let (host, path) = (request.host.as_str(), target.path.as_str());
        Self {
            made: made.part(&target.collection),
            target,
            base: format!("{}://{host}", request.scheme),
            query: pairs.collect(),
            // Both answer lists as arrays and tell of more pages in headers.
            bare_lists: host == "api.github.com" && !path.starts_with("/search")
                || path.starts_with("/api/v4/"),
            fresh: format!("{} {} {}", request.method, target.path, request.nth),
        }
    }

    /// What the `i`th entry of a batch is about.
    pub fn member(&self, i: usize) -> Self {
        Self {
            made: self.made.clone(),
            target: self.target,
            base: self.base.clone(),
            query: Vec::new(),
            bare_lists: self.bare_lists,
            fresh: format!("{} {i}", self.fresh),
        }
    }

    /// The object that the path names; without an id, the collection's only one.
    pub fn found(&self) -> Map<String, Value> {
        let id = self.id().unwrap_or_else(|| self.made.uuid("only").into());
        self.whole(id, &Map::new())
    }

    /// The object after `fields` were written to it.
    pub fn stored(&self, fields: Option<&Map<String, Value>>) -> Value {
        let none = Map::new();
        let fields = fields.unwrap_or(&none);
        let sent = fields
            .get("id")
            .filter(|id| id.is_string() || id.is_number())
            .cloned();
        let id = self.id().or(sent);
        let id = id.unwrap_or_else(|| self.made.uuid(&self.fresh).into());
        Value::Object(self.whole(id, fields))
    }

    /// The object is gone.
    pub fn deleted(&self) -> Value {
        json!({
            "ok": true, "success": true, "deleted": true, "status": "deleted",
            "id": self.id().unwrap_or_else(|| self.made.uuid("only").into()),
        })
    }

    /// The only page of the collection, or an empty one where a later page is asked for.
    pub fn list(&self, sent: &Sent) -> Value {
        let asked = |name: &str| self.parameter(sent, name);
        let later = paging::is_later(asked);
        let limit = paging::limit(asked).unwrap_or(LIST);
        let size = if later { 0 } else { LIST.min(limit) };
        let items: Vec<Value> = (0..size)
            .map(|i| {
                self.brief(self.made.uuid(&format!("member {i}")).into(), &Map::new())
                    .into()
            })
            .collect();
        if self.bare_lists {
            return items.into();
        }
        let total = if later { LIST } else { size };
        let mut list = Map::new();
        let plural = self.target.plural();
        let other = OTHER_NAMES
            .iter()
            .find(|(noun, _)| *noun == plural)
            .map(|(_, other)| *other);
        let mut names = vec!["data", "results", "items", plural.as_str()];
        names.extend(other);
        for name in names {
            list.insert(name.to_owned(), items.clone().into());
        }
        let rest = json!({
            "object": "list", "ok": true, "success": true, "status": "ok", "code": 0,
            "count": items.len(), "total": total, "total_count": total, "page": 1,
            "has_more": false, "next": null, "next_cursor": null, "next_page": null,
            "response_metadata": {"next_cursor": ""},
        });
        list.extend(rest.as_object().cloned().unwrap_or_default());
        Value::Object(list)
    }

    /// Text about the collection, for places that want a sentence.
    pub fn sentence(&self) -> String {
        format!(
            "This is {} of {}.",
            self.made.token(&self.fresh),
            self.target.singular()
        )
    }

    /// A value for this request alone.
    pub fn once(&self) -> Made {
        self.made.part(&self.fresh)
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    /// The id that the path names; digits come back as the number that they are.
    fn id(&self) -> Option<Value> {
        let id = self.target.id.as_deref()?;
        let number = id.parse::<u64>().ok().filter(|n| n.to_string() == id);
        Some(number.map_or_else(|| id.into(), Value::from))
    }

    fn parameter(&self, sent: &Sent, name: &str) -> Option<String> {
        let in_query = self
            .query
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.clone());
        in_query.or_else(|| match sent {
            Sent::One(fields) => match fields.get(name)? {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            },
            _ => None,
        })
    }

    /// An object as a reply of its own: with itself once more under the names that envelopes use.
    fn whole(&self, id: Value, fields: &Map<String, Value>) -> Map<String, Value> {
        let brief = self.brief(id, fields);
        let mut whole = Map::new();
        whole.insert("ok".to_owned(), true.into());
        whole.insert("success".to_owned(), true.into());
        whole.insert("code".to_owned(), 0.into());
        whole.extend(brief.clone());
        for name in ["data", "result", &self.target.singular()] {
            whole.entry(name).or_insert_with(|| brief.clone().into());
        }
        whole
    }

    fn brief(&self, id: Value, fields: &Map<String, Value>) -> Map<String, Value> {
        let text_id = id.as_str().map_or_else(|| id.to_string(), str::to_owned);
        let made = self.made.part(&text_id);
        let noun = self.target.singular();
        let token = |label: &str| made.token(label);
        let url = format!("{}/{}/{text_id}", self.base, self.target.collection);
        let created = made.moment("created");
        let object = json!({
            "id": id, "object": noun,
            "name": format!("Sample {}", token("name")),
            "title": format!("Sample {}", token("title")),
            "description": format!("About {}", token("description")),
            "text": format!("Text {}", token("text")),
            "key": token("key"), "slug": token("slug"),
            "number": made.number("number", 100_000, 999_999),
            "status": "active", "state": "open", "url": url, "html_url": url,
            "created_at": created.seconds(), "updated_at": created.plus(3600).seconds(),
            "user": {
                "id": made.uuid("user"), "login": token("login"),
                "name": format!("User {}", token("login")),
                "email": format!("{}@example.com", token("login")),
            },
        });
        let mut object = object.as_object().cloned().unwrap_or_default();
        let fields = fields.iter().filter(|(name, _)| *name != "id");
        object.extend(fields.map(|(name, value)| (name.clone(), value.clone())));
        object
    }
}
