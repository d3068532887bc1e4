//! How every connection and datagram of a server reaches the sockets outside.

use super::*;

#[test]
fn connections_that_stay_inside_are_seen() {
    let script = r#"
import socket, os
def attempt(family, address):
    s = socket.socket(family)
    try: s.connect(address)
    except OSError as e: print(e.errno)
    else: print("ok")
attempt(socket.AF_UNIX, "/run/user/1000/bus")
attempt(socket.AF_INET, ("127.0.0.1", 6379))
attempt(socket.AF_INET6, ("::1", 6380))
own = socket.socket(); own.bind(("127.0.0.1", 0)); own.listen()
attempt(socket.AF_INET, own.getsockname())
"#;
    let done = run(&spec(&[PYTHON, "-c", script]));
    assert_eq!(done.out, "2\n111\n111\nok\n", "{}", done.err);
    let seen: Vec<_> = done
        .effects
        .iter()
        .filter_map(|kind| match kind {
            Kind::Flow(f) => Some((f.protocol.as_str(), f.peer.name(), f.peer.address.port())),
            _ => None,
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("unix", "/run/user/1000/bus".to_owned(), 0),
            ("refused-loopback", "127.0.0.1".to_owned(), 6379),
            ("refused-loopback", "::1".to_owned(), 6380),
        ]
    );
}

#[test]
fn every_tcp_destination_reaches_the_listeners() {
    let script = r#"
import socket
for host, port in [("198.51.100.7", 443), ("169.254.169.254", 80), ("10.1.2.3", 65535), ("2001:db8::7", 25)]:
    s = socket.create_connection((host, port)); print(s.getsockname()[0], s.recv(100).decode())
"#;
    let (started, _) = begin(&spec(&[PYTHON, "-c", script]));
    let listeners = [started.sockets.tcp4, started.sockets.tcp6].map(TcpListener::from);
    for listener in &listeners {
        listener.set_nonblocking(false).unwrap();
    }
    for listener in [&listeners[0], &listeners[0], &listeners[0], &listeners[1]] {
        let (mut connection, _) = listener.accept().unwrap();
        let dialled = connection.local_addr().unwrap();
        connection
            .write_all(dialled.to_string().as_bytes())
            .unwrap();
    }
    let mut out = String::new();
    fs::File::from(started.stdout)
        .read_to_string(&mut out)
        .unwrap();
    assert_eq!(
        out,
        "192.168.1.23 198.51.100.7:443\n192.168.1.23 169.254.169.254:80\n\
         192.168.1.23 10.1.2.3:65535\nfd12:3456:789a:1::23 [2001:db8::7]:25\n"
    );
}

#[test]
fn datagrams_and_pings_carry_their_destination() {
    let script = r#"
import socket, struct
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"four", ("192.168.1.1", 53))
socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"six", ("2001:db8::8", 123))
p = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
p.sendto(struct.pack("!BBHHH", 8, 0, 0, 0, 1) + b"ping", ("203.0.113.9", 0)); print(p.recv(100)[8:])
"#;
    let (mut started, _) = begin(&spec(&[PYTHON, "-c", script]));
    assert_eq!(started.child.wait_timeout(LONG).unwrap().code, Some(0));
    let four = original(&started.sockets.udp4).unwrap();
    assert_eq!(four, (b"four".to_vec(), "192.168.1.1:53".parse().unwrap()));
    let six = original(&started.sockets.udp6).unwrap();
    assert_eq!(six, (b"six".to_vec(), "[2001:db8::8]:123".parse().unwrap()));
    let mut packet = [0; 100];
    let got = fs::File::from(started.sockets.icmp4)
        .read(&mut packet)
        .unwrap();
    assert_eq!(packet[16..20], [203, 0, 113, 9]);
    assert_eq!(&packet[28..got], b"ping");
}

#[test]
fn replies_may_come_from_any_address() {
    let ask = r#"
import socket
for family, address in [(socket.AF_INET, ("192.168.1.1", 53)), (socket.AF_INET6, ("2001:db8::8", 53))]:
    s = socket.socket(family, socket.SOCK_DGRAM); s.settimeout(20); s.bind(("", 4000))
    s.sendto(b"?", address); data, source = s.recvfrom(100); print(data.decode(), source[0], source[1])
"#;
    let (started, _) = begin(&spec(&[PYTHON, "-c", ask]));
    // Whole packets: a UDP header without checksum is enough for IPv4; for IPv6 it is made.
    let answer = r#"
import socket, struct, sys
v6 = sys.argv[1] == "6"; family = socket.AF_INET6 if v6 else socket.AF_INET
src, dst = (socket.inet_pton(family, a) for a in sys.argv[2:4]); data = b"yes"; n = 8 + len(data)
def udp(c): return struct.pack("!4H", 53, 4000, n, c) + data
if v6:
    pseudo = src + dst + struct.pack("!II", n, 17) + udp(0) + b"\0"
    c = sum(struct.unpack("!%dH" % (len(pseudo) // 2), pseudo)); c = (c & 0xffff) + (c >> 16); c = (c & 0xffff) + (c >> 16)
    packet = struct.pack("!IHBB", 6 << 28, n, 17, 64) + src + dst + udp(~c & 0xffff)
else:
    packet = struct.pack("!BBHHHBBH", 0x45, 0, 20 + n, 0, 0, 64, 17, 0) + src + dst + udp(0)
s = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW, fileno=0); s.sendto(packet, (sys.argv[3], 0))
"#;
    let own = turncoat::sandbox::ADDRESS6.to_string();
    for (question, raw, arguments) in [
        (
            &started.sockets.udp4,
            &started.sockets.raw4,
            ["4", "192.168.1.1", "192.168.1.23"],
        ),
        (
            &started.sockets.udp6,
            &started.sockets.raw6,
            ["6", "2001:db8::8", &own],
        ),
    ] {
        until(|| original(question).is_some());
        let status = Command::new(PYTHON)
            .args(["-c", answer])
            .args(arguments)
            .stdin(raw.try_clone().unwrap())
            .status();
        assert!(status.unwrap().success());
    }
    let mut out = String::new();
    fs::File::from(started.stdout)
        .read_to_string(&mut out)
        .unwrap();
    assert_eq!(out, "yes 192.168.1.1 53\nyes 2001:db8::8 53\n");
}

/// One datagram and the address it was sent to, if there is one.
fn original(socket: &OwnedFd) -> Option<(Vec<u8>, std::net::SocketAddr)> {
    let script = r#"
import socket, sys
s = socket.socket(fileno=0)
try: data, anc, _, _ = s.recvmsg(100, 200)
except BlockingIOError: sys.exit()
raw = next(d for l, t, d in anc if t in (20, 74))
v6 = s.family == socket.AF_INET6
ip = socket.inet_ntop(s.family, raw[8:24] if v6 else raw[4:8]); port = int.from_bytes(raw[2:4], "big")
print(data.decode(), f"[{ip}]:{port}" if v6 else f"{ip}:{port}")
"#;
    let out = Command::new(PYTHON)
        .args(["-c", script])
        .stdin(socket.try_clone().unwrap())
        .output()
        .unwrap();
    let out = String::from_utf8(out.stdout).unwrap();
    let (data, address) = out.trim().split_once(' ')?;
    Some((data.as_bytes().to_vec(), address.parse().unwrap()))
}
