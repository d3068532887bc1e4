//! One document, looked at by pointer, and whether values fit its schemas.

use super::dialect;
use super::load::{escaped, target};
use jsonschema::{Draft, PatternOptions, Registry, Validator};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What the documents are called among themselves; it leads nowhere.
const BASE: &str = "json-schema:///document";
/// Steps of one pattern on one text.
const BACKTRACK: usize = 50_000;
/// Characters that a fragment cannot hold (RFC 3986, section 3.5).
const FRAGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A description whose references all lead somewhere, in the words of OpenAPI 3.1.
pub struct Description {
    root: Value,
    /// None where no schema of the document can be checked against.
    responses: Option<Checks>,
    requests: Option<Checks>,
}

impl Description {
    pub fn new(mut root: Value) -> Self {
        dialect::modernise(&mut root);
        Self {
            responses: Checks::new(dialect::relax(&root, "writeOnly")),
            requests: Checks::new(dialect::relax(&root, "readOnly")),
            root,
        }
    }

    pub fn root(&self) -> Node<'_> {
        Node {
            description: self,
            pointer: String::new(),
            value: &self.root,
        }
    }
}

/// Validators of one direction, made when they are first asked for.
struct Checks {
    registry: Registry<'static>,
    made: Mutex<HashMap<String, Option<Arc<Validator>>>>,
}

impl Checks {
    fn new(root: Value) -> Option<Self> {
        let registry = Registry::new().add(BASE, root).ok()?.prepare().ok()?;
        Some(Self {
            registry,
            made: Mutex::default(),
        })
    }

    /// None for a schema that is none: everything fits it.
    fn of(&self, pointer: &str) -> Option<Arc<Validator>> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made.get(pointer) {
            return known.clone();
        }
        let fragment = utf8_percent_encode(pointer, FRAGMENT);
        let schema = json!({ "$ref": format!("{BASE}#{fragment}") });
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_registry(&self.registry)
            .offline()
            .should_validate_formats(true)
            .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(BACKTRACK))
            .build(&schema);
        let validator = validator.ok().map(Arc::new);
        made.insert(pointer.to_owned(), validator.clone());
        validator
    }
}

/// A value inside a description.
#[derive(Clone)]
pub struct Node<'d> {
    description: &'d Description,
    pub pointer: String,
    pub value: &'d Value,
}

impl<'d> Node<'d> {
    /// A member, behind its reference where it is one.
    pub fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key)?;
        self.below(&escaped(key), value).resolved()
    }

    /// The members of an object, in order.
    pub fn members(&self) -> impl Iterator<Item = (&'d str, Self)> {
        let members = self.value.as_object().into_iter().flatten();
        members.filter_map(|(key, value)| {
            let node = self.below(&escaped(key), value).resolved()?;
            Some((key.as_str(), node))
        })
    }

    /// The items of a list.
    pub fn items(&self) -> impl Iterator<Item = Self> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items.filter_map(|(i, value)| self.below(&i.to_string(), value).resolved())
    }

    pub fn text(&self, key: &str) -> Option<&'d str> {
        self.value.get(key)?.as_str()
    }

    /// Behind a reference that has other keywords beside it.
    pub fn referred(&self) -> Option<Self> {
        let (pointer, value) = target(&self.description.root, self.text("$ref")?)?;
        Some(Self {
            description: self.description,
            pointer,
            value,
        })
    }

    /// What stands at a pointer of the whole document.
    pub fn at(&self, pointer: &str) -> Option<Self> {
        let value = self.description.root.pointer(pointer)?;
        let pointer = pointer.to_owned();
        Some(Self {
            description: self.description,
            pointer,
            value,
        })
    }

    /// The name of the component that this is.
    pub fn component(&self) -> Option<&str> {
        let (place, name) = self.pointer.rsplit_once('/')?;
        place.ends_with("/schemas").then_some(name)
    }

    /// Whether a response may hold `value` here.
    pub fn fits(&self, value: &Value) -> bool {
        self.checked(&self.description.responses, value).is_none()
    }

    /// Where a request may not hold `value` here; an empty place is the value as a whole.
    pub fn misfit(&self, value: &Value) -> Option<String> {
        self.checked(&self.description.requests, value)
    }

    fn checked(&self, checks: &Option<Checks>, value: &Value) -> Option<String> {
        let validator = checks.as_ref()?.of(&self.pointer)?;
        let error = validator.iter_errors(value).next()?;
        Some(error.instance_path().to_string())
    }

    fn below(&self, key: &str, value: &'d Value) -> Self {
        Self {
            description: self.description,
            pointer: format!("{}/{key}", self.pointer),
            value,
        }
    }

    fn resolved(self) -> Option<Self> {
        let bare = self.value.as_object().is_some_and(|m| m.len() == 1);
        match self.value.get("$ref") {
            Some(Value::String(_)) if bare => self.referred(),
            _ => Some(self),
        }
    }
}
