//! What some files of /proc read like on the machine that the sandbox pretends to be: those that
//! say how a process is confined, where its files lie and since when the machine runs. Given to
//! whoever opens one to read it. Only looks at texts; whatever cannot be made stays as it is.
//!
//! This hides the sandbox from a server that looks; it holds nothing back that would matter.

use crate::secret::Persona;
use std::sync::atomic::{AtomicI64, Ordering};

/// How much longer the machine seems to run than the one underneath: days, as a laptop does that
/// is put to sleep.
const UPTIME_S: i64 = 3 * 86_400 + 15_133;
const NS: i64 = 1_000_000_000;
/// Parts of a second in which /proc tells times (USER_HZ).
const TICKS: i64 = 100;
/// Settings that were changed for the many connections of a long run, as they are by default.
const SETTINGS: &[(&str, &str)] = &[
    ("sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
    ("sys/net/ipv4/tcp_tw_reuse", "2\n"),
];

/// How far the clocks inside are ahead of the real ones, in nanoseconds.
#[derive(Debug, Default)]
pub struct Clocks {
    /// The date, from the start.
    pub ahead_ns: AtomicI64,
    /// All of them, by jumps.
    pub passed_ns: AtomicI64,
}

/// A file of /proc that has another face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Face {
    Status,
    /// Which ids are which: all, as they are.
    Ids,
    Groups,
    Mounts(Table),
    Control,
    Audit,
    Session,
    Stat,
    Uptime,
    Machine,
    Setting(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Table {
    Plain,
    Info,
    Statistics,
}

/// What `path` reads like, which is below /proc and names processes by their numbers; none where it
/// reads as it is. `real` gives what it is.
pub fn text(path: &str, clocks: &Clocks, real: impl FnOnce() -> Option<String>) -> Option<String> {
    let (face, is_init) = face(path)?;
    Some(match face {
        Face::Status => status(&real()?, is_init),
        Face::Ids => format!("{:>10} {:>10} {:>10}\n", 0, 0, u32::MAX),
        Face::Groups => "allow\n".to_owned(),
        Face::Mounts(table) => mounts(table),
        Face::Control if is_init => "0::/init.scope\n".to_owned(),
        Face::Control => "0::/user.slice/user-1000.slice/session-2.scope\n".to_owned(),
        Face::Audit if is_init => u32::MAX.to_string(),
        Face::Audit => Persona::DEFAULT.uid.to_string(),
        Face::Session if is_init => u32::MAX.to_string(),
        Face::Session => "2".to_owned(),
        Face::Stat => process(&real()?, is_init)?,
        Face::Setting(text) => text.to_owned(),
        Face::Uptime => uptime(&real()?, clocks)?,
        Face::Machine => since(&real()?, clocks),
    })
}

/// The face of a file, and whether it is process 1's.
fn face(path: &str) -> Option<(Face, bool)> {
    let path = path.strip_prefix("/proc/")?;
    match path {
        "uptime" => return Some((Face::Uptime, false)),
        "stat" => return Some((Face::Machine, false)),
        _ => {}
    }
    if let Some((_, text)) = SETTINGS.iter().find(|(name, _)| *name == path) {
        return Some((Face::Setting(text), false));
    }
    let (process, what) = path.split_once('/')?;
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(process) {
        return None;
    }
    let what = match what.strip_prefix("task/").and_then(|t| t.split_once('/')) {
        Some((thread, rest)) if is_number(thread) => rest,
        _ => what,
    };
    let is_init = process == "1";
    let face = match what {
        "status" => Face::Status,
        "uid_map" | "gid_map" | "projid_map" => Face::Ids,
        "setgroups" => Face::Groups,
        "mounts" => Face::Mounts(Table::Plain),
        "mountinfo" => Face::Mounts(Table::Info),
        "mountstats" => Face::Mounts(Table::Statistics),
        "cgroup" => Face::Control,
        "loginuid" => Face::Audit,
        "sessionid" => Face::Session,
        "stat" => Face::Stat,
        _ => return None,
    };
    Some((face, is_init))
}

/// A status (proc_pid_status (5)) of a process that nothing confines.
fn status(real: &str, is_init: bool) -> String {
    const ALL: &str = "000001ffffffffff";
    let id = if is_init { 0 } else { Persona::DEFAULT.uid };
    let ids = format!("{id}\t{id}\t{id}\t{id}");
    let mut out = String::with_capacity(real.len());
    for line in real.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let shown = match name {
            // Ids are told as they are outside.
            "Uid" | "Gid" => &ids,
            "Groups" if is_init => "",
            "Groups" => "27 100 1000 ",
            "CapPrm" | "CapEff" if is_init => ALL,
            "CapBnd" => ALL,
            "NoNewPrivs" | "Seccomp" | "Seccomp_filters" | "TracerPid" => "0",
            "Speculation_Store_Bypass" if value.ends_with("force mitigated") => "thread vulnerable",
            "SpeculationIndirectBranch" if value.ends_with("force disabled") => {
                "conditional enabled"
            }
            _ => value.trim_start_matches('\t'),
        };
        out.push_str(name);
        out.push_str(":\t");
        out.push_str(shown);
        out.push('\n');
    }
    out
}

/// The line of a process (proc_pid_stat (5)), begun as long after the machine was started as that
/// seems to be; process 1 began with it.
fn process(real: &str, is_init: bool) -> Option<String> {
    // The name in parentheses may hold anything; the state follows it, the start is 19 further.
    let end = real.rfind(')')?;
    let (name, rest) = real.split_at(end + 1);
    let mut fields: Vec<&str> = rest.trim().split(' ').collect();
    let began = fields.get_mut(19)?;
    let shown = match is_init {
        true => "9".to_owned(),
        false => (began.parse::<i64>().ok()?)
            .saturating_add(UPTIME_S * TICKS)
            .to_string(),
    };
    *began = &shown;
    Some(format!("{name} {}\n", fields.join(" ")))
}

/// Seconds since the machine was started, and those its processors had nothing to do.
fn uptime(real: &str, clocks: &Clocks) -> Option<String> {
    let mut numbers = real.split_whitespace().map(str::parse::<f64>);
    let (up, idle) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    let more = UPTIME_S as f64 + clocks.passed_ns.load(Ordering::Relaxed) as f64 / NS as f64;
    let processors = (idle / up).clamp(0.5, 1024.0);
    let shown = (up + more, idle + more * processors);
    Some(format!("{:.2} {:.2}\n", shown.0, shown.1))
}

/// The figures of the machine (proc_stat (5)) with the date on which it was started.
fn since(real: &str, clocks: &Clocks) -> String {
    let ahead_s = clocks.ahead_ns.load(Ordering::Relaxed) / NS;
    let line = |line: &str| {
        let started = line.strip_prefix("btime ");
        match started.and_then(|s| s.trim().parse::<i64>().ok()) {
            // Jumps make the date later and the time since as long: they cancel out.
            Some(s) => format!(
                "btime {}\n",
                s.saturating_add(ahead_s).saturating_sub(UPTIME_S)
            ),
            None => format!("{line}\n"),
        }
    };
    real.lines().map(line).collect()
}

/// One file system: where, what is mounted, its kind, its options and those of its own.
const MOUNTS: &[(&str, &str, &str, &str, &str)] = &[
    (
        "/sys",
        "sysfs",
        "sysfs",
        "rw,nosuid,nodev,noexec,relatime",
        "rw",
    ),
    (
        "/proc",
        "proc",
        "proc",
        "rw,nosuid,nodev,noexec,relatime",
        "rw",
    ),
    (
        "/dev",
        "udev",
        "devtmpfs",
        "rw,nosuid,relatime",
        "rw,size=16277392k,nr_inodes=4069348,mode=755,inode64",
    ),
    (
        "/run",
        "tmpfs",
        "tmpfs",
        "rw,nosuid,nodev,noexec,relatime",
        "rw,size=3262712k,mode=755,inode64",
    ),
    (
        "/",
        "/dev/nvme0n1p2",
        "ext4",
        "rw,relatime",
        "rw,errors=remount-ro",
    ),
    (
        "/dev/shm",
        "tmpfs",
        "tmpfs",
        "rw,nosuid,nodev",
        "rw,inode64",
    ),
    (
        "/tmp",
        "tmpfs",
        "tmpfs",
        "rw,nosuid,nodev",
        "rw,size=16313548k,nr_inodes=1048576,inode64",
    ),
];

/// The mounts of an ordinary installation (proc_pid_mounts (5), proc_pid_mountinfo (5)).
fn mounts(table: Table) -> String {
    /// Where in the list those stand that others are mounted in.
    const DEVICES: usize = 2;
    const ROOT: usize = 4;
    let line = |(i, (at, what, kind, options, own)): (usize, &(&str, &str, &str, &str, &str))| {
        let all = || {
            let rest = own.strip_prefix("rw").unwrap_or(own);
            format!("{options}{rest}")
        };
        match table {
            Table::Plain => format!("{what} {at} {kind} {} 0 0\n", all()),
            Table::Statistics => format!("device {what} mounted on {at} with fstype {kind}\n"),
            Table::Info => {
                let parent = match *at {
                    "/" => 1,
                    "/dev/shm" => 22 + DEVICES,
                    _ => 22 + ROOT,
                };
                let device = if i == ROOT {
                    "259:2".to_owned()
                } else {
                    format!("0:{}", 20 + i)
                };
                let (id, group) = (22 + i, 1 + (i + 3) % MOUNTS.len());
                format!(
                    "{id} {parent} {device} / {at} {options} shared:{group} - {kind} {what} {own}\n"
                )
            }
        }
    };
    MOUNTS.iter().enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = "Name:\tnode\nUmask:\t0022\nPid:\t4817\nPPid:\t1\nTracerPid:\t3\n\
        Uid:\t1900001000\t1900001000\t1900001000\t1900001000\nGid:\t0\t0\t0\t0\nGroups:\t \n\
        VmPeak:\t  100 kB\nCapPrm:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\n\
        Seccomp:\t2\nSeccomp_filters:\t1\nSpeculation_Store_Bypass:\tthread force mitigated\n\
        Cpus_allowed_list:\t0-1\n";

    fn shown(path: &str, real: &str) -> Option<String> {
        text(path, &Clocks::default(), || Some(real.to_owned()))
    }

    #[test]
    fn a_status_says_that_nothing_confines_the_process_and_nothing_else() {
        let got = shown("/proc/4817/status", STATUS).unwrap();
        let want = "Name:\tnode\nUmask:\t0022\nPid:\t4817\nPPid:\t1\nTracerPid:\t0\n\
            Uid:\t1000\t1000\t1000\t1000\nGid:\t1000\t1000\t1000\t1000\nGroups:\t27 100 1000 \n\
            VmPeak:\t  100 kB\nCapPrm:\t0000000000000000\nCapBnd:\t000001ffffffffff\nNoNewPrivs:\t0\n\
            Seccomp:\t0\nSeccomp_filters:\t0\nSpeculation_Store_Bypass:\tthread vulnerable\n\
            Cpus_allowed_list:\t0-1\n";
        assert_eq!(got, want);
        let init = shown("/proc/1/task/1/status", STATUS).unwrap();
        assert!(
            init.contains("Uid:\t0\t0\t0\t0\n") && init.contains("CapPrm:\t000001ffffffffff\n")
        );
    }

    #[test]
    fn these_files_have_a_face_and_no_others() {
        for path in [
            "/proc/7/uid_map",
            "/proc/7/task/9/gid_map",
            "/proc/7/setgroups",
            "/proc/7/mounts",
            "/proc/7/mountinfo",
            "/proc/7/mountstats",
            "/proc/7/cgroup",
            "/proc/7/loginuid",
        ] {
            assert!(shown(path, "").is_some(), "{path}");
        }
        for path in [
            "/proc/7/maps",
            "/proc/7/statm",
            "/proc/7/task/x/status",
            "/proc/7/task/9",
            "/proc/self/status",
            "/proc/7",
            "/proc/status",
            "/proc/",
            "/etc/uptime",
            "/proc/7/fd/status",
        ] {
            assert_eq!(shown(path, STATUS), None, "{path}");
        }
    }

    #[test]
    fn time_is_told_as_the_clocks_tell_it() {
        let clocks = Clocks::default();
        clocks.ahead_ns.store(100 * NS, Ordering::Relaxed);
        clocks.passed_ns.store(86_400 * NS, Ordering::Relaxed);
        let of = |path: &str, real: &str| text(path, &clocks, || Some(real.to_owned()));
        let up = of("/proc/uptime", "50.00 100.00\n");
        assert_eq!(up.as_deref(), Some("360783.00 721566.00\n"));
        let machine = of("/proc/stat", "cpu  1 2\nbtime 1000000\nprocesses 7\n");
        let want = "cpu  1 2\nbtime 725767\nprocesses 7\n";
        // 1000000 + 100 - 274333.
        assert_eq!(machine.as_deref(), Some(want));
        assert_eq!(of("/proc/uptime", "what"), None);
    }

    #[test]
    fn processes_began_after_the_machine_and_the_first_with_it() {
        let fields: Vec<String> = (4..=52).map(|n| n.to_string()).collect();
        let real = format!("1 (a) S) S {}\n", fields.join(" "));
        let shown = shown("/proc/1/stat", &real).unwrap();
        assert_eq!(shown, real.replace(" 22 ", " 9 "));
        let shown = text("/proc/7/stat", &Clocks::default(), || Some(real.clone()));
        assert_eq!(shown, Some(real.replace(" 22 ", " 27433322 ")));
    }

    #[test]
    fn the_tables_of_mounts_tell_the_same() {
        let [plain, info, statistics] = ["mounts", "mountinfo", "mountstats"]
            .map(|name| shown(&format!("/proc/7/{name}"), "").unwrap());
        for table in [&plain, &info, &statistics] {
            assert_eq!(table.lines().count(), MOUNTS.len());
        }
        assert!(plain.contains("/dev/nvme0n1p2 / ext4 rw,relatime,errors=remount-ro 0 0\n"));
        let root =
            "26 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw,errors=remount-ro\n";
        assert!(info.contains(root), "{info}");
        // Every parent but the root's is there.
        let ids: Vec<&str> = info
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        let parents = info.lines().filter_map(|line| line.split(' ').nth(1));
        assert!(
            parents
                .filter(|parent| *parent != "1")
                .all(|parent| ids.contains(&parent))
        );
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn any_text_is_changed_without_harm(real in "[a-zA-Z0-9:()\\t\\n .-]{0,200}") {
            for path in ["/proc/7/status", "/proc/1/status", "/proc/1/stat", "/proc/7/stat", "/proc/uptime", "/proc/stat"] {
                shown(path, &real);
            }
        }
    }
}
