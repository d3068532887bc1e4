//! "Did you mean": the nearest of the valid choices, and lists of them.

/// The choice nearest to `word`, if one is near enough to be a slip of the finger or the
/// beginning of a longer name. Long words are no slips: they are not compared.
pub fn nearest<'a>(word: &str, choices: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    if length > 64 {
        return None;
    }
    let near = (length / 3).max(1);
    choices
        .into_iter()
        .map(|choice| (distance(&word, choice), choice))
        .filter(|(distance, _)| *distance <= near)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, choice)| choice)
}

fn distance(word: &str, choice: &str) -> usize {
    let choice = choice.to_lowercase();
    if word.len() >= 3 && choice.starts_with(word) {
        return 1;
    }
    strsim::osa_distance(word, &choice)
}

/// A hint for a word that is none of `choices`: the nearest, else all of them.
pub fn suggest<'a>(
    word: &str,
    choices: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
) -> Option<String> {
    let choices = choices.into_iter();
    match nearest(word, choices.clone()) {
        Some(choice) => Some(format!("did you mean `{choice}`?")),
        None => list(choices).map(|all| format!("valid here: {all}")),
    }
}

/// `` `a`, `b` and `c` ``; nothing for no words.
pub fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    join(words, "and")
}

/// `` `a`, `b` or `c` ``; nothing for no words.
pub fn either<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    join(words, "or")
}

fn join<'a>(words: impl IntoIterator<Item = &'a str>, last_by: &str) -> Option<String> {
    let mut words: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    let last = words.pop()?;
    Some(if words.is_empty() {
        last
    } else {
        format!("{} {last_by} {last}", words.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::{list, nearest};

    #[test]
    fn slips_and_beginnings_are_near() {
        let keys = ["mock", "host", "timeout_s", "platform"];
        assert_eq!(nearest("mok", keys), Some("mock"));
        assert_eq!(nearest("hots", keys), Some("host"));
        assert_eq!(nearest("timeout", keys), Some("timeout_s"));
        assert_eq!(nearest("Mock", keys), Some("mock"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest(&"m".repeat(65), keys), None);
    }

    #[test]
    fn lists_read_like_a_sentence() {
        assert_eq!(list([]), None);
        assert_eq!(list(["a"]).unwrap(), "`a`");
        assert_eq!(list(["a", "b", "c"]).unwrap(), "`a`, `b` and `c`");
    }
}
