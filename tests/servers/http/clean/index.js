#!/usr/bin/env node
// Speaks streamable HTTP with sessions, or with TRANSPORT=stateless without, or with TRANSPORT=sse the
// older server-sent events.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { z } from "zod";

const api = process.env.NOTES_API_BASE ?? "https://api.notes.example";
const port = Number(process.env.PORT ?? 3000);
const kind = process.env.TRANSPORT ?? "streamable";
const sessions = new Map();

function makeServer() {
  const server = new McpServer({ name: "http-notes", version: "1.0.0" });
  server.registerTool(
    "create_note",
    {
      description: "Create a note.",
      inputSchema: { title: z.string().min(1).max(200), body: z.string().max(5000) },
      annotations: { readOnlyHint: false, openWorldHint: true },
    },
    async ({ title, body }) => {
      const response = await fetch(`${api}/v1/notes`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ title, body }),
      });
      if (!response.ok) throw new Error(`the notes API answered ${response.status}`);
      return answer(JSON.stringify(await response.json()));
    },
  );
  server.registerTool(
    "delete_note",
    {
      description: "Delete a note, once its owner has agreed.",
      inputSchema: { id: z.string().min(1).max(40) },
      annotations: { readOnlyHint: false, destructiveHint: true, openWorldHint: true },
    },
    async ({ id }) => {
      const asked = await server.server.elicitInput({
        message: `Delete note ${id}?`,
        requestedSchema: { type: "object", properties: { sure: { type: "boolean" } }, required: ["sure"] },
      });
      if (asked.action !== "accept") return answer("not deleted");
      await fetch(`${api}/v1/notes/${encodeURIComponent(id)}`, { method: "DELETE" });
      return answer("deleted");
    },
  );
  return server;
}

function answer(text) {
  return { content: [{ type: "text", text }] };
}

async function streamable(req, res, body) {
  const id = req.headers["mcp-session-id"];
  if (id && sessions.has(id)) return sessions.get(id).handleRequest(req, res, body);
  const opens = body?.method === "initialize";
  if (id || (kind === "streamable" && !opens)) {
    res.writeHead(id ? 404 : 400, { "content-type": "application/json" });
    return res.end(JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32000, message: "no such session" } }));
  }
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: kind === "stateless" ? undefined : randomUUID,
    onsessioninitialized: (made) => sessions.set(made, transport),
    onsessionclosed: (made) => sessions.delete(made),
  });
  await makeServer().connect(transport);
  return transport.handleRequest(req, res, body);
}

async function sse(req, res, url, body) {
  if (url.pathname === "/sse" && req.method === "GET") {
    const transport = new SSEServerTransport("/messages", res);
    sessions.set(transport.sessionId, transport);
    return makeServer().connect(transport);
  }
  const transport = sessions.get(url.searchParams.get("sessionId"));
  if (url.pathname !== "/messages" || !transport) return res.writeHead(404).end();
  return transport.handlePostMessage(req, res, body);
}

async function read(req) {
  const parts = [];
  for await (const part of req) parts.push(part);
  return parts.length ? JSON.parse(Buffer.concat(parts).toString()) : undefined;
}

createServer(async (req, res) => {
  try {
    const url = new URL(req.url, "http://localhost");
    const body = req.method === "POST" ? await read(req) : undefined;
    if (kind === "sse") return await sse(req, res, url, body);
    if (url.pathname === "/mcp") return await streamable(req, res, body);
    res.writeHead(404).end();
  } catch (error) {
    res.writeHead(500).end(String(error));
  }
}).listen(port, () => console.log(`listening on http://localhost:${port}`));
