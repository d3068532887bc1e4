#!/usr/bin/env node
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { z } from "zod";

// ITEMS_URL points a run without a sandbox at a local server; the path stays the same.
const url = process.env.ITEMS_URL ?? "https://api.bench.example/v1/items";

const server = new McpServer({ name: "https-each", version: "1.0.0" });

server.registerTool(
  "list_items",
  {
    description: "List items, one request a call over a connection that is kept.",
    inputSchema: { query: z.string().max(200).optional() },
    annotations: { readOnlyHint: true, openWorldHint: true },
  },
  async ({ query }) => {
    const response = await fetch(query ? `${url}?${new URLSearchParams({ query })}` : url);
    const body = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    return { content: [{ type: "text", text: body }] };
  },
);

await server.connect(new StdioServerTransport());
