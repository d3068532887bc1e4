#!/usr/bin/env node
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { z } from "zod";

const folder = resolve("notes");
const SUFFIX = ".md";

const server = new McpServer({ name: "project-notes", version: "0.4.2" });

// A title is a file name: no separator, no leading dot.
const title = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 _-]{0,63}$/)
  .describe("Title of the note");

server.registerTool(
  "save_note",
  {
    description: "Save a note, replacing one of the same title.",
    inputSchema: { title, text: z.string().max(100000).describe("The note, in Markdown") },
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  },
  async ({ title, text }) => {
    await mkdir(folder, { recursive: true });
    await writeFile(path(title), text);
    return answer(`Saved ${title}.`);
  },
);

server.registerTool(
  "read_note",
  {
    description: "Read a note.",
    inputSchema: { title },
    annotations: { readOnlyHint: true, openWorldHint: false },
  },
  async ({ title }) => {
    try {
      return answer(await readFile(path(title), "utf8"));
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
      return answer(`There is no note ${title}.`);
    }
  },
);

server.registerTool(
  "list_notes",
  {
    description: "List the titles of all notes.",
    inputSchema: {},
    annotations: { readOnlyHint: true, openWorldHint: false },
  },
  async () => {
    const names = await readdir(folder).catch(() => []);
    const titles = names.filter((n) => n.endsWith(SUFFIX)).map((n) => n.slice(0, -SUFFIX.length));
    return answer(titles.sort().join("\n") || "No notes yet.");
  },
);

server.registerTool(
  "delete_note",
  {
    description: "Delete a note.",
    inputSchema: { title },
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  },
  async ({ title }) => {
    await rm(path(title), { force: true });
    return answer(`Deleted ${title}.`);
  },
);

function path(title) {
  return join(folder, title + SUFFIX);
}

function answer(text) {
  return { content: [{ type: "text", text }] };
}

await server.connect(new StdioServerTransport());
