#!/usr/bin/env node
// Dies of a signal on the third call, in the middle of its answer.
const { createInterface } = require("node:readline");

const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");
const info = { name: "rude", version: "1.0.0" };
const tools = [{ name: "echo", description: "Answer.", inputSchema: { type: "object", properties: { text: { type: "string" } } } }];
let calls = 0;

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
      if (++calls === 3) {
        process.stdout.write(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"res`, () => process.kill(process.pid, "SIGSEGV"));
        return;
      }
      return say({ id, result: { content: [{ type: "text", text: "ok" }] } });
    default:
      return say({ id, error: { code: -32601, message: "method not found" } });
  }
});
