//! What requests of this run created, changed and deleted. Bounded: the oldest goes first.

use serde_json::{Map, Value};

/// Things that are remembered.
const MOST: usize = 1_000;
/// Bytes of all that was sent for them.
const BYTES: usize = 8 << 20;

#[derive(Default)]
pub struct Store {
    /// The newest last.
    things: Vec<Thing>,
    bytes: usize,
}

struct Thing {
    collection: String,
    id: String,
    fields: Map<String, Value>,
    created: bool,
    deleted: bool,
    bytes: usize,
}

impl Store {
    /// What was sent for a thing so far.
    pub fn fields(&self, collection: &str, id: &str) -> Map<String, Value> {
        self.find(collection, id)
            .map_or_else(Map::new, |thing| thing.fields.clone())
    }

    pub fn is_deleted(&self, collection: &str, id: &str) -> bool {
        self.find(collection, id).is_some_and(|thing| thing.deleted)
    }

    /// A thing that was not there before, or is again.
    pub fn create(&mut self, collection: &str, id: &str, fields: Map<String, Value>) {
        self.put(collection, id, fields, true, false);
    }

    /// Fields replace those of the same names, or all of them.
    pub fn change(&mut self, collection: &str, id: &str, fields: Map<String, Value>, whole: bool) {
        let created = self.find(collection, id).is_some_and(|thing| thing.created);
        let mut all = if whole {
            Map::new()
        } else {
            self.fields(collection, id)
        };
        all.extend(fields);
        self.put(collection, id, all, created, false);
    }

    pub fn delete(&mut self, collection: &str, id: &str) {
        self.put(collection, id, Map::new(), false, true);
    }

    /// Identifiers of what was created in a collection and is still there, the newest first.
    pub fn created(&self, collection: &str) -> Vec<String> {
        let things = self.things.iter().rev();
        let here = things.filter(|t| t.created && !t.deleted && t.collection == collection);
        here.map(|thing| thing.id.clone()).collect()
    }

    fn find(&self, collection: &str, id: &str) -> Option<&Thing> {
        let mut things = self.things.iter();
        things.find(|thing| thing.id == id && thing.collection == collection)
    }

    fn put(
        &mut self,
        collection: &str,
        id: &str,
        fields: Map<String, Value>,
        created: bool,
        deleted: bool,
    ) {
        let bytes = collection.len() + id.len() + size(&fields);
        let thing = Thing {
            collection: collection.to_owned(),
            id: id.to_owned(),
            fields,
            created,
            deleted,
            bytes,
        };
        self.bytes += bytes;
        let known = self
            .things
            .iter_mut()
            .find(|t| t.id == id && t.collection == collection);
        if let Some(known) = known {
            self.bytes -= known.bytes;
            *known = thing;
        } else {
            self.things.push(thing);
        }
        while self.things.len() > MOST || self.bytes > BYTES && self.things.len() > 1 {
            self.bytes -= self.things.remove(0).bytes;
        }
    }
}

fn size(fields: &Map<String, Value>) -> usize {
    let mut left: Vec<&Value> = fields.values().collect();
    let mut bytes: usize = fields.keys().map(String::len).sum();
    while let Some(value) = left.pop() {
        bytes += 16;
        match value {
            Value::String(text) => bytes += text.len(),
            Value::Array(items) => left.extend(items),
            Value::Object(map) => {
                bytes += map.keys().map(String::len).sum::<usize>();
                left.extend(map.values());
            }
            _ => {}
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_live_until_they_are_deleted_or_too_many() {
        let mut store = Store::default();
        let named = |name: &str| Map::from_iter([("name".to_owned(), Value::from(name))]);
        store.create("/a", "1", named("x"));
        store.create("/a", "2", named("y"));
        store.change("/a", "1", named("z"), false);
        assert_eq!(store.created("/a"), ["2", "1"]);
        assert_eq!(store.fields("/a", "1")["name"], "z");
        store.delete("/a", "1");
        assert!(store.is_deleted("/a", "1") && store.created("/a") == ["2"]);
        for i in 0..2 * MOST {
            store.create("/b", &i.to_string(), Map::new());
        }
        assert_eq!(store.created("/b").len(), MOST);
        for i in 0..20 {
            store.create("/c", &i.to_string(), named(&"x".repeat(1 << 20)));
        }
        assert!(store.created("/c").len() < 8);
    }
}
