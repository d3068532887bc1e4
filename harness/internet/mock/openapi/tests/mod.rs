//! Documents as people write them: what is answered, that it is valid, and what mistakes are told.

use super::*;
use crate::internet::mock::form::tests::request;
use jsonschema::{Draft, Registry};
use proptest::prelude::*;
use serde_json::json;

const PETS: &str = include_str!("petstore.yaml");
const TRACKER: &str = include_str!("tracker.yaml");

fn mock(text: &str) -> OpenApi {
    let document = Document::of(yaml::read(text).unwrap()).unwrap();
    OpenApi::new(document, Seed(7))
}

/// Asks, and checks the answer against the schema that is at `pointer` of the document.
fn ask(mock: &OpenApi, method: &str, target: &str, body: Value, nth: u64) -> (u16, Value) {
    let bytes = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let mut request = request(method, target, "application/json", bytes.as_bytes());
    request.nth = nth;
    let answer = mock
        .answer(&request)
        .unwrap_or_else(|| panic!("{method} {target} unmatched"));
    let value = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer.status, value)
}

#[test]
fn what_is_created_is_there_until_it_is_deleted() {
    let pets = mock(PETS);
    let sent = json!({"name": "Rex", "kind": "dog", "secret": "s", "colour": "red"});
    let (status, made) = ask(&pets, "POST", "/v1/pets", sent, 0);
    assert_eq!(
        (status, &made["name"], &made["kind"]),
        (201, &json!("Rex"), &json!("dog"))
    );
    assert!(made.get("secret").is_none() && made.get("colour").is_none());
    let id = made["id"].as_u64().unwrap();
    assert_ne!(id, 10, "an example is no identity");
    let path = format!("/v1/pets/{id}");
    assert_eq!(
        ask(&pets, "GET", &path, Value::Null, 0),
        (200, made.clone())
    );
    let (_, all) = ask(&pets, "GET", "/v1/pets?kind=dog", Value::Null, 0);
    assert_eq!((all.as_array().unwrap().len(), &all[0]), (3, &made));
    let (_, seeded) = ask(
        &pets,
        "GET",
        &format!("/v1/pets/{}", all[1]["id"]),
        Value::Null,
        0,
    );
    assert_eq!(seeded, all[1]);
    let (_, walked) = ask(
        &pets,
        "POST",
        &format!("{path}/walk"),
        json!({"name": "Max"}),
        0,
    );
    assert_eq!(
        (&walked["name"], &walked["id"]),
        (&json!("Max"), &made["id"])
    );
    let (_, changed) = ask(
        &pets,
        "PATCH",
        &path,
        json!({"name": "Moritz", "weight": -1}),
        0,
    );
    assert_eq!(
        (&changed["name"], &changed["weight"]),
        (&json!("Moritz"), &made["weight"])
    );
    assert_eq!(
        ask(&pets, "DELETE", &path, Value::Null, 0),
        (204, Value::Null)
    );
    let (status, gone) = ask(&pets, "GET", &path, Value::Null, 0);
    assert_eq!(
        (status, gone),
        (404, json!({"code": 404, "message": "Not Found"}))
    );
    let (_, left) = ask(
        &pets,
        "GET",
        "/v1/pets?kind=dog&page=1&limit=1",
        Value::Null,
        0,
    );
    assert_eq!(left, json!([all[1]]));
    assert_eq!(
        ask(&pets, "GET", "/v1/pets?kind=dog&page=2", Value::Null, 0).1,
        json!([])
    );
}

#[test]
fn what_is_required_is_asked_for() {
    let pets = mock(PETS);
    let (status, why) = ask(&pets, "GET", "/v1/pets", Value::Null, 0);
    assert_eq!(
        (status, why),
        (400, json!({"code": 400, "message": "kind is missing"}))
    );
    assert_eq!(
        ask(&pets, "GET", "/v1/pets?kind=cow", Value::Null, 0).0,
        400
    );
    // What is optional may be wrong: few services look.
    assert_eq!(
        ask(&pets, "GET", "/v1/pets?kind=cat&limit=many", Value::Null, 0).0,
        200
    );
    let (status, why) = ask(
        &pets,
        "POST",
        "/v1/pets",
        json!({"kind": "dog", "secret": "s"}),
        0,
    );
    assert_eq!(
        (status, &why["message"]),
        (422, &json!("the body is invalid"))
    );
    assert_eq!(ask(&pets, "POST", "/v1/pets", Value::Null, 0).0, 422);
    // No error is declared there.
    assert_eq!(ask(&pets, "GET", "/v1/pets/x", Value::Null, 0).0, 200);
    let form = b"name=Rex&kind=dog&secret=s&weight=2.5";
    let kind = "application/x-www-form-urlencoded";
    let answer = pets
        .answer(&request("POST", "/v1/pets", kind, form))
        .unwrap();
    let value: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, &value["weight"]), (201, &json!(2.5)));
    let location = answer
        .headers
        .iter()
        .find(|(name, _)| name == "location")
        .unwrap();
    assert_eq!(location.1, format!("/v1/pets/{}", value["id"]));
}

#[test]
fn envelopes_members_and_alternatives() {
    let tracker = mock(TRACKER);
    let path = "/api/projects/ABC/issues";
    let sent = json!({"title": "Broken", "priority": "high", "assignee": "jane@corp.example"});
    let (status, made) = ask(&tracker, "POST", path, sent, 0);
    let issue = &made["issue"];
    assert_eq!(
        (status, &issue["title"], &issue["priority"]),
        (201, &json!("Broken"), &json!("high"))
    );
    assert_eq!(issue["project_key"], "ABC");
    let one = format!("{path}/{}", issue["number"]);
    assert_eq!(ask(&tracker, "GET", &one, Value::Null, 0).1, *issue);
    let (_, list) = ask(&tracker, "GET", path, Value::Null, 0);
    assert_eq!(
        (&list["issues"][0], &list["total"], &list["next_cursor"]),
        (issue, &json!(3), &Value::Null)
    );
    assert_eq!(issue["closed_at"], Value::Null);
    assert_eq!(
        ask(&tracker, "GET", "/api/projects/XYZ/issues", Value::Null, 0).1["total"],
        2
    );
    let (status, why) = ask(&tracker, "POST", path, json!({"title": ""}), 0);
    assert_eq!((status, &why["title"]), (400, &json!("title is invalid")));
    let (_, opened) = ask(&tracker, "POST", "/api/events", json!({}), 0);
    assert_eq!(
        (&opened["event"], &opened["by"]["kind"]),
        (&json!("Opened"), &json!("human"))
    );
    assert_eq!(
        ask(&tracker, "GET", "/api/status", Value::Null, 0),
        (200, json!({"state": "green"}))
    );
    let report = tracker
        .answer(&request("GET", "/api/report", "", b""))
        .unwrap();
    assert_eq!(
        (&report.body[..], report.by.as_str()),
        (&b"a,b\n1,2\n"[..], "openapi GET /report")
    );
    assert!(
        tracker
            .answer(&request("PATCH", "/api/report", "", b""))
            .is_none()
    );
    assert!(
        tracker
            .answer(&request("GET", "/report", "", b""))
            .is_none()
    );
}

#[test]
fn the_same_requests_get_the_same_answers_and_another_seed_others() {
    let document = Document::of(yaml::read(TRACKER).unwrap()).unwrap();
    let all = |seed| {
        let mock = OpenApi::new(document.clone(), Seed(seed));
        let (_, made) = ask(
            &mock,
            "POST",
            "/api/projects/A/issues",
            json!({"title": "x"}),
            3,
        );
        let (_, list) = ask(&mock, "GET", "/api/projects/A/issues", Value::Null, 0);
        (made, list)
    };
    assert_eq!(all(1), all(1));
    assert_ne!(all(1), all(2));
}

/// Checks an answer with `jsonschema` against what the document says of that response.
fn valid(text: &str, pointer: &str, value: &Value) -> Result<(), String> {
    let mut root = yaml::read(text).unwrap();
    dialect::modernise(&mut root);
    // A response lacks what only requests have.
    let root = dialect::relax(&root, "writeOnly");
    let registry = Registry::new()
        .add("json-schema:///t", root)
        .unwrap()
        .prepare()
        .unwrap();
    let schema = json!({"$ref": format!("json-schema:///t#{pointer}")});
    let options = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_registry(&registry);
    let validator = options
        .should_validate_formats(true)
        .build(&schema)
        .unwrap();
    let wrong = validator.iter_errors(value).next();
    wrong.map_or(Ok(()), |e| {
        Err(format!("{} at {}: {value}", e, e.instance_path()))
    })
}

const ISSUES: &str = "/paths/~1projects~1%7Bproject_key%7D~1issues/get/responses/200/content/application~1json/schema";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn every_answer_is_valid(
        seed in any::<u64>(),
        name in "[a-zé/% .]{0,24}",
        weight in proptest::option::of(-5.0..100.0),
        id in "[a-z0-9%/.-]{1,12}",
    ) {
        let sent = json!({"name": name, "kind": "dog", "weight": weight, "secret": "s", "tag": name, "toys": [name], "parent": {"name": name}});
        for (text, method, target, pointer) in [
            (PETS, "POST", "/v1/pets".to_owned(), "/components/schemas/Pet"),
            (PETS, "GET", "/v1/pets?kind=cat".to_owned(), "/components/schemas/Pets"),
            (PETS, "PATCH", format!("/v1/pets/{}", id.replace('/', "%2F")), "/components/schemas/Pet"),
            (TRACKER, "GET", format!("/api/projects/{}/issues", id.replace('/', "%2F")), ISSUES),
            (TRACKER, "GET", "/api/projects/A/issues/7".to_owned(), "/components/schemas/Issue"),
            (TRACKER, "PUT", "/api/projects/A/issues/x".to_owned(), "/components/schemas/Issue"),
            (TRACKER, "POST", "/api/events".to_owned(), "/components/schemas/Opened"),
        ] {
            let mock = OpenApi::new(Document::of(yaml::read(text).unwrap()).unwrap(), Seed(seed));
            let (status, value) = ask(&mock, method, &target, sent.clone(), 0);
            let schema = if status == 422 { "/components/schemas/Error" } else { pointer };
            if let Err(why) = valid(text, schema, &value) {
                prop_assert!(false, "{method} {target}: {why}");
            }
        }
    }

    #[test]
    fn no_request_panics(method in "(GET|POST|PUT|PATCH|DELETE|HEAD)", target in "/(v1|api)/(pets|projects)(/[a-z%/?&=é]{0,12}){0,3}", kind in "(application/json|multipart/form-data; boundary=b|text/plain|)", body in "[\\[{}\\],:\"a-z0-9]{0,40}") {
        for text in [PETS, TRACKER] {
            let _ = mock(text).answer(&request(&method, &target, &kind, body.as_bytes()));
        }
    }

    #[test]
    fn no_document_panics(key in "(paths|/a|get|responses|200|content|application/json|schema|\\$ref|type|allOf|properties|items)", value in "(~|7|x|\\[\\]|\\{\\}|'#/paths'|'#'|\\[x\\])") {
        let text = PETS.replacen(&format!("{key}:"), &format!("{key}: {value}\nx-was:"), 1);
        let flow = PETS.replace("type: string", &format!("{key}: {value}"));
        for text in [text, flow] {
            if let Ok(Ok(document)) = yaml::read(&text).map(Document::of) {
                let mock = OpenApi::new(document, Seed(1));
                for target in ["/v1/pets?kind=cat", "/v1/pets/7"] {
                    let _ = mock.answer(&request("GET", target, "", b""));
                }
            }
        }
    }
}

/// A schema that asks for endless nesting gets what there is room for.
#[test]
fn recursion_has_an_end() {
    let (status, tree) = ask(&mock(TRACKER), "GET", "/api/tree", Value::Null, 0);
    assert_eq!(status, 200);
    valid(TRACKER, "/components/schemas/Tree", &tree).unwrap();
    let endless = json!({"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}}}}}},
        "components": {"schemas": {"A": {"type": "object", "required": ["a", "b"], "properties": {"a": {"$ref": "#/components/schemas/A"}, "b": {"$ref": "#/components/schemas/A"}}}}}});
    let (status, _) = ask(&mock(&endless.to_string()), "GET", "/a", Value::Null, 0);
    assert_eq!(status, 200);
}

/// Writes files and loads the first; the mistake with its hint.
fn mistake(files: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let error = Document::load(&folder.path().join(files[0].0), folder.path()).unwrap_err();
    let text = error
        .to_string()
        .replace(&format!("{}/", folder.path().display()), "");
    match error.hint() {
        Some(hint) => format!("{text} ({hint})"),
        None => text,
    }
}

#[test]
fn mistakes_are_told_with_their_place() {
    let get = |schema: &str| {
        format!(
            "openapi: 3.0.0\npaths:\n  /a:\n    get:\n      responses:\n        '200':\n          content:\n            application/json:\n              schema: {schema}\n"
        )
    };
    let told = [
        mistake(&[("a.yaml", "swagger: '2.0'\n")]),
        mistake(&[("a.yaml", "openapi: 4.0.0\n")]),
        mistake(&[("a.json", "{\"openapi\": \"3.0.0\",\n \"paths\": }")]),
        mistake(&[("a.yaml", "openapi: 3.0.0\npaths:\n  a: {get: {}}\n")]),
        mistake(&[("a.yaml", "openapi: 3.0.0\npaths: {}\n")]),
        mistake(&[("a.yaml", "openapi: [3.0.0\n")]),
        mistake(&[("a.yaml", &get("{$ref: '#/components/schemas/B'}"))]),
        mistake(&[("a.yaml", &get("{$ref: 'https://x.example/b.yaml'}"))]),
        mistake(&[("a.yaml", &get("{$ref: '../../../../../etc/hostname'}"))]),
        mistake(&[
            ("a.yaml", &get("{$ref: 'b.yaml#/B'}")),
            ("b.yaml", "B: {$ref: '#/C'}\nC: {$ref: '#/B'}\n"),
        ]),
        mistake(&[("a.yaml", &get("{$ref: 'b.yaml#B'}"))]),
    ];
    insta::assert_snapshot!(told.join("\n"), @r"
    a.yaml: `swagger: 2.0` is not OpenAPI 3 (convert it to OpenAPI 3, with `npx swagger2openapi` for instance)
    a.yaml: OpenAPI `4.0.0` is not supported (3.0 and 3.1 are read)
    a.json:2:11: not JSON: expected value
    a.yaml: #/paths/a: path `a` does not begin with a slash
    a.yaml: #/paths: no operation is described below `paths`
    a.yaml:2:1: not YAML: while parsing a flow sequence, expected ',' or ']'
    a.yaml: #/paths/~1a/get/responses/200/content/application~1json/schema: `#/components/schemas/B` refers to nothing (inside a pointer `/` is written `~1` and `~` is written `~0`)
    a.yaml: #/paths/~1a/get/responses/200/content/application~1json/schema: `https://x.example/b.yaml` refers to another machine (nothing is fetched: save that document beside this one and refer to the file)
    a.yaml: #/paths/~1a/get/responses/200/content/application~1json/schema: `../../../../../etc/hostname` lies outside the scenario's folder (copy the file into the folder of the scenario)
    a.yaml: #/paths/~1a/get/responses/200/content/application~1json/schema: `b.yaml#/B` refers to itself
    a.yaml: #/paths/~1a/get/responses/200/content/application~1json/schema: `b.yaml#B` is not a reference that is understood here (references are `#/components/…`, `file.yaml` or `file.yaml#/…`)
    ");
}

#[test]
fn files_beside_the_document_belong_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let main = "openapi: 3.0.0\npaths:\n  /a:\n    $ref: 'sub/paths.yaml#/a'\n";
    let paths = "a:\n  get:\n    responses:\n      '200':\n        content:\n          application/json:\n            schema: {$ref: '../b.yaml'}\n";
    let schema = "type: object\nrequired: [x, y]\nproperties:\n  x: {enum: [told]}\n  y: {$ref: '#/properties/x'}\n";
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    for (name, text) in [
        ("a.yaml", main),
        ("sub/paths.yaml", paths),
        ("b.yaml", schema),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let document = Document::load(&folder.path().join("a.yaml"), folder.path()).unwrap();
    let mock = OpenApi::new(document, Seed(1));
    assert_eq!(
        ask(&mock, "GET", "/a", Value::Null, 0).1,
        json!({"x": "told", "y": "told"})
    );
}
