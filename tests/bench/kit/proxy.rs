//! mitmproxy in front of an upstream: what turncoat's gateway is measured against.

use super::Upstream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// mitmproxy in front of an upstream.
pub struct Proxy {
    pub here: Upstream,
    _child: tokio::process::Child,
    _folder: tempfile::TempDir,
}

impl Proxy {
    /// None where there is no mitmproxy, and none can be installed.
    pub async fn start(upstream: &Upstream) -> Option<Self> {
        let mitmdump = found()?;
        let folder = tempfile::tempdir().expect("a folder");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = free.local_addr().expect("its address");
        drop(free);
        let mode = format!("reverse:https://{}", upstream.at);
        let child = tokio::process::Command::new(mitmdump)
            .args(["-q", "--mode", &mode, "--listen-host", "127.0.0.1"])
            .args(["--listen-port", &at.port().to_string()])
            .args(["--set", "ssl_insecure=true", "--set", "upstream_cert=false"])
            .args(["--set", &format!("confdir={}", folder.path().display())])
            .kill_on_drop(true)
            .spawn()
            .ok()?;
        let until = std::time::Instant::now() + Duration::from_secs(30);
        while tokio::net::TcpStream::connect(at).await.is_err() {
            assert!(
                std::time::Instant::now() < until,
                "mitmproxy does not listen"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let ca = std::fs::read_to_string(folder.path().join("mitmproxy-ca-cert.pem")).ok()?;
        Some(Self {
            here: Upstream { at, ca_pem: ca },
            _child: child,
            _folder: folder,
        })
    }
}

/// The program: on PATH, or in a virtual environment of this repository's target folder.
fn found() -> Option<PathBuf> {
    if super::is_present("mitmdump") {
        return Some("mitmdump".into());
    }
    let folder = super::place("target/mitmproxy");
    let program = folder.join("bin/mitmdump");
    if !program.is_file() {
        let run = |program: PathBuf, args: &[&str]| {
            let ran = Command::new(program)
                .args(args)
                .current_dir(super::place("target"))
                .stdout(Stdio::null())
                .status();
            ran.is_ok_and(|status| status.success()).then_some(())
        };
        run("python3".into(), &["-m", "venv", "mitmproxy"])?;
        run(folder.join("bin/pip"), &["install", "--quiet", "mitmproxy"])?;
    }
    program.is_file().then_some(program)
}
