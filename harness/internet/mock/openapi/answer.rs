//! One answer: which response, what it is about, what is in it.

use super::super::store::Store;
use super::super::{Answer, Request, form, made::Made, paging};
use super::document::Node;
use super::request::{body, complaint, is_json};
use super::response::{Response, example, has_header, media};
use super::route::{Matched, Route};
use super::shape::fits;
use super::things::{
    Known, Thing, count, key_of, list_place, new_id, shape_of, thing, thing_place,
};
use super::value::Maker;
use serde_json::{Map, Value};

/// Things that are in every list from the start.
const SEEDED: u64 = 2;
/// Members of a request for many that are created.
const MOST: usize = 100;

/// Everything that one answer is made from.
pub struct Asked<'a> {
    pub root: Node<'a>,
    pub routes: &'a [Route],
    pub matched: &'a Matched<'a>,
    pub request: &'a Request,
    /// The values of the host.
    pub made: Made,
}

/// What a request is about.
enum About {
    /// A thing that the path names. Its route's parameter names the key.
    One(Thing),
    /// A collection, or something that is there once.
    All(String),
}

impl<'a> Asked<'a> {
    /// The answer; none where the document has no such operation after all.
    pub fn answer(&self, store: &mut Store) -> Option<Answer> {
        let item = self.at(&self.matched.route.item)?;
        let operation = self.at(self.matched.operation)?;
        let wrong = complaint(self.matched, &item, &operation, self.request);
        if let Some(why) = wrong
            && let Some(response) = self.declared(&operation, &["400", "422", "4XX"])
        {
            return Some(self.refusal(response, &why));
        }
        let about = self.about();
        let param = self.param();
        let sent = match body(&operation, self.request) {
            Some(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let response = self.success(&operation);
        if let About::One(one) = &about
            && store.is_deleted(&one.collection, &one.id)
            && self.request.method != "PUT"
        {
            let declared = self.declared(&operation, &["404", "4XX", "default"]);
            let missing = Response {
                status: 404,
                node: None,
            };
            let response = declared.map_or(missing, |r| Response { status: 404, ..r });
            return Some(self.refusal(response, "Not Found"));
        }
        let schema = response
            .node
            .as_ref()
            .and_then(|node| media(node)?.1.get("schema"));
        let one = match (about, self.request.method.as_str()) {
            (About::One(one), "DELETE") => {
                let fields = store.fields(&one.collection, &one.id);
                store.delete(&one.collection, &one.id);
                return Some(self.render(&response, self.thing(&response, &one, param, &fields)));
            }
            (About::One(one), "GET" | "HEAD") => one,
            (About::One(one), method) => {
                store.change(&one.collection, &one.id, sent, method == "PUT");
                one
            }
            (About::All(path), "GET" | "HEAD" | "DELETE") => {
                if let Some(value) = self.list(&response, &path, param, store) {
                    return Some(self.render(&response, value));
                }
                Thing {
                    collection: path,
                    id: "only".to_owned(),
                }
            }
            (About::All(path), "POST") => {
                let many = form::value(self.request);
                if let (Some(Value::Array(many)), Some(schema)) = (many, &schema) {
                    let value = self.create_many(many, schema, &path, param, store);
                    return Some(self.render(&response, value.unwrap_or_default()));
                }
                let list = schema
                    .as_ref()
                    .and_then(|s| list_place(s, self.matched.route.noun()));
                let known = |s: &Node<'a>| key_of(&shape_of(s), param).is_some();
                if list.is_some() && !schema.as_ref().is_some_and(known) {
                    // A search by POST.
                    let value = self.list(&response, &path, param, store)?;
                    return Some(self.render(&response, value));
                }
                let one = self.new_thing(schema.as_ref(), &path, param, &sent, "");
                store.create(&path, &one.id, sent);
                one
            }
            (About::All(path), method) => {
                store.change(&path, "only", sent, method == "PUT");
                Thing {
                    collection: path,
                    id: "only".to_owned(),
                }
            }
        };
        let fields = store.fields(&one.collection, &one.id);
        let value = self.thing(&response, &one, param, &fields);
        let mut answer = self.render(&response, value);
        if response.status == 201
            && response
                .node
                .as_ref()
                .is_some_and(|node| has_header(node, "location"))
        {
            let path = self.request.path.trim_end_matches('/');
            let id =
                percent_encoding::utf8_percent_encode(&one.id, percent_encoding::NON_ALPHANUMERIC);
            answer.headers.retain(|(name, _)| name != "location");
            answer
                .headers
                .push(("location".to_owned(), format!("{path}/{id}")));
        }
        Some(answer)
    }

    /// What the path is about. A word after a thing, to which things can only be posted, is done
    /// to the thing: `POST /issues/7/close`.
    fn about(&self) -> About {
        let (route, segments) = (self.matched.route, &self.matched.segments);
        let joined = |segments: &[String]| format!("/{}", segments.join("/"));
        let split = |segments: &[String]| {
            let (id, collection) = segments.split_last()?;
            Some(Thing {
                collection: joined(collection),
                id: id.clone(),
            })
        };
        if route.last_param().is_some()
            && let Some(one) = split(segments)
        {
            return About::One(one);
        }
        let action = !route.has("GET") && route.child(self.routes).is_none();
        if action
            && let Some(parent) = route.parent(self.routes)
            && self.is_about(parent)
            && let Some(one) = split(&segments[..segments.len().saturating_sub(1)])
        {
            return About::One(one);
        }
        let segments: &[String] = match segments.split_last() {
            Some((last, rest)) if last.is_empty() => rest,
            _ => segments,
        };
        About::All(joined(segments))
    }

    /// Whether the response is what a request for the parent is answered with, too.
    fn is_about(&self, parent: &Route) -> bool {
        let schema = |pointer: &str, method: &str| {
            let item = self.at(pointer)?;
            let operation = if method.is_empty() {
                item
            } else {
                item.get(method)?
            };
            let (_, media) = media(self.success(&operation).node.as_ref()?)?;
            Some(media.get("schema")?.pointer)
        };
        let own = schema(self.matched.operation, "");
        own.is_none() || own == schema(&parent.item, "get")
    }

    /// The parameter that names the things this is about.
    fn param(&self) -> Option<&'a str> {
        let route = self.matched.route;
        let child = || route.child(self.routes)?.last_param();
        let parent = || match self.about() {
            About::One(_) => route.parent(self.routes)?.last_param(),
            About::All(_) => None,
        };
        route.last_param().or_else(child).or_else(parent)
    }

    /// A thing in its envelope.
    fn thing(
        &self,
        response: &Response<'a>,
        one: &Thing,
        param: Option<&str>,
        sent: &Map<String, Value>,
    ) -> Option<Value> {
        let (kind, media) = media(response.node.as_ref()?)?;
        let schema = media.get("schema")?;
        let known = Known {
            sent,
            params: &self.matched.params,
        };
        let example = example(&media).filter(|value| schema.fits(value));
        if !is_json(kind) && !kind.contains('*') {
            let value = Maker::new(true).value(
                &[schema],
                "text",
                &self.made.part(&one.collection).part(&one.id),
            );
            return Some(example.cloned().unwrap_or(value));
        }
        let place = thing_place(&schema, param, self.matched.route.noun(), sent);
        let Some(property) = place else {
            return Some(thing(&[schema], one, param, &known, example, &self.made));
        };
        let about = self.made.part(&self.matched.route.path);
        let made = || Maker::new(true).value(std::slice::from_ref(&schema), "", &about);
        let mut value = example.cloned().unwrap_or_else(made);
        if let Value::Object(map) = &mut value {
            let shape = shape_of(&schema);
            let nodes = shape.property(property).unwrap_or_default();
            // `{"issue": {…}}` is often sent as it is answered.
            let inner = sent
                .get(property)
                .and_then(Value::as_object)
                .unwrap_or(sent);
            let known = Known {
                sent: inner,
                params: &self.matched.params,
            };
            let base = example.and_then(|value| value.get(property));
            let one = thing(nodes, one, param, &known, base, &self.made);
            map.insert(property.to_owned(), one);
        }
        Some(value)
    }

    /// The list that a collection is answered with, where the response has one.
    fn list(
        &self,
        response: &Response<'a>,
        path: &str,
        param: Option<&str>,
        store: &Store,
    ) -> Option<Option<Value>> {
        let node = response.node.as_ref()?;
        let (kind, media) = media(node)?;
        if !is_json(kind) && !kind.contains('*') {
            return None;
        }
        let schema = media.get("schema")?;
        let place = list_place(&schema, self.matched.route.noun())?;
        let example = example(&media).filter(|value| schema.fits(value));
        let told = example.and_then(|value| match place.property {
            Some(property) => value.get(property)?.as_array(),
            None => value.as_array(),
        });
        let params = &self.matched.params;
        let member = |id: String, base: Option<&Value>| {
            let one = Thing {
                collection: path.to_owned(),
                id,
            };
            let sent = store.fields(path, &one.id);
            let known = Known {
                sent: &sent,
                params,
            };
            thing(&place.items, &one, param, &known, base, &self.made)
        };
        let query = form::query(self.request);
        let asked = |name: &str| {
            let (_, value) = query
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
            value.as_str().map(str::to_owned)
        };
        let mut items: Vec<Value> = store
            .created(path)
            .into_iter()
            .map(|id| member(id, None))
            .collect();
        match told {
            Some(told) => items.extend(told.iter().cloned()),
            None => {
                let made = self.made.part(path);
                let ids = (0..SEEDED)
                    .map(|i| new_id(&place.items, param, &made.part(format!("member {i}"))));
                let here = ids.filter(|id| !store.is_deleted(path, id));
                items.extend(here.map(|id| member(id, None)));
            }
        }
        let all = items.len();
        let later = paging::is_later(asked);
        let limit = paging::limit(asked).and_then(|limit| usize::try_from(limit).ok());
        items.truncate(if later {
            0
        } else {
            limit.unwrap_or(usize::MAX)
        });
        let Some(property) = place.property else {
            let value = Value::Array(items);
            return Some(Some(self.fitting(value, &schema)));
        };
        let about = self.made.part(path);
        let made = || Maker::new(true).value(std::slice::from_ref(&schema), "", &about);
        let mut value = example.cloned().unwrap_or_else(made);
        if let Value::Object(map) = &mut value {
            let shape = shape_of(&schema);
            let nodes = shape.property(property).unwrap_or_default();
            let list = Value::Array(items);
            if fits(nodes, &list) {
                map.insert(property.to_owned(), list);
                count(&shape, map, all);
            }
        }
        Some(Some(value))
    }

    /// A list, or what the schema wants where it wants a list of another length.
    fn fitting(&self, list: Value, schema: &Node<'a>) -> Value {
        if schema.fits(&list) {
            return list;
        }
        Maker::new(true).value(
            std::slice::from_ref(schema),
            "",
            &self.made.part(&self.matched.route.path),
        )
    }

    fn create_many(
        &self,
        many: Vec<Value>,
        schema: &Node<'a>,
        path: &str,
        param: Option<&str>,
        store: &mut Store,
    ) -> Option<Option<Value>> {
        let place = list_place(schema, self.matched.route.noun())
            .filter(|place| place.property.is_none())?;
        let mut created = Vec::new();
        for (i, item) in many.into_iter().take(MOST).enumerate() {
            let Value::Object(sent) = item else {
                continue;
            };
            let made = self
                .made
                .part(path)
                .part(format!("created {} {i}", self.request.nth));
            let one = Thing {
                collection: path.to_owned(),
                id: new_id(&place.items, param, &made),
            };
            let known = Known {
                sent: &sent,
                params: &self.matched.params,
            };
            created.push(thing(&place.items, &one, param, &known, None, &self.made));
            store.create(path, &one.id, sent);
        }
        Some(Some(self.fitting(Value::Array(created), schema)))
    }

    /// A thing that this request creates: with the key that was sent for it, or a new one.
    fn new_thing(
        &self,
        schema: Option<&Node<'a>>,
        path: &str,
        param: Option<&str>,
        sent: &Map<String, Value>,
        part: &str,
    ) -> Thing {
        let made = self
            .made
            .part(path)
            .part(format!("created {}{part}", self.request.nth));
        let nodes: Vec<Node<'a>> = schema.map_or(Vec::new(), |schema| {
            match thing_place(schema, param, self.matched.route.noun(), sent) {
                None => vec![schema.clone()],
                Some(property) => shape_of(schema)
                    .property(property)
                    .unwrap_or_default()
                    .to_vec(),
            }
        });
        let key = nodes
            .first()
            .and_then(|node| key_of(&shape_of(node), param));
        let named = key
            .filter(|key| *key != "name")
            .and_then(|key| match sent.get(key)? {
                Value::String(text) if !text.is_empty() => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            });
        let id = named.unwrap_or_else(|| new_id(&nodes, param, &made));
        Thing {
            collection: path.to_owned(),
            id,
        }
    }

    fn at(&self, pointer: &str) -> Option<Node<'a>> {
        self.root.at(pointer)
    }
}
