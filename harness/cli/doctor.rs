//! `turncoat doctor`: what this host can isolate and observe.

use super::{Exit, Failure, Shell};
use crate::report::escape;
use crate::sandbox;
use std::process::{Command, Stdio};

/// Clients that acquisition uses, and what for.
const TOOLS: &[(&str, &str)] = &[
    ("node", "runs npm packages and folders with a package.json"),
    ("npm", "installs npm packages"),
    ("python3", "runs and installs Python packages"),
];

/// Prints one line a part; ends with status 3 where a part that every run needs is missing.
pub fn doctor(shell: &Shell) -> Result<Exit, Failure> {
    let probes = sandbox::probe(None);
    let whole = probes.iter().all(|probe| probe.available);
    let printed = shell.printer.data(|out| {
        writeln!(out, "Sandbox")?;
        for probe in &probes {
            let mark = if probe.available {
                "ok     "
            } else {
                "MISSING"
            };
            writeln!(
                out,
                "  {mark}  {}: {}",
                escape(probe.what),
                escape(&probe.detail)
            )?;
            if let (false, Some(advice)) = (probe.available, probe.advice.as_deref()) {
                writeln!(out, "           {}", escape(advice))?;
            }
        }
        writeln!(out, "\nClients")?;
        for (tool, purpose) in TOOLS {
            match version(tool) {
                Some(version) => writeln!(out, "  ok       {tool}: {}", escape(&version))?,
                None => writeln!(out, "  MISSING  {tool}: {purpose}")?,
            }
        }
        writeln!(out, "\nNot seen by any run of this version")?;
        for spot in crate::run::blind_spots() {
            writeln!(out, "  -        {spot}")?;
        }
        Ok(())
    });
    printed.map_err(|e| Failure::inconclusive(format!("nothing could be printed: {e}")))?;
    Ok(if whole {
        Exit::Passed
    } else {
        Exit::Inconclusive
    })
}

fn version(tool: &str) -> Option<String> {
    let said = Command::new(tool)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&said.stdout);
    said.status
        .success()
        .then(|| text.lines().next().unwrap_or_default().to_owned())
}
