//! The clients that servers really use, each speaking through a real socket. Node and Python are
//! promised on every machine that tests; curl is not.

use super::kit::*;
use crate::effect::{Kind, MailTls, TlsOutcome};
use crate::internet::{Limits, SmtpAction, SmtpRule, SmtpStage};
use std::path::PathBuf;
use std::process::Stdio;
use tokio::process::Command;

/// The authority's certificate as a file, gone with the guard.
fn trust(place: &Place) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    std::fs::write(&file, place.ca.ca_pem()).unwrap();
    (folder, file)
}

/// Runs a program to its end; what it printed.
async fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(std::time::Duration::from_secs(60), output)
        .await
        .expect("the client hangs")
        .unwrap_or_else(|e| panic!("{command:?} is needed for this test: {e}"));
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{out}\n{err}");
    out
}

/// Where a mail server stands in these tests: the address that was dialled is 127.0.0.1.
fn mail_server_at_any_port(port: u16) -> SmtpRule {
    SmtpRule {
        host: "127.0.0.1".into(),
        port: Some(port),
        stage: SmtpStage::Connect,
        matching: None,
        action: SmtpAction::Accept,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_fetches_and_keeps_its_connection() {
    let place = place();
    let (_folder, roots) = trust(&place);
    // fetch of Node takes no other address than the name's: a dispatcher is not built in, so
    // the request goes to the address itself, whose certificate is minted without a name.
    let script = format!(
        "(async () => {{ for (let i = 0; i < 3; i++) {{
           const r = await fetch('https://127.0.0.1:{}/email', {{method: 'POST',
             headers: {{'content-type': 'application/json'}}, body: JSON.stringify({{To: 'x', i}})}});
           console.log(r.status, JSON.stringify(await r.json())); }}
         }})()",
        place.at.port()
    );
    let out = run(Command::new("node")
        .args(["-e", &script])
        .env("NODE_EXTRA_CA_CERTS", &roots))
    .await;
    assert_eq!(out.matches("200 {\"ok\":true}").count(), 3, "{out}");
    let seen = place.seen.snapshot();
    assert_eq!(seen.len(), 3, "{seen:#?}");
    let Kind::Http(http) = &seen[2] else {
        panic!("{seen:#?}");
    };
    assert_eq!(http.body.text(), r#"{"To":"x","i":2}"#);
    assert_eq!(
        (http.scheme.as_str(), http.method.as_str()),
        ("https", "POST")
    );
    // How many its pool opens is up to it; a new one for each would be our fault.
    assert!(place.world.stats().connections < 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn node_speaks_http2_and_refuses_what_it_does_not_trust() {
    let place = place();
    let (_folder, roots) = trust(&place);
    let script = format!(
        "const h = require('http2').connect('https://localhost:{}', {{servername: 'api.corp.example'}});
         const r = h.request({{':method': 'POST', ':path': '/two?x=1', ':authority': 'api.corp.example'}});
         let body = ''; r.on('data', d => body += d);
         r.on('error', () => {{}}); r.on('end', () => {{ console.log(body); h.close(); }}); r.end('hello');
         h.on('error', e => {{ console.log(e.code); }});",
        place.at.port()
    );
    let node = |trusted: bool| {
        let mut command = Command::new("node");
        command.args(["-e", &script]);
        if trusted {
            command.env("NODE_EXTRA_CA_CERTS", &roots);
        }
        command
    };
    let out = run(&mut node(true)).await;
    assert!(out.contains(r#""host":"api.corp.example""#), "{out}");
    let http = place.http().await;
    assert_eq!(
        (http.version.as_str(), http.target.as_str()),
        ("HTTP/2", "/two?x=1")
    );
    assert_eq!(http.body.text(), "hello");
    place.seen.take();
    let out = run(&mut node(false)).await;
    assert!(out.contains("UNABLE_TO_GET_ISSUER_CERT_LOCALLY"), "{out}");
    place
        .wait(|k| match k {
            Kind::Tls(tls) if tls.outcome != TlsOutcome::Misnamed => Some(()),
            _ => None,
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_fetches_over_tls() {
    let place = place();
    let (_folder, roots) = trust(&place);
    let script = format!(
        "import urllib.request as u\n\
         r = u.urlopen(u.Request('https://127.0.0.1:{}/py', data=b'a=1', method='PUT'))\n\
         print(r.status, r.read().decode())",
        place.at.port()
    );
    let out = run(Command::new("python3")
        .args(["-c", &script])
        .env("SSL_CERT_FILE", &roots))
    .await;
    assert_eq!(out.trim(), "200 {\"ok\":true}");
    let http = place.http().await;
    assert_eq!((http.method.as_str(), &*http.body.text()), ("PUT", "a=1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_sends_mail_with_starttls() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let place = place_on(
        listener,
        |port| vec![mail_server_at_any_port(port)],
        Limits::default(),
    );
    let (_folder, roots) = trust(&place);
    let script = format!(
        "import smtplib, ssl\n\
         from email.message import EmailMessage\n\
         m = EmailMessage(); m['From'] = 'a@corp.example'; m['To'] = 'b@partner.example'\n\
         m['Subject'] = 'Grüße'; m.set_content('Hällo\\n.\\nend'); m.add_attachment(b'%PDF', \
         maintype='application', subtype='pdf', filename='r.pdf')\n\
         s = smtplib.SMTP('127.0.0.1', {}, timeout=20)\n\
         s.starttls(context=ssl.create_default_context()); s.login('alex', 'pw')\n\
         s.send_message(m, to_addrs=['b@partner.example', 'hidden@evil.example']); s.quit()",
        place.at.port()
    );
    run(Command::new("python3")
        .args(["-c", &script])
        .env("PYTHONUTF8", "1")
        .env("SSL_CERT_FILE", &roots))
    .await;
    let mail = place.mail().await;
    assert_eq!(mail.tls, MailTls::Starttls);
    assert_eq!(mail.auth.as_ref().map(|a| a.user.as_str()), Some("alex"));
    assert_eq!(mail.rcpt_to, ["b@partner.example", "hidden@evil.example"]);
    assert!(
        mail.headers.contains(&("Subject".into(), "Grüße".into())),
        "{:?}",
        mail.headers
    );
    assert_eq!(
        mail.parts[0].body.text().replace("\r\n", "\n"),
        "Hällo\n.\nend\n"
    );
    assert_eq!(mail.parts[1].filename.as_deref(), Some("r.pdf"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_resolves_connects_and_uploads() {
    if Command::new("curl")
        .arg("--version")
        .output()
        .await
        .is_err()
    {
        eprintln!("skipped: there is no curl on this machine");
        return;
    }
    let place = place();
    let (_folder, roots) = trust(&place);
    let port = place.at.port();
    let out = run(Command::new("curl")
        .args(["-sS", "--http1.1", "--noproxy", "*", "--cacert"])
        .arg(&roots)
        .args(["--connect-to", &format!("::127.0.0.1:{port}")])
        .args(["-H", "Expect: 100-continue", "--expect100-timeout", "20"])
        .args(["-d", "x=1", "https://api.corp.example/c"]))
    .await;
    assert!(
        out.contains(r#""path":"/c""#) && out.contains(r#""length":3"#),
        "{out}"
    );
}
