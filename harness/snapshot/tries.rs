//! One start of a program told as one. `execvp` (3) asks the kernel for each folder of PATH in
//! turn until it is answered otherwise than that there is no such file; every try is an effect of
//! its own, in the log, and only here they become one.
//!
//! That a file was missing when it was asked for is a look, and a server may put it there before
//! the kernel looks. So nothing is dropped: where the program was looked for stays with the start
//! as `tried`, and what was never found is still an attempt.

use crate::effect::{Effect, Kind, Program};

/// Processes whose tries are followed at once; of more, the oldest is told as it stands.
const PROCESSES: usize = 64;
/// Paths kept of one start, many more than PATH has folders.
const PATHS: usize = 64;

/// Tries that may still lead to a start.
#[derive(Default)]
pub struct Tries(Vec<Try>);

struct Try {
    /// The first of them.
    effect: Effect,
    program: Program,
    tried: Vec<String>,
}

impl Tries {
    /// A program was asked for. Gives what is settled by it: starts, with what was tried before
    /// them, and attempts that nothing can follow any more.
    pub fn see(&mut self, effect: &Effect, program: &Program) -> Vec<Effect> {
        let mut settled = Vec::new();
        // A process that is gone has no number of its own.
        let known = match program.pid {
            0 => None,
            pid => self.0.iter().position(|open| open.program.pid == pid),
        };
        if let Some(at) = known {
            let open = &mut self.0[at];
            if !open.is_followed_by(program) {
                settled.push(self.0.remove(at).given_up());
            } else if program.missing {
                if open.tried.len() < PATHS {
                    open.tried.push(program.path.clone());
                }
                return settled;
            } else {
                let tried = self.0.remove(at).tried;
                settled.push(told(
                    effect,
                    Program {
                        tried,
                        ..program.clone()
                    },
                ));
                return settled;
            }
        }
        if !program.missing || program.pid == 0 {
            settled.push(told(effect, program.clone()));
            return settled;
        }
        if self.0.len() == PROCESSES {
            settled.push(self.0.remove(0).given_up());
        }
        self.0.push(Try {
            effect: effect.clone(),
            program: program.clone(),
            tried: vec![program.path.clone()],
        });
        settled
    }

    /// Nothing follows: what was not found so far was not found.
    pub fn give_up(&mut self) -> Vec<Effect> {
        self.0.drain(..).map(Try::given_up).collect()
    }
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

    /// By the name that was asked for, where it was asked for in several places.
    fn given_up(self) -> Effect {
        let Self {
            effect,
            mut program,
            tried,
        } = self;
        if tried.len() > 1 {
            program.path = base(&program.path).to_owned();
            program.tried = tried;
        }
        told(&effect, program)
    }
}

fn told(effect: &Effect, program: Program) -> Effect {
    Effect {
        kind: Kind::Program(program),
        ..effect.clone()
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
                call: None,
                kind: Kind::Program(program.clone()),
            };
            settled.extend(tries.see(&effect, program));
        }
        settled.extend(tries.give_up());
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
    fn many_processes_are_bounded_and_all_are_told() {
        let tries: Vec<Program> = (1..=200).map(|pid| asked("/a/git", pid, true)).collect();
        assert_eq!(told_of(&tries).len(), 200);
    }
}
