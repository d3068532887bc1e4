//! A JSON value with its place, read strictly.

use super::StubProblem;
use serde_json::Value;

/// A mistake and its JSON path; the file is added by who opened it.
#[derive(Debug)]
pub(super) struct Mistake {
    pub place: String,
    pub problem: StubProblem,
}

/// A value inside a mapping file.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub value: &'a Value,
    place: String,
}

impl<'a> Node<'a> {
    pub fn root(value: &'a Value) -> Self {
        Self {
            value,
            place: "$".to_owned(),
        }
    }

    pub fn fail(&self, problem: StubProblem) -> Mistake {
        Mistake {
            place: self.place.clone(),
            problem,
        }
    }

    /// A member; null counts as absent.
    pub fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key).filter(|v| !v.is_null())?;
        Some(self.below(format!("{}.{key}", self.place), value))
    }

    pub fn need(&self, key: &'static str) -> Result<Self, Mistake> {
        self.get(key)
            .ok_or_else(|| self.fail(StubProblem::Missing(key)))
    }

    /// The members of an object, which must have no other keys than `known`; a key of
    /// `unsupported` is refused by that name unless it is empty.
    pub fn only(&self, known: &[&str], unsupported: &[&str]) -> Result<(), Mistake> {
        for (key, node) in self.members()? {
            let empty = match node.value {
                Value::Null => true,
                Value::Array(items) => items.is_empty(),
                Value::Object(map) => map.is_empty(),
                _ => false,
            };
            if unsupported.contains(&key) && !empty {
                return Err(node.fail(StubProblem::Unsupported(key.to_owned())));
            }
            if !known.contains(&key) && !unsupported.contains(&key) {
                let nearest = nearest(key, known);
                return Err(self.fail(StubProblem::UnknownKey {
                    key: key.to_owned(),
                    nearest,
                }));
            }
        }
        Ok(())
    }

    pub fn members(&self) -> Result<Vec<(&'a str, Self)>, Mistake> {
        let Value::Object(map) = self.value else {
            return Err(self.wrong("an object"));
        };
        let member = |(key, value): (&'a String, &'a Value)| {
            (
                key.as_str(),
                self.below(format!("{}.{key}", self.place), value),
            )
        };
        Ok(map.iter().map(member).collect())
    }

    pub fn items(&self) -> Result<Vec<Self>, Mistake> {
        let Value::Array(items) = self.value else {
            return Err(self.wrong("a list"));
        };
        let item = |(i, value)| self.below(format!("{}[{i}]", self.place), value);
        Ok(items.iter().enumerate().map(item).collect())
    }

    pub fn text(&self) -> Result<&'a str, Mistake> {
        self.value.as_str().ok_or_else(|| self.wrong("text"))
    }

    pub fn flag(&self) -> Result<bool, Mistake> {
        self.value
            .as_bool()
            .ok_or_else(|| self.wrong("true or false"))
    }

    pub fn whole(&self) -> Result<u64, Mistake> {
        self.value
            .as_u64()
            .ok_or_else(|| self.wrong("a whole number"))
    }

    pub fn number(&self) -> Result<f64, Mistake> {
        self.value.as_f64().ok_or_else(|| self.wrong("a number"))
    }

    pub fn wrong(&self, want: &'static str) -> Mistake {
        let mut found = self.value.to_string();
        if found.len() > 40 {
            found.truncate(found.floor_char_boundary(40));
            found.push('…');
        }
        self.fail(StubProblem::WrongType {
            want,
            found: format!("`{found}`"),
        })
    }

    fn below(&self, place: String, value: &'a Value) -> Self {
        Self { value, place }
    }
}

/// The known key that differs least, where at most a third of the letters differ.
fn nearest(key: &str, known: &[&str]) -> Option<String> {
    let close = known.iter().map(|k| (distance(key, k), *k)).min()?;
    (close.0 * 3 <= key.chars().count().max(3)).then(|| close.1.to_owned())
}

/// Edit distance (Levenshtein), letter case aside.
fn distance(a: &str, b: &str) -> usize {
    let lower = |text: &str| {
        text.chars()
            .take(64)
            .flat_map(char::to_lowercase)
            .collect::<Vec<_>>()
    };
    let (a, b) = (lower(a), lower(b));
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
