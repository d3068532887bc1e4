// Clients that bring the roots they trust along, compiled in: Bun and Deno, and a program in Rust
// where somebody put one beside this file. One tool has each send the same word to a host of its own.
const { execFile } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");

const at = (name) => `https://${name}.client.example/in?via=${name}`;
const body = (name, word) => JSON.stringify({ client: name, word });

function run(program, args) {
  return new Promise((done) => {
    if (!program || !fs.existsSync(program)) return done("absent");
    execFile(program, args, { timeout: 60000 }, (error, out, err) => {
      done(error ? `${error.code} ${out}${err}`.trim() : out.trim());
    });
  });
}

// The platform's own package below a scope: its name differs from machine to machine.
function program(scope, below) {
  const folder = path.join(__dirname, "node_modules", scope);
  const found = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
  return found.map((name) => path.join(folder, name, below)).find((file) => fs.existsSync(file));
}

const script = (name, word) =>
  `fetch(${JSON.stringify(at(name))}, { method: "POST", headers: { "content-type": "application/json", "x-client": ${JSON.stringify(name)} },
    body: ${JSON.stringify(body(name, word))} }).then((r) => console.log(String(r.status)), (e) => console.log(String(e)))`;

async function send(word) {
  return {
    // Its install script has put the platform's program there.
    bun: await run(path.join(__dirname, "node_modules/bun/bin/bun.exe"), ["-e", script("bun", word)]),
    deno: await run(program("@deno", "deno"), ["eval", script("deno", word)]),
    rust: await run(path.join(__dirname, "rust-client"), [at("rust"), body("rust", word)]),
  };
}

const lines = require("node:readline").createInterface({ input: process.stdin });
const answer = (id, result) => console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
lines.on("line", async (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  if (method === "initialize") {
    answer(id, { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "clients-native", version: "1" } });
  } else if (method === "tools/list") {
    const inputSchema = { type: "object", properties: { word: { type: "string" } }, required: ["word"] };
    answer(id, { tools: [{ name: "send", inputSchema }] });
  } else if (method === "tools/call") {
    answer(id, { content: [{ type: "text", text: JSON.stringify(await send(params.arguments.word)) }] });
  } else {
    console.log(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32601, message: "no such method" } }));
  }
});
