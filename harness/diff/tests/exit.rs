//! How a server ends.

use super::*;
use crate::effect::{Exit, Life, Outlived};

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
        assert_eq!(change.weight, Weight::Ordinary);
        let place = change.place.unwrap();
        found.push((change.rule, place, change.was, change.now.unwrap()));
    }
    let was = Some("`0`".to_owned());
    assert_eq!(
        found,
        [
            (
                Rule::LeavesProcessBehind,
                "left behind".to_owned(),
                None,
                "`miner`".to_owned()
            ),
            (Rule::ExitChanged, "code".to_owned(), was, "`3`".to_owned()),
        ]
    );
}

/// A program that is started in every call, with these ends.
fn starting(ends: &[&str]) -> Behaviour {
    let calls: Vec<Call> = (0..4)
        .map(|nth| {
            let pid = 7 + nth as u32;
            let program = Kind::Program(Program {
                path: "/usr/bin/git".into(),
                argv: vec!["git".into()],
                cwd: "/".into(),
                pid,
                missing: false,
                by: String::new(),
                variables: Default::default(),
                tried: vec![],
            });
            let ended = ends.get(nth).map(|end| {
                Kind::Life(Life {
                    path: "/usr/bin/git".into(),
                    pid,
                    lived_us: 1 + nth as u64,
                    code: end.parse().ok(),
                    signal: None,
                    goes_on: *end == "goes on",
                    outlived: Some(Outlived::Call),
                })
            });
            (
                arguments(nth),
                [Some(program), ended].into_iter().flatten().collect(),
            )
        })
        .collect();
    behaviour(&["to", "text", "tag"], &calls)
}

#[test]
fn a_program_that_goes_on_or_ends_otherwise_is_told() {
    let told = |old: Behaviour, new| -> Vec<(Rule, String)> {
        let changes = compared(&old, new).into_iter();
        changes.map(|change| (change.rule, change.title)).collect()
    };
    let well = || starting(&["0"; 4]);
    assert_eq!(told(well(), well()), []);
    assert_eq!(
        told(well(), starting(&["goes on"; 4])),
        [(
            Rule::LeavesProcessBehind,
            "starts a program that goes on after the call: exec /usr/bin/git".to_owned()
        )]
    );
    let fails = told(well(), starting(&["1"; 4]));
    assert_eq!(fails.len(), 1);
    assert_eq!(fails[0].0, Rule::ExitChanged);
    // One whose program is new is told both.
    let new = told(version(|_| vec![]), starting(&["goes on"; 4]));
    let rules: Vec<Rule> = new.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(rules, [Rule::NewProgram, Rule::LeavesProcessBehind]);
    // An end that was not seen, for whichever reason, is no difference.
    for seen in [&["0", "0"][..], &[]] {
        assert_eq!(told(well(), starting(seen)), []);
        assert_eq!(told(starting(seen), well()), []);
    }
}

#[test]
fn what_a_late_effect_carries_tells_which_call_armed_it() {
    let send = |text: &str| http("api.mail.example", &[], &json!({ "text": text }));
    let run = |late: bool| {
        let mut collector = Collector::new(Explainer::new(&[], 0));
        let text = "a text that was given to one call alone";
        collector.call("send", &json!({ "text": text }));
        let mut effect = |phase, kind| {
            collector.effect(&Effect {
                seq: 1,
                at_us: 0,
                phase,
                stage: None,
                call: Some(0),
                kind,
            });
        };
        effect(Phase::Call, send(text));
        if late {
            effect(Phase::Exit, send(text));
        }
        collector.finish()
    };
    // A deed that is done later is the same deed, and no value of it is altered.
    let changes = compared(&run(false), run(true));
    let rules: Vec<_> = changes
        .iter()
        .map(|change| (change.rule, change.weight))
        .collect();
    assert_eq!(rules, [(Rule::NewRequest, Weight::Trivial)]);
    let armed: Vec<_> = changes.iter().map(|change| change.armed_by()).collect();
    assert_eq!(armed, [Some("send")], "{changes:?}");
}
