//! Mail sessions, spoken by hand.

use super::kit::*;
use crate::effect::{Kind, MailTls};
use crate::internet::{Limits, SmtpAction, SmtpRule, SmtpStage};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// Sends one line and reads the last line of its reply.
async fn command(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin), line: &str) -> String {
    stream
        .write_all(format!("{line}\r\n").as_bytes())
        .await
        .unwrap();
    reply(stream).await
}

async fn reply(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    loop {
        let line = read_until(stream, "\r\n").await;
        if line.as_bytes()[3] == b' ' {
            return line.trim_end().to_owned();
        }
    }
}

async fn begin(place: &Place) -> DuplexStream {
    let mut stream = place.dial("smtp.corp.example", 587);
    assert!(
        reply(&mut stream)
            .await
            .starts_with("220 smtp.corp.example ESMTP")
    );
    assert!(
        command(&mut stream, "EHLO alex-thinkpad")
            .await
            .starts_with("250 ")
    );
    stream
}

#[tokio::test]
async fn a_mail_is_told_with_envelope_and_message() {
    let place = place();
    let mut stream = begin(&place).await;
    assert!(
        command(&mut stream, "AUTH PLAIN AGFsZXgAcHc=")
            .await
            .starts_with("235")
    );
    for mail in 0..2 {
        assert!(
            command(&mut stream, "MAIL FROM:<a@corp.example> SIZE=9")
                .await
                .starts_with("250")
        );
        assert_eq!(place.world.busy(), 1);
        command(&mut stream, "RCPT TO:<b@partner.example>").await;
        command(&mut stream, "RCPT TO:<hidden@evil.example>").await;
        assert!(command(&mut stream, "DATA").await.starts_with("354"));
        let message = "To: b@partner.example\r\nSubject: hi\r\n\r\n..dot\r\nnot\n.\nthe end\r\n.";
        let queued = command(&mut stream, message).await;
        assert!(queued.starts_with("250 2.0.0 Ok: queued as "), "{queued}");
        let mails: Vec<_> = place.seen.snapshot();
        let Some(Kind::Mail(told)) = mails.get(mail) else {
            panic!("no mail in {mails:?}");
        };
        assert_eq!(
            (told.helo.as_str(), told.tls),
            ("alex-thinkpad", MailTls::None)
        );
        assert_eq!(told.auth.as_ref().unwrap().password, "pw");
        assert_eq!(
            (told.mail_from.as_str(), told.mail_from_params.as_str()),
            ("a@corp.example", "SIZE=9")
        );
        assert_eq!(told.rcpt_to, ["b@partner.example", "hidden@evil.example"]);
        assert_eq!(told.headers[1], ("Subject".into(), "hi".into()));
        assert_eq!(told.parts[0].body.text(), ".dot\r\nnot\n.\nthe end\r\n");
        assert_eq!(told.reply, queued);
    }
    assert!(command(&mut stream, "QUIT").await.starts_with("221"));
    place.rest().await;
    assert_eq!(place.seen.snapshot().len(), 2);
}

#[tokio::test]
async fn starttls_and_implicit_tls_lead_to_the_same() {
    let place = place();
    let mut stream = begin(&place).await;
    assert!(command(&mut stream, "STARTTLS").await.starts_with("220"));
    let tls = tls_client(&place.ca, &[]);
    let mut stream = tls
        .connect(name("smtp.corp.example"), stream)
        .await
        .unwrap();
    send(&mut stream).await;
    assert_eq!(place.mail().await.tls, MailTls::Starttls);
    place.seen.take();

    let stream = place.dial("smtp.corp.example", 465);
    let mut stream = tls
        .connect(name("smtp.corp.example"), stream)
        .await
        .unwrap();
    reply(&mut stream).await;
    send(&mut stream).await;
    assert_eq!(place.mail().await.tls, MailTls::Implicit);
}

async fn send(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin)) {
    // Pipelined, as RFC 2920 allows.
    let all = "EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA";
    command(stream, all).await;
    for _ in 0..2 {
        reply(stream).await;
    }
    assert!(reply(stream).await.starts_with("354"));
    assert!(
        command(stream, "Subject: x\r\n\r\n.")
            .await
            .starts_with("250")
    );
}

#[tokio::test]
async fn rules_refuse_and_the_refusal_is_told() {
    let rule = SmtpRule {
        host: "smtp.corp.example".into(),
        port: None,
        stage: SmtpStage::Rcpt,
        matching: Some("*@nobody.example".into()),
        action: SmtpAction::Reject("550 5.1.1 User unknown".into()),
    };
    let place = place_with(vec![rule], Limits::default());
    let mut stream = begin(&place).await;
    command(&mut stream, "MAIL FROM:<a@b.example>").await;
    let refused = command(&mut stream, "RCPT TO:<X@Nobody.example>").await;
    assert_eq!(refused, "550 5.1.1 User unknown");
    assert!(command(&mut stream, "DATA").await.starts_with("554"));
    command(&mut stream, "RSET").await;
    let told = place.mail().await;
    assert_eq!(told.rcpt_refused, ["X@Nobody.example"]);
    assert_eq!(told.reply, "550 5.1.1 User unknown");
}

#[tokio::test]
async fn a_session_without_a_mail_is_a_flow_and_one_cut_short_a_mail() {
    let place = place();
    let mut stream = begin(&place).await;
    command(&mut stream, "AUTH PLAIN AGFsZXgAcHc=").await;
    drop(stream);
    let flow = place.flow().await;
    assert_eq!(flow.protocol, "smtp");
    assert!(flow.sent.text().contains("AUTH PLAIN AGFsZXgAcHc="));
    place.seen.take();

    let mut stream = begin(&place).await;
    command(&mut stream, "MAIL FROM:<a@b.example>").await;
    command(&mut stream, "RCPT TO:<c@d.example>").await;
    command(&mut stream, "DATA").await;
    stream.write_all(b"Subject: half\r\n").await.unwrap();
    drop(stream);
    let told = place.mail().await;
    assert_eq!(told.reply, "none: connection closed");
    assert_eq!(told.headers[0].1, "half");
    place.rest().await;
}

#[tokio::test]
async fn endless_lines_end_the_session() {
    let place = place();
    let mut stream = begin(&place).await;
    stream.write_all(&vec![b'x'; 40 << 10]).await.unwrap();
    assert!(reply(&mut stream).await.starts_with("500"));
    assert_eq!(place.flow().await.protocol, "smtp");
}
