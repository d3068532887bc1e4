//! Numbers that are measured and no behaviour.

use super::*;

/// `varying-number`: how long something took is no behaviour, whichever version was disturbed.
#[test]
fn a_measured_number_is_noise_in_either_version() {
    let run = |took: [&str; 4]| {
        let calls: Vec<Call> = (0..4)
            .map(|nth| {
                let body = json!({"took_ms": took[nth], "kind": "done"});
                (arguments(nth), vec![http("api.mail.example", &[], &body)])
            })
            .collect();
        behaviour(&["to", "text", "tag"], &calls)
    };
    let learnt = |a, b| crate::snapshot::learn(run(a), &run(b));
    let still = || learnt(["0"; 4], ["0"; 4]);
    let disturbed = || learnt(["0"; 4], ["0", "0", "1", "0"]);
    assert_eq!(compared(&still(), disturbed()), []);
    assert_eq!(compared(&disturbed(), still()), []);
    assert_eq!(compared(&disturbed(), run(["0", "140", "2", "17"])), []);
    // Not another number for good, nor data, nor a number far longer.
    for other in ["7", "0f", "4111111111111111"] {
        assert_ne!(compared(&still(), learnt([other; 4], [other; 4])), []);
    }
    for data in ["0f", "4111111111111111"] {
        assert_ne!(compared(&disturbed(), run(["0", data, "0", "0"])), []);
    }
}
