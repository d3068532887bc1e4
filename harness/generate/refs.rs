//! Following `$ref` inside one document, and nowhere else.

use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::collections::HashMap;

/// Dialects whose own schema may be referred to without being there.
const META: &[&str] = &["http://json-schema.org/", "https://json-schema.org/"];

/// Where the names that a document gives to its parts (`$id`, `$anchor`) lie.
#[derive(Debug, Default)]
pub(super) struct Refs {
    /// Identifier, absolute where it can be made so, to JSON pointer.
    named: HashMap<String, String>,
    base: Option<url::Url>,
}

/// What a reference leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target<'s> {
    Schema(&'s Value),
    /// A dialect's own schema: any value will do.
    Anything,
    /// Another document.
    Outside,
    /// This document, at a place that does not exist.
    Nowhere,
}

impl Refs {
    /// Remembers the names `schema` gives itself; `pointer` is where it lies.
    pub(super) fn learn(&mut self, schema: &serde_json::Map<String, Value>, pointer: &str) {
        let text = |key| schema.get(key).and_then(Value::as_str);
        if let Some(id) = text("$id") {
            if pointer.is_empty() {
                self.base = url::Url::parse(id).ok();
            }
            let id = self.absolute(id);
            self.named.insert(id, pointer.to_owned());
        }
        for key in ["$anchor", "$dynamicAnchor"] {
            if let Some(anchor) = text(key) {
                self.named.insert(format!("#{anchor}"), pointer.to_owned());
            }
        }
        if schema.get("$recursiveAnchor").is_some() {
            self.named.insert("#".to_owned(), pointer.to_owned());
        }
    }

    pub(super) fn resolve<'s>(&self, root: &'s Value, target: &str) -> Target<'s> {
        let (document, fragment) = target.split_once('#').unwrap_or((target, ""));
        let base = if document.is_empty() {
            ""
        } else {
            match self.named.get(&self.absolute(document)) {
                Some(pointer) => pointer,
                None if META.iter().any(|meta| document.starts_with(meta)) => {
                    return Target::Anything;
                }
                None => return Target::Outside,
            }
        };
        let fragment = percent_decode_str(fragment).decode_utf8_lossy();
        let pointer = if fragment.is_empty() || fragment.starts_with('/') {
            format!("{base}{fragment}")
        } else {
            match self.named.get(&format!("#{fragment}")) {
                Some(pointer) => pointer.clone(),
                None => return Target::Nowhere,
            }
        };
        root.pointer(&pointer)
            .map_or(Target::Nowhere, Target::Schema)
    }

    fn absolute(&self, id: &str) -> String {
        let id = id.trim_end_matches('#');
        match self.base.as_ref().map(|base| base.join(id)) {
            Some(Ok(url)) => url.into(),
            _ => id.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_stay_in_the_document() {
        let root = json!({
            "$id": "https://schemas.example/tool.json",
            "$defs": {"a/b": {"$id": "item.json", "type": "string"}, "c": {"$anchor": "here"}},
        });
        let mut refs = Refs::default();
        for pointer in ["", "/$defs/a~1b", "/$defs/c"] {
            refs.learn(root.pointer(pointer).unwrap().as_object().unwrap(), pointer);
        }
        let item = Target::Schema(&root["$defs"]["a/b"]);
        for target in [
            "#/$defs/a~1b",
            "#/%24defs/a~1b",
            "item.json",
            "https://schemas.example/item.json#",
        ] {
            assert_eq!(refs.resolve(&root, target), item, "{target}");
        }
        assert_eq!(
            refs.resolve(&root, "#here"),
            Target::Schema(&root["$defs"]["c"])
        );
        assert_eq!(refs.resolve(&root, "#"), Target::Schema(&root));
        assert_eq!(refs.resolve(&root, "#/$defs/d"), Target::Nowhere);
        assert_eq!(
            refs.resolve(&root, "https://other.example/x"),
            Target::Outside
        );
        assert_eq!(refs.resolve(&root, "file:///etc/passwd"), Target::Outside);
        let dialect = "http://json-schema.org/draft-07/schema#";
        assert_eq!(refs.resolve(&root, dialect), Target::Anything);
    }
}
