//! The file tree inside. Everything a server can write lies in one memory file system whose
//! root the launcher keeps open, so that it can be read after the namespaces are gone.

use super::clock::Clock;
use super::message::{At, Failure, Plan, Step};
use super::namespace::Trees;
use super::spec::{Mode, Mount};
use super::{clock, copy, etc, hardware, inside, sys};
use crate::secret::Persona;
use socket2::{SockAddr, SockRef};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Where the new root is put together; the host's folder of that name is covered meanwhile.
const ROOT: &str = "/tmp";
/// The writable file system while it is being built; nothing inside can reach it afterwards.
const SCRATCH: &str = ".scratch";

/// Folders of the writable file system, where they appear, and their modes. Overlay uppers
/// stand beside them as `up0`, `up1` …
pub const WRITABLE: &[(&str, &str, u32)] = &[
    ("home", Persona::DEFAULT.home, 0o750),
    ("tmp", "/tmp", 0o1777),
    ("vartmp", "/var/tmp", 0o1777),
    ("run", "/run", 0o755),
    ("shm", "/dev/shm", 0o1777),
    ("cwd", "", 0o755),
];

/// Folders in them that are there from the start.
pub const FURNISHED: &[(&str, u32)] = &[
    ("/run/lock", 0o1777),
    ("/run/user", 0o755),
    ("/run/user/1000", 0o700),
];

/// Where the engine of containers listens, and the socket's mode. Programs call it
/// `/var/run/docker.sock`.
pub const DOCKER: (&str, u32) = ("/run/docker.sock", 0o660);

/// Processes that seem to have been started before.
const LAST_PID: &str = "4816";

const NO_DEVICES: libc::c_ulong = libc::MS_NOSUID | libc::MS_NODEV;
const NOBODY: u32 = 65_534;

/// What was built.
pub struct Built {
    /// Root of the writable file system.
    pub scratch: OwnedFd,
    /// Listens where the engine of containers does.
    pub docker: OwnedFd,
    pub clock: Option<Clock>,
    /// Whether something had to be replaced by something lesser; `notes` say what.
    pub reduced: bool,
    pub notes: Vec<String>,
}

/// Whether the working directory needs a writable folder of its own: no mount or home holds it.
pub fn needs_cwd(cwd: &str, mounts: &[Mount]) -> bool {
    let under = |parent: &str| Path::new(cwd).starts_with(parent);
    !WRITABLE
        .iter()
        .any(|(_, at, _)| !at.is_empty() && under(at))
        && !mounts.iter().any(|m| under(&m.target))
        && cwd != "/"
}

/// Builds the tree and makes it the root of this process.
pub fn build(plan: &Plan, contents: &[u8], trees: Trees) -> Result<Built, Failure> {
    let private = libc::MS_REC | libc::MS_PRIVATE;
    sys::mount("none", Path::new("/"), "", private, "").at(Step::Root, "/")?;
    let base = base_trees().at(Step::Root, "/usr")?;
    let trees = open_rest(plan, trees)?;
    let devices = devices().at(Step::Root, "/dev")?;

    let root = Path::new(ROOT);
    sys::mount("tmpfs", root, "tmpfs", NO_DEVICES, "mode=755,size=64m").at(Step::Root, ROOT)?;
    let mut building = Building {
        plan,
        contents,
        root,
        reduced: false,
        notes: Vec::new(),
    };
    building.system(base, &devices).at(Step::Root, "system")?;
    building.process_information();
    let scratch = building.writable().at(Step::Root, SCRATCH)?;
    for (i, at) in building.in_order() {
        let tree = trees[i].as_ref().map_err(Clone::clone)?;
        building.mount(i, &plan.mounts[i], tree, &at)?;
    }
    for (i, file) in plan.files.iter().enumerate() {
        building.plant(i).at(Step::Plant, &file.path)?;
    }
    let docker = building.docker().at(Step::Plant, DOCKER.0)?;
    let clock = building.clock();
    let Building { reduced, notes, .. } = building;
    seal(root).at(Step::Root, "/")?;
    std::env::set_current_dir(&plan.cwd).at(Step::WorkingDirectory, &plan.cwd)?;
    Ok(Built {
        scratch,
        docker,
        clock,
        reduced,
        notes,
    })
}

/// A top folder of the system: a link where the host has one, else its read-only tree.
enum Base {
    Link(PathBuf),
    Tree(OwnedFd),
}

fn base_trees() -> io::Result<Vec<(String, Base)>> {
    let mut all = Vec::new();
    let names = [
        "usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "nix",
    ];
    for name in names {
        let path = Path::new("/").join(name);
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            continue;
        };
        all.push(if metadata.is_symlink() {
            (name.to_owned(), Base::Link(fs::read_link(&path)?))
        } else {
            {
                let tree = read_only(&path, libc::MOUNT_ATTR_NODEV)?;
                (name.to_owned(), Base::Tree(tree))
            }
        });
    }
    // Links to the programs chosen on this machine, and what its Java reads at start.
    for entry in fs::read_dir("/etc")?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if (name == "alternatives" || name.starts_with("java")) && entry.path().is_dir() {
            let tree = read_only(&entry.path(), libc::MOUNT_ATTR_NODEV)?;
            all.push((format!("etc/{name}"), Base::Tree(tree)));
        }
    }
    Ok(all)
}

fn read_only(path: &Path, more: u64) -> io::Result<OwnedFd> {
    let tree = sys::clone_tree(path)?;
    let set = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | more;
    sys::restrict_tree(tree.as_fd(), set, None)?;
    Ok(tree)
}

fn devices() -> io::Result<Vec<(&'static str, OwnedFd)>> {
    // Read-only still lets device data through but not changes to the host's device files.
    let open = |name| Ok((name, read_only(&Path::new("/dev").join(name), 0)?));
    let mut all: Vec<_> = ["null", "zero", "full", "random", "urandom"]
        .into_iter()
        .map(open)
        .collect::<io::Result<_>>()?;
    // Nobody inside has a terminal of the host's for it to mean.
    all.extend(open("tty"));
    Ok(all)
}

/// Sources that root did not open already. A source that cannot be opened is told when its
/// mount is reached, with its name.
fn open_rest(plan: &Plan, trees: Trees) -> Result<Vec<Result<OwnedFd, Failure>>, Failure> {
    let open = |(mount, tree): (&Mount, Option<OwnedFd>)| {
        let name = mount.source.display();
        let tree = match tree {
            Some(tree) => tree,
            None => sys::clone_tree(&mount.source).at(Step::Source, &name)?,
        };
        let set = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
        sys::restrict_tree(tree.as_fd(), set, None).at(Step::Mount, name)?;
        Ok(tree)
    };
    Ok(plan.mounts.iter().zip(trees).map(open).collect())
}

struct Building<'a> {
    plan: &'a Plan,
    contents: &'a [u8],
    root: &'a Path,
    reduced: bool,
    notes: Vec<String>,
}

impl Building<'_> {
    /// `path`, absolute inside, as it is reached while building.
    fn outside(&self, path: &str) -> io::Result<PathBuf> {
        let path = Path::new(path);
        let plain = path.is_absolute()
            && !path
                .components()
                .any(|part| matches!(part, std::path::Component::ParentDir));
        if !plain {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        Ok(self.root.join(path.strip_prefix("/").unwrap_or(path)))
    }

    fn system(&self, base: Vec<(String, Base)>, devices: &[(&str, OwnedFd)]) -> io::Result<()> {
        for folder in [
            "etc",
            "dev",
            "proc",
            "sys",
            "var/lib",
            "var/cache",
            "opt",
            "mnt",
            "home",
        ] {
            fs::create_dir_all(self.root.join(folder))?;
        }
        DirBuilder::new()
            .mode(0o700)
            .create(self.root.join("root"))?;
        symlink("/run", self.root.join("var/run"))?;
        symlink("/run/lock", self.root.join("var/lock"))?;
        etc::build(&self.root.join("etc"), &self.plan.identity)?;
        hardware::build(&self.root.join("sys"))?;
        for (name, base) in base {
            let at = self.root.join(name);
            match base {
                Base::Link(to) => symlink(to, at)?,
                Base::Tree(tree) => {
                    fs::create_dir_all(&at)?;
                    sys::attach_tree(tree.as_fd(), &at)?;
                }
            }
        }
        for (name, tree) in devices {
            let at = self.root.join("dev").join(name);
            File::create(&at)?;
            sys::attach_tree(tree.as_fd(), &at)?;
        }
        let links = [
            ("/proc/self/fd", "fd"),
            ("/proc/self/fd/0", "stdin"),
            ("/proc/self/fd/1", "stdout"),
            ("/proc/self/fd/2", "stderr"),
        ];
        for (to, name) in links {
            symlink(to, self.root.join("dev").join(name))?;
        }
        Ok(())
    }

    /// /proc, and the settings that are written through it.
    fn process_information(&mut self) {
        let proc = self.root.join("proc");
        let flags = NO_DEVICES | libc::MS_NOEXEC;
        if let Err(e) = sys::mount("proc", &proc, "proc", flags, "") {
            self.reduced = true;
            self.notes.push(format!(
                "no /proc inside ({e}): memory is bounded per process only, and processes left behind are not named"
            ));
            return;
        }
        let ids = format!("{0} {0}", Persona::DEFAULT.uid);
        let settings = [
            // Unprivileged ping, as most distributions allow it.
            ("ping_group_range", ids.as_str()),
            // A long run opens more connections than there are ports in a minute.
            ("tcp_tw_reuse", "1"),
            ("ip_local_port_range", "1024 65535"),
        ];
        for (name, value) in settings {
            if let Err(e) = fs::write(proc.join("sys/net/ipv4").join(name), value) {
                self.notes
                    .push(format!("net.ipv4.{name} stays as it is: {e}"));
            }
        }
        // The next process is not the second of a machine that was started just now. A kernel
        // without this setting (CONFIG_CHECKPOINT_RESTORE) counts on from here.
        let _ = fs::write(proc.join("sys/kernel/ns_last_pid"), LAST_PID);
    }

    /// Makes the writable file system and shows its folders; gives its root.
    fn writable(&self) -> io::Result<OwnedFd> {
        let scratch = self.root.join(SCRATCH);
        DirBuilder::new().mode(0o700).create(&scratch)?;
        let limits = self.plan.limits;
        let data = format!("mode=700,size={},nr_inodes={}", limits.disk, limits.inodes);
        sys::mount("tmpfs", &scratch, "tmpfs", NO_DEVICES, &data)?;
        for (name, at, mode) in WRITABLE {
            let at = match *at {
                "" if needs_cwd(&self.plan.cwd, &self.plan.mounts) => &self.plan.cwd,
                "" => continue,
                at => at,
            };
            let source = scratch.join(name);
            fs::create_dir(&source)?;
            fs::set_permissions(&source, Permissions::from_mode(*mode))?;
            let at = self.outside(at)?;
            fs::create_dir_all(&at)?;
            bind(&source, &at)?;
        }
        for (folder, mode) in FURNISHED {
            let at = self.outside(folder)?;
            fs::create_dir(&at)?;
            fs::set_permissions(&at, Permissions::from_mode(*mode))?;
        }
        let cwd = Path::new(&self.plan.cwd);
        if !self.plan.mounts.iter().any(|m| cwd.starts_with(&m.target)) {
            fs::create_dir_all(self.outside(&self.plan.cwd)?)?;
        }
        let folder = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_DIRECTORY)
            .open(&scratch)?;
        Ok(folder.into())
    }

    /// Mounts, outer ones first.
    fn in_order(&self) -> Vec<(usize, String)> {
        let mut order: Vec<(usize, String)> = (self.plan.mounts.iter())
            .map(|m| m.target.clone())
            .enumerate()
            .collect();
        order.sort_by_key(|(_, target)| Path::new(target).components().count());
        order
    }

    fn mount(
        &mut self,
        i: usize,
        mount: &Mount,
        tree: &OwnedFd,
        target: &str,
    ) -> Result<(), Failure> {
        // A link in an outer mount must not lead this one out of the new root.
        let at = inside::resolve(self.root, target).at(Step::Mount, target)?;
        let metadata = fs::metadata(copy::by_descriptor(tree.as_fd())).at(Step::Mount, target)?;
        if !metadata.is_dir() {
            return file_target(&at)
                .and_then(|()| sys::attach_tree(tree.as_fd(), &at))
                .at(Step::Mount, target);
        }
        fs::create_dir_all(&at).at(Step::Mount, target)?;
        match mount.mode {
            Mode::ReadOnly => sys::attach_tree(tree.as_fd(), &at).at(Step::Mount, target),
            Mode::Overlay => self
                .overlay(i, tree, &at, metadata.uid() == NOBODY, target)
                .at(Step::Mount, target),
        }
    }

    fn overlay(
        &mut self,
        i: usize,
        tree: &OwnedFd,
        at: &Path,
        foreign: bool,
        target: &str,
    ) -> io::Result<()> {
        let scratch = self.root.join(SCRATCH);
        let (up, work) = (
            scratch.join(format!("up{i}")),
            scratch.join(format!("wk{i}")),
        );
        let lower = self.root.join(format!(".lower{i}"));
        for folder in [&up, &work, &lower] {
            fs::create_dir(folder)?;
        }
        sys::attach_tree(tree.as_fd(), &lower)?;
        let mode = fs::metadata(&lower)?.mode();
        fs::set_permissions(&up, Permissions::from_mode(mode & 0o7777))?;
        // A lower file of an id that is not mapped cannot be copied up (EOVERFLOW), so such a
        // folder is no use as a lower one.
        let refused = if foreign {
            Some(io::Error::from_raw_os_error(libc::EOVERFLOW))
        } else {
            let data = format!(
                "lowerdir={},upperdir={},workdir={},userxattr",
                lower.display(),
                up.display(),
                work.display()
            );
            sys::mount("overlay", at, "overlay", NO_DEVICES, &data).err()
        };
        if let Some(e) = refused {
            self.reduced = true;
            self.notes
                .push(format!("`{target}` is a copy, not an overlay: {e}"));
            fs::remove_dir(&work)?;
            fs::rename(&up, scratch.join(format!("copy{i}")))?;
            let up = scratch.join(format!("copy{i}"));
            let unread = copy::tree(&lower, &up)?;
            if unread > 0 {
                self.notes.push(format!(
                    "{unread} files of `{target}` are closed and missing inside"
                ));
            }
            bind(&up, at)?;
        }
        sys::unmount(&lower)?;
        fs::remove_dir(&lower)
    }

    /// Writes the `i`th planted file. Where it stands in a read-only place, a file of ours is
    /// shown over it.
    fn plant(&self, i: usize) -> io::Result<()> {
        let file = &self.plan.files[i];
        let end = file.at.checked_add(file.len);
        let content = end
            .and_then(|end| self.contents.get(file.at..end))
            .ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))?;
        // A link in a mount must not lead the write to a place outside of the new root.
        let at = inside::resolve(self.root, &file.path)?;
        match write(&at, content, file.mode) {
            Err(e) if e.raw_os_error() == Some(libc::EROFS) => {
                let ours = self.root.join(format!(".planted{i}"));
                write(&ours, content, file.mode)?;
                bind(&ours, &at)?;
                let flags = libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY | NO_DEVICES;
                sys::mount("none", &at, "", flags, "")?;
                fs::remove_file(&ours)
            }
            done => done,
        }
    }

    /// A socket that whoever has the gateway's answers at. Non-blocking; of the group's members
    /// every one may connect.
    fn docker(&self) -> io::Result<OwnedFd> {
        let at = self.outside(DOCKER.0)?;
        let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK;
        let socket = sys::socket(libc::AF_UNIX, kind, 0)?;
        let it = SockRef::from(&socket);
        it.bind(&SockAddr::unix(&at)?)?;
        it.listen(128)?;
        fs::set_permissions(&at, Permissions::from_mode(DOCKER.1))?;
        Ok(socket)
    }

    /// Puts the clock's library in place. Comes last: it must not be covered.
    fn clock(&mut self) -> Option<Clock> {
        self.plan.clock?;
        match clock::place(self.root) {
            Ok(clock) => Some(clock),
            Err(e) => {
                self.notes.push(format!(
                    "the server sees the real date: no clock of its own ({e})"
                ));
                None
            }
        }
    }
}

fn write(at: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    if let Some(parent) = at.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::remove_file(at) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(at)?;
    file.write_all(content)?;
    file.set_permissions(Permissions::from_mode(mode))
}

fn file_target(at: &Path) -> io::Result<()> {
    if let Some(parent) = at.parent() {
        fs::create_dir_all(parent)?;
    }
    if !at.exists() {
        File::create(at)?;
    }
    Ok(())
}

fn bind(source: &Path, at: &Path) -> io::Result<()> {
    let tree = sys::clone_tree(source)?;
    sys::attach_tree(tree.as_fd(), at)
}

/// Hides the writable file system's root, enters the new root and makes it read-only.
fn seal(root: &Path) -> io::Result<()> {
    let scratch = root.join(SCRATCH);
    sys::unmount(&scratch)?;
    fs::remove_dir(&scratch)?;
    std::env::set_current_dir(root)?;
    sys::pivot_here()?;
    let flags = libc::MS_REMOUNT | libc::MS_BIND | libc::MS_RDONLY | NO_DEVICES;
    sys::mount("none", Path::new("/"), "", flags, "")
}
