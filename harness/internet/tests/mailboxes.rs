//! Mailboxes: sessions by hand and by Python's client.

use super::kit::*;
use tokio::io::AsyncWriteExt;

/// What comes back for these commands, on a fresh connection.
async fn answers(place: &Place, commands: &str) -> String {
    let stream = place.dial("imap.corp.example", 143);
    say(stream, format!("{commands}z LOGOUT\r\n").as_bytes()).await
}

#[tokio::test]
async fn mails_are_listed_read_marked_and_moved() {
    let place = place();
    let told = answers(
        &place,
        "a LOGIN alex secret\r\nb LIST \"\" \"*\"\r\nc SELECT inbox\r\nd FETCH 1 (UID FLAGS ENVELOPE RFC822.SIZE)\r\n\
         e UID FETCH 104 (BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODYSTRUCTURE)\r\nf SEARCH UNSEEN FROM \"priya\"\r\n\
         g UID STORE 106 +FLAGS (\\Seen $Done)\r\nh UID MOVE 106 Archive\r\ni STATUS Archive (MESSAGES UIDNEXT)\r\n\
         j STORE 1 +FLAGS.SILENT (\\Deleted)\r\nk EXPUNGE\r\nl NOOP\r\n",
    )
    .await;
    for part in [
        "* OK [CAPABILITY IMAP4rev1",
        "* LIST (\\HasNoChildren \\Sent) \"/\" \"Sent\"\r\n",
        "* 7 EXISTS\r\n",
        "* OK [UNSEEN 4]",
        "* 1 FETCH (UID 101 FLAGS (\\Seen) ENVELOPE (\"Mon, 03 Mar 2025 ",
        "((\"Maria Lopez\" NIL \"maria.lopez\" \"northwind.example\"))",
        "BODY[HEADER.FIELDS (SUBJECT)] {31}\r\nSubject: Lunch on Thursday?\r\n\r\n BODYSTRUCTURE ((\"text\" \"plain\"",
        "* SEARCH 6\r\n",
        "* 6 FETCH (UID 106 FLAGS ($Done \\Seen))\r\n",
        "* 6 EXPUNGE\r\nh OK Move completed.",
        "* STATUS \"Archive\" (MESSAGES 1 UIDNEXT 102)\r\n",
        "* 1 EXPUNGE\r\nk OK Expunge completed.",
        "l OK NOOP completed.\r\n* BYE Logging out\r\nz OK",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    let flow = place.flow().await;
    assert_eq!((flow.protocol.as_str(), flow.tls), ("imap", false));
    assert!(flow.sent.text().contains("LOGIN alex secret"));
}

#[tokio::test]
async fn what_is_filed_is_there_for_the_next_session() {
    let place = place();
    let mail = "From: a@b.example\r\nSubject: kept\r\n\r\nhello\r\n";
    let append = format!(
        "b APPEND Drafts (\\Draft) {{{}+}}\r\n{mail}\r\n",
        mail.len()
    );
    let told = answers(
        &place,
        &format!("a AUTHENTICATE PLAIN AGFsZXgAcA==\r\n{append}"),
    )
    .await;
    assert!(told.contains("b OK [APPENDUID 1735689600 101]"), "{told}");
    let told = answers(&place, "a LOGIN x y\r\nb EXAMINE Drafts\r\nc FETCH 1 (FLAGS BODY[TEXT])\r\nd STORE 1 FLAGS ()\r\ne SEARCH SUBJECT kept\r\n").await;
    assert!(
        told.contains("* 1 FETCH (FLAGS (\\Draft) BODY[TEXT] {7}\r\nhello\r\n)"),
        "{told}"
    );
    assert!(
        told.contains("d NO [READ-ONLY]") && told.contains("* SEARCH 1\r\n"),
        "{told}"
    );
}

#[tokio::test]
async fn nothing_is_told_before_signing_in() {
    let told = answers(
        &place(),
        "a SELECT INBOX\r\nb NOSUCH\r\n)(\r\nc AUTHENTICATE NTLM\r\n",
    )
    .await;
    assert!(
        told.contains("a BAD Please login first.") && told.contains("c NO Unsupported"),
        "{told}"
    );
}

#[tokio::test]
async fn literals_are_waited_for_and_have_a_bound() {
    let place = place();
    let mut stream = place.dial("imap.corp.example", 143);
    read_until(&mut stream, "ready.\r\n").await;
    stream.write_all(b"a LOGIN {4}\r\n").await.unwrap();
    read_until(&mut stream, "+ OK\r\n").await;
    stream.write_all(b"alex {3}\r\n").await.unwrap();
    read_until(&mut stream, "+ OK\r\n").await;
    stream
        .write_all(b"pwd\r\nb APPEND INBOX {99999999}\r\n")
        .await
        .unwrap();
    let told = read_until(&mut stream, "* BYE Literal too large\r\n").await;
    assert!(told.contains("a OK"), "{told}");
}

const PYTHON: &str = r#"
import imaplib, email, ssl, sys
port = int(sys.argv[1])
box = imaplib.IMAP4('127.0.0.1', port)
box.starttls(ssl.create_default_context(cafile=sys.argv[2]))
box.login('alex@corp.example', 'p"ass\\word')
print([line.decode().split()[-1] for line in box.list()[1]])
print(box.select('INBOX')[1])
numbers = box.search(None, 'ALL')[1][0].split()
for number in numbers[:3]:
    data = box.fetch(number, '(RFC822)')[1]
    message = email.message_from_bytes(data[0][1])
    print(message['From'], message.is_multipart(), len(message.get_payload()) > 0)
print(box.uid('SEARCH', None, '(SUBJECT "invoice" SINCE 1-Jan-2025)')[1])
print(box.store('7', '+FLAGS', r'(\Flagged)')[1])
print(box.append('Drafts', None, None, b'Subject: x\r\n\r\nbody\r\n')[0])
print(box.copy('1', 'Archive')[0], box.status('Archive', '(MESSAGES)')[1])
print(box.close()[0], box.logout()[0])
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pythons_client_reads_and_files() {
    let place = place_with_imap();
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, place.ca.ca_pem()).unwrap();
    let mut python = tokio::process::Command::new("python3");
    let port = place.at.port().to_string();
    python
        .args(["-c", PYTHON, &port])
        .arg(&roots)
        .kill_on_drop(true);
    let output = tokio::time::timeout(std::time::Duration::from_secs(60), python.output());
    let output = output
        .await
        .expect("the client hangs")
        .expect("python3 is needed for this test");
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{out}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    insta::assert_snapshot!(out, @r#"
    ['"Archive"', '"Drafts"', '"INBOX"', '"Junk"', '"Sent"', '"Trash"']
    [b'7']
    Maria Lopez <maria.lopez@northwind.example> False True
    Build Service <build.service@ci.corp.example> False True
    Contoso Billing <contoso.billing@contoso.example> True True
    [b'103']
    [b'7 (FLAGS (\\Flagged))']
    OK
    OK [b'"Archive" (MESSAGES 1)']
    OK BYE
    "#);
    let sent: String = place
        .seen
        .snapshot()
        .iter()
        .filter_map(|kind| match kind {
            crate::effect::Kind::Flow(flow) if flow.tls => Some(flow.sent.text().into_owned()),
            _ => None,
        })
        .collect();
    assert!(
        sent.contains("LOGIN alex@corp.example") && sent.contains("Subject: x"),
        "{sent}"
    );
}
