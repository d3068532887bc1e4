//! The /etc of an ordinary machine, made up except for what the runtimes need of the host's.

use super::network::{ADDRESS4, NAMESERVER};
use super::spec::Identity;
use crate::secret::Persona;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Taken over from the host where they exist: they describe the installed software, not the
/// machine or its users.
const FROM_HOST: &[&str] = &[
    "ld.so.cache",
    "ld.so.conf",
    "os-release",
    "debian_version",
    "alpine-release",
    "redhat-release",
    "services",
    "protocols",
    "mime.types",
    "ssl/openssl.cnf",
    "pki/tls/openssl.cnf",
    "shells",
];

/// Names under which distributions look for the bundle that Debian keeps in
/// `ssl/certs/ca-certificates.crt`.
const BUNDLE_ALIASES: &[&str] = &[
    "ssl/cert.pem",
    "ssl/ca-bundle.pem",
    "ssl/certs/ca-bundle.crt",
    "pki/tls/cert.pem",
    "pki/tls/cacert.pem",
    "pki/tls/certs/ca-bundle.crt",
    "pki/tls/certs/ca-bundle.trust.crt",
    "pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Writes the files below `etc`, which must exist.
pub fn build(etc: &Path, identity: &Identity) -> io::Result<()> {
    let Persona { uid, home, .. } = Persona::DEFAULT;
    let Identity {
        user,
        full_name,
        host,
        zone,
    } = identity;
    let passwd = format!(
        "root:x:0:0:root:/root:/bin/bash\n\
         daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n\
         {user}:x:{uid}:{uid}:{full_name},,,:{home}:/bin/bash\n"
    );
    let group = format!(
        "root:x:0:\ndaemon:x:1:\nsudo:x:27:{user}\nusers:x:100:{user}\n\
         nogroup:x:65534:\n{user}:x:{uid}:\ndocker:x:998:{user}\n"
    );
    let hosts = format!(
        "127.0.0.1\tlocalhost\n127.0.1.1\t{host}\n{ADDRESS4}\t{host}.lan\n\n\
         ::1\tip6-localhost ip6-loopback localhost\n"
    );
    let made_up = [
        ("passwd", passwd),
        ("group", group),
        ("hosts", hosts),
        ("hostname", format!("{host}\n")),
        (
            "resolv.conf",
            format!("nameserver {NAMESERVER}\nsearch lan\n"),
        ),
        (
            "nsswitch.conf",
            "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n\
             networks: files\nprotocols: files\nservices: files\n"
                .to_owned(),
        ),
        (
            "machine-id",
            "5e0d3c1f8a7b4c69a2f14d7be8c09b36\n".to_owned(),
        ),
        ("timezone", format!("{zone}\n")),
        ("fstab", String::new()),
    ];
    for folder in ["ssl/certs", "pki/tls/certs", "pki/ca-trust/extracted/pem"] {
        fs::create_dir_all(etc.join(folder))?;
    }
    for (name, text) in made_up {
        fs::write(etc.join(name), text)?;
    }
    for name in FROM_HOST {
        if let Ok(content) = fs::read(Path::new("/etc").join(name)) {
            fs::write(etc.join(name), content)?;
        }
    }
    symlink(
        Path::new("/usr/share/zoneinfo").join(zone),
        etc.join("localtime"),
    )?;
    symlink("/proc/self/mounts", etc.join("mtab"))?;
    for alias in BUNDLE_ALIASES {
        symlink(BUNDLE, etc.join(alias))?;
    }
    Ok(())
}
