//! How long until a server's program runs: bare, and in a sandbox with its network.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
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
        ("the same with an overlay and 30 planted files", full),
        ("of that, until the program runs", ready),
        ("the same, and a world behind its network", in_world(&spec)),
    ] {
        println!(
            "{:8.2} ms  {:+8.2} ms  {what}",
            time.as_secs_f64() * 1e3,
            (time.as_secs_f64() - bare.as_secs_f64()) * 1e3
        );
    }
    questions(&spec);
}

/// Mean costs of what is asked after every call, on a sleeping shell.
fn questions(spec: &Spec) {
    let asleep = Spec {
        argv: ["/bin/sh", "-c", "read x"].map(str::to_owned).to_vec(),
        ..spec.clone()
    };
    let started = start(&asleep, Arc::new(Kept::default())).expect("a sandbox");
    let mean = |what: &dyn Fn()| {
        let began = Instant::now();
        (0..1000).for_each(|_| what());
        began.elapsed().as_secs_f64() * 1e3
    };
    let child = &started.child;
    println!("{:8.2} µs  is_asleep", mean(&|| _ = child.is_asleep()));
    println!("{:8.2} µs  is_idle", mean(&|| _ = child.is_idle()));
    let harvest = mean(&|| drop(child.harvest(Bound::default())));
    println!("{harvest:8.2} µs  harvest of 30 planted files");
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
        };
        let config = Config {
            ca: Arc::clone(&ca),
            upstreams: Vec::new(),
            smtp: Vec::new(),
            sink_mock: Arc::new(Json::sink(Seed(1))),
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

fn sandboxed(spec: &Spec) {
    let mut started = start(spec, Arc::new(Kept::default())).expect("a sandbox");
    let exit = started.child.wait_timeout(Duration::from_secs(10));
    assert_eq!(exit.and_then(|e| e.code), Some(0));
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
