//! How programs ended, told with their starts. How long they took is no behaviour, and neither is
//! how those end that are still there when the server is ended (`ends-at-exit`): whether a helper
//! goes by itself or is ended with its server is a matter of microseconds. What must not be lost: a
//! program that goes on after its call, and one that goes on after the server, which its end tells.

use super::Collector;
use crate::effect::{Effect, Life, Outlived, Phase};
use crate::provenance::{END, Expr, GOES_ON};
use crate::snapshot::Scope;
use std::collections::HashMap;

/// Starts remembered at once, more than programs are followed.
const STARTS: usize = 4096;

/// Where programs were started that may be told of again, by process.
#[derive(Default)]
pub struct Starts(HashMap<u32, Start>);

struct Start {
    scope: Scope,
    operation: String,
    call: u32,
}

impl Collector {
    /// A program was started.
    pub(super) fn started(&mut self, pid: u32, scope: &Scope, operation: &str, call: u32) {
        let Starts(starts) = &mut self.starts;
        if starts.len() >= STARTS && !starts.contains_key(&pid) {
            starts.clear();
        }
        let (scope, operation) = (scope.clone(), operation.to_owned());
        let start = Start {
            scope,
            operation,
            call,
        };
        starts.insert(pid, start);
    }

    /// A program ended, or goes on.
    pub(super) fn life(&mut self, effect: &Effect, life: &Life) {
        let Some(start) = self.starts.0.remove(&life.pid) else {
            return;
        };
        let end = match (life.goes_on, life.outlived, life.code, life.signal) {
            (true, Some(Outlived::Call), ..) => GOES_ON.to_owned(),
            (true, ..) => return,
            _ if effect.phase == Phase::Exit => return,
            (_, _, Some(code), _) => format!("status {code}"),
            (.., Some(signal)) => format!("signal {signal}"),
            _ => return,
        };
        let value = [(END, Expr::text(end))];
        self.add(
            &start.scope,
            &start.operation,
            value,
            start.call,
            effect.seq,
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::effect::{Effect, Kind, Life, Outlived, Phase, Program};
    use crate::provenance::Explainer;
    use crate::snapshot::{Collector, Scope};
    use serde_json::json;

    /// What is told of the end of one program that was started in a call.
    fn told(phase: Phase, life: Life) -> Vec<String> {
        let mut collector = Collector::new(Explainer::new(&[], 0));
        collector.call("run", &json!({}));
        let program = Program {
            path: "/usr/bin/git".into(),
            argv: vec!["git".into()],
            cwd: "/".into(),
            pid: 7,
            by: String::new(),
            variables: Default::default(),
            missing: false,
            tried: Vec::new(),
        };
        let all = [
            (Phase::Call, Kind::Program(program)),
            (phase, Kind::Life(life)),
        ];
        for (seq, (phase, kind)) in all.into_iter().enumerate() {
            collector.effect(&Effect {
                seq: seq as u64,
                at_us: 0,
                phase,
                stage: None,
                call: Some(0),
                kind,
            });
        }
        let behaviour = collector.finish();
        let scoped = &behaviour.scopes[&Scope::tool("run")];
        let places = &scoped.operations["exec /usr/bin/git"].places;
        let end = places.get("end");
        end.map_or(Vec::new(), |end| {
            end.values.keys().map(ToString::to_string).collect()
        })
    }

    fn life() -> Life {
        Life {
            path: "/usr/bin/git".into(),
            pid: 7,
            lived_us: 9,
            code: None,
            signal: None,
            goes_on: false,
            outlived: None,
        }
    }

    #[test]
    fn an_end_belongs_to_the_call_of_the_start() {
        let ended = Life {
            code: Some(3),
            ..life()
        };
        assert_eq!(told(Phase::Call, ended.clone()), ["status 3"]);
        assert_eq!(told(Phase::Idle, ended.clone()), ["status 3"]);
        let killed = Life {
            signal: Some(9),
            ..life()
        };
        assert_eq!(told(Phase::Call, killed), ["signal 9"]);
        let goes_on = |outlived| Life {
            goes_on: true,
            outlived: Some(outlived),
            ..life()
        };
        assert_eq!(told(Phase::Idle, goes_on(Outlived::Call)), ["goes on"]);
        // At the end of the server anything may come first.
        assert_eq!(told(Phase::Exit, ended), [""; 0]);
        assert_eq!(told(Phase::Exit, goes_on(Outlived::Server)), [""; 0]);
        // Nor is anything said where the kernel says nothing.
        assert_eq!(told(Phase::Call, life()), [""; 0]);
        // Another process's.
        assert_eq!(
            told(
                Phase::Call,
                Life {
                    pid: 8,
                    code: Some(0),
                    ..life()
                }
            ),
            [""; 0]
        );
    }
}
