//! Line protocols in which a client tells its credentials and commands only while it is answered.

use super::{Dialect, Flow};
use crate::internet::busy::Hold;
use crate::internet::shared::Shared;
use crate::internet::stream::Stream;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

/// Longest line that is understood; what is longer is only recorded.
const LINE: usize = 8 << 10;

/// Where passive FTP sends its data connections: any port is as good, all are ours.
const PASSIVE: u16 = 50_021;

/// Says `greeting`, then answers line by line until the client leaves.
pub async fn converse(
    shared: Arc<Shared>,
    mut stream: Stream,
    flow: Flow,
    mut hold: Option<Hold>,
    (dialect, greeting): (Dialect, &[u8]),
    address: SocketAddr,
) {
    flow.is(dialect.name());
    if say(&mut stream, &flow, greeting).await.is_err() {
        return;
    }
    if let Dialect::Mute(_) = dialect {
        let hold = hold.unwrap_or_else(|| shared.busy.hold());
        return super::listen(shared, stream, flow, hold).await;
    }
    let mut left = shared.limits.flow;
    loop {
        while let Some(end) = memchr::memchr(b'\n', stream.ahead()) {
            let mut line = stream.take_ahead();
            let rest = line.split_off(end + 1);
            stream.put_back(rest);
            flow.sent(&line);
            let (answer, last) = reply(dialect, &String::from_utf8_lossy(&line), address);
            if say(&mut stream, &flow, answer.as_bytes()).await.is_err() || last {
                return;
            }
        }
        if stream.ahead().len() > LINE {
            flow.sent(&stream.take_ahead());
        }
        let read = match timeout(shared.limits.fresh, stream.look()).await {
            Ok(read) => read,
            Err(_) => {
                hold = None;
                match timeout(shared.limits.idle, stream.look()).await {
                    Ok(read) => read,
                    Err(_) => return,
                }
            }
        };
        match read {
            Ok(n @ 1..) => left = left.saturating_sub(n as u64),
            _ => return flow.sent(&stream.take_ahead()),
        }
        if left == 0 {
            return;
        }
        hold = hold.or_else(|| Some(shared.busy.hold()));
    }
}

async fn say(stream: &mut Stream, flow: &Flow, words: &[u8]) -> std::io::Result<()> {
    flow.received(words);
    stream.write_all(words).await?;
    stream.flush().await
}

/// The answer to one line, and whether it is the last.
fn reply(dialect: Dialect, line: &str, address: SocketAddr) -> (String, bool) {
    let line = line.trim_end();
    match dialect {
        Dialect::Ftp => ftp(line, address),
        Dialect::Pop3 => {
            let last = line.eq_ignore_ascii_case("quit");
            ("+OK\r\n".into(), last)
        }
        Dialect::Mute(_) => (String::new(), false),
    }
}

/// RFC 959 as far as a client needs it to get to its uploads; RFC 2428 for the passive modes.
fn ftp(line: &str, address: SocketAddr) -> (String, bool) {
    let verb = line
        .split(' ')
        .next()
        .unwrap_or_default()
        .to_ascii_uppercase();
    let answer = match verb.as_str() {
        "USER" => "331 Please specify the password.".into(),
        "PASS" => "230 Login successful.".into(),
        "SYST" => "215 UNIX Type: L8".into(),
        "FEAT" => "211-Features:\r\n EPSV\r\n PASV\r\n SIZE\r\n UTF8\r\n211 End".into(),
        "PWD" => "257 \"/\" is the current directory".into(),
        "CWD" => "250 Directory successfully changed.".into(),
        "EPSV" => format!("229 Entering Extended Passive Mode (|||{PASSIVE}|)"),
        "PASV" => match address {
            SocketAddr::V4(v4) => {
                let [a, b, c, d] = v4.ip().octets();
                let (high, low) = (PASSIVE / 256, PASSIVE % 256);
                format!("227 Entering Passive Mode ({a},{b},{c},{d},{high},{low}).")
            }
            SocketAddr::V6(_) => "425 Use EPSV first.".into(),
        },
        "STOR" | "APPE" | "STOU" => "150 Ok to send data.\r\n226 Transfer complete.".into(),
        "RETR" | "SIZE" | "MDTM" => "550 Could not get file.".into(),
        "AUTH" => "530 Please login with USER and PASS.".into(),
        "RNFR" => "350 Ready for RNTO.".into(),
        "QUIT" => return ("221 Goodbye.\r\n".into(), true),
        _ => "200 OK.".to_owned(),
    };
    (answer + "\r\n", false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_led_to_their_uploads() {
        let at = "3.4.5.6:21".parse().unwrap();
        assert!(ftp("user alex", at).0.starts_with("331"));
        assert!(ftp("PASV", at).0.contains("(3,4,5,6,195,101)"));
        assert_eq!(ftp("QUIT", at), ("221 Goodbye.\r\n".into(), true));
        assert_eq!(
            reply(Dialect::Pop3, "QUIT\r\n", at),
            ("+OK\r\n".into(), true)
        );
    }
}
