//! Why calls were not answered as they should be, for those who have to do something about it.

use crate::snapshot::Behaviour;

/// What may help where too few calls were answered without error, going by how most of the
/// others ended.
pub fn hint(behaviour: &Behaviour) -> &'static str {
    let worst = OUTCOMES
        .iter()
        .map(|(outcome, hint)| (calls(behaviour, &format!("result {outcome}")), *hint))
        // Of equals the first.
        .rev()
        .max_by_key(|(calls, _)| *calls);
    match worst {
        Some((1.., OVERSIZED)) => oversized(behaviour),
        Some((1.., hint)) => hint,
        _ => ERRORS,
    }
}

const ERRORS: &str =
    "settings, hints for arguments or upstream mocks may be missing: see `--scenario`";
const OVERSIZED: &str = "its answers are larger than a client can be expected to read";
const OUTCOMES: [(&str, &str); 5] = [
    ("error", ERRORS),
    ("protocol-error", ERRORS),
    ("oversized", OVERSIZED),
    (
        "timeout",
        "no answer came in time: `timeout_s` under [exercise] of a scenario gives more of it",
    ),
    (
        "gone",
        "a server that has ended answers nothing: the first call without an answer ended it",
    ),
];

fn oversized(behaviour: &Behaviour) -> &'static str {
    let how = [
        (
            "output line-too-long",
            "its answers are lines of more than 16 MiB, larger than a client can be expected to read",
        ),
        (
            "output too-deep",
            "its answers are JSON nested more than 100 deep, deeper than a client can be expected to read",
        ),
        (
            "output too-many-values",
            "its answers are JSON of more than half a million values, more than a client can be expected to read",
        ),
    ];
    how.iter()
        .find(|(name, _)| calls(behaviour, name) > 0)
        .map_or(OVERSIZED, |(_, hint)| *hint)
}

/// In how many calls it was seen.
fn calls(behaviour: &Behaviour, operation: &str) -> u32 {
    let operations = behaviour.operations();
    operations
        .filter(|(scope, name, _)| scope.tool.is_some() && *name == operation)
        .map(|(_, _, seen)| seen.calls.count())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::{Body, Effect, Kind, Misbehaviour, Phase, ToolResult};
    use crate::provenance::Explainer;
    use crate::snapshot::Collector;
    use serde_json::{Value, json};

    /// A run whose calls ended so, with these lines on stdout.
    fn ended(outcomes: &[&str], output: &str) -> Behaviour {
        let mut collector = Collector::new(Explainer::new(&[], 0));
        for (nth, outcome) in outcomes.iter().enumerate() {
            collector.call("echo", &json!({}));
            let result = Kind::Result(ToolResult {
                tool: "echo".into(),
                outcome: (*outcome).to_owned(),
                value: Value::Null,
                bytes: 0,
            });
            let output = Kind::Misbehaviour(Misbehaviour {
                what: output.into(),
                bytes: Body::new(b"x"),
            });
            for kind in [output, result] {
                collector.effect(&Effect {
                    seq: 0,
                    at_us: 0,
                    phase: Phase::Call,
                    stage: None,
                    call: Some(nth as u32),
                    kind,
                });
            }
        }
        collector.finish()
    }

    #[test]
    fn most_calls_decide() {
        assert_eq!(hint(&ended(&[], "stderr")), ERRORS);
        assert_eq!(hint(&ended(&["ok", "error"], "stderr")), ERRORS);
        let many = hint(&ended(&["error", "timeout", "timeout"], "stderr"));
        assert!(many.contains("timeout_s"), "{many}");
        let large = hint(&ended(&["oversized"], "too-deep"));
        assert!(large.contains("100 deep"), "{large}");
        assert_eq!(hint(&ended(&["oversized"], "stderr")), OVERSIZED);
    }
}
