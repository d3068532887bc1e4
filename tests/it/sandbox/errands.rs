//! What is run in a sandbox before its server.

use super::{LONG, mounted, package, shell};
use std::fs;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;
use turncoat::effect::{Kept, Kind};
use turncoat::sandbox::{Bound, Errand, Mode, Spec, Started, prepare};

fn errand(script: &str, cwd: &str) -> Errand {
    Errand {
        argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        cwd: cwd.into(),
        clock: None,
        limit: Duration::from_secs(1),
    }
}

#[test]
fn errands_run_one_by_one_where_the_server_will() {
    let folder = package();
    let spec = Spec {
        mounts: vec![mounted(folder.path(), "/home/alex/p", Mode::Overlay)],
        before: vec![
            errand(
                "pwd; id -u; env; echo made > lib/c; rm lib/b; exit 3",
                "/home/alex/p",
            ),
            errand(
                "rm -r ../lib; exec head -c 3000000 /dev/zero",
                "/home/alex/p/lib",
            ),
            errand("true", "/home/alex/p/lib"),
            errand("tail -f /dev/null & tail -f /dev/null", "/tmp"),
            errand("tail -f /dev/null >/dev/null 2>&1 &", "/tmp"),
            errand("echo never asked for > ~/never", "/tmp"),
        ],
        clock: None,
        ..shell("ls; ls /home/alex/p; pidof tail | wc -w")
    };
    let kept = Arc::new(Kept::default());
    let mut prepared = prepare(&spec, kept.clone()).unwrap_or_else(|e| panic!("{e}"));
    let mut next = || {
        let (from, to) = std::io::pipe().unwrap();
        let said = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = (&from).take(4_000_000).read_to_end(&mut bytes);
            bytes
        });
        let end = prepared.errand(to.into(), &|_| {}).unwrap().unwrap();
        (end, said, prepared.harvest(Bound::default()).changes)
    };
    let (end, said, changes) = next();
    assert_eq!((end.code, end.over_time), (Some(3), false));
    let said = String::from_utf8(said.join().unwrap()).unwrap();
    assert_eq!(
        said,
        "/home/alex/p\n1000\nPATH=/usr/bin:/bin\nPWD=/home/alex/p\n"
    );
    let paths: Vec<&str> = changes.iter().map(|c| c.path.as_str()).collect();
    assert_eq!(paths, ["/home/alex/p/lib/b", "/home/alex/p/lib/c"]);
    let (end, said, _) = next();
    assert_eq!((end.code, said.join().unwrap().len()), (Some(0), 3_000_000));
    let (end, ..) = next();
    assert_eq!(end.code, Some(127), "its folder is gone");
    let (end, ..) = next();
    assert!(
        end.over_time && end.signal == Some(9) && end.left_behind.is_empty(),
        "{end:?}"
    );
    let (end, ..) = next();
    assert_eq!(
        (end.code, end.left_behind),
        (Some(0), vec!["tail".to_owned()])
    );

    let Started {
        stdin,
        stdout,
        mut child,
        ..
    } = prepared.start().unwrap();
    drop(stdin);
    let mut out = String::new();
    fs::File::from(stdout).read_to_string(&mut out).unwrap();
    assert_eq!(
        out, "index.js\n1\n",
        "what was done before is there, and goes on"
    );
    let exit = child.wait_timeout(LONG).expect("the server did not end");
    assert_eq!(exit.left_behind, ["tail"]);
    let programs = kept.take().into_iter().filter_map(|kind| match kind {
        Kind::Program(program) => Some(program.path),
        _ => None,
    });
    let programs: Vec<String> = programs.collect();
    assert!(programs.contains(&"/usr/bin/id".to_owned()), "{programs:?}");
    assert!(
        !programs.iter().any(|path| path.ends_with("/sh")),
        "{programs:?}"
    );
}
