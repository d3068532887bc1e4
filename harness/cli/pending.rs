//! `accept` and `reject`: which pending snapshots a person means, and what becomes of them.

use super::exit::Exit;
use super::failure::Failure;
use super::meaning::Which;
use super::printer::Printer;
use crate::snapshot::{Name, Store};

/// Takes the pending snapshots over as accepted. Either all that were named exist, or none is
/// touched.
pub fn accept(which: &Which, store: &Store, printer: &Printer) -> Result<Exit, Failure> {
    for name in chosen(which, store)? {
        store.accept(&name)?;
        printer.note(&format!("accepted {name}"));
    }
    Ok(Exit::Passed)
}

/// Drops them. Either all that were named exist, or none is touched.
pub fn reject(which: &Which, store: &Store, printer: &Printer) -> Result<Exit, Failure> {
    for name in chosen(which, store)? {
        store.reject(&name)?;
        printer.note(&format!("rejected {name}"));
    }
    Ok(Exit::Passed)
}

fn chosen(which: &Which, store: &Store) -> Result<Vec<Name>, Failure> {
    let pending = store.pending()?;
    let typed = match which {
        Which::All => return Ok(pending),
        Which::Named(typed) => typed,
    };
    let mut chosen: Vec<Name> = Vec::new();
    for typed in typed {
        let meant: Vec<&Name> = pending.iter().filter(|n| n.is_meant_by(typed)).collect();
        match meant.as_slice() {
            [one] if chosen.contains(one) => {}
            [one] => chosen.push((*one).clone()),
            [] => {
                let failure = Failure::usage(format!("nothing is pending for `{typed}`"));
                return Err(match pending.as_slice() {
                    [] => failure.hint("nothing is pending at all"),
                    all => failure.hint(format!("pending: {}", listed(all.iter()))),
                });
            }
            several => {
                let what = format!("`{typed}` means more than one pending snapshot");
                let hint = format!("name one of {}", listed(several.iter().copied()));
                return Err(Failure::usage(what).hint(hint));
            }
        }
    }
    Ok(chosen)
}

fn listed<'a>(names: impl Iterator<Item = &'a Name>) -> String {
    const MOST: usize = 8;
    let mut names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    match more {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}
