//! One start of a program told as one. `execvp` (3) asks the kernel for each folder of PATH in
//! turn until it is answered otherwise than that there is no such file; every try is an effect of
//! its own, in the log, and only here they become one.
//!
//! That a file was missing when it was asked for is a look, and a server may put it there before
//! the kernel looks. So nothing is dropped: where the program was looked for stays with the start
//! as `tried`, and what was never found is still an attempt.

use super::Scope;
use crate::effect::{Effect, Kind, Program};
use crate::provenance::Expr;

/// Processes whose tries are followed at once, and the bytes of their arguments in all; of more,
/// the oldest is told as it stands.
const PROCESSES: usize = 1024;
const BYTES: usize = 8 << 20;
/// Paths kept of one start, many more than PATH has folders.
const PATHS: usize = 64;

/// Tries that may still lead to a start.
#[derive(Default)]
pub struct Tries {
    open: Vec<Try>,
    bytes: usize,
}

/// Tries of one process.
pub struct Try {
    /// The first of them.
    pub effect: Effect,
    pub program: Program,
    tried: Vec<String>,
    /// Whether a call began since the last of them.
    quiet: bool,
    /// How it was explained in its own call, once that is over.
    pub held: Option<Held>,
}

/// Where an attempt belongs, and its values.
pub struct Held {
    pub scope: Scope,
    pub call: u32,
    pub values: Vec<(String, Expr)>,
}

impl Tries {
    /// A program was asked for. Gives the start that it is, with what was tried before, unless
    /// more tries may follow; and the attempts that nothing can follow any more.
    pub fn see(&mut self, effect: &Effect, program: &Program) -> (Option<Effect>, Vec<Try>) {
        let mut given_up = Vec::new();
        // A process that is gone has no number of its own.
        let known = match program.pid {
            0 => None,
            pid => self.open.iter().position(|open| open.program.pid == pid),
        };
        let mut tried = Vec::new();
        if let Some(at) = known {
            let open = &mut self.open[at];
            if !open.is_followed_by(program) {
                given_up.push(self.remove(at));
            } else if program.missing {
                open.quiet = false;
                if open.tried.len() < PATHS {
                    open.tried.push(program.path.clone());
                }
                return (None, given_up);
            } else {
                tried = self.remove(at).tried;
            }
        }
        if !program.missing || program.pid == 0 {
            let program = Program {
                tried,
                ..program.clone()
            };
            let start = Effect {
                kind: Kind::Program(program),
                ..effect.clone()
            };
            return (Some(start), given_up);
        }
        self.bytes += size(program);
        self.open.push(Try {
            effect: effect.clone(),
            program: program.clone(),
            tried: vec![program.path.clone()],
            quiet: false,
            held: None,
        });
        while self.open.len() > PROCESSES || self.bytes > BYTES {
            given_up.push(self.remove(0));
        }
        (None, given_up)
    }

    /// A call begins: those that nothing followed during the last one are given up. The others
    /// are to be explained before what they are explained by is over.
    pub fn call(&mut self) -> (Vec<Try>, impl Iterator<Item = &mut Try>) {
        let mut given_up = Vec::new();
        let mut at = 0;
        while at < self.open.len() {
            if std::mem::replace(&mut self.open[at].quiet, true) {
                given_up.push(self.remove(at));
            } else {
                at += 1;
            }
        }
        (given_up, self.open.iter_mut())
    }

    /// Nothing follows any more: what was not found so far was not found.
    pub fn give_up(&mut self) -> Vec<Try> {
        self.bytes = 0;
        std::mem::take(&mut self.open)
    }

    fn remove(&mut self, at: usize) -> Try {
        let open = self.open.remove(at);
        self.bytes -= size(&open.program);
        open
    }
}

fn size(program: &Program) -> usize {
    program.argv.iter().map(String::len).sum()
}

impl Try {
    /// Whether it is the same start: the same name with the same arguments in another folder.
    fn is_followed_by(&self, next: &Program) -> bool {
        let before = &self.program;
        base(&before.path) == base(&next.path)
            && before.argv == next.argv
            && before.cwd == next.cwd
            && !self.tried.contains(&next.path)
    }

    /// The attempt, by the name that was asked for where it was asked for in several places.
    pub fn attempt(&self) -> Effect {
        let mut program = self.program.clone();
        if self.tried.len() > 1 {
            program.path = base(&program.path).to_owned();
            program.tried.clone_from(&self.tried);
        }
        Effect {
            kind: Kind::Program(program),
            ..self.effect.clone()
        }
    }
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Phase;

    fn asked(path: &str, pid: u32, missing: bool) -> Program {
        Program {
            path: path.into(),
            argv: vec![base(path).into(), "-v".into()],
            cwd: "/".into(),
            pid,
            missing,
            by: String::new(),
            variables: Default::default(),
            tried: Vec::new(),
        }
    }

    /// What is told of these, each by its path and what was tried.
    fn told_of(programs: &[Program]) -> Vec<(String, Vec<String>)> {
        let mut tries = Tries::default();
        let mut settled = Vec::new();
        for (seq, program) in programs.iter().enumerate() {
            let effect = Effect {
                seq: seq as u64,
                at_us: 0,
                phase: Phase::Start,
                stage: None,
                call: None,
                kind: Kind::Program(program.clone()),
            };
            let (start, given_up) = tries.see(&effect, program);
            settled.extend(given_up.iter().map(Try::attempt));
            settled.extend(start);
        }
        settled.extend(tries.give_up().iter().map(Try::attempt));
        let read = |effect: Effect| match effect.kind {
            Kind::Program(program) => (program.path, program.tried),
            other => panic!("{other:?}"),
        };
        settled.into_iter().map(read).collect()
    }

    fn one(path: &str, tried: &[&str]) -> (String, Vec<String>) {
        (path.into(), tried.iter().map(|p| (*p).to_owned()).collect())
    }

    #[test]
    fn failed_tries_belong_to_the_start_that_follows() {
        let tries = [
            asked("/a/git", 7, true),
            asked("/b/git", 7, true),
            asked("/c/git", 7, false),
        ];
        assert_eq!(told_of(&tries), [one("/c/git", &["/a/git", "/b/git"])]);
    }

    #[test]
    fn tries_of_two_processes_are_two_starts() {
        let tries = [
            asked("/a/git", 7, true),
            asked("/a/git", 8, true),
            asked("/b/git", 8, false),
            asked("/b/git", 7, false),
        ];
        let start = one("/b/git", &["/a/git"]);
        assert_eq!(told_of(&tries), [start.clone(), start]);
    }

    #[test]
    fn what_is_never_found_is_one_attempt() {
        let tries = [asked("/a/git", 7, true), asked("/b/git", 7, true)];
        assert_eq!(told_of(&tries), [one("git", &["/a/git", "/b/git"])]);
        assert_eq!(told_of(&tries[..1]), [one("/a/git", &[])]);
    }

    #[test]
    fn nothing_vanishes_by_another_start() {
        let other = |change: &dyn Fn(&mut Program)| {
            let mut next = asked("/b/git", 7, false);
            change(&mut next);
            let path = next.path.clone();
            let tries = [asked("/a/git", 7, true), next];
            let mut told = told_of(&tries);
            told.sort();
            assert_eq!(told, [one("/a/git", &[]), one(&path, &[])]);
        };
        other(&|next| next.pid = 0);
        other(&|next| next.path = "/b/ssh".into());
        other(&|next| next.argv.push("more".into()));
        other(&|next| next.cwd = "/tmp".into());
        // It is there now: that is another start than the one that failed.
        other(&|next| next.path = "/a/git".into());
    }

    #[test]
    fn a_call_that_begins_in_between_is_waited_for() {
        let mut tries = Tries::default();
        let see = |tries: &mut Tries, program: Program| {
            let effect = Effect {
                seq: 0,
                at_us: 0,
                phase: Phase::Call,
                stage: None,
                call: Some(0),
                kind: Kind::Program(program.clone()),
            };
            tries.see(&effect, &program).0
        };
        see(&mut tries, asked("/a/git", 7, true));
        see(&mut tries, asked("/a/ssh", 8, true));
        assert!(tries.call().0.is_empty());
        assert!(see(&mut tries, asked("/b/git", 7, false)).is_some());
        let (given_up, open) = tries.call();
        assert_eq!((given_up.len(), open.count()), (1, 0));
    }

    #[test]
    fn many_processes_are_bounded_and_all_are_told() {
        let tries: Vec<Program> = (1..=5_000).map(|pid| asked("/a/git", pid, true)).collect();
        assert_eq!(told_of(&tries).len(), 5_000);
    }
}
