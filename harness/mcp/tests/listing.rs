//! Listing what a server declares, page by page.

use super::*;

#[tokio::test(start_paused = true)]
async fn every_list_that_is_declared_is_read_to_its_last_page() {
    let (connected, effects) = start(Options::default(), |message| {
        let page = |member: &str, next: Option<&str>| {
            let cursor = message["params"]["cursor"].clone();
            let mut page = json!({ member: [{ "name": member, "cursor": cursor, "extra": 1.0 }] });
            if let Some(next) = next {
                page["nextCursor"] = next.into();
            }
            result(message, page)
        };
        match message["method"].as_str() {
            Some("initialize") => {
                let mut hello = hello("2025-06-18");
                hello["capabilities"] = json!({ "tools": {}, "prompts": {}, "resources": {} });
                result(message, hello)
            }
            // An empty string is a cursor too.
            Some("tools/list") => match message["params"]["cursor"].as_str() {
                None => page("tools", Some("")),
                Some("") => page("tools", Some("two")),
                Some(_) => page("tools", None),
            },
            Some("prompts/list") => page("prompts", None),
            Some("resources/list") => page("resources", None),
            Some("resources/templates/list") => page("resourceTemplates", None),
            _ => legacy(message),
        }
    })
    .await;
    let surface = connected.unwrap().1;
    let item = |name: &str, cursor: Value| json!({ "name": name, "cursor": cursor, "extra": 1.0 });
    let cursors = [json!(null), json!(""), json!("two")];
    assert_eq!(surface.tools, cursors.map(|cursor| item("tools", cursor)));
    assert_eq!(surface.prompts, [item("prompts", json!(null))]);
    assert_eq!(surface.resources, [item("resources", json!(null))]);
    assert_eq!(
        surface.resource_templates,
        [item("resourceTemplates", json!(null))]
    );
    assert_eq!(surface.revision, "2025-06-18");
    assert_eq!(effects.take(), []);
}

#[tokio::test(start_paused = true)]
async fn pages_without_end_end() {
    for fresh in [false, true] {
        let mut pages = 0;
        let (connected, effects) =
            start(Options::default(), move |message| {
                match message["method"].as_str() {
                    Some("tools/list") => {
                        pages += usize::from(fresh);
                        result(
                            message,
                            json!({ "tools": [{}], "nextCursor": pages.to_string() }),
                        )
                    }
                    _ => legacy(message),
                }
            })
            .await;
        let tools = connected.unwrap().1.tools.len();
        assert_eq!(tools, if fresh { 1001 } else { 2 });
        assert_eq!(wrongs(&effects.take()), ["endless-pages"]);
    }
}

#[tokio::test(start_paused = true)]
async fn tools_are_asked_for_where_none_are_declared() {
    let (connected, effects) = start(Options::default(), |message| {
        match message["method"].as_str() {
            Some("initialize") => result(message, json!({ "protocolVersion": "2025-11-25" })),
            _ => legacy(message),
        }
    })
    .await;
    assert_eq!(connected.unwrap().1.tools.len(), 1);
    assert_eq!(effects.take(), []);
}

#[tokio::test(start_paused = true)]
async fn a_surface_that_changes_with_calls_is_seen() {
    let mut called = false;
    let (connected, effects) = start(Options::default(), move |message| {
        match message["method"].as_str() {
            Some("tools/call") => {
                called = true;
                text(message, "")
            }
            Some("tools/list") if called => result(message, json!({ "tools": 7 })),
            _ => legacy(message),
        }
    })
    .await;
    let (mut session, before) = connected.unwrap();
    assert_eq!(session.list().await, Some(before));
    session.call("echo", &json!({})).await;
    assert_eq!(session.list().await, None);
    assert_eq!(wrongs(&effects.take()), ["no-listing"]);
}
