//! `~/.ssh`: a key that OpenSSH accepts, and the hosts it opens.

use super::furnish::{Furnish, public};
use data_encoding::BASE64;
use std::ops::Range;

pub fn fill(home: &mut Furnish) {
    let comment = format!("{}@{}", home.persona.user, home.persona.host);
    let secret = home.key(".ssh/id_ed25519");
    let public_key = public(&secret);
    let check = home.stream(".ssh check").next_u64() as u32;
    let pem = private_key(&secret, &public_key, check, &comment);
    if let Some(line) = pem.lines().nth(SECRET_LINE) {
        home.plant(".ssh/id_ed25519", "", line.to_owned(), SECRET_PART);
    }
    home.private(".ssh/id_ed25519", pem);
    let public_text = BASE64.encode(&public_blob(&public_key));
    let user = home.persona.user;
    home.file(
        ".ssh/id_ed25519.pub",
        format!("ssh-ed25519 {public_text} {comment}\n"),
    );
    home.private(
        ".ssh/config",
        format!(
            "Host bastion\n    HostName bastion.corp.example\n    User {user}\n    IdentityFile ~/.ssh/id_ed25519\n\n\
             Host db-prod\n    HostName 10.20.4.17\n    User deploy\n    ProxyJump bastion\n\n\
             Host github.com\n    User git\n    IdentitiesOnly yes\n"
        ),
    );
    let known: String = ["bastion.corp.example", "git.corp.example", "10.20.4.17"]
        .iter()
        .map(|host| {
            let key = public(&home.key(&format!(".ssh/known_hosts {host}")));
            format!("{host} ssh-ed25519 {}\n", BASE64.encode(&public_blob(&key)))
        })
        .collect();
    home.private(".ssh/known_hosts", known);
}

/// The line of the file, from 0, that holds all 32 secret bytes: they begin at byte 161 of the
/// blob, and a line carries 52.5 bytes.
const SECRET_LINE: usize = 4;
/// Characters of that line that the secret bytes alone decide: around them stands the public
/// half, which is in another file as well. The line begins in the middle of byte 157.
const SECRET_PART: Range<usize> = 5..47;

/// A key without a passphrase in OpenSSH's own format (PROTOCOL.key in its sources).
fn private_key(secret: &[u8; 32], public: &[u8], check: u32, comment: &str) -> String {
    let mut inner = Vec::new();
    inner.extend(check.to_be_bytes());
    inner.extend(check.to_be_bytes());
    inner.extend(public_blob(public));
    string(&mut inner, &[secret, public].concat());
    string(&mut inner, comment.as_bytes());
    let padding = inner.len().next_multiple_of(8) - inner.len();
    inner.extend((1..).take(padding).map(|byte: u8| byte));

    let mut blob = b"openssh-key-v1\0".to_vec();
    string(&mut blob, b"none");
    string(&mut blob, b"none");
    string(&mut blob, b"");
    blob.extend(1u32.to_be_bytes());
    string(&mut blob, &public_blob(public));
    string(&mut blob, &inner);

    let text = BASE64.encode(&blob);
    let lines: Vec<&str> = (0..text.len())
        .step_by(70)
        .map(|at| &text[at..text.len().min(at + 70)])
        .collect();
    format!(
        "-----BEGIN OPENSSH PRIVATE KEY-----\n{}\n-----END OPENSSH PRIVATE KEY-----\n",
        lines.join("\n")
    )
}

/// RFC 8709, section 4.
fn public_blob(public: &[u8]) -> Vec<u8> {
    let mut blob = Vec::new();
    string(&mut blob, b"ssh-ed25519");
    string(&mut blob, public);
    blob
}

/// RFC 4251, section 5.
fn string(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend((bytes.len() as u32).to_be_bytes());
    to.extend(bytes);
}

#[cfg(test)]
mod tests {
    use super::{BASE64, SECRET_LINE, SECRET_PART, private_key, public};

    #[test]
    fn the_planted_line_holds_the_whole_secret() {
        let secret = [0xa5; 32];
        let pem = private_key(&secret, &public(&secret), 9, "a@b");
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        let blob = BASE64.decode(body.as_bytes()).unwrap();
        let at = memchr::memmem::find(&blob, &secret).unwrap();
        let line = at * 8 / 6 / 70;
        assert_eq!(line, (at + 32) * 8 / 6 / 70);
        assert_eq!(line + 1, SECRET_LINE);
        let (first, last) = ((at * 8).div_ceil(6), (at + 32) * 8 / 6);
        assert_eq!(SECRET_PART, first - 70 * line..last - 70 * line);
    }
}
