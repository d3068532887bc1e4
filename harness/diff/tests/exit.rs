//! How a server ends.

use super::*;
use crate::effect::Exit;

fn ending(code: i32, left_behind: &[&str]) -> Behaviour {
    let exit = Kind::Exit(Exit {
        code: Some(code),
        signal: None,
        after: "stdin-closed".into(),
        left_behind: left_behind.iter().map(|name| (*name).to_owned()).collect(),
    });
    behaviour(&["to"], &[(json!({}), vec![exit])])
}

#[test]
fn another_end_is_told_with_its_place() {
    let old = ending(0, &[]);
    let new = ending(3, &["miner"]);
    let mut found = Vec::new();
    for change in compared(&old, new) {
        assert_eq!(change.rule, Rule::ExitChanged, "{change:?}");
        assert_eq!(change.weight, Weight::Ordinary);
        found.push((change.place.unwrap(), change.was, change.now.unwrap()));
    }
    let was = Some("`0`".to_owned());
    assert_eq!(
        found,
        [
            ("code".to_owned(), was, "`3`".to_owned()),
            ("left behind".to_owned(), None, "`miner`".to_owned()),
        ]
    );
}
