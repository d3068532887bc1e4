//! The re-executed helper: enters the namespaces, builds the network, leaves an init behind as
//! the launcher's own child, and ends. It has one thread and reads no environment.

use super::message::{self, At, Failure, News, Order, Step};
use super::sys::{self, Side};
use super::{init, namespace, network};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};

/// `argv[0]` of the helper. It stays visible inside as the name of process 1, so it is the one
/// that an ordinary machine shows there.
pub const ARGV0: &str = "/sbin/init";

/// Whether this process was started as the helper, by its `argv[0]` and the socket in place of
/// its stdin.
pub fn is_helper() -> bool {
    std::env::args_os().next().is_some_and(|name| name == ARGV0)
        && std::fs::read_link("/proc/self/fd/0")
            .is_ok_and(|link| link.to_string_lossy().starts_with("socket:"))
}

/// Entry of the re-executed helper; never returns.
pub fn child_main() -> ! {
    let Ok(control) = sys::dup_high(sys::inherited(0).as_fd()) else {
        sys::exit(1)
    };
    if let Err(failure) = run(&control) {
        let _ = message::tell(control.as_fd(), &News::Failed(failure), &[]);
        sys::exit(1);
    }
    sys::exit(0)
}

fn run(control: &OwnedFd) -> Result<(), Failure> {
    // The launcher's end is named by the socket; a helper that outlives it has nothing to do.
    let (order, fds, _) = message::hear::<Order>(control.as_fd()).at(Step::Plan, "order")?;
    let [plan, stdin, stdout, stderr] = <[OwnedFd; 4]>::try_from(fds)
        .map_err(|_| io::Error::from_raw_os_error(libc::EBADMSG))
        .at(Step::Plan, format!("{order:?}"))?;
    let (plan, contents) = message::read_plan(plan).at(Step::Plan, "memory file")?;
    let (trees, notes) = namespace::enter(&plan)?;
    {
        let sockets = network::build()?;
        let borrowed: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
        message::tell(control.as_fd(), &News::Sockets, &borrowed).at(Step::Network, "hand over")?;
    }
    // The init waits until its id is told, so that the launcher hears of it before anything the
    // init itself says, and can end it whatever happens then.
    let (mut told, tell) = io::pipe().at(Step::Init, "pipe")?;
    match sys::fork_sibling().at(Step::Init, "clone")? {
        Side::Parent(pid) => {
            message::tell(control.as_fd(), &News::Init { pid }, &[]).at(Step::Init, "hand over")?;
            drop(tell);
            Ok(())
        }
        Side::Child => {
            drop(tell);
            let _ = told.read(&mut [0]);
            drop(told);
            let streams = [stdin, stdout, stderr];
            init::run(control, &plan, &contents, trees, notes, streams)
        }
    }
}
