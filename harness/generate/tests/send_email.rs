//! One tool in full: the arguments of an e-mail, as a mail service's server asks for them.

use super::*;
use crate::generate::SchemaProblem;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashSet};

fn schema() -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "to": {"type": "string", "format": "email", "description": "Recipient email address"},
            "subject": {"type": "string", "description": "Email subject"},
            "textBody": {"type": "string", "description": "Plain text body of the email"},
            "htmlBody": {"type": "string", "description": "HTML body of the email (optional)"},
            "cc": {"type": "string", "description": "Comma-separated list of addresses"},
            "from": {"type": "string", "format": "email", "description": "Sender email address (optional)"},
            "tag": {"type": "string", "description": "Optional tag for categorization"},
            "trackOpens": {"type": "boolean"},
            "priority": {"enum": ["low", "normal", "high"]}
        },
        "required": ["to", "subject", "textBody"],
        "additionalProperties": false
    })
}

#[test]
fn the_first_calls() {
    let generator = Generator::new("sendEmail", &schema(), &Hints::default(), Seed(7)).unwrap();
    let shown: Vec<_> = cases(&generator, 3)
        .into_iter()
        .map(|case| case.arguments)
        .collect();
    insta::assert_snapshot!(serde_json::to_string_pretty(&shown).unwrap(), @r##"
    [
      {
        "to": "jonas.p26js7tcv9@acme-tools.example",
        "subject": "Invoice reminder bg2zr4hz7r",
        "textBody": "Follow-up x633m2mp9v: The café on Main Street has confirmed our booking for twelve people."
      },
      {
        "to": "wei.g76kj75r3c@example.net",
        "subject": "Order confirmation cp9dz7wj2x",
        "textBody": "Follow-up gs29323mxm: Could you send the signed copy back by Friday?",
        "htmlBody": "<div><h1>Follow-up</h1><p>Thanks for the quick reply – that helps a lot. <em>bs4fv5j7jb</em></p><p><a href=\"https://vt7xt4fhc7.northwind.example/festival\">Read more</a></p></div>",
        "cc": "jonas.c335n73j8x@acme-tools.example, mateo.hr7fq8wwfh@lakeside.example",
        "from": "wei.pd2kq94zp7@example.org",
        "tag": "roadmap-rx2224bx9s",
        "trackOpens": true,
        "priority": "low"
      },
      {
        "to": "samuel.md5qv34cqx@example.com",
        "subject": "Notes from Tuesday pw3389rskm",
        "textBody": "Notes from Tuesday s972363qjb: Could you send the signed copy back by Friday?",
        "htmlBody": "<div><h1>Welcome aboard</h1><p>We moved the meeting to 3 PM; the room stays the same. <em>zz9gz24n4x</em></p><p><a href=\"https://zh7mc49xwf.northwind.example/invoice\">Read more</a></p></div>",
        "from": "zoe.zt2fr92t8d@example.org",
        "trackOpens": true,
        "priority": "normal"
      }
    ]
    "##);
}

#[test]
fn every_mark_is_its_own() {
    let generator = Generator::new("sendEmail", &schema(), &Hints::default(), Seed(7)).unwrap();
    let mut seen = HashSet::new();
    for case in cases(&generator, 64) {
        assert!(case.valid);
        let text = case.arguments.to_string();
        for mark in case.marks {
            assert!(text.contains(&mark.token), "{mark:?} in {text}");
            assert!(seen.insert(mark.token));
        }
    }
}

#[test]
fn optional_properties_and_listed_values_are_covered() {
    let generator = Generator::new("sendEmail", &schema(), &Hints::default(), Seed(7)).unwrap();
    let cases = cases(&generator, 32);
    assert_eq!(cases[0].arguments.as_object().unwrap().len(), 3);
    assert_eq!(cases[1].arguments.as_object().unwrap().len(), 9);
    let optional = ["htmlBody", "cc", "from", "tag", "trackOpens", "priority"];
    for (i, a) in optional.iter().enumerate() {
        for b in &optional[..i] {
            let has = |case: &Case| [a, b].map(|name| case.arguments.get(*name).is_some());
            let seen: BTreeSet<_> = cases.iter().map(has).collect();
            assert_eq!(seen.len(), 4, "{a} {b}");
        }
    }
    let priorities: BTreeSet<_> = cases
        .iter()
        .filter_map(|case| case.arguments.get("priority")?.as_str())
        .collect();
    assert_eq!(priorities.len(), 3);
    let copies = cases
        .iter()
        .filter_map(|case| case.arguments.get("cc")?.as_str());
    let counts: BTreeSet<_> = copies.map(|cc| cc.matches('@').count()).collect();
    assert_eq!(counts, BTreeSet::from([1, 2]));
}

#[test]
fn a_new_property_leaves_the_others_as_they_were() {
    let old = Generator::new("sendEmail", &schema(), &Hints::default(), Seed(7)).unwrap();
    let mut schema = schema();
    let mut properties = serde_json::Map::new();
    properties.insert("bcc".into(), json!({"type": "string", "format": "email"}));
    properties.extend(schema["properties"].as_object().unwrap().clone());
    schema["properties"] = Value::Object(properties);
    let new = Generator::new("sendEmail", &schema, &Hints::default(), Seed(7)).unwrap();
    for nth in 0..64 {
        let mut arguments = new.case(nth).arguments;
        arguments.as_object_mut().unwrap().shift_remove("bcc");
        assert_eq!(arguments, old.case(nth).arguments, "call {nth}");
    }
}

fn hinted(args: BTreeMap<String, Vec<Value>>) -> Generator {
    let hints = Hints {
        args,
        ..Hints::default()
    };
    Generator::new("sendEmail", &schema(), &hints, Seed(7)).unwrap()
}

#[test]
fn hints_join_the_generated_values() {
    let args = BTreeMap::from([(
        "to".to_owned(),
        vec![json!("jane@corp.example"), json!("ops@partner.example")],
    )]);
    let generator = hinted(args);
    let cases = cases(&generator, 16);
    let count = |address: &str| {
        cases
            .iter()
            .filter(|case| case.arguments["to"] == address)
            .count()
    };
    assert_eq!(
        (count("jane@corp.example"), count("ops@partner.example")),
        (4, 4)
    );
}

#[test]
fn a_hint_that_the_schema_refuses_is_not_insisted_on() {
    let args = BTreeMap::from([("to".to_owned(), vec![json!(7)])]);
    let generator = hinted(args);
    assert!(cases(&generator, 4).iter().all(|case| case.valid));
}

#[test]
fn shrinking_keeps_what_matters() {
    let generator = Generator::new("sendEmail", &schema(), &Hints::default(), Seed(7)).unwrap();
    let case = generator.case(1);
    let mut asked = 0;
    let small = generator.shrink(&case.choices, &mut |arguments| {
        asked += 1;
        arguments.get("htmlBody").is_some() && arguments.get("trackOpens").is_some()
    });
    let arguments = generator.replay(&small);
    let names: Vec<_> = arguments.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        ["to", "subject", "textBody", "htmlBody", "trackOpens"]
    );
    assert!(generator.accepts(&arguments));
    assert!(asked < 200, "{asked} questions");
}

#[test]
fn unusable_schemas_are_named_by_place() {
    let problem = |schema: Value| match Generator::new("tool", &schema, &Hints::default(), Seed(7))
    {
        Ok(_) => panic!("{schema} is usable"),
        Err(problem) => problem.to_string(),
    };
    let outside =
        json!({"type": "object", "properties": {"to": {"$ref": "https://schemas.example/a.json"}}});
    let dangling = json!({"type": "object", "properties": {"to": {"$ref": "#/$defs/a"}}});
    let impossible = json!({"type": "object", "required": ["to"], "properties": {"to": {"allOf": [{"type": "string"}, {"type": "array"}]}}});
    let forbidden = json!({"type": "object", "required": ["to"], "additionalProperties": false});
    let shown = [
        json!(null),
        json!([]),
        json!({"type": "string"}),
        json!({"type": "object", "properties": {"to": 7}}),
        outside,
        dangling,
        impossible,
        forbidden,
    ]
    .map(problem);
    insta::assert_debug_snapshot!(shown, @r##"
    [
        "`#` is no schema: expected an object, found null",
        "`#` is no schema: expected an object, found a list",
        "`#` does not allow an object, and tool arguments are one",
        "`#/properties/to` is no schema: expected an object, found a number",
        "`#/properties/to/$ref` refers to `https://schemas.example/a.json`, which is outside the schema",
        "`#/properties/to/$ref` refers to `#/$defs/a`, which does not exist",
        "argument `to` cannot be given: no type is left for it",
        "argument `to` cannot be given: it is both required and forbidden",
    ]
    "##);
    assert!(matches!(
        Generator::new("tool", &json!(7), &Hints::default(), Seed(7)),
        Err(SchemaProblem::NotASchema { .. })
    ));
}

#[test]
fn strange_schemas_still_work() {
    let schema = json!({
        "$schema": "https://unknown.example/dialect",
        "type": "object",
        "properties": {
            "to": {"type": "text", "required": true},
            "count": {"type": "integer", "minimum": 1, "exclusiveMinimum": true},
            "list": {"type": "array", "items": [{"type": "string"}]},
            "odd": {"type": "string", "pattern": "(["},
            "maybe": {"type": "string", "nullable": true}
        },
        "required": ["to", "count", "list", "odd"]
    });
    let generator = generator(&schema);
    insta::assert_debug_snapshot!(generator.odd(), @r##"
    [
        "/properties/odd/pattern",
        "/properties/to/type",
        "/properties/to/required",
        "/properties/count/exclusiveMinimum",
    ]
    "##);
    assert!(cases(&generator, 32).iter().all(|case| case.valid));
}
