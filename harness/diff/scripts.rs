//! Scripts of an installation: one that is new, and whose it is.

use super::change::{Change, Owner, Rule, Side};
use super::effects::Context;
use crate::provenance::{Expr, Part, SCRIPT_TEXT};
use crate::snapshot::{Operation, Scoped, Script};

impl Context<'_> {
    /// A script that was not executed before.
    pub fn script_added(&self, name: &str, operation: &Operation, changes: &mut Vec<Change>) {
        let text = script_text(self.after).unwrap_or_default();
        let exit = self.after.operations.get("exit");
        let value = |place: &str| {
            let place = exit?.places.get(place)?;
            place.values.keys().next().map(Expr::to_string)
        };
        let how = match (value("after").as_deref(), value("code").as_deref()) {
            (Some("time"), _) => ", and does not end in time",
            (Some("memory"), _) => ", and uses more memory than it may have",
            (_, Some("0")) => "",
            (None, None) => ", which was not run",
            _ => ", and fails",
        };
        let title = format!("a script is executed to install it{how}: `{}`", clip(&text));
        let mut change = self.change(
            Rule::InstallScriptAdded,
            name,
            title,
            operation.calls.clone(),
        );
        change.now = Some(text);
        change.evidence = Some((Side::New, operation.first));
        changes.push(change);
    }

    /// Whether this is about a script that was not executed before.
    pub fn is_new_script(&self) -> bool {
        self.scope.script.is_some() && !self.before.operations.contains_key("script")
    }

    /// Whether it is a program that a script which is new itself names in its text: that much is
    /// told with the script. What such a program goes on to start is not.
    pub fn is_in_script(&self, name: &str) -> bool {
        let program = name.rsplit('/').next().unwrap_or(name);
        let word = |c: char| !(c.is_alphanumeric() || "._+-".contains(c));
        self.is_new_script()
            && script_text(self.after).is_some_and(|text| text.split(word).any(|w| w == program))
    }
}

/// Whose a script is, as far as behaviour knows.
pub fn owner(script: &Script) -> Owner {
    Owner {
        name: script.package.clone(),
        version: None,
        dependency: false,
        script: Some(script.event.clone()),
    }
}

/// The text of the script that a scope is about.
fn script_text(scoped: &Scoped) -> Option<String> {
    let place = scoped.operations.get("script")?.places.get(SCRIPT_TEXT)?;
    place.values.keys().next().map(shown_plain)
}

/// A value that is text alone, as it is.
fn shown_plain(value: &Expr) -> String {
    match value.0.as_slice() {
        [Part::Text(text)] => text.clone(),
        _ => value.to_string(),
    }
}

/// The head of a text, for a title.
pub fn clip(text: &str) -> String {
    const LONGEST: usize = 120;
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
