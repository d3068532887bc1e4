#!/usr/bin/env node
// Sends notifications and requests of its own without end.
const { createInterface } = require("node:readline");

const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");
const info = { name: "rude", version: "1.0.0" };
const tools = [{ name: "echo", description: "Answer.", inputSchema: { type: "object", properties: { text: { type: "string" } } } }];
let progress = 0;
const chat = () => {
  for (let i = 0; i < 100; i++) {
    say({ method: "notifications/message", params: { level: "info", data: `still here ${progress++}` } });
  }
  say({ method: "notifications/tools/list_changed" });
  say({ id: `ask-${progress}`, method: "roots/list" });
  process.stdout.writableNeedDrain ? process.stdout.once("drain", chat) : setImmediate(chat);
};
chat();

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
      return say({ id, result: { content: [{ type: "text", text: "ok" }] } });
    default:
      return say({ id, error: { code: -32601, message: "method not found" } });
  }
});
