// The HTTPS clients that servers use, each of which says whom it trusts: one tool that has all of
// them ask for the same page and tells how that went, with what it finds of its own surroundings.
const { execFile } = require("node:child_process");
const fs = require("node:fs");
const https = require("node:https");
const { Worker } = require("node:worker_threads");

const URL = "https://api.corp.example/look";
const FETCH = `fetch("${URL}").then((r) => r.text().then(() => console.log(r.status)), (e) => console.log(String(e.cause)))`;

function run(program, args, env = { PATH: process.env.PATH, HOME: process.env.HOME }) {
  return new Promise((done) => {
    execFile(program, args, { env, timeout: 30000 }, (error, out, err) => {
      if (error && error.code === "ENOENT") done("absent");
      else done(`${out}${err}`.trim());
    });
  });
}

function get() {
  return new Promise((done) => {
    https.get(URL, (r) => r.resume().on("end", () => done(String(r.statusCode)))).on("error", (e) => done(String(e)));
  });
}

function peer() {
  return new Promise((done) => {
    const socket = require("node:tls").connect(443, "api.corp.example", { servername: "api.corp.example" }, () => {
      const leaf = socket.getPeerCertificate(true);
      const chain = [leaf.issuer, leaf.issuerCertificate.issuer].map((name) => name.CN);
      done({ chain, days: (new Date(leaf.valid_to) - new Date(leaf.valid_from)) / 86400000 });
      socket.end();
    });
    socket.on("error", (e) => done(String(e)));
  });
}

function worker() {
  return new Promise((done) => {
    const code = `fetch("${URL}").then((r) => r.status, (e) => e.cause).then((s) => require("node:worker_threads").parentPort.postMessage(String(s)))`;
    new Worker(code, { eval: true }).on("message", done).on("error", (e) => done(String(e)));
  });
}

async function look() {
  fs.writeFileSync("/tmp/script", `#!/usr/bin/env node\n${FETCH}\n`, { mode: 0o755 });
  fs.writeFileSync("/tmp/Look.java", `public class Look { public static void main(String[] a) throws Exception {
    System.out.println(((java.net.HttpURLConnection) new java.net.URL("${URL}").openConnection()).getResponseCode()); } }`);
  const python = `import urllib.request as u; print(u.urlopen("${URL}").status)`;
  const folder = `import http.client as h, ssl
c = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT); c.load_verify_locations(capath="/etc/ssl/certs")
s = h.HTTPSConnection("api.corp.example", context=c); s.request("GET", "/look"); print(s.getresponse().status)`;
  const clients = {
    https: get(),
    fetch: fetch(URL).then((r) => String(r.status), (e) => String(e.cause)),
    worker: worker(),
    child: run(process.execPath, ["-e", FETCH], {}),
    script: run("/tmp/script", []),
    python: run("/usr/bin/python3", ["-I", "-c", python]),
    "python by hash": run("/usr/bin/python3", ["-I", "-c", folder]),
    curl: run("curl", ["-sS", "-o", "/dev/null", "-w", "%{http_code}", URL]),
    git: run("git", ["ls-remote", "https://git.corp.example/a.git"]),
    java: run("java", ["/tmp/Look.java"]),
  };
  const answers = {};
  for (const [name, answer] of Object.entries(clients)) answers[name] = await answer;
  return {
    variables: Object.keys(process.env).sort(),
    roots: require("node:tls").rootCertificates,
    peer: await peer(),
    answers,
  };
}

const lines = require("node:readline").createInterface({ input: process.stdin });
const answer = (id, result) => console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
lines.on("line", async (line) => {
  const { id, method } = JSON.parse(line);
  if (id === undefined) return;
  if (method === "initialize") {
    answer(id, { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "clients", version: "1" } });
  } else if (method === "tools/list") {
    answer(id, { tools: [{ name: "look", inputSchema: { type: "object", properties: {} } }] });
  } else if (method === "tools/call") {
    answer(id, { content: [{ type: "text", text: JSON.stringify(await look()) }] });
  } else {
    console.log(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32601, message: "no such method" } }));
  }
});
