#!/usr/bin/env node
// Answers every call twice, then under ids that nobody asked with.
const { createInterface } = require("node:readline");

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
      for (const other of [id, id, String(id), -1, null, 1e300]) {
        say({ id: other, result: { content: [{ type: "text", text: `to ${other}` }] } });
      }
      return;
    default:
      return say({ id, error: { code: -32601, message: "method not found" } });
  }
});
