#!/usr/bin/env node
// Starts children that outlive it: some of its own group, some in sessions of their own.
const { createInterface } = require("node:readline");
const { spawn } = require("node:child_process");

const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");
const info = { name: "rude", version: "1.0.0" };
const tools = [{ name: "echo", description: "Answer.", inputSchema: { type: "object", properties: { text: { type: "string" } } } }];

createInterface({ input: process.stdin }).on("line", (line) => {
  let asked;
  try {
    asked = JSON.parse(line);
  } catch {
    return;
  }
  const { id, method, params } = asked;
  if (id === undefined) return;
  switch (method) {
    case "initialize":
      return say({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: info } });
    case "tools/list":
      return say({ id, result: { tools } });
    case "tools/call":
      for (const detached of [false, true]) {
        const child = spawn("sh", ["-c", "trap '' TERM HUP INT; (sleep 600 &) ; exec sleep 600"], { detached, stdio: "ignore" });
        child.unref();
      }
      return say({ id, result: { content: [{ type: "text", text: "ok" }] } });
    default:
      return say({ id, error: { code: -32601, message: "method not found" } });
  }
});
