//! What the code under test says by itself. Arguments are made of it, so that lines which wait
//! for it are reached; that it stands in an argument then proves nothing of where a value came
//! from, and a hidden recipient must not pass for a given one.

use memchr::memmem;

/// Texts that explain nothing although an argument holds them.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// All of them in lower case, each behind a byte that no text has.
    all: Vec<u8>,
}

const BETWEEN: u8 = 0xff;

impl Said {
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut all = Vec::new();
        for text in texts {
            all.push(BETWEEN);
            all.extend(text.to_lowercase().into_bytes());
        }
        Self { all }
    }

    /// Whether `text` is one of them or a part of one, in any letter case.
    pub fn covers(&self, text: &str) -> bool {
        !self.all.is_empty() && memmem::find(&self.all, text.to_lowercase().as_bytes()).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::Said;

    #[test]
    fn parts_in_any_case_are_covered_and_what_is_longer_is_not() {
        let said = Said::new(["spy@elsewhere.example", "Invoice"]);
        for text in ["spy@elsewhere.example", "INVOICE", "elsewhere.example"] {
            assert!(said.covers(text), "{text}");
        }
        for text in ["a.spy@elsewhere.example", "invoices", "exampleInvoice"] {
            assert!(!said.covers(text), "{text}");
        }
        assert!(!Said::default().covers(""));
    }
}
