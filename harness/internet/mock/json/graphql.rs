//! GraphQL without a schema: the answer follows the selection set (GraphQL, October 2021,
//! section 2.5), with values that the fields' names suggest. Depth and size are bounded.

use super::super::made::Made;
use super::target::is_plural;
use serde_json::{Map, Value};
use std::collections::HashMap;

const MAX_DEPTH: usize = 16;
/// Fields read from a document, and values made for an answer.
const MAX_FIELDS: usize = 2000;
const LIST: usize = 2;

/// Whether a text reads like a document and not like words to search for.
pub(super) fn is_document(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == ',' || c == '\u{feff}');
    let starts = ["{", "query", "mutation", "subscription", "fragment", "#"];
    starts.iter().any(|s| text.starts_with(s)) && text.contains('{') && text.contains('}')
}

/// The `data` of the operation that `item` names, or of the first. What does not parse is
/// answered as far as it was understood.
pub(super) fn answer(document: &str, item: &Value, made: &Made) -> Value {
    let mut reader = Reader {
        rest: document,
        fields: 0,
        fragments: HashMap::new(),
        operations: Vec::new(),
    };
    reader.document();
    let Reader {
        fragments,
        operations,
        ..
    } = reader;
    let wanted = item["operationName"].as_str();
    let named = operations
        .iter()
        .find(|(name, _)| wanted.is_some() && name.as_deref() == wanted);
    let Some((_, fields)) = named.or(operations.first()) else {
        return Value::Object(Map::new());
    };
    let mut known = HashMap::new();
    collect(&item["variables"], 0, &mut known);
    let mut maker = Maker {
        fragments: &fragments,
        known: &known,
        made: 0,
    };
    Value::Object(maker.object(fields, made, true, 0))
}

enum Selection<'a> {
    Field {
        key: &'a str,
        name: &'a str,
        inner: Vec<Selection<'a>>,
    },
    Inline(Vec<Selection<'a>>),
    Spread(&'a str),
}

struct Reader<'a> {
    rest: &'a str,
    fields: usize,
    fragments: HashMap<&'a str, Vec<Selection<'a>>>,
    operations: Vec<(Option<String>, Vec<Selection<'a>>)>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) {
        while self.definition().is_some() {}
    }

    fn definition(&mut self) -> Option<()> {
        self.skip();
        if self.rest.starts_with('{') {
            let fields = self.selections(0)?;
            self.operations.push((None, fields));
            return Some(());
        }
        let kind = self.name()?;
        let name = self.name();
        // `fragment NAME on TYPE`
        while self.name().is_some() {}
        self.arguments();
        self.directives();
        let fields = self.selections(0)?;
        if kind == "fragment" {
            self.fragments.insert(name?, fields);
        } else {
            self.operations.push((name.map(str::to_owned), fields));
        }
        Some(())
    }

    fn selections(&mut self, depth: usize) -> Option<Vec<Selection<'a>>> {
        self.eat("{").then_some(())?;
        let mut found = Vec::new();
        while !self.eat("}") {
            if depth == MAX_DEPTH || self.fields == MAX_FIELDS {
                return None;
            }
            self.fields += 1;
            if self.eat("...") {
                let name = self.name().filter(|name| *name != "on");
                if let Some(name) = name {
                    self.directives();
                    found.push(Selection::Spread(name));
                    continue;
                }
                self.name();
                self.directives();
                found.push(Selection::Inline(self.selections(depth + 1)?));
                continue;
            }
            let key = self.name()?;
            let name = if self.eat(":") { self.name()? } else { key };
            self.arguments();
            self.directives();
            self.skip();
            let inner = match self.rest.starts_with('{') {
                true => self.selections(depth + 1)?,
                false => Vec::new(),
            };
            found.push(Selection::Field { key, name, inner });
        }
        Some(found)
    }

    /// Directives, with their arguments, say nothing about the shape.
    fn directives(&mut self) {
        while self.eat("@") {
            self.name();
            self.arguments();
        }
    }

    /// Skips a parenthesised list, strings inside it as wholes.
    fn arguments(&mut self) {
        if !self.eat("(") {
            return;
        }
        let mut open = 1;
        while open > 0 {
            let Some(c) = self.rest.chars().next() else {
                return;
            };
            if c == '"' {
                self.string();
                continue;
            }
            self.rest = &self.rest[c.len_utf8()..];
            match c {
                '(' => open += 1,
                ')' => open -= 1,
                _ => {}
            }
        }
    }

    fn string(&mut self) {
        let block = self.rest.starts_with("\"\"\"");
        let (quote, start) = if block { ("\"\"\"", 3) } else { ("\"", 1) };
        let mut escaped = false;
        for (i, c) in self.rest.char_indices().skip(start) {
            if !escaped && self.rest[i..].starts_with(quote) {
                self.rest = &self.rest[i + quote.len()..];
                return;
            }
            escaped = c == '\\' && !escaped;
        }
        self.rest = "";
    }

    fn name(&mut self) -> Option<&'a str> {
        self.skip();
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        (!name.is_empty()).then(|| {
            self.rest = rest;
            name
        })
    }

    fn eat(&mut self, mark: &str) -> bool {
        self.skip();
        let rest = self.rest.strip_prefix(mark);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// White space, commas and comments (section 2.1).
    fn skip(&mut self) {
        loop {
            let trimmed = |c: char| c.is_whitespace() || c == ',' || c == '\u{feff}';
            self.rest = self.rest.trim_start_matches(trimmed);
            let Some(comment) = self.rest.strip_prefix('#') else {
                return;
            };
            self.rest = &comment[comment.find('\n').unwrap_or(comment.len())..];
        }
    }
}

struct Maker<'a> {
    fragments: &'a HashMap<&'a str, Vec<Selection<'a>>>,
    /// Scalars of the variables: what was sent comes back where a field has its name.
    known: &'a HashMap<String, Value>,
    made: usize,
}

impl Maker<'_> {
    fn object(
        &mut self,
        fields: &[Selection<'_>],
        made: &Made,
        echo: bool,
        depth: usize,
    ) -> Map<String, Value> {
        let mut object = Map::new();
        self.fill(&mut object, fields, made, echo, depth);
        object
    }

    fn fill(
        &mut self,
        object: &mut Map<String, Value>,
        fields: &[Selection<'_>],
        made: &Made,
        echo: bool,
        depth: usize,
    ) {
        for field in fields {
            if depth > MAX_DEPTH || self.made >= MAX_FIELDS {
                return;
            }
            self.made += 1;
            match field {
                Selection::Inline(inner) => self.fill(object, inner, made, echo, depth + 1),
                Selection::Spread(name) => {
                    let fragments = self.fragments;
                    if let Some(inner) = fragments.get(name) {
                        self.fill(object, inner, made, echo, depth + 1);
                    }
                }
                Selection::Field { key, name, inner } => {
                    let value = self.value(name, inner, &made.part(name), echo, depth);
                    object.insert((*key).to_owned(), value);
                }
            }
        }
    }

    fn value(
        &mut self,
        name: &str,
        inner: &[Selection<'_>],
        made: &Made,
        echo: bool,
        depth: usize,
    ) -> Value {
        if inner.is_empty() {
            let sent = self.known.get(name).filter(|_| echo);
            return sent.cloned().unwrap_or_else(|| leaf(name, made));
        }
        let connection = inner.iter().any(|field| {
            matches!(field, Selection::Field { name, .. } if ["edges", "nodes", "pageInfo", "totalCount"].contains(name))
        });
        let list = matches!(name, "edges" | "nodes") || is_plural(name) && !connection;
        if !list {
            return Value::Object(self.object(inner, made, echo, depth + 1));
        }
        let items =
            (0..LIST).map(|i| Value::Object(self.object(inner, &made.part(i), false, depth + 1)));
        items.collect()
    }
}

/// A value that fits a field's name.
fn leaf(name: &str, made: &Made) -> Value {
    let lower = name.to_ascii_lowercase();
    let ends = |words: &[&str]| words.iter().any(|w| lower.ends_with(w));
    let second_word = |word: &str| {
        name.strip_prefix(word)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
    };
    match lower.as_str() {
        "__typename" => "Object".into(),
        "hasnextpage" | "haspreviouspage" | "errors" | "error" => match lower.starts_with("has") {
            true => false.into(),
            false => Value::Null,
        },
        "endcursor" | "startcursor" | "cursor" => Value::Null,
        "id" | "uuid" | "guid" => made.uuid("").into(),
        "ok" | "success" | "active" | "enabled" => true.into(),
        _ if second_word("is") || second_word("has") || second_word("can") => true.into(),
        _ if name.ends_with("Id") || lower.ends_with("_id") => made.uuid("").into(),
        _ if ends(&[
            "count", "total", "number", "size", "amount", "index", "priority", "duration",
        ]) =>
        {
            made.number("", 1, 100).into()
        }
        _ if name.ends_with("At") || ends(&["_at", "date", "timestamp", "time"]) => {
            made.moment("").seconds().into()
        }
        _ if ends(&["url", "link", "href", "uri"]) => {
            format!("https://example.com/{}", made.token("")).into()
        }
        _ if ends(&["email"]) => format!("{}@example.com", made.token("")).into(),
        _ => format!("Sample {}", made.token("")).into(),
    }
}

/// The scalars of nested variables, by name; the outermost of a name counts.
fn collect(value: &Value, depth: usize, known: &mut HashMap<String, Value>) {
    let Value::Object(map) = value else {
        return;
    };
    for (name, value) in map {
        if known.len() >= MAX_FIELDS {
            return;
        }
        if value.is_string() || value.is_number() || value.is_boolean() {
            known.entry(name.clone()).or_insert_with(|| value.clone());
        } else if depth < MAX_DEPTH {
            collect(value, depth + 1, known);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Seed;
    use proptest::prelude::*;
    use serde_json::json;

    fn data(document: &str, variables: Value) -> Value {
        let item = json!({"query": document, "variables": variables});
        answer(document, &item, &Made::new(Seed(1), "t"))
    }

    #[test]
    fn the_selection_set_is_answered() {
        let document = r#"
            query Q($n: Int, $s: String = "}") @x(a: "(") { # comment
              me: viewer { id, ...U }
              issues(first: $n, filter: {text: "a } b"}) { nodes { title url } pageInfo { hasNextPage endCursor } }
              tags { name ... on Tag { createdAt } }
            }
            fragment U on User { email isAdmin }"#;
        let data = data(document, json!({}));
        assert!(
            data["me"]["email"]
                .as_str()
                .unwrap()
                .ends_with("@example.com")
        );
        assert_eq!(data["me"]["isAdmin"], true);
        assert_eq!(data["issues"]["nodes"].as_array().unwrap().len(), 2);
        assert_eq!(
            data["issues"]["pageInfo"],
            json!({"hasNextPage": false, "endCursor": null})
        );
        assert!(data["tags"][1]["createdAt"].is_string());
        assert_ne!(data["tags"][0]["name"], data["tags"][1]["name"]);
    }

    #[test]
    fn what_was_sent_comes_back() {
        let document =
            "mutation($input: I!) { issueCreate(input: $input) { success issue { title id } } }";
        let data = data(document, json!({"input": {"title": "Mine"}}));
        assert_eq!(data["issueCreate"]["success"], true);
        assert_eq!(data["issueCreate"]["issue"]["title"], "Mine");
    }

    #[test]
    fn a_fragment_that_holds_itself_ends() {
        let document = "{ a { ...F } } fragment F on A { b { ...F ...F } bs { ...F ...F } }";
        assert!(data(document, json!({})).is_object());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_document_is_answered(document in "[{}()a-c:.@#\",é \n]{0,80}") {
            let answered = data(&document, Value::Null);
            prop_assert!(answered.is_object());
        }
    }
}
