//! What code compares the answers of upstreams with: such a server does something else when its
//! upstream says so, and is told it here. Answers stay what they are otherwise.

use super::mock::Answer;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Names and words put into one answer.
const NAMES: usize = 64;
const WORDS: usize = 16;
/// Objects of an answer that are gone through.
const OBJECTS: usize = 64;
/// What a number that decides is called where it is the answer's status (RFC 9110, section 15).
const STATUS: [&str; 3] = ["status", "statuscode", "code"];

/// What answers may hold so that somebody acts on it.
#[derive(Clone, Debug, Default)]
pub struct Cues {
    named: BTreeMap<String, Vec<Value>>,
    words: Vec<String>,
    statuses: Vec<u16>,
}

impl Cues {
    /// Of values and, where they are known, the names of what they are compared with.
    pub fn new(all: impl IntoIterator<Item = (Option<String>, Value)>) -> Self {
        let mut cues = Self::default();
        for (name, value) in all {
            if let Value::String(word) = &value
                && !cues.words.contains(word)
            {
                cues.words.push(word.clone());
            }
            let Some(name) = name else { continue };
            let plain = name.replace(['_', '-'], "").to_lowercase();
            let status = value.as_u64().and_then(|n| u16::try_from(n).ok());
            if let Some(status) = status.filter(|status| (200..600).contains(status))
                && STATUS.contains(&plain.as_str())
            {
                cues.statuses.push(status);
            } else if cues.named.len() < NAMES || cues.named.contains_key(&name) {
                cues.named.entry(name).or_default().push(value);
            }
        }
        cues
    }

    pub fn is_empty(&self) -> bool {
        self.named.is_empty() && self.words.is_empty() && self.statuses.is_empty()
    }

    /// Puts them into an answer that goes well, one of each name's values and some of the words,
    /// others each `time`. Every second answer has one of the statuses.
    pub(super) fn tell(&self, answer: &mut Answer, time: usize) {
        if !(200..300).contains(&answer.status) {
            return;
        }
        if let Ok(Value::Object(mut map)) = serde_json::from_slice(&answer.body) {
            self.replace(&mut map, time, &mut 0);
            for (name, values) in &self.named {
                let value = || values[time % values.len()].clone();
                map.entry(name).or_insert_with(value);
            }
            let said: Vec<&str> = self.said(time).collect();
            if !said.is_empty() {
                append(&mut map, &said.join(" "));
            }
            answer.body = Value::Object(map).to_string().into();
        }
        if time % 2 == 1
            && let Some(status) = self.statuses.get(time / 2 % self.statuses.len().max(1))
        {
            answer.status = *status;
        }
    }

    fn said(&self, time: usize) -> impl Iterator<Item = &str> {
        let all = self.words.iter().cycle();
        let count = self.words.len().min(WORDS);
        let begin = match self.words.len() {
            few if few <= WORDS => 0,
            many => time * WORDS % many,
        };
        all.skip(begin).take(count).map(String::as_str)
    }

    /// Values that are there under such a name become others of their type.
    fn replace(&self, map: &mut Map<String, Value>, time: usize, done: &mut usize) {
        *done += 1;
        if *done > OBJECTS {
            return;
        }
        for (name, value) in map.iter_mut() {
            match value {
                Value::Object(inner) => self.replace(inner, time, done),
                Value::Array(items) => {
                    let objects = items.iter_mut().filter_map(Value::as_object_mut);
                    objects.for_each(|inner| self.replace(inner, time, done));
                }
                other => {
                    let values = self.named.get(name).into_iter().flatten();
                    let fits = |cue: &&Value| {
                        cue.is_string() == other.is_string() && cue.is_number() == other.is_number()
                    };
                    let fitting: Vec<&Value> = values.filter(fits).collect();
                    if let Some(cue) = fitting.get(time % fitting.len().max(1)) {
                        *other = (*cue).clone();
                    }
                }
            }
        }
    }
}

/// Adds words to the text that people read in answers, or makes one.
fn append(map: &mut Map<String, Value>, words: &str) {
    const READ: [&str; 4] = ["message", "text", "description", "content"];
    let known = READ
        .iter()
        .find(|name| map.get(**name).is_some_and(Value::is_string));
    let name = known.unwrap_or(&READ[0]);
    let was = map.get(*name).and_then(Value::as_str).unwrap_or_default();
    let told = format!("{was} {words}").trim_start().to_owned();
    map.insert((*name).to_owned(), told.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(cues: &[(Option<&str>, Value)], body: &Value, time: usize) -> (u16, Value) {
        let all = cues
            .iter()
            .map(|(name, value)| (name.map(str::to_owned), value.clone()));
        let mut answer = Answer::json(200, body, "m");
        Cues::new(all).tell(&mut answer, time);
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    }

    #[test]
    fn names_get_their_values_and_words_are_said() {
        let cues = [
            (Some("next"), json!("rotate")),
            (Some("next"), json!("drain")),
            (Some("limit"), json!(121)),
            (None, json!("@bank.example")),
            (Some("status"), json!(418)),
        ];
        let body = json!({"id": "x", "items": [{"next": "a", "limit": "none"}]});
        assert_eq!(
            told(&cues, &body, 0),
            (
                200,
                json!({"id": "x", "items": [{"next": "rotate", "limit": "none"}], "limit": 121,
                    "next": "rotate", "message": "rotate drain @bank.example"})
            )
        );
        let (status, body) = told(&cues, &json!({"message": "Hello."}), 1);
        assert_eq!(status, 418);
        assert_eq!(body["next"], "drain");
        assert_eq!(body["message"], "Hello. rotate drain @bank.example");
        assert_eq!(told(&[], &json!({"id": 1}), 1), (200, json!({"id": 1})));
    }

    #[test]
    fn what_is_no_object_and_what_fails_stays() {
        let cues = Cues::new([(Some("a".to_owned()), json!("b"))]);
        for (status, body) in [(200, "[1]"), (200, "text"), (404, "{}"), (302, "{}")] {
            let mut answer = Answer::bytes(status, "application/json", body, "m");
            cues.tell(&mut answer, 1);
            assert_eq!((answer.status, &answer.body[..]), (status, body.as_bytes()));
        }
    }

    #[test]
    fn many_words_are_said_in_turn() {
        let words: Vec<_> = (0..40).map(|n| (None, json!(format!("w{n}")))).collect();
        let said = |time| {
            told(&words, &json!({}), time).1["message"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        assert!(said(0).starts_with("w0 ") && said(1).starts_with("w16 "));
        assert!(said(2).ends_with(" w7"));
    }
}
