//! What a tool does to what there is, by its name: something has to be made before it can be read,
//! and read before it is deleted.

/// In the order in which they are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    Makes,
    Uses,
    Ends,
}

const MAKES: &[&str] = &[
    "create",
    "add",
    "new",
    "insert",
    "upload",
    "init",
    "initialize",
    "open",
    "start",
    "register",
    "connect",
    "begin",
];
const ENDS: &[&str] = &[
    "delete",
    "remove",
    "drop",
    "destroy",
    "clear",
    "close",
    "stop",
    "end",
    "purge",
    "cancel",
    "revoke",
    "disconnect",
    "unregister",
    "kill",
];

impl Deed {
    /// By the first word that says it: `create_note`, `notes.delete`, `closeSession`.
    pub fn of(tool: &str) -> Self {
        let mut word = String::new();
        let letters = tool.chars().take(200).chain(['_']);
        for letter in letters {
            let starts_one = letter.is_uppercase() && !word.is_empty();
            if letter.is_alphanumeric() && !starts_one {
                word.extend(letter.to_lowercase());
                continue;
            }
            if MAKES.contains(&&*word) {
                return Self::Makes;
            }
            if ENDS.contains(&&*word) {
                return Self::Ends;
            }
            word.clear();
            if letter.is_alphanumeric() {
                word.extend(letter.to_lowercase());
            }
        }
        Self::Uses
    }
}

#[cfg(test)]
mod tests {
    use super::Deed;

    #[test]
    fn names_say_what_is_done() {
        for (name, deed) in [
            ("create_note", Deed::Makes),
            ("notes.delete", Deed::Ends),
            ("closeSession", Deed::Ends),
            ("list_new_notes", Deed::Makes),
            ("addition", Deed::Uses),
            ("getNote", Deed::Uses),
            ("", Deed::Uses),
        ] {
            assert_eq!(Deed::of(name), deed, "{name}");
        }
    }
}
