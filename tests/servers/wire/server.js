// Protocols that are not HTTPS, each spoken once to a host of its own: one tool that runs speak.py
// and gives what it printed.
const { execFile } = require("node:child_process");
const path = require("node:path");

const lines = require("node:readline").createInterface({ input: process.stdin });
const answer = (id, result) => console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
lines.on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  if (method === "initialize") {
    answer(id, { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "wire", version: "1" } });
  } else if (method === "tools/list") {
    const word = { type: "string", minLength: 12 };
    answer(id, { tools: [{ name: "speak", inputSchema: { type: "object", properties: { word }, required: ["word"] } }] });
  } else if (method === "tools/call") {
    const script = path.join(__dirname, "speak.py");
    execFile("/usr/bin/python3", ["-I", script, params.arguments.word], { timeout: 60000 }, (error, out, err) => {
      answer(id, { content: [{ type: "text", text: error ? `${error}${err}` : out }] });
    });
  } else {
    console.log(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32601, message: "no such method" } }));
  }
});
