#!/usr/bin/env node
import { createHash } from "node:crypto";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { z } from "zod";

const server = new McpServer({ name: "compute", version: "1.0.0" });
const annotations = { readOnlyHint: true, openWorldHint: false };

server.registerTool(
  "add",
  { description: "Add two numbers.", inputSchema: { a: z.number(), b: z.number() }, annotations },
  async ({ a, b }) => answer(String(a + b)),
);

server.registerTool(
  "sha256",
  { description: "SHA-256 of a text, in hex.", inputSchema: { text: z.string().max(10000) }, annotations },
  async ({ text }) => answer(createHash("sha256").update(text).digest("hex")),
);

server.registerTool(
  "sort",
  {
    description: "Sort a list of texts by code unit.",
    inputSchema: { items: z.array(z.string().max(100)).max(100) },
    annotations,
  },
  async ({ items }) => answer(items.toSorted().join("\n")),
);

function answer(text) {
  return { content: [{ type: "text", text }] };
}

await server.connect(new StdioServerTransport());
