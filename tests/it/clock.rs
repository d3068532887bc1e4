//! The wall clock inside a sandbox, as programs see it: one start for every run, and no wait that
//! is longer or shorter for it.

use crate::context::Context;
use crate::sandbox::{Done, LONG, begin, run, shell, spec, unprivileged};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use turncoat::effect::{FileAction, FileChange};
use turncoat::sandbox::{Mode, Mount, Spec};

/// 1 May 2023, 12:00:00 UTC.
const BEGIN: u64 = 1_682_942_400;

fn at(mut spec: Spec, clock: SystemTime) -> Spec {
    spec.env.push(("TZ".to_owned(), "UTC".to_owned()));
    spec.clock = Some(clock);
    spec
}

/// Runs at [`BEGIN`].
fn then(spec: Spec) -> (Done, Duration) {
    let began = Instant::now();
    let done = run(&at(spec, UNIX_EPOCH + Duration::from_secs(BEGIN)));
    assert_eq!(done.err, "");
    assert_eq!(done.exit.code, Some(0), "{}", done.out);
    (done, began.elapsed())
}

/// Every line is a time in seconds between the start and now.
fn tells_the_time(spec: Spec, lines: usize) {
    let (done, took) = then(spec);
    assert_eq!(done.out.lines().count(), lines, "{}", done.out);
    for line in done.out.lines() {
        let seconds: f64 = line.trim().parse().unwrap_or_else(|_| panic!("{line}"));
        let since = seconds - BEGIN as f64;
        assert!(
            // Some tell whole seconds.
            (0.0..took.as_secs_f64() + 1.0).contains(&since),
            "{line}: {since} s after the start, which was {took:?} ago"
        );
    }
}

#[test]
fn programs_of_the_system_tell_the_shifted_date() {
    tells_the_time(
        shell(
            "date +%s; date +%s.%N; env -i /bin/date +%s; (unset PATH; exec /bin/date +%s) & wait
             bash -c 'echo $EPOCHREALTIME; printf \"%(%s)T\\n\" -1'; date -d \"$(date)\" +%s",
        ),
        7,
    );
}

#[test]
fn node_tells_the_shifted_date() {
    let script = r#"
const { execFileSync } = require("child_process"), { Worker } = require("worker_threads");
console.log(Date.now() / 1000);
console.log(new Date().getTime() / 1000);
console.log((performance.timeOrigin + performance.now()) / 1000);
console.log(Date.parse(new Intl.DateTimeFormat("en-US", { dateStyle: "short", timeStyle: "medium" })
  .format()) / 1000);
process.stdout.write(execFileSync("/bin/date", ["+%s"], { env: {} }));
new Worker("require('worker_threads').parentPort.postMessage(Date.now())", { eval: true })
  .on("message", (now) => console.log(now / 1000));
"#;
    tells_the_time(spec(&["node", "-e", script]), 6);
}

#[test]
fn python_tells_the_shifted_date() {
    let script = r#"
import ctypes, datetime, subprocess, threading, time
print(time.time(), flush=True)
print(time.time_ns() / 1e9, flush=True)
print(time.clock_gettime(time.CLOCK_REALTIME), flush=True)
print(datetime.datetime.now(datetime.timezone.utc).timestamp(), flush=True)
print(datetime.datetime.now().timestamp(), flush=True)
subprocess.run(["/bin/date", "+%s"], env={}, check=True)
thread = threading.Thread(target=lambda: print(time.time(), flush=True))
thread.start(); thread.join()
libc = ctypes.CDLL(None)
print(libc.time(None), flush=True)
now = (ctypes.c_int64 * 2)()
assert libc.gettimeofday(now, None) == 0; print(now[0] + now[1] / 1e6, flush=True)
assert libc.timespec_get(now, 1) == 1; print(now[0] + now[1] / 1e9, flush=True)
"#;
    tells_the_time(spec(&["python3", "-c", script]), 10);
}

/// A wait that ended at once, or an hour late, is a deadline that was not translated.
const WAITS: &str = r#"
import ctypes, os, platform, queue, subprocess, threading, time
libc = ctypes.CDLL(None, use_errno=True)
DATE, UPTIME = time.CLOCK_REALTIME, time.CLOCK_MONOTONIC
TIMED_OUT = 110

def takes(seconds, what, wait):
    began = time.monotonic()
    result = wait()
    took = time.monotonic() - began
    assert seconds <= took < seconds + 20, (what, took)
    return result

def deadline(clock, seconds):
    at = time.clock_gettime_ns(clock) + int(seconds * 1e9)
    return (ctypes.c_int64 * 2)(at // 10**9, at % 10**9)

def room():
    return ctypes.create_string_buffer(128)

# Python's own: whichever of libc's functions it was built for.
def on_condition():
    condition = threading.Condition()
    with condition:
        condition.wait(0.2)

def on_queue():
    try:
        queue.Queue().get(timeout=0.2)
    except queue.Empty:
        pass

lock = threading.Lock()
lock.acquire()
takes(0.2, "condition", on_condition)
takes(0.2, "queue", on_queue)
takes(0.2, "lock", lambda: lock.acquire(timeout=0.2))
takes(0.2, "sleep", lambda: time.sleep(0.2))
takes(0.2, "program", lambda: subprocess.run(["sleep", "0.2"]))

# libc's, until a date and until a time of the monotonic clock.
mutex, held, condition, semaphore = room(), room(), room(), room()
libc.sem_init(semaphore, 0, 0)
libc.pthread_mutex_lock(mutex)
libc.pthread_mutex_lock(held)
attributes, monotonic = room(), room()
libc.pthread_condattr_init(attributes)
libc.pthread_condattr_setclock(attributes, UPTIME)
libc.pthread_cond_init(monotonic, attributes)
for name, clock, arguments in [
    ("pthread_cond_timedwait", DATE, (condition, mutex)),
    ("pthread_cond_timedwait", UPTIME, (monotonic, mutex)),
    ("pthread_cond_clockwait", DATE, (condition, mutex, DATE)),
    ("pthread_cond_clockwait", UPTIME, (condition, mutex, UPTIME)),
    ("pthread_mutex_timedlock", DATE, (held,)),
    ("pthread_mutex_clocklock", UPTIME, (held, UPTIME)),
]:
    wait = lambda: getattr(libc, name)(*arguments, deadline(clock, 0.2))
    assert takes(0.2, (name, clock), wait) == TIMED_OUT, (name, clock)
for name, clock, arguments in [
    ("sem_timedwait", DATE, ()),
    ("sem_clockwait", DATE, (DATE,)),
    ("sem_clockwait", UPTIME, (UPTIME,)),
]:
    wait = lambda: getattr(libc, name)(semaphore, *arguments, deadline(clock, 0.2))
    assert takes(0.2, (name, clock), wait) == -1 and ctypes.get_errno() == TIMED_OUT, (name, clock)
for clock in (DATE, UPTIME):
    wait = lambda: libc.clock_nanosleep(clock, 1, deadline(clock, 0.2), None)
    assert takes(0.2, ("clock_nanosleep", clock), wait) == 0

# A futex, as gRPC waits for it; a timer.
FUTEX = {"x86_64": 202, "aarch64": 98}[platform.machine()]
word = ctypes.c_int(0)
for clock, operation in ((DATE, 9 | 256), (UPTIME, 9)):
    takes(0.2, ("futex", clock), lambda: libc.syscall(
        FUTEX, ctypes.byref(word), operation, 0, deadline(clock, 0.2), None, -1))
    timer = libc.timerfd_create(clock, 0)
    setting = (ctypes.c_int64 * 4)(0, 0, *deadline(clock, 0.2))
    assert libc.timerfd_settime(timer, 1, setting, None) == 0
    takes(0.15, ("timerfd", clock), lambda: os.read(timer, 8))

# What was due already does not wait.
began = time.monotonic()
libc.clock_nanosleep(DATE, 1, deadline(DATE, -10), None)
assert time.monotonic() - began < 5
print("all waited")
"#;

#[test]
fn waits_take_their_real_time() {
    let (done, _) = then(spec(&["python3", "-c", WAITS]));
    assert_eq!(done.out, "all waited\n");
}

#[test]
fn timers_of_programs_take_their_real_time() {
    let script = r#"
const began = process.hrtime.bigint();
const took = () => Number(process.hrtime.bigint() - began) / 1e6;
setTimeout(() => {
  const timer = took();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  console.log(timer >= 195 && timer < 20000 && took() - timer >= 195 && took() < 40000);
}, 200);
"#;
    let (done, _) = then(spec(&["node", "-e", script]));
    assert_eq!(done.out, "true\n");
    let (done, took) = then(shell("sleep 0.1 && timeout 1 sleep 60; echo $?"));
    assert_eq!(done.out, "124\n");
    assert!(took >= Duration::from_millis(1100) && took < Duration::from_secs(30));
}

/// Runs in a sandbox in which time jumps by `days` once the program has said that it is ready, and
/// again for what began to wait later than that.
fn jumping(spec: Spec, days: u64) -> String {
    let mut spec = at(spec, UNIX_EPOCH + Duration::from_secs(BEGIN));
    spec.jumps = true;
    let (started, _kept) = begin(&spec);
    let mut child = started.child;
    let mut out = BufReader::new(fs::File::from(started.stdout));
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    let exit = (0..20).find_map(|_| {
        child.advance(Duration::from_secs(days * 86_400)).unwrap();
        child.wait_timeout(LONG / 20)
    });
    drop(child);
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    let mut err = String::new();
    fs::File::from(started.stderr)
        .read_to_string(&mut err)
        .unwrap();
    assert_eq!(err, "");
    assert_eq!(exit.expect("it still waits").code, Some(0), "{rest}");
    rest
}

/// Each in a thread of its own: a wait of two days in every way there is.
const LONG_WAITS: &str = r#"
import asyncio, ctypes, os, platform, select, socket, subprocess, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
DATE, UPTIME, DAYS = time.CLOCK_REALTIME, time.CLOCK_MONOTONIC, 2 * 86400
quiet, other = socket.socketpair()

def deadline(clock):
    at = time.clock_gettime_ns(clock) + DAYS * 10**9
    return (ctypes.c_int64 * 2)(at // 10**9, at % 10**9)

def on_epoll():
    epoll = select.epoll()
    epoll.register(quiet, select.EPOLLIN)
    epoll.poll(DAYS)

def on_poll():
    poll = select.poll()
    poll.register(quiet, select.POLLIN)
    poll.poll(DAYS * 1000)

def on_select():
    assert select.select([quiet], [], [quiet], DAYS) == ([], [], [])

def on_condition():
    condition = threading.Condition()
    with condition:
        assert not condition.wait(DAYS)

def room():
    return ctypes.create_string_buffer(128)

def on_semaphore(clock):
    semaphore = room()
    libc.sem_init(semaphore, 0, 0)
    assert libc.sem_clockwait(semaphore, clock, deadline(clock)) == -1

def on_mutex():
    mutex = room()
    libc.pthread_mutex_lock(mutex)
    assert libc.pthread_mutex_timedlock(mutex, deadline(DATE)) == 110

# A condition may end without a reason, and the time tells.
def on_libcs_condition():
    mutex, condition, until = room(), room(), deadline(DATE)
    libc.pthread_mutex_lock(mutex)
    while libc.pthread_cond_timedwait(condition, mutex, until) != 110:
        pass

FUTEX = {"x86_64": 202, "aarch64": 98}[platform.machine()]
def on_futex(operation, time):
    word = ctypes.c_int(0)
    libc.syscall(FUTEX, ctypes.byref(word), operation, 0, time, None, -1)
    assert ctypes.get_errno() == 110

waits = [
    lambda: time.sleep(DAYS), on_epoll, on_poll, on_select, on_condition, on_mutex, on_libcs_condition,
    lambda: on_semaphore(DATE), lambda: on_semaphore(UPTIME),
    lambda: libc.sleep(DAYS), lambda: libc.usleep(2**32 - 1),
    lambda: libc.nanosleep((ctypes.c_int64 * 2)(DAYS, 0), None),
    lambda: libc.clock_nanosleep(UPTIME, 1, deadline(UPTIME), None),
    lambda: libc.clock_nanosleep(DATE, 1, deadline(DATE), None),
    lambda: on_futex(9, deadline(UPTIME)), lambda: on_futex(9 | 256, deadline(DATE)),
    lambda: on_futex(0, (ctypes.c_int64 * 2)(DAYS, 0)),
    lambda: asyncio.run(asyncio.sleep(DAYS)),
    lambda: subprocess.run(["sleep", str(DAYS)], check=True),
]
before = time.time(), time.monotonic()
threads = [threading.Thread(target=wait) for wait in waits]
for thread in threads:
    thread.start()
def tasks():
    return [open(f"/proc/self/task/{task}/stat").read().rsplit(") ")[1][0] for task in os.listdir("/proc/self/task")]
while tasks().count("S") < len(waits):
    pass
print("ready", flush=True)
for thread in threads:
    thread.join()
after = time.time(), time.monotonic()
print([DAYS <= b - a for a, b in zip(before, after)])
"#;

#[test]
fn waits_of_days_are_over_when_days_have_passed() {
    let out = jumping(spec(&["python3", "-c", LONG_WAITS]), 3);
    assert_eq!(out, "[True, True]\n");
    let script = r#"
const began = [Date.now(), performance.now()], later = [];
setTimeout(() => later.push("timeout"), 20 * 3600e3);
const timer = setInterval(() => { later.push("interval"); clearInterval(timer); }, 3600e3);
setTimeout(() => {
  const days = [Date.now(), performance.now()].map((now, i) => Math.floor((now - began[i]) / 86400e3));
  console.log(later.sort().join(" "), days.join(" "));
}, 2 * 86400e3);
setTimeout(() => console.log("ready"), 1);
"#;
    let out = jumping(spec(&["node", "-e", script]), 3);
    assert_eq!(out, "interval timeout 3 3\n");
}

/// The date of the comparison's start, as `run` chooses it.
#[expect(
    clippy::disallowed_methods,
    reason = "a date that no program finds odd"
)]
fn a_minute_ago() -> SystemTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    UNIX_EPOCH + Duration::from_secs(now.as_secs() - 60)
}

#[test]
fn two_starts_are_at_the_same_instant() {
    let clock = a_minute_ago();
    // The second starts a second and more after the first.
    let starts = ["date +%s%N; sleep 1.1", "date +%s%N"].map(|script| {
        let began = Instant::now();
        let done = run(&at(shell(script), clock));
        let start = Duration::from_nanos(done.out.trim().parse().unwrap());
        let since = start.checked_sub(clock.duration_since(UNIX_EPOCH).unwrap());
        let since = since.unwrap_or_else(|| panic!("{start:?} is before {clock:?}"));
        assert!(since <= began.elapsed(), "{since:?}");
        done.ahead_ns
    });
    assert!(starts[0] < -59_000_000_000);
    assert!(starts[1] < starts[0] - 1_100_000_000);
}

#[test]
fn the_clock_is_no_effect_of_the_server_and_not_its_to_change() {
    let (done, _) = then(shell(
        "for file in /etc/ld.so.preload $(cat /etc/ld.so.preload); do
             test -r $file && ! echo x 2>/dev/null > $file && ! rm -f $file 2>/dev/null || echo $file
         done; date +%Y",
    ));
    assert_eq!(done.out, "2023\n");
    let tried = |change: &FileChange| change.action == FileAction::Attempted;
    assert!(done.changes.iter().all(tried), "{:?}", done.changes);
    assert_eq!(done.changes.len(), 2, "{:?}", done.changes);
    assert!(done.notes.is_empty(), "{:?}", done.notes);
    let (plain, with) = (run(&shell(":")), then(shell(":")).0);
    assert_eq!(plain.dirty, with.dirty);
    assert_eq!(plain.effects.len(), with.effects.len());
    assert_eq!(plain.ahead_ns, 0);
}

/// A folder of another user's is copied where no overlay can be made of it.
#[test]
fn a_lesser_file_tree_has_the_clock_as_well() {
    let mut spec = shell("date +%Y");
    spec.mounts.push(Mount {
        source: "/usr/share/zoneinfo/Etc".into(),
        target: "/srv/app".to_owned(),
        mode: Mode::Overlay,
    });
    assert_eq!(then(spec).0.out, "2023\n");
}

#[test]
fn where_no_library_can_stand_the_date_is_real_and_the_run_says_so() {
    for target in ["/opt", "/opt/lib"] {
        let folder = tempfile::tempdir().unwrap();
        let mut spec = shell("test $(date +%Y) -gt 2023 && echo real");
        spec.mounts.push(Mount {
            source: folder.path().to_owned(),
            target: target.to_owned(),
            mode: Mode::ReadOnly,
        });
        let (done, _) = then(spec);
        assert_eq!((done.out.as_str(), done.ahead_ns), ("real\n", 0));
        assert!(done.notes.iter().any(|note| note.contains("real date")));
    }
}

#[test]
fn an_unprivileged_user_sees_the_same_clock() {
    // The whole line needs what is installed where this user may not look.
    unprivileged(
        "clock::",
        &[
            "an_unprivileged_user_sees_the_same_clock",
            "the_runs_of_a_comparison_begin_together",
        ],
    );
}

/// Tells when it began, and how many seconds its clock is apart from that of a web server.
const SERVER: &str = r#"
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");
const began = Math.floor(Date.now() / 1000);
const tools = [{ name: "now", description: "Tell the time.", inputSchema: { type: "object", properties: {} } }];
const answer = async () => {
  const { headers } = await fetch("http://time.example/");
  const apart = Math.abs(Date.parse(headers.get("date")) - Date.now()) / 1000;
  return { content: [{ type: "text", text: `began=${began} apart=${Math.round(apart)};` }] };
};
require("node:readline").createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  const serverInfo = { name: "clock", version: "1.0.0" }, capabilities = { tools: {} };
  if (method === "initialize") return say({ id, result: { protocolVersion: params.protocolVersion, capabilities, serverInfo } });
  if (method === "tools/list") return say({ id, result: { tools } });
  if (method === "tools/call") return say({ id, result: await answer() });
  say({ id, error: { code: -32601, message: "method not found" } });
});
"#;

#[test]
fn the_runs_of_a_comparison_begin_together() {
    let context = Context::new();
    let server = context.write("server/server.js", SERVER);
    context.write(
        "server/package.json",
        r#"{"name": "clock", "version": "1.0.0", "bin": "server.js"}"#,
    );
    // Long enough that the clock of the second run would be seconds behind that of the first.
    let scenario = "format = \"turncoat.scenario/1\"\n[exercise]\nidle_ms = 3000\n";
    let scenario = context.write("scenario.toml", scenario);
    let run = context.work().join("run");
    let [server, scenario, run] =
        [server.parent().unwrap(), &scenario, &run].map(|path| path.to_str().unwrap());
    let line =
        format!("diff {server} {server} --scenario {scenario} --calls 2 --jobs 1 --keep-run {run}");
    context.line(&line).ended(0);
    let told = |role: &str, name: &str| -> Vec<u64> {
        let folder = Path::new(run).join(role);
        let texts = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let texts = texts.filter(|entry| entry.path().is_file());
        let texts: String = texts
            .map(|entry| String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).into_owned())
            .collect();
        texts
            .split(name)
            .skip(1)
            .map(|rest| rest.split([' ', ';']).next().unwrap().parse().unwrap())
            .collect()
    };
    let [old, new] = ["old", "new"].map(|role| told(role, "began="));
    assert!(!old.is_empty() && !new.is_empty());
    // A slow start may cross a second.
    assert!(old[0].abs_diff(new[0]) <= 1, "{old:?} {new:?}");
    let apart = ["old", "new"].map(|role| told(role, "apart="));
    assert!(apart.iter().flatten().all(|s| *s <= 2), "{apart:?}");
}
