//! Objects that are one value with its name, `{"Name": "Reply-To", "Value": "a@corp.example"}`:
//! how APIs write lists of header fields, attributes and variables. Which one is the name is
//! never guessed: an object with two candidates is taken apart like any other.

use serde_json::Value;

const NAMES: &[&str] = &["name", "key", "header", "field"];
const VALUES: &[&str] = &["value"];
/// Longest name of a value; a longer one is data.
const LONGEST: usize = 64;

/// A value and the name that stands beside it.
pub struct Named<'a> {
    /// What the member is called that holds the name.
    pub key: &'a str,
    pub label: &'a str,
    /// No object: what is below one has names of its own.
    pub value: &'a Value,
    pub others: Vec<(&'a str, &'a Value)>,
}

impl<'a> Named<'a> {
    pub fn read(item: &'a Value) -> Option<Self> {
        let map = item.as_object()?;
        let (key, label) = only(map, NAMES)?;
        let (value_key, value) = only(map, VALUES)?;
        let label = label.as_str().filter(|label| is_field_name(label))?;
        if !is_flat(value) {
            return None;
        }
        let others = map.iter().map(|(other, value)| (other.as_str(), value));
        Some(Self {
            key,
            label,
            value,
            others: others
                .filter(|(other, _)| *other != key && *other != value_key)
                .collect(),
        })
    }
}

/// The one member that goes by any of these names, in whatever case.
fn only<'a>(
    map: &'a serde_json::Map<String, Value>,
    names: &[&str],
) -> Option<(&'a str, &'a Value)> {
    let named = |key: &str| names.iter().any(|name| key.eq_ignore_ascii_case(name));
    let mut found = map.iter().filter(|(key, _)| named(key));
    let (key, value) = found.next()?;
    found.next().is_none().then_some((key.as_str(), value))
}

/// RFC 5322, section 3.6.8 (`ftext`), without the brackets that end a label.
fn is_field_name(text: &str) -> bool {
    let printable = |b: u8| b.is_ascii_graphic() && !matches!(b, b':' | b'[' | b']');
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(printable)
}

fn is_flat(value: &Value) -> bool {
    match value {
        Value::Object(_) => false,
        Value::Array(items) => items
            .iter()
            .all(|item| !matches!(item, Value::Object(_) | Value::Array(_))),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::Named;
    use serde_json::{Value, json};

    fn label(item: &Value) -> Option<&str> {
        Named::read(item).map(|named| named.label)
    }

    #[test]
    fn a_name_beside_its_value_is_read_in_any_case() {
        for item in [
            json!({"name": "Bcc", "value": "a@b.example"}),
            json!({"Name": "Bcc", "Value": "a@b.example", "Id": 3}),
            json!({"KEY": "Bcc", "VALUE": ["a@b.example", "c@d.example"]}),
            json!({"header": "Bcc", "value": null}),
        ] {
            assert_eq!(label(&item), Some("Bcc"), "{item}");
        }
    }

    #[test]
    fn what_is_not_one_name_and_one_value_is_left_alone() {
        for item in [
            json!({"name": "Jane Doe", "value": "a@b.example"}),
            json!({"name": "Reply-To", "header": "Bcc", "value": "a@b.example"}),
            json!({"name": "Reply-To", "Name": "Bcc", "value": "a@b.example"}),
            json!({"name": "Bcc", "value": {"address": "a@b.example"}}),
            json!({"name": "Bcc]", "value": "a@b.example"}),
            json!({"name": "Bcc", "email": "a@b.example"}),
            json!({"name": 3, "value": "a@b.example"}),
            json!(["Bcc", "a@b.example"]),
        ] {
            assert_eq!(label(&item), None, "{item}");
        }
    }
}
