//! The fewest calls that show something, found by leaving others out (delta debugging).

use crate::run::given::Step;

/// Times that servers are run to find them.
const TESTS: u32 = 14;

/// The shortest sequence found that `shows` it. The last of `calls` is the one in which it was
/// seen and stays. None where not even all of them show it again.
pub async fn shortest(calls: &[Step], shows: impl AsyncFn(&[Step]) -> bool) -> Option<Vec<Step>> {
    let (last, before) = calls.split_last()?;
    if shows(std::slice::from_ref(last)).await {
        return Some(vec![last.clone()]);
    }
    if before.is_empty() || !shows(calls).await {
        return None;
    }
    let mut left = TESTS - 2;
    let mut needed = before.to_vec();
    // Mostly the n-th call of one tool: the others go first.
    let own: Vec<Step> = needed
        .iter()
        .filter(|s| s.tool == last.tool)
        .cloned()
        .collect();
    if own.len() < needed.len() {
        left -= 1;
        if shows(&with(&own, last)).await {
            needed = own;
        }
    }
    let mut piece = needed.len().div_ceil(2);
    while left > 0 && !needed.is_empty() {
        let mut shorter = false;
        let mut at = 0;
        while at < needed.len() && left > 0 {
            let end = (at + piece).min(needed.len());
            let without = [&needed[..at], &needed[end..]].concat();
            left -= 1;
            if shows(&with(&without, last)).await {
                needed = without;
                shorter = true;
            } else {
                at = end;
            }
        }
        if piece == 1 && !shorter {
            break;
        }
        piece = piece.div_ceil(2).max(1);
    }
    Some(with(&needed, last))
}

fn with(before: &[Step], last: &Step) -> Vec<Step> {
    before.iter().chain([last]).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::cell::Cell;

    fn steps(names: &str) -> Vec<Step> {
        let step = |name: char| Step {
            tool: name.to_string(),
            arguments: json!({}),
        };
        names.chars().map(step).collect()
    }

    fn names(steps: &[Step]) -> String {
        steps.iter().map(|step| step.tool.as_str()).collect()
    }

    async fn found(all: &str, shows: impl Fn(&str) -> bool) -> (Option<String>, u32) {
        let tests = Cell::new(0);
        let asked = async |steps: &[Step]| {
            tests.set(tests.get() + 1);
            shows(&names(steps))
        };
        let found = shortest(&steps(all), asked).await;
        (found.map(|steps| names(&steps)), tests.get())
    }

    #[tokio::test]
    async fn what_is_not_needed_is_left_out() {
        assert_eq!(
            found("abcdx", |s| s.ends_with('x')).await,
            (Some("x".into()), 1)
        );
        let pair = |s: &str| s.contains('b') && s.ends_with('x');
        assert_eq!(found("abcdx", pair).await.0.unwrap(), "bx");
        let third = |s: &str| s.matches('x').count() >= 3;
        assert_eq!(found("axbxcxdx", third).await.0.unwrap(), "xxx");
        let long: String = "abcdefgh".repeat(500) + "x";
        let (kept, tests) = found(&long, |s| s.matches('c').count() >= 2 && s.ends_with('x')).await;
        assert!(kept.unwrap().len() < 1000 && tests <= TESTS);
    }

    #[tokio::test]
    async fn what_does_not_show_again_has_no_sequence() {
        assert_eq!(found("abx", |_| false).await, (None, 2));
        assert_eq!(found("x", |_| false).await, (None, 1));
        assert_eq!(found("", |_| true).await, (None, 0));
    }
}
