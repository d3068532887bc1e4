//! Tools as the three usual SDK stacks write them down: zod 3 (draft-07), zod 4 (2020-12), pydantic;
//! and by hand, as older servers do.

use super::*;

const LISTS: &[(&str, &str)] = &[
    ("zod 3", include_str!("schemas/zod3.json")),
    ("zod 4", include_str!("schemas/zod4.json")),
    ("pydantic", include_str!("schemas/pydantic.json")),
    ("by hand", include_str!("schemas/hand.json")),
];

pub(super) fn tools() -> impl Iterator<Item = (String, Value)> {
    LISTS.iter().flat_map(|(stack, list)| {
        let tools: Vec<Value> = serde_json::from_str(list).unwrap();
        tools
            .into_iter()
            .map(move |tool| (format!("{stack} {}", tool["name"]), tool))
    })
}

#[test]
fn every_case_is_valid() {
    let mut count = 0;
    for (label, tool) in tools() {
        let name = tool["name"].as_str().unwrap();
        let schema = &tool["inputSchema"];
        let generator = Generator::new(name, schema, &Hints::default(), Seed(7)).unwrap();
        assert_eq!(generator.odd(), [""; 0], "{label}");
        for case in cases(&generator, 48) {
            assert!(case.valid, "{label} {}", case.arguments);
            assert!(only_reserved(&case.arguments), "{label} {}", case.arguments);
        }
        count += 1;
    }
    assert!(count >= 40, "{count} tools");
}

/// Every host in every address and URL is one that nobody can own.
fn only_reserved(value: &Value) -> bool {
    let reserved = |host: &str| {
        let host = host
            .split(['/', '?', ':', ',', ' ', '"', '<', ')'])
            .next()
            .unwrap_or(host);
        ["example", "example.com", "example.org", "example.net"]
            .iter()
            .any(|own| {
                host == *own
                    || host
                        .strip_suffix(own)
                        .is_some_and(|rest| rest.ends_with('.'))
            })
    };
    match value {
        Value::String(text) => {
            text.split("://").skip(1).all(reserved)
                && text
                    .split('@')
                    .skip(1)
                    .filter(|rest| rest.contains('.'))
                    .all(reserved)
        }
        Value::Array(items) => items.iter().all(only_reserved),
        Value::Object(map) => map.values().all(only_reserved),
        _ => true,
    }
}

#[test]
fn most_free_strings_are_recognisable() {
    let (mut marked, mut free) = (0, 0);
    for (_, tool) in tools() {
        let name = tool["name"].as_str().unwrap();
        let generator =
            Generator::new(name, &tool["inputSchema"], &Hints::default(), Seed(7)).unwrap();
        for case in cases(&generator, 16) {
            let tokens: Vec<&str> = case.marks.iter().map(|mark| mark.token.as_str()).collect();
            assert!(tokens.iter().all(|token| token.len() >= 7));
            strings(&case.arguments, &mut |text| {
                let own = tokens
                    .iter()
                    .any(|token| text.to_lowercase().contains(token));
                // An address, or words: what no enum, date or identifier looks like.
                if text.contains('@') || text.contains(' ') {
                    free += 1;
                    marked += usize::from(own);
                }
            });
        }
    }
    assert!(marked * 100 >= free * 97, "{marked} of {free}");
}

fn strings(value: &Value, see: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, see)),
        Value::Object(map) => map.values().for_each(|item| strings(item, see)),
        _ => {}
    }
}

#[test]
fn a_reading_tool_is_mostly_sent_to_a_file_that_is_there() {
    let schema =
        serde_json::json!({"properties": {"path": {"type": "string"}}, "required": ["path"]});
    let paths = |tool: &str| -> Vec<Value> {
        let generator = Generator::new(tool, &schema, &Hints::default(), Seed(7)).unwrap();
        (0..40)
            .map(|nth| generator.case(nth).arguments["path"].clone())
            .collect()
    };
    let persona = &crate::secret::Persona::DEFAULT;
    let known = |paths: Vec<Value>| -> usize {
        let home = crate::secret::home(persona, Seed(7));
        let is_there = |path: &Value| {
            let path = path
                .as_str()
                .unwrap()
                .strip_prefix(&format!("{}/", persona.home));
            path.is_some_and(|path| home.files.iter().any(|file| file.path == path))
        };
        paths.iter().filter(|path| is_there(path)).count()
    };
    assert!(known(paths("read_text_file")) > 20);
    let written = known(paths("write_file"));
    assert!((1..20).contains(&written), "{written}");
}
