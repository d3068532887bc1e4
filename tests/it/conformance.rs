//! The official conformance suite against turncoat's own client: every client scenario of the protocol
//! itself, without authentication and extensions, in each revision that has it.

use crate::context::{built, cache};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SUITE: &str = "@modelcontextprotocol/conformance@0.2.0-alpha.12";
/// What the suite itself needs where the machine's own Node is older.
const NODE: &str = "22.23.3";

const SCENARIOS: &[(&str, &str)] = &[
    ("initialize", "2025-06-18"),
    ("initialize", "2025-11-25"),
    ("tools_call", "2025-06-18"),
    ("tools_call", "2025-11-25"),
    ("tools_call", "2026-07-28"),
    ("elicitation-sep1034-client-defaults", "2025-11-25"),
    ("sse-retry", "2025-11-25"),
    ("request-metadata", "2026-07-28"),
    ("sep-2322-client-request-state", "2026-07-28"),
    ("http-standard-headers", "2026-07-28"),
    ("http-custom-headers", "2026-07-28"),
    ("http-invalid-tool-headers", "2026-07-28"),
    ("json-schema-ref-no-deref", "2026-07-28"),
    ("json-schema-2020-12-preservation", "2025-11-25"),
    ("json-schema-2020-12-preservation", "2026-07-28"),
];

#[test]
fn every_scenario_without_authentication_passes() {
    let folder = installed();
    let suite = folder.join("node_modules/@modelcontextprotocol/conformance/dist/index.js");
    let node = node(&folder);
    let known = ran(Command::new(&node).arg(&suite).arg("list"));
    let known = String::from_utf8_lossy(&known.stdout).into_owned();
    let (_, clients) = known.split_once("Client scenarios").unwrap();
    let (clients, _) = clients.split_once("Authorization server").unwrap();
    let clients = clients
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- "));
    let others = |line: &&str| !line.starts_with("auth/") && !line.ends_with("[extension]");
    for scenario in clients.filter(others) {
        let (name, _) = scenario.split_once(' ').unwrap_or((scenario, ""));
        let tried = SCENARIOS.iter().any(|(tried, _)| *tried == name);
        assert!(tried, "`{scenario}` is not among those that are tried");
    }
    for (scenario, revision) in SCENARIOS {
        let mut command = Command::new(&node);
        command.arg(&suite).args(["client", "--scenario", scenario]);
        command
            .args(["--spec-version", revision, "--command"])
            .arg(built("conformance"));
        let told = ran(&mut command);
        let text = String::from_utf8_lossy(&told.stdout).into_owned()
            + &String::from_utf8_lossy(&told.stderr);
        assert!(told.status.success(), "{scenario} {revision}: {text}");
        assert!(
            text.contains("0 failed, 0 warnings"),
            "{scenario} {revision}: {text}"
        );
    }
}

/// Where the suite is installed, once for all runs of the tests.
fn installed() -> PathBuf {
    let folder = cache().join("conformance");
    if !folder.join("done").exists() {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("package.json"), "{\"private\": true}").unwrap();
        let mut packages = vec![SUITE.to_owned()];
        if !is_new(Path::new("node")) {
            let arch = if cfg!(target_arch = "x86_64") {
                "x64"
            } else {
                "arm64"
            };
            packages.push(format!("node-linux-{arch}@{NODE}"));
        }
        let mut npm = Command::new("npm");
        npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund"]);
        let told = ran(npm.args(packages).current_dir(&folder));
        assert!(told.status.success(), "{told:?}");
        fs::write(folder.join("done"), "").unwrap();
    }
    folder
}

fn node(folder: &Path) -> PathBuf {
    let own = ["x64", "arm64"]
        .map(|arch| folder.join(format!("node_modules/node-linux-{arch}/bin/node")));
    let own = own.into_iter().find(|node| node.exists());
    own.unwrap_or_else(|| "node".into())
}

fn is_new(node: &Path) -> bool {
    let told = ran(Command::new(node).args(["-p", "process.versions.node.split('.')[0] >= 22"]));
    told.stdout.starts_with(b"true")
}

fn ran(command: &mut Command) -> Output {
    command.output().unwrap()
}
