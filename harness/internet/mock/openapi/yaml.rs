//! YAML and JSON text as a JSON value. YAML is read by the core schema of 1.2 (section 10.3.2):
//! `yes` is text, `0o17` is a number. Aliases are copied, within a bound on all that is made.

use super::error::{OpenApiProblem, Place};
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span};
use serde_json::{Map, Number, Value};
use std::collections::HashMap;

/// Levels of nesting; `serde_json` has the same bound for JSON.
pub const MAX_DEPTH: usize = 127;
/// Values of one document, copies by aliases counted.
const MAX_VALUES: usize = 2_000_000;

type Mistake = (Place, OpenApiProblem);

/// The value of a document.
pub fn read(text: &str) -> Result<Value, Mistake> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') {
        match serde_json::from_str(text) {
            Ok(value) => return Ok(value),
            // YAML's flow style begins the same way.
            Err(error) if !looks_like_json(text) => drop(error),
            Err(error) => {
                let place = Place::At(error.line(), error.column());
                return Err((place, OpenApiProblem::NotJson(without_place(&error))));
            }
        }
    }
    yaml(text)
}

fn looks_like_json(text: &str) -> bool {
    let inner = text.trim_start().strip_prefix('{').unwrap_or_default();
    inner.trim_start().starts_with(['"', '}'])
}

fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

/// A list or a mapping that is being read.
struct Open {
    anchor: usize,
    held: Held,
}

enum Held {
    List(Vec<Value>),
    /// With the key whose value comes next.
    Map(Map<String, Value>, Option<String>),
}

fn yaml(text: &str) -> Result<Value, Mistake> {
    let mut open: Vec<Open> = Vec::new();
    let mut anchors: HashMap<usize, (Value, usize)> = HashMap::new();
    let mut values = 0;
    let mut root = None;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(scan_error)?;
        let (anchor, done) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain =
                    style == ScalarStyle::Plain && tag.as_ref().is_none_or(|t| t.suffix != "str");
                let value = if plain {
                    scalar(&text)
                } else {
                    Value::from(&*text)
                };
                values += 1;
                (anchor, value)
            }
            Event::SequenceStart(anchor, _) => {
                let held = Held::List(Vec::new());
                open.push(Open { anchor, held });
                deep_enough(&open, &span)?;
                continue;
            }
            Event::MappingStart(anchor, _) => {
                let held = Held::Map(Map::new(), None);
                open.push(Open { anchor, held });
                deep_enough(&open, &span)?;
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { anchor, held }) = open.pop() else {
                    continue;
                };
                values += 1;
                match held {
                    Held::List(items) => (anchor, Value::Array(items)),
                    Held::Map(map, _) => (anchor, Value::Object(map)),
                }
            }
            Event::Alias(id) => {
                let Some((value, size)) = anchors.get(&id) else {
                    // An alias inside what it stands for.
                    let why = "an alias refers to what it is part of".to_owned();
                    return Err((place(&span), OpenApiProblem::NotYaml(why)));
                };
                values += size;
                if values > MAX_VALUES {
                    return Err((place(&span), too_large()));
                }
                (0, value.clone())
            }
            // A second document is none of ours.
            Event::DocumentEnd => break,
            _ => continue,
        };
        if values > MAX_VALUES {
            return Err((place(&span), too_large()));
        }
        if anchor > 0 {
            anchors.insert(anchor, (done.clone(), count(&done)));
        }
        match open.last_mut().map(|o| &mut o.held) {
            None => root = Some(done),
            Some(Held::List(items)) => items.push(done),
            Some(Held::Map(map, key)) => match key.take() {
                None => *key = Some(key_text(done, &span)?),
                Some(key) if key == "<<" => merge(map, done),
                Some(key) => {
                    if map.insert(key.clone(), done).is_some() {
                        let why = format!("`{key}` stands twice in one mapping");
                        return Err((place(&span), OpenApiProblem::NotYaml(why)));
                    }
                }
            },
        }
    }
    // Aliases may nest what is already deep.
    let value = root.unwrap_or(Value::Null);
    if depth(&value) > MAX_DEPTH {
        return Err((Place::Whole, OpenApiProblem::TooDeep { limit: MAX_DEPTH }));
    }
    Ok(value)
}

fn scan_error(error: ScanError) -> Mistake {
    let marker = error.marker();
    let place = Place::At(marker.line(), marker.col() + 1);
    (place, OpenApiProblem::NotYaml(error.info().to_owned()))
}

fn too_large() -> OpenApiProblem {
    OpenApiProblem::NotYaml(format!("more than {MAX_VALUES} values"))
}

fn place(span: &Span) -> Place {
    Place::At(span.start.line(), span.start.col() + 1)
}

fn deep_enough(open: &[Open], span: &Span) -> Result<(), Mistake> {
    if open.len() > MAX_DEPTH {
        return Err((place(span), OpenApiProblem::TooDeep { limit: MAX_DEPTH }));
    }
    Ok(())
}

/// Keys are text in JSON: `200:` and `true:` become what they look like.
fn key_text(key: Value, span: &Span) -> Result<String, Mistake> {
    match key {
        Value::String(text) => Ok(text),
        Value::Object(_) | Value::Array(_) => {
            let why = "a key is a list or a mapping".to_owned();
            Err((place(span), OpenApiProblem::NotYaml(why)))
        }
        other => Ok(other.to_string()),
    }
}

/// The merge key of YAML 1.1, which documents still use: what is there already stays.
fn merge(map: &mut Map<String, Value>, from: Value) {
    match from {
        Value::Object(from) => {
            for (key, value) in from {
                map.entry(key).or_insert(value);
            }
        }
        Value::Array(each) => each.into_iter().for_each(|from| merge(map, from)),
        _ => {}
    }
}

fn scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    number(text).map_or_else(|| Value::from(text), Value::Number)
}

fn number(text: &str) -> Option<Number> {
    for (prefix, radix) in [("0o", 8), ("0x", 16)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return u64::from_str_radix(digits, radix).ok().map(Number::from);
        }
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let numeric = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.bytes().any(|b| b.is_ascii_digit());
    let known = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-');
    if !numeric || !unsigned.bytes().all(known) {
        return None;
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    let whole = text.parse::<u64>().ok().map(Number::from);
    let whole = whole.or_else(|| text.parse::<i64>().ok().map(Number::from));
    whole.or_else(|| text.parse::<f64>().ok().and_then(Number::from_f64))
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn yaml_is_read_as_json() {
        let text = "a: 1\nb: [yes, 'no', 1.5, ~, -3, 0x1f, 1.2.3, 1e3]\n200: {x: true}\nc: &c\n  d: |\n    two\n    lines\ne: *c\nf:\n  <<: *c\n  g: !!str 7\n";
        let expected = json!({
            "a": 1, "b": ["yes", "no", 1.5, null, -3, 31, "1.2.3", 1000.0], "200": {"x": true},
            "c": {"d": "two\nlines\n"}, "e": {"d": "two\nlines\n"},
            "f": {"d": "two\nlines\n", "g": "7"},
        });
        assert_eq!(read(text).unwrap(), expected);
        assert_eq!(read("{\"a\": [1]}").unwrap(), json!({"a": [1]}));
        assert_eq!(read("{a: [1]}").unwrap(), json!({"a": [1]}));
    }

    #[test]
    fn mistakes_have_a_place() {
        let wrong = |text: &str| read(text).unwrap_err();
        assert_eq!(wrong("a: 1\na: 2\n").0, Place::At(2, 4));
        assert!(matches!(wrong("a: [1\nb: 2").0, Place::At(..)));
        assert_eq!(wrong("{\"a\": 1,,}").0, Place::At(1, 9));
        let deep = "[".repeat(300);
        assert!(matches!(
            wrong(&deep).1,
            OpenApiProblem::TooDeep { .. } | OpenApiProblem::NotYaml(_)
        ));
    }

    #[test]
    fn aliases_of_aliases_have_an_end() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for i in 1..12 {
            let before = format!("*a{}", i - 1);
            let ten = vec![before; 10].join(", ");
            text += &format!("a{i}: &a{i} [{ten}]\n");
        }
        assert!(read(&text).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_text_panics(text in "[-a-z0-9:&*<>|!%@'\"{}\\[\\],\n ~#]{0,120}") {
            let _ = read(&text);
        }
    }
}
