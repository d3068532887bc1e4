//! What servers use, through the binary: figures by phase and tool in the report and in the
//! recorded run, and a tool that never answers.

use crate::context::Context;
use serde_json::Value;

#[test]
fn figures_of_every_phase_are_reported_and_recorded() {
    let context = Context::new();
    let kept = context.work().join("kept");
    let report = context.work().join("report.json");
    let server = "tests/servers/compute";
    let output = context.run([
        "diff",
        server,
        server,
        "--calls",
        "12",
        "-v",
        "--keep-run",
        kept.to_str().unwrap(),
        "--report",
        &format!("json={}", report.display()),
    ]);
    assert_eq!(output.code(), Some(0), "{}", output.stderr);
    let text = std::fs::read_to_string(report).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    // Figures alone make no further run.
    assert_eq!(report["exercise"]["runs"], 2, "{text}");
    for version in ["old", "new"] {
        let used = &report["exercise"]["resources"][version];
        let number = |phase: &str, figure: &str| used[phase][figure].as_u64().unwrap();
        for phase in ["start", "call", "idle"] {
            assert_eq!(number(phase, "processes"), 1, "{phase}: {used}");
            assert!(number(phase, "threads") > 1, "{phase}: {used}");
            assert!(number(phase, "descriptors") > 3, "{phase}: {used}");
            assert!(number(phase, "peak") >= number(phase, "memory"), "{used}");
            assert!(number(phase, "memory") > 10 << 20, "{phase}: {used}");
        }
        assert!(number("start", "cpu_us") > 10_000, "{used}");
        assert!(number("call", "cpu_us") > 0, "{used}");
        assert!(number("idle", "wall_us") >= 200_000, "{used}");
        assert_eq!(number("exit", "processes"), 0, "{used}");
        assert!(number("exit", "peak") > 10 << 20, "{used}");
        let tools = used["call"]["tools"].as_object().unwrap();
        let calls: u64 = tools.values().map(|of| of["calls"].as_u64().unwrap()).sum();
        assert_eq!((tools.len(), calls), (3, 12), "{used}");
    }
    assert!(output.stdout.contains("new, start: "), "{}", output.stdout);
    let shown = context.run(["explain", kept.to_str().unwrap()]);
    let timeline = shown.stdout.matches("s of processor time in").count();
    assert!(timeline >= 4, "{}", shown.stdout);
}

#[test]
fn a_tool_that_never_answers_any_more_is_told() {
    let context = Context::new();
    let new = context.copy("files/clean", "new");
    let file = new.join("index.js");
    let text = std::fs::read_to_string(&file).unwrap();
    let replaced = "await rm(path(title), { force: true });";
    assert!(text.contains(replaced));
    let hangs = "await new Promise(() => {});";
    std::fs::write(&file, text.replacen(replaced, hangs, 1)).unwrap();
    let scenario = context.write(
        "scenario.toml",
        "format = \"turncoat.scenario/1\"\n[exercise]\ntimeout_s = 2\n",
    );
    let output = context.run([
        "diff",
        "tests/servers/files/clean",
        new.to_str().unwrap(),
        "--scenario",
        scenario.to_str().unwrap(),
        "--calls",
        "16",
        "--format",
        "json",
    ]);
    let report: Value = serde_json::from_str(&output.stdout).unwrap();
    // The whole time is given twice, and less the third time.
    let notes = report["exercise"]["blind_spots"].to_string();
    assert!(
        notes.contains("`delete_note` did not answer 2 calls in a row within 2 s"),
        "{notes}"
    );
    let findings = report["findings"].as_array().unwrap();
    let told = findings
        .iter()
        .find(|finding| finding["rule"] == "outcome-changed" && finding["tool"] == "delete_note");
    let told = told.unwrap_or_else(|| panic!("{report:#}"));
    assert_eq!(
        (&told["was"], &told["now"]),
        (&"ok".into(), &"timeout".into())
    );
}
