//! How long until a server's program runs: bare, and in a sandbox with its network.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};
use turncoat::effect::Kept;
use turncoat::internet::mock::Json;
use turncoat::internet::{Ca, Config, Limits, Sockets, World};
use turncoat::sandbox::{Bound, Mode, Mount, PlantedFile, Spec, Started, start};
use turncoat::secret::Seed;

const ROUNDS: usize = 100;

fn main() {
    let bare = median(|| {
        let status = Command::new("/bin/true").stdin(Stdio::null()).status();
        assert!(status.is_ok_and(|s| s.success()));
    });
    let package = tempfile::tempdir().expect("a folder");
    let mut spec = Spec {
        argv: vec!["/bin/true".to_owned()],
        cwd: "/home/alex/work".to_owned(),
        helper: Some(env!("CARGO_BIN_EXE_turncoat").into()),
        ..Spec::default()
    };
    let plain = median(|| sandboxed(&spec));
    spec.mounts = vec![Mount {
        source: package.path().to_owned(),
        target: "/srv/app".to_owned(),
        mode: Mode::Overlay,
    }];
    spec.files = (0..30)
        .map(|i| PlantedFile {
            path: format!("/home/alex/.config/app{i}/settings"),
            content: vec![b'x'; 8 << 10],
            mode: 0o600,
        })
        .collect();
    spec.clock = Some(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let full = median(|| sandboxed(&spec));
    let ready = median_of(|| {
        let began = Instant::now();
        let started = start(&spec, Arc::new(Kept::default())).expect("a sandbox");
        let ready = began.elapsed();
        drop(started);
        ready
    });
    for (what, time) in [
        ("bare exec and end", bare),
        ("sandbox with network, to the end", plain),
        (
            "the same with an overlay, 30 planted files and a clock",
            full,
        ),
        ("of that, until the program runs", ready),
        ("the same, and a world behind its network", in_world(&spec)),
    ] {
        println!(
            "{:8.2} ms  {:+8.2} ms  {what}",
            time.as_secs_f64() * 1e3,
            (time.as_secs_f64() - bare.as_secs_f64()) * 1e3
        );
    }
    watched();
    questions(&spec);
}

/// What the watcher costs the watched: every open is shown to it. Medians of rounds in which each
/// way has its turn.
fn watched() {
    const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
    const READ: &str = "for (let i = 0; i < 20000; i++) fs.readFileSync('/etc/hostname')";
    const WRITE: &str = "for (let i = 0; i < 2000; i++) fs.writeFileSync('x', 'x')";
    let folder = tempfile::tempdir().expect("a folder");
    let traced = ["strace", "-f", "-qq", "-o", "/dev/null"];
    let strace = Command::new(traced[0]).arg("--version").output().is_ok();
    for (what, script) in [
        ("node's start and end", "0"),
        ("with 20,000 files read", READ),
        ("with 2,000 files written", WRITE),
    ] {
        let spec = Spec {
            argv: ["node", "-e", script].map(str::to_owned).to_vec(),
            env: vec![("PATH".to_owned(), PATH.to_owned())],
            cwd: "/home/alex/work".to_owned(),
            helper: Some(env!("CARGO_BIN_EXE_turncoat").into()),
            ..Spec::default()
        };
        let outside = |around: &[&str]| {
            let mut line = around.iter().copied().chain(["node", "-e", script]);
            let mut command = Command::new(line.next().unwrap_or("node"));
            let command = command.args(line).current_dir(folder.path());
            let command = command.env_clear().env("PATH", PATH);
            let status = command.stdin(Stdio::null()).status();
            assert!(status.is_ok_and(|status| status.success()));
        };
        let timed = |what: &dyn Fn()| {
            let began = Instant::now();
            what();
            began.elapsed()
        };
        let mut times = [const { Vec::new() }; 3];
        for _ in 0..ROUNDS / 5 {
            times[0].push(timed(&|| outside(&[])));
            times[1].push(timed(&|| sandboxed(&spec)));
            if strace {
                times[2].push(timed(&|| outside(&traced)));
            }
        }
        let [bare, inside, traced] = times.map(|mut times| {
            times.sort_unstable();
            times.get(times.len() / 2).copied().unwrap_or_default()
        });
        let ms = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "{:8.2} ms  bare {:8.2} ms, {:.2} of it; strace -f {:8.2} ms  {what}",
            ms(inside),
            ms(bare),
            inside.as_secs_f64() / bare.as_secs_f64(),
            ms(traced),
        );
    }
}

/// Mean costs of what is asked after every call, on a sleeping shell.
fn questions(spec: &Spec) {
    let asleep = Spec {
        argv: ["/bin/sh", "-c", "read x"].map(str::to_owned).to_vec(),
        files: (0..60)
            .map(|i| PlantedFile {
                path: format!("/home/alex/.config/app{}/settings{i}", i / 2),
                content: vec![b'x'; 2 << 10],
                mode: 0o600,
            })
            .collect(),
        ..spec.clone()
    };
    let mut started = start(&asleep, Arc::new(Kept::default())).expect("a sandbox");
    let mean = |what: &mut dyn FnMut()| {
        let began = Instant::now();
        (0..1000).for_each(|_| what());
        began.elapsed().as_secs_f64() * 1e3
    };
    let child = &mut started.child;
    while !child.is_idle() {
        std::thread::yield_now();
    }
    println!("{:8.2} µs  is_asleep", mean(&mut || _ = child.is_asleep()));
    println!("{:8.2} µs  is_idle", mean(&mut || _ = child.is_idle()));
    let began = Instant::now();
    child.harvest(Bound::default());
    let first = began.elapsed().as_secs_f64() * 1e6;
    println!("{first:8.2} µs  first harvest of 60 planted files");
    let again = mean(&mut || drop(child.harvest(Bound::default())));
    println!("{again:8.2} µs  each harvest after it");
}

/// Until the program runs in a sandbox and a world answers behind it. The certificate authority
/// is made once for all runs of a comparison, and before this.
fn in_world(spec: &Spec) -> Duration {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _inside = runtime.enter();
    let ca = Arc::new(Ca::new().expect("an authority"));
    median_of(|| {
        let began = Instant::now();
        let Started { sockets, child, .. } =
            start(spec, Arc::new(Kept::default())).expect("a sandbox");
        let sockets = Sockets {
            tcp4: Some(sockets.tcp4),
            tcp6: Some(sockets.tcp6),
            udp4: Some(sockets.udp4),
            udp6: Some(sockets.udp6),
            raw4: Some(sockets.raw4),
            raw6: Some(sockets.raw6),
            icmp4: Some(sockets.icmp4),
            icmp6: Some(sockets.icmp6),
            docker: sockets.docker,
        };
        let config = Config {
            ca: Arc::clone(&ca),
            upstreams: Vec::new(),
            smtp: Vec::new(),
            imap: Vec::new(),
            sink_mock: Arc::new(Json::sink(Seed(1))),
            cues: Default::default(),
            seed: Seed(1),
            limits: Limits::default(),
        };
        let world = World::open(sockets, config, Arc::new(Kept::default())).expect("a world");
        let ready = began.elapsed();
        runtime.block_on(world.close());
        drop(child);
        ready
    })
}

/// Runs to the end.
fn sandboxed(spec: &Spec) {
    let mut started = start(spec, Arc::new(Kept::default())).expect("a sandbox");
    let exit = started.child.wait_timeout(Duration::from_secs(10));
    let exit = exit.expect("an end in time");
    assert_eq!(exit.code, Some(0));
}

fn median(mut what: impl FnMut()) -> Duration {
    median_of(|| {
        let began = Instant::now();
        what();
        began.elapsed()
    })
}

fn median_of(what: impl FnMut() -> Duration) -> Duration {
    let mut times: Vec<Duration> = std::iter::repeat_with(what).take(ROUNDS).collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}
