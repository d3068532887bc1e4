//! Where in the arguments a value stands, written as reports and hints write it.

use std::fmt::Write;

/// A dotted path such as `attachments[0].name`; empty for the arguments themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    text: String,
    /// The innermost property names, without array positions: what a value's meaning is read from.
    names: Vec<String>,
}

impl Place {
    pub(super) fn property(&self, name: &str) -> Self {
        let dot = if self.text.is_empty() { "" } else { "." };
        let mut names = self.names.clone();
        names.push(name.to_owned());
        Self {
            text: format!("{}{dot}{name}", self.text),
            names,
        }
    }

    pub(super) fn item(&self, index: usize) -> Self {
        let mut text = self.text.clone();
        let _ = write!(text, "[{index}]");
        Self {
            text,
            names: self.names.clone(),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// The name the value goes by; an array's items go by the array's.
    pub(super) fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    pub(super) fn parent_name(&self) -> &str {
        let n = self.names.len();
        if n < 2 { "" } else { &self.names[n - 2] }
    }

    /// The same path for any position in its arrays, as hints write it: `attachments[].name`.
    pub(super) fn general(&self) -> String {
        let mut out = String::with_capacity(self.text.len());
        let mut rest = self.text.as_str();
        while let Some(open) = rest.find('[') {
            let (before, after) = rest.split_at(open + 1);
            out.push_str(before);
            rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        }
        out.push_str(rest);
        out
    }
}

/// Every path that contains `path`, itself first, the empty one last.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(path);
    std::iter::from_fn(move || {
        let now = rest?;
        rest = (!now.is_empty()).then(|| &now[..now.rfind(['.', '[']).unwrap_or(0)]);
        Some(now)
    })
}

/// Every JSON pointer above `pointer`, the nearest first, the empty one last.
pub(super) fn pointer_ancestors(pointer: &str) -> impl Iterator<Item = &str> {
    let mut rest = pointer;
    std::iter::from_fn(move || {
        rest = &rest[..rest.rfind('/')?];
        Some(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_as_hints_write_them() {
        let at = Place::default().property("to").item(3).property("name");
        assert_eq!(at.as_str(), "to[3].name");
        assert_eq!(at.general(), "to[].name");
        assert_eq!((at.name(), at.parent_name()), ("name", "to"));
        let above: Vec<_> = ancestors("to[3].name").collect();
        assert_eq!(above, ["to[3].name", "to[3]", "to", ""]);
    }
}
