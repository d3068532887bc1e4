//! What the new version does that the old one did not do in the same scope.

use super::super::carry::summary;
use super::super::change::{Change, Rule, Side, Weight};
use super::super::known::{Known, bare};
use super::super::weigh;
use super::Context;
use crate::provenance::{Expr, NOT_FOUND, REMOVED, Source};
use crate::snapshot::Operation;
use std::collections::BTreeSet;

impl Context<'_> {
    /// An operation that this scope did not have.
    pub(super) fn appeared(
        &self,
        name: &str,
        operation: &Operation,
        new: &Known,
        changes: &mut Vec<Change>,
    ) {
        let rule = match Operation::verb(name) {
            "result" | "exit" => {
                self.outcome(name, operation, changes);
                return self.grave_only(name, operation, changes);
            }
            "output" if name == "output stderr" => {
                return self.places(name, None, operation, changes);
            }
            // Its texts are compared as texts; what they must not hold is told here.
            "listing" => return self.places(name, None, operation, changes),
            "output" => Rule::ProtocolViolation,
            "message" if self.known.anywhere(name).is_empty() => Rule::ServerRequest,
            "message" => return,
            "exec" if self.known.anywhere(name).is_empty() => Rule::NewProgram,
            "exec" => Rule::RepeatedEffect,
            "file" => Rule::NewFile,
            "script" => return self.script_added(name, operation, changes),
            "read" => return self.read(name, operation, changes),
            "forbidden" => Rule::ForbiddenCall,
            "signal" => Rule::SignalsOtherProcess,
            "tls" if !name.starts_with("tls authenticated ") => Rule::RefusedTls,
            "unix" | "refused-loopback" => Rule::NewAttempt,
            _ => match operation.host.as_deref() {
                Some(host) if !self.known.host(host) => Rule::NewDestination,
                _ => Rule::NewRequest,
            },
        };
        // A look-up goes before the contact it is for; alone it is an effect of its own.
        if name.starts_with("dns ") && self.is_preparation(name, operation, new) {
            return;
        }
        // The same operation in another phase is where it was, only earlier or later.
        let moved = rule == Rule::NewRequest && !self.known.anywhere(name).is_empty();
        let places = operation.places.iter();
        let carries: BTreeSet<&Source> = places
            .filter(|(place, _)| rule != Rule::NewFile || !place.starts_with(REMOVED))
            .flat_map(|(_, p)| p.values.keys().flat_map(Expr::sources))
            .collect();
        let what = match rule {
            Rule::NewDestination => "contacts a new host",
            Rule::NewProgram if name.ends_with(NOT_FOUND) => "tries to start a program",
            Rule::NewProgram => "starts a program",
            Rule::NewFile => "touches a file",
            Rule::ServerRequest => "asks its client",
            Rule::ForbiddenCall => "reaches out of its process",
            Rule::SignalsOtherProcess => "sends a signal to a process that it did not start",
            Rule::RefusedTls => "refuses TLS",
            Rule::NewAttempt => "tries a local service",
            Rule::ProtocolViolation => "breaks the protocol",
            _ if moved => "now also does here what it did elsewhere",
            Rule::RepeatedEffect => "does here as well what it did elsewhere",
            _ => "makes a new request",
        };
        let mut title = format!("{what}: {name}");
        if !carries.is_empty() {
            let list: Vec<String> = carries.iter().take(4).map(|s| s.to_string()).collect();
            let more = if carries.len() > 4 { " …" } else { "" };
            title.push_str(&format!(", carrying {}{more}", list.join(", ")));
        }
        let mut change = self.change(rule, name, title, operation.calls.clone());
        change.host = operation.host.clone();
        change.now = Some(summary(name, operation));
        change.provenance = if carries.is_empty() {
            "constant".to_owned()
        } else {
            carries
                .iter()
                .map(|s| s.to_string())
                .collect::<Vec<_>>()
                .join(" + ")
        };
        change.evidence = Some((Side::New, operation.first));
        match rule {
            Rule::NewFile if self.scope.script.is_some() => {
                change.weight = weigh::file_of_script(name, &carries);
            }
            Rule::NewFile => change.weight = weigh::file(name, &carries),
            Rule::NewProgram if self.is_in_script(name) => change.weight = Weight::Trivial,
            Rule::ServerRequest => change.weight = weigh::message(name),
            _ => {}
        }
        if moved {
            change.weight = Weight::Trivial;
        }
        changes.push(change);
        let before = self.known.anywhere(name).first().copied();
        // What a script that is new does is told with it, and has no like in what others did.
        if !self.is_new_script() && (rule != Rule::NewDestination || before.is_some()) {
            self.places(name, before, operation, changes);
        } else {
            self.grave_only(name, operation, changes);
        }
    }

    /// Something is read that this scope did not read. What is no longer read, or in other calls,
    /// says little: programs read again when they have forgotten.
    fn read(&self, name: &str, operation: &Operation, changes: &mut Vec<Change>) {
        let (rule, weight, what) = weigh::read(name);
        let mut change = self.change(
            rule,
            name,
            format!("{what}: {name}"),
            operation.calls.clone(),
        );
        change.weight = weight;
        if !self.known.anywhere(name).is_empty() {
            change.weight = Weight::Trivial;
        }
        change.evidence = Some((Side::New, operation.first));
        changes.push(change);
    }

    /// Whether the same scope goes on to contact the name that was looked up, or always could.
    fn is_preparation(&self, name: &str, operation: &Operation, new: &Known) -> bool {
        let Some(host) = operation.host.as_deref() else {
            return false;
        };
        let carries = operation
            .places
            .values()
            .any(|p| p.values.keys().any(|e| !e.sources().is_empty()));
        let contacted = new.behaviour.operations().any(|(_, other, op)| {
            !other.starts_with("dns ") && op.host.as_deref().map(bare) == Some(host)
        });
        !carries && (contacted || self.known.host(host) || name.contains("{random"))
    }
}
