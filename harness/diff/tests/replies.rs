//! What upstreams answer.

use super::*;

/// An answer that comes again and again is learnt again when a long run has pushed it out of
/// memory.
#[test]
fn an_answer_of_long_ago_still_explains_what_comes_again() {
    const ID: &str = "tmpl-7k2m9q4x0b";
    let calls: Vec<Call> = (0..3_000)
        .map(|nth| {
            let words: Vec<String> = (0..10).map(|i| format!("word{nth:05}x{i}")).collect();
            let mut request = http("api.mail.example", &[], &json!({"template": ID}));
            let Kind::Http(sent) = &mut request else {
                unreachable!()
            };
            sent.reply.body = Body::new(json!({"id": ID}).to_string().as_bytes());
            (json!({"text": words.join(" ")}), vec![request])
        })
        .collect();
    let behaviour = behaviour(&["text"], &calls);
    let scoped = behaviour.tool("send").unwrap();
    let operation = scoped.operations.values().next().unwrap();
    let told = operation.places["body.template"].values.iter();
    let told: Vec<(String, u32)> = told
        .map(|(value, seen)| (value.to_string(), seen.calls.count()))
        .collect();
    // Before the first answer nothing could explain it.
    let constant = (ID.to_owned(), 1);
    let explained = ("{upstream(api.mail.example id)}".to_owned(), 2_999);
    assert_eq!(told, [constant, explained]);
}
