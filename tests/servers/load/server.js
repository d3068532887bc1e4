// For benchmarks: one tool opens 1,000 connections before any of them asks, one uploads a gigabyte.
const https = require("node:https");
const tls = require("node:tls");

const CONNECTIONS = 1000;
const UPLOAD = 1000 * 1000 * 1000;
const PIECE = Buffer.alloc(1 << 20, "x");
const HOST = "load.bench.example";

async function connect() {
  const open = await Promise.all(Array.from({ length: CONNECTIONS }, () => new Promise((done, failed) => {
    const socket = tls.connect(443, HOST, { servername: HOST }, () => done(socket));
    socket.on("error", failed);
  })));
  const answers = await Promise.all(open.map((socket, i) => new Promise((done) => {
    let got = "";
    socket.on("data", (data) => (got += data));
    socket.on("close", () => done(got.split(" ")[1]));
    socket.write(`GET /${i} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: close\r\n\r\n`);
  })));
  return `${answers.filter((status) => status === "200").length} answered`;
}

function upload() {
  return new Promise((done, failed) => {
    const request = https.request(`https://${HOST}/upload`, { method: "POST" }, (r) => {
      r.resume().on("end", () => done(`answered ${r.statusCode}`));
    });
    request.on("error", failed);
    let left = UPLOAD;
    const more = () => {
      while (left > 0) {
        const piece = PIECE.subarray(0, Math.min(left, PIECE.length));
        left -= piece.length;
        if (!request.write(piece)) return request.once("drain", more);
      }
      request.end();
    };
    more();
  });
}

const tools = { connect, upload };
const lines = require("node:readline").createInterface({ input: process.stdin });
const answer = (id, result) => console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
lines.on("line", async (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  if (method === "initialize") {
    answer(id, { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "load", version: "1" } });
  } else if (method === "tools/list") {
    answer(id, { tools: Object.keys(tools).map((name) => ({ name, inputSchema: { type: "object", properties: {} } })) });
  } else if (method === "tools/call") {
    const text = await tools[params.name]().catch(String);
    answer(id, { content: [{ type: "text", text }] });
  } else {
    console.log(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32601, message: "no such method" } }));
  }
});
