//! Commands that need no server, with what they print.

use super::meaning::Manner;
use super::*;
use crate::event::{self, Listener};
use crate::report::terminal::Detail;
use crate::snapshot::{Name, Snapshot};
use std::io::Write;
use std::sync::{Arc, Mutex};

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn printer(detail: Detail, live: bool) -> (Printer, Heard, Heard) {
    let (out, err) = (Heard::default(), Heard::default());
    let manner = Manner {
        detail,
        live,
        width: 40,
        ..Manner::plain()
    };
    let printer = Printer::new(manner, Box::new(out.clone()), Box::new(err.clone()));
    (printer, out, err)
}

fn stored(folder: &tempfile::TempDir) -> (Store, [Name; 2]) {
    let store = Store::new(folder.path(), Writes::Allowed);
    let snapshot = |contents| Snapshot::new(Some("scenarios/a.toml".into()), None, contents);
    let names = [Name::new("npm", "mail", "a"), Name::new("npm", "post", "a")];
    store
        .propose(&names[0], &snapshot("call send\n  to argument(to)"))
        .unwrap();
    store.accept(&names[0]).unwrap();
    let changed = "call send\n  to argument(to)\n  bcc audit@elsewhere.example\u{1b}[8m";
    store.propose(&names[0], &snapshot(changed)).unwrap();
    store.propose(&names[1], &snapshot("call list")).unwrap();
    (store, names)
}

#[test]
fn review_shows_and_does_what_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (store, names) = stored(&folder);
    let (printer, out, _) = printer(Detail::Normal, false);
    let exit = review::review(&store, Some(&mut &b"what\na\nr\n"[..]), &printer).unwrap();
    assert_eq!(exit, Exit::Passed);
    insta::assert_snapshot!(out.text(), @r"

    1 of 2: npm/mail/a (changed, scenarios/a.toml)
    @@ -1,2 +1,3 @@
     call send
       to argument(to)
    +  bcc audit@elsewhere.example\u{1b}[8m
    a accept, r reject, s skip, q quit: a accept, r reject, s skip, q quit: 
    2 of 2: npm/post/a (new, scenarios/a.toml)
    @@ -0,0 +1 @@
    +call list
    a accept, r reject, s skip, q quit:
    ");
    assert_eq!(store.pending().unwrap(), []);
    assert!(
        store
            .accepted(&names[0])
            .unwrap()
            .unwrap()
            .contents()
            .contains("bcc")
    );
    assert_eq!(store.accepted(&names[1]).unwrap(), None);
}

#[test]
fn review_without_a_person_lists_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = stored(&folder);
    let (printer, out, _) = printer(Detail::Normal, false);
    let failure = review::review(&store, None, &printer).unwrap_err();
    assert_eq!(failure.exit, Exit::Usage);
    assert_eq!(out.text(), "npm/mail/a\nnpm/post/a\n");
    let quit = review::review(&store, Some(&mut &b"s\n"[..]), &printer).unwrap();
    assert_eq!((quit, store.pending().unwrap().len()), (Exit::Passed, 2));
}

#[test]
fn accept_takes_what_was_named_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (store, names) = stored(&folder);
    let (printer, _, err) = printer(Detail::Normal, false);
    let named = |names: &[&str]| Which::Named(names.iter().map(|n| n.to_string()).collect());
    let said: Vec<String> = [named(&["a"]), named(&["mail/a", "x"])]
        .iter()
        .map(|which| pending::accept(which, &store, &printer).unwrap_err())
        .map(|failure| format!("{failure}; {}", failure.hint.clone().unwrap_or_default()))
        .collect();
    insta::assert_snapshot!(said.join("\n"), @"
    `a` means more than one pending snapshot; name one of `npm/mail/a`, `npm/post/a`
    nothing is pending for `x`; pending: `npm/mail/a`, `npm/post/a`
    ");
    assert_eq!(store.pending().unwrap().len(), 2);
    pending::accept(&named(&["mail/a", "npm/mail/a.snap.new"]), &store, &printer).unwrap();
    assert_eq!(store.pending().unwrap(), [names[1].clone()]);
    pending::reject(&Which::All, &store, &printer).unwrap();
    assert_eq!(store.pending().unwrap(), []);
    assert_eq!(err.text(), "accepted npm/mail/a\nrejected npm/post/a\n");
}

fn progress(detail: Detail, live: bool) -> String {
    let (printer, _, err) = printer(detail, live);
    let progress = printer.progress();
    let step = |what: &str| event::Progress::Step { what: what.into() };
    progress.hear(step("installing \u{1b}[2Jmail"));
    progress.hear(event::Progress::Calls {
        role: "old",
        done: 64,
        of: 64,
    });
    progress.hear(event::Progress::Note {
        what: "no IPv6".into(),
    });
    drop(progress);
    printer.error(&Failure::usage("broken").hint("mend it"));
    err.text()
}

#[test]
fn progress_redraws_only_on_a_terminal() {
    insta::assert_snapshot!(progress(Detail::Normal, false), @r"
    installing \u{1b}[2Jmail
    note: no IPv6
    error: broken
    hint: mend it
    ");
    insta::assert_snapshot!(progress(Detail::Brief, false), @"
    error: broken
    hint: mend it
    ");
    let live = progress(Detail::Normal, true);
    assert!(
        live.contains("\r\u{1b}[2Kinstalling \\u{1b}[2Jmail  old 64/64"),
        "{live:?}"
    );
    let end = "\r\u{1b}[2Knote: no IPv6\nerror: broken\nhint: mend it\n";
    assert!(live.ends_with(end), "{live:?}");
}

#[test]
fn usage_endings_have_their_status() {
    for (line, exit) in [
        ("diff", Exit::Usage),
        ("fuzz a", Exit::Usage),
        ("--version", Exit::Passed),
        ("diff a b --calls 1 --only-call 1", Exit::Usage),
        ("diff ./no-such-folder ./nor-this", Exit::Usage),
        ("check no-such-scenario.toml", Exit::Usage),
        ("explain no-such-run", Exit::Usage),
    ] {
        let args = std::iter::once("turncoat").chain(line.split_whitespace());
        let status = main(args.map(OsString::from));
        assert_eq!(status, ExitCode::from(exit), "{line}");
    }
}
