//! Users and namespaces: who the server is on the host, and the host's folders it will see,
//! opened while the caller's own rights still apply.

use super::message::{At, Failure, Plan, Step};
use super::sys::{self, Side};
use crate::secret::Persona;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Ids the server gets on the host when root starts it; of no user on any host (they lie
/// above those that systemd hands out). Root's own would leave it exempt from the limit on
/// processes and the owner of /proc/sys.
const NOBODY_ELSE: u32 = 1_900_001_000;

/// A mount's source, detached, or `None` where the server's own ids open it later.
pub type Trees = Vec<Option<OwnedFd>>;

/// Enters fresh namespaces of every kind as the persona.
pub fn enter(plan: &Plan) -> Result<(Trees, Vec<String>), Failure> {
    let mut notes = Vec::new();
    let mut trees: Trees = plan.mounts.iter().map(|_| None).collect();
    if sys::ids().0 == 0 && is_known_here(NOBODY_ELSE) {
        trees = open_as_root(plan, &mut notes)?;
        sys::become_user(NOBODY_ELSE, NOBODY_ELSE).at(Step::UserNamespace, "setresuid")?;
        // Changing ids makes /proc/self unreadable, where the maps are written.
        sys::set_dumpable(true).at(Step::UserNamespace, "prctl")?;
    }
    let (uid, gid) = sys::ids();
    let all = libc::CLONE_NEWUSER
        | libc::CLONE_NEWNS
        | libc::CLONE_NEWPID
        | libc::CLONE_NEWNET
        | libc::CLONE_NEWIPC
        | libc::CLONE_NEWUTS
        | libc::CLONE_NEWCGROUP;
    sys::unshare(all).at(Step::UserNamespace, "unshare")?;
    let inside = Persona::DEFAULT.uid;
    map("self", &[(inside, uid)], &[(inside, gid)]).at(Step::IdMap, "uid_map")?;
    sys::set_host_name(&plan.identity.host).at(Step::Root, "hostname")?;
    Ok((trees, notes))
}

/// Whether an id exists in the user namespace this runs in. Root of a container without root has
/// few: it is then a user like any other, and its own id is no more than that outside.
fn is_known_here(id: u32) -> bool {
    ["uid_map", "gid_map"].iter().all(|file| {
        let map = fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
        map.lines().any(|line| {
            // Id inside, id outside, how many (user_namespaces (7)).
            let mut numbers = line.split_whitespace().map(str::parse::<u32>);
            let (Some(Ok(first)), Some(Ok(_)), Some(Ok(count))) =
                (numbers.next(), numbers.next(), numbers.next())
            else {
                return false;
            };
            id.checked_sub(first).is_some_and(|nth| nth < count)
        })
    })
}

/// Root's folders may be closed to everyone else and its files are root's: they are opened
/// now, and mapped so that they belong to the persona, as they would on a user's machine.
fn open_as_root(plan: &Plan, notes: &mut Vec<String>) -> Result<Trees, Failure> {
    if plan.mounts.is_empty() {
        return Ok(Vec::new());
    }
    let map = idmap().at(Step::IdMap, "user namespace for mounts")?;
    let mut trees = Vec::new();
    for mount in &plan.mounts {
        let name = mount.source.display();
        let tree = sys::clone_tree(&mount.source).at(Step::Source, name)?;
        if let Err(e) = sys::restrict_tree(tree.as_fd(), 0, Some(map.as_fd())) {
            notes.push(format!(
                "files below `{}` belong to nobody inside: the file system maps no ids ({e})",
                mount.target
            ));
        }
        trees.push(Some(tree));
    }
    Ok(trees)
}

/// A user namespace that maps root to [`NOBODY_ELSE`]; it lives as long as the descriptor.
fn idmap() -> io::Result<OwnedFd> {
    let (ours, theirs) = sys::socketpair()?;
    match sys::fork()? {
        Side::Child => {
            drop(ours);
            let entered = sys::unshare(libc::CLONE_NEWUSER).is_ok();
            let _ = sys::send(theirs.as_fd(), &[entered.into()], &[]);
            // Stays until the other end is closed.
            let _ = sys::receive(theirs.as_fd());
            sys::exit(0)
        }
        Side::Parent(pid) => {
            drop(theirs);
            let made = sys::receive(ours.as_fd()).and_then(|answer| {
                if answer.bytes != [1] {
                    return Err(io::Error::from_raw_os_error(libc::EPERM));
                }
                let outside = [(0, NOBODY_ELSE)];
                map(&pid.to_string(), &outside, &outside)?;
                fs::File::open(format!("/proc/{pid}/ns/user")).map(OwnedFd::from)
            });
            drop(ours);
            sys::reap(pid, true);
            made
        }
    }
}

/// Writes the maps of a process: pairs of an id inside and the id it is outside.
fn map(process: &str, users: &[(u32, u32)], groups: &[(u32, u32)]) -> io::Result<()> {
    let lines = |pairs: &[(u32, u32)]| -> String {
        let line = |(inside, outside): &(u32, u32)| format!("{inside} {outside} 1\n");
        pairs.iter().map(line).collect()
    };
    // An unprivileged process may map groups only once it can no longer drop them
    // (user_namespaces (7)).
    fs::write(format!("/proc/{process}/setgroups"), "deny")?;
    fs::write(format!("/proc/{process}/uid_map"), lines(users))?;
    fs::write(format!("/proc/{process}/gid_map"), lines(groups))
}
