#!/usr/bin/env node
// Writes COUNT files, starts COUNT programs one after the other, forks COUNT times, or opens COUNT paths, in the one call it is asked for.
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const { createInterface } = require("node:readline");

const { MANY, COUNT } = process.env;
const count = Number(COUNT);
const each = (act) => {
  for (let i = 0; i < count; i++) act(i);
};
const loop = (act) => () => execFileSync("/bin/sh", ["-c", `i=0; while [ $i -lt ${count} ]; do ${act}; i=$((i+1)); done`]);
const deeds = {
  files: () => each((i) => {
    if (i % 1000 === 0) fs.mkdirSync(`many/${i / 1000}`, { recursive: true });
    fs.writeFileSync(`many/${Math.floor(i / 1000)}/${i}`, `${i}\n`);
  }),
  programs: loop("/bin/true"),
  forks: loop("(:)"),
  opens: () => each((i) => {
    try {
      fs.openSync(`absent/${i % 100}/${i}`);
    } catch {}
  }),
};
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\n");
const info = { name: "rude", version: "1.0.0" };
const tools = [{ name: "many", description: "Does much.", inputSchema: { type: "object", properties: {} } }];

// Without a client it only does it: for measuring what that takes.
if (process.argv[2] === "--bare") return deeds[MANY]();

createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  switch (method) {
    case "initialize":
      return say({ id, result: { protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: info } });
    case "tools/list":
      return say({ id, result: { tools } });
    case "tools/call":
      deeds[MANY]();
      return say({ id, result: { content: [{ type: "text", text: "done" }] } });
    default:
      return say({ id, error: { code: -32601, message: "method not found" } });
  }
});
