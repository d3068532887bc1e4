//! Signals from one process to another, as the watcher is shown them. Those to the sender itself, to
//! its group and to what descends from it are ordinary, and so is the question whether a process is
//! there (signal 0). Of all others it is told whom they were meant for, by what the receiver is to
//! the sender: numbers of processes say nothing.

use super::remote;
use crate::effect::Signal;
use std::fs;
use std::path::PathBuf;

/// How far up a process's ancestors are followed.
const GENERATIONS: u32 = 64;

/// A call that sends a signal.
struct Sending {
    call: &'static str,
    to: To,
    signal: i32,
}

enum To {
    /// As kill (2) takes it: a process, or a group.
    Process(i32),
    /// A descriptor of the sender's.
    Descriptor(i32),
}

/// The signal to tell of, if the call sends one.
pub fn seen(number: libc::c_long, pid: i32, args: &[u64; 6]) -> Option<Signal> {
    let sending = Sending::of(number, args)?;
    let inner = remote::inner_pid(pid);
    let proc = PathBuf::from(format!("/proc/{pid}/root/proc"));
    let target = match sending.to {
        To::Process(to) => Some(to),
        To::Descriptor(fd) => behind(pid, fd),
    };
    let file = |id: i32, name: &str| fs::read(proc.join(id.to_string()).join(name)).ok();
    let parent = |id: i32| field(&file(id, "status")?, "PPid:");
    let leader = |id: i32| field(&file(id, "status")?, "Tgid:");
    let group = |id: i32| {
        let line = file(id, "stat")?;
        let line = String::from_utf8_lossy(&line);
        // proc_pid_stat (5): state, parent, group.
        line.rsplit_once(") ")?.1.split(' ').nth(2)?.parse().ok()
    };
    let me = i32::try_from(inner).unwrap_or_default();
    let is_there = fs::metadata(proc.join("1")).is_ok();
    let target = match target {
        // A sandbox without /proc: nobody can be asked about.
        Some(to) if !is_there && to != 1 && to != -1 => None,
        None => Some("no process"),
        Some(to) => whom(
            to,
            me,
            &Kin {
                parent: &parent,
                leader: &leader,
                group: &group,
            },
        ),
    };
    Some(Signal {
        call: sending.call.to_owned(),
        target: target?.to_owned(),
        number: sending.signal,
        pid: inner,
    })
}

impl Sending {
    fn of(number: libc::c_long, args: &[u64; 6]) -> Option<Self> {
        let sends = |call, to: u64, signal: u64| Self {
            call,
            to: To::Process(to as i32),
            signal: signal as i32,
        };
        let sending = match number {
            libc::SYS_kill => sends("kill", args[0], args[1]),
            libc::SYS_tkill => sends("tkill", args[0], args[1]),
            libc::SYS_tgkill => sends("tgkill", args[0], args[2]),
            libc::SYS_rt_sigqueueinfo => sends("rt_sigqueueinfo", args[0], args[1]),
            libc::SYS_rt_tgsigqueueinfo => sends("rt_tgsigqueueinfo", args[0], args[2]),
            libc::SYS_pidfd_send_signal => Self {
                call: "pidfd_send_signal",
                to: To::Descriptor(args[0] as i32),
                signal: args[1] as i32,
            },
            _ => return None,
        };
        (sending.signal != 0).then_some(sending)
    }
}

/// The process that a descriptor of the sender's is for: one of pidfd_open (2), or of its folder in
/// /proc.
fn behind(pid: i32, fd: i32) -> Option<i32> {
    let info = fs::read(format!("/proc/{pid}/fdinfo/{fd}")).unwrap_or_default();
    let info = String::from_utf8_lossy(&info);
    let ids = info.lines().find_map(|line| line.strip_prefix("NSpid:"));
    if let Some(ids) = ids {
        return ids.split_whitespace().last()?.parse().ok();
    }
    let folder = fs::read_link(format!("/proc/{pid}/fd/{fd}")).ok()?;
    folder.to_str()?.strip_prefix("/proc/")?.parse().ok()
}

/// What is asked about processes by their ids inside; nothing of one that is not there.
struct Kin<'a> {
    parent: &'a dyn Fn(i32) -> Option<i32>,
    /// The process that a thread belongs to.
    leader: &'a dyn Fn(i32) -> Option<i32>,
    group: &'a dyn Fn(i32) -> Option<i32>,
}

/// Whom `me` sends to, where that is somebody else.
fn whom(to: i32, me: i32, kin: &Kin) -> Option<&'static str> {
    let to = match to {
        1 => return Some("process 1"),
        -1 => return Some("every process"),
        0 => return None,
        group if group < 0 => {
            let group = group.saturating_neg();
            if (kin.group)(me) == Some(group) {
                return None;
            }
            // A group goes by the number of the process that began it.
            group
        }
        to => to,
    };
    let Some(to) = (kin.leader)(to) else {
        return Some("no process");
    };
    if to == me || descends(to, me, kin) {
        None
    } else if descends(me, to, kin) {
        Some("the process that started it")
    } else {
        Some("another process")
    }
}

fn descends(mut id: i32, from: i32, kin: &Kin) -> bool {
    for _ in 0..GENERATIONS {
        match (kin.parent)(id) {
            Some(parent) if parent == from => return true,
            Some(parent) if parent > 1 => id = parent,
            _ => return false,
        }
    }
    false
}

fn field(status: &[u8], name: &str) -> Option<i32> {
    let status = String::from_utf8_lossy(status);
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2 started 3 and 4, 4 started 5 which has a thread 6; 7 is somebody else's.
    fn told(to: i32, me: i32) -> Option<&'static str> {
        let parent = |id| match id {
            3 | 4 => Some(2),
            5 => Some(4),
            2 | 7 => Some(1),
            1 => Some(0),
            _ => None,
        };
        let leader = |id| match id {
            6 => Some(5),
            id => parent(id).map(|_| id),
        };
        let group = |id| parent(id).map(|_| if id == 4 || id == 5 { 4 } else { 2 });
        whom(
            to,
            me,
            &Kin {
                parent: &parent,
                leader: &leader,
                group: &group,
            },
        )
    }

    #[test]
    fn what_one_started_oneself_is_ordinary() {
        for (to, me) in [
            (3, 2),
            (5, 2),
            (6, 2),
            (-4, 2),
            (2, 2),
            (0, 2),
            (-2, 3),
            (6, 5),
            (-4, 5),
        ] {
            assert_eq!(told(to, me), None, "{me} to {to}");
        }
    }

    #[test]
    fn whom_others_started_is_told() {
        for (to, me, whom) in [
            (1, 2, "process 1"),
            (-1, 2, "every process"),
            (2, 3, "the process that started it"),
            (2, 5, "the process that started it"),
            (-2, 5, "the process that started it"),
            (3, 4, "another process"),
            (7, 2, "another process"),
            (99, 2, "no process"),
            (i32::MIN, 2, "no process"),
        ] {
            assert_eq!(told(to, me), Some(whom), "{me} to {to}");
        }
    }

    #[test]
    fn asking_whether_somebody_is_there_is_no_signal() {
        let to_one = |signal| Sending::of(libc::SYS_kill, &[1, signal, 0, 0, 0, 0]);
        assert!(to_one(0).is_none());
        assert_eq!(to_one(15).map(|s| s.signal), Some(15));
        assert!(Sending::of(libc::SYS_read, &[1; 6]).is_none());
        assert_eq!(
            Sending::of(libc::SYS_tgkill, &[7, 8, 9, 0, 0, 0]).map(|s| s.signal),
            Some(9)
        );
    }
}
