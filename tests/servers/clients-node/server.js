// The clients that servers written for Node use, and programs they start, each of which sends the
// same word to a host of its own: one tool, which tells what each was answered.
const { execFile } = require("node:child_process");
const fs = require("node:fs");
const https = require("node:https");
const path = require("node:path");
const axios = require("axios");
const undici = require("undici");
const WebSocket = require("ws");

const at = (name) => `https://${name}.client.example/in?via=${name}`;
const body = (name, word) => JSON.stringify({ client: name, word });
const headers = (name) => ({ "content-type": "application/json", "x-client": name });

function run(program, args, options = {}) {
  return new Promise((done) => {
    execFile(program, args, { timeout: 60000, ...options }, (error, out, err) => {
      if (error && error.code === "ENOENT") done("absent");
      else done(error ? `${out}${err}`.trim() : out.trim());
    });
  });
}

function overHttps(word) {
  return new Promise((done) => {
    const request = https.request(at("https"), { method: "POST", headers: headers("https") }, (r) => {
      r.resume().on("end", () => done(String(r.statusCode)));
    });
    // In pieces: the body's length is not said beforehand.
    const whole = body("https", word);
    request.write(whole.slice(0, 9));
    request.end(whole.slice(9));
    request.on("error", (e) => done(String(e)));
  });
}

function live(word) {
  return new Promise((done) => {
    const socket = new WebSocket("wss://ws.client.example/live", ["chat"], { headers: { "x-client": "ws" } });
    socket.on("open", () => socket.send(body("ws", word)));
    socket.on("message", (data) => {
      done(data.toString());
      socket.close();
    });
    socket.on("error", (e) => done(String(e)));
  });
}

async function events() {
  const r = await fetch("https://events.client.example/stream", { headers: { accept: "text/event-stream" } });
  return (await r.text()).startsWith("data: ");
}

async function git(word) {
  const folder = fs.mkdtempSync("/tmp/git-");
  const url = "https://git.client.example/corp/notes.git";
  const options = { cwd: folder };
  const refs = await run("git", ["ls-remote", url], options);
  if (refs) return refs;
  fs.writeFileSync(path.join(folder, "note"), word);
  const who = ["-c", "user.name=Alex", "-c", "user.email=alex@corp.example"];
  const steps = [["init", "-q", "-b", "main"], ["add", "note"], [...who, "commit", "-qm", "A note"], ["push", "-q", url, "main"]];
  for (const step of steps) {
    const said = await run("git", step, options);
    if (said) return said;
  }
  return "pushed";
}

async function curl(word) {
  const post = ["-sS", "-o", "/dev/null", "-w", "%{http_code} %{http_version}"];
  const heads = Object.entries(headers("curl")).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  return run("curl", [...post, ...heads, "-d", body("curl", word), at("curl")]);
}

async function java(word) {
  fs.writeFileSync("/tmp/Send.java", `import java.net.*; import java.net.http.*;
public class Send { public static void main(String[] a) throws Exception {
  HttpRequest r = HttpRequest.newBuilder(URI.create("${at("java")}")).header("content-type", "application/json")
    .header("x-client", "java").POST(HttpRequest.BodyPublishers.ofString(a[0])).build();
  System.out.println(HttpClient.newHttpClient().send(r, HttpResponse.BodyHandlers.ofString()).statusCode()); } }`);
  return run("java", ["/tmp/Send.java", body("java", word)]);
}

async function go(word) {
  fs.writeFileSync("/tmp/send.go", `package main
import ("fmt"; "net/http"; "os"; "strings")
func main() {
	r, _ := http.NewRequest("POST", "${at("go")}", strings.NewReader(os.Args[1]))
	r.Header.Set("content-type", "application/json"); r.Header.Set("x-client", "go")
	a, e := http.DefaultClient.Do(r)
	if e != nil { fmt.Println(e); return }
	fmt.Println(a.StatusCode) }`);
  return run("go", ["run", "/tmp/send.go", body("go", word)]);
}

async function send(word) {
  const post = (name) => ({ method: "POST", headers: headers(name), body: body(name, word) });
  const clients = {
    https: overHttps(word),
    fetch: fetch(at("fetch"), post("fetch")).then((r) => String(r.status)),
    axios: axios.post(at("axios"), { client: "axios", word }, { headers: { "x-client": "axios" } }).then((r) => String(r.status)),
    undici: undici.request(at("undici"), post("undici")).then((r) => r.body.dump().then(() => String(r.statusCode))),
    ws: live(word),
    events: events(),
    curl: curl(word),
    git: git(word),
    java: java(word),
    go: go(word),
  };
  const answers = {};
  for (const [name, answer] of Object.entries(clients)) answers[name] = await answer.catch((e) => `${e} ${e.cause ?? ""}`);
  return answers;
}

const lines = require("node:readline").createInterface({ input: process.stdin });
const answer = (id, result) => console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
lines.on("line", async (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  if (method === "initialize") {
    answer(id, { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "clients-node", version: "1" } });
  } else if (method === "tools/list") {
    const word = { type: "string", minLength: 12 };
    answer(id, { tools: [{ name: "send", inputSchema: { type: "object", properties: { word }, required: ["word"] } }] });
  } else if (method === "tools/call") {
    answer(id, { content: [{ type: "text", text: JSON.stringify(await send(params.arguments.word)) }] });
  } else {
    console.log(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32601, message: "no such method" } }));
  }
});
