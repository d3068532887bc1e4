#!/usr/bin/env node
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import postmark from "postmark";
import { z } from "zod";

const VERSION = "1.1.0";
const API = "https://api.postmarkapp.com";

const token = setting("POSTMARK_SERVER_TOKEN");
const sender = setting("DEFAULT_SENDER_EMAIL");
const stream = setting("DEFAULT_MESSAGE_STREAM");

const client = new postmark.ServerClient(token);
const server = new McpServer({ name: "postmark-outbox", version: VERSION });

server.registerTool(
  "sendEmail",
  {
    title: "Send an email",
    description: "Send one email through Postmark.",
    inputSchema: {
      to: z.string().email().describe("Recipient email address"),
      subject: z.string().min(1).max(255).describe("Subject line"),
      textBody: z.string().min(1).describe("Plain text body"),
      htmlBody: z.string().optional().describe("HTML body"),
      from: z.string().email().optional().describe("Sender email address, if not the default one"),
      tag: z.string().max(1000).optional().describe("Tag that groups messages in statistics"),
    },
    annotations: { readOnlyHint: false, openWorldHint: true },
  },
  async ({ to, subject, textBody, htmlBody, from, tag }) => {
    const message = {
      From: from ?? sender,
      To: to,
      Subject: subject,
      TextBody: textBody,
      MessageStream: stream,
      TrackOpens: true,
      TrackLinks: "HtmlAndText",
    };
    if (htmlBody) message.HtmlBody = htmlBody;
    if (tag) message.Tag = tag;

    log("sending an email");
    const sent = await client.sendEmail(message);
    return text(`Email sent.\nMessageID: ${sent.MessageID}\nTo: ${to}\nSubject: ${subject}`);
  },
);

server.registerTool(
  "sendEmailWithTemplate",
  {
    title: "Send an email from a template",
    description: "Send one email made from a Postmark template, named by its id or its alias.",
    inputSchema: {
      to: z.string().email().describe("Recipient email address"),
      templateId: z.number().int().positive().max(999999999).optional().describe("Template id"),
      templateAlias: z
        .string()
        .regex(/^[A-Za-z][A-Za-z0-9_.-]*$/)
        .optional()
        .describe("Template alias, where there is no id"),
      templateModel: z.looseObject({}).describe("Values for the template's variables"),
      from: z.string().email().optional().describe("Sender email address, if not the default one"),
      tag: z.string().max(1000).optional().describe("Tag that groups messages in statistics"),
    },
    annotations: { readOnlyHint: false, openWorldHint: true },
  },
  async ({ to, templateId, templateAlias, templateModel, from, tag }) => {
    if (templateId === undefined && templateAlias === undefined) {
      throw new Error("Give either templateId or templateAlias.");
    }
    const message = {
      From: from ?? sender,
      To: to,
      TemplateModel: templateModel,
      MessageStream: stream,
      TrackOpens: true,
      TrackLinks: "HtmlAndText",
    };
    if (templateId !== undefined) message.TemplateId = templateId;
    else message.TemplateAlias = templateAlias;
    if (tag) message.Tag = tag;

    log("sending an email from a template");
    const sent = await client.sendEmailWithTemplate(message);
    return text(`Email sent.\nMessageID: ${sent.MessageID}\nTo: ${to}\nTemplate: ${templateId ?? templateAlias}`);
  },
);

server.registerTool(
  "listTemplates",
  {
    title: "List templates",
    description: "List the templates of the Postmark server.",
    inputSchema: {},
    annotations: { readOnlyHint: true, openWorldHint: true },
  },
  async () => {
    const { Templates: templates } = await client.getTemplates();
    log(`found ${templates.length} templates`);
    const lines = templates.map((t) => `- ${t.Name} (id ${t.TemplateId}, alias ${t.Alias ?? "none"})`);
    return text([`${templates.length} templates`, ...lines].join("\n"));
  },
);

server.registerTool(
  "getDeliveryStats",
  {
    title: "Delivery statistics",
    description: "Summarise what was sent, opened and clicked, for a tag and a period where given.",
    inputSchema: {
      tag: z.string().optional().describe("Only messages with this tag"),
      fromDate: z.string().regex(/^\d{4}-\d{2}-\d{2}$/).optional().describe("First day, YYYY-MM-DD"),
      toDate: z.string().regex(/^\d{4}-\d{2}-\d{2}$/).optional().describe("Last day, YYYY-MM-DD"),
    },
    annotations: { readOnlyHint: true, openWorldHint: true },
  },
  async ({ tag, fromDate, toDate }) => {
    const query = new URLSearchParams();
    if (tag) query.set("tag", tag);
    if (fromDate) query.set("fromdate", fromDate);
    if (toDate) query.set("todate", toDate);

    const response = await fetch(`${API}/stats/outbound?${query}`, {
      headers: {
        Accept: "application/json",
        "User-Agent": `postmark-outbox/${VERSION}`,
        "X-Postmark-Server-Token": token,
      },
    });
    if (!response.ok) throw new Error(`Postmark answered ${response.status} ${response.statusText}.`);
    const stats = await response.json();
    return text(
      [
        `Sent: ${stats.Sent ?? 0}`,
        `Opened: ${share(stats.UniqueOpens, stats.Tracked)}`,
        `Clicked: ${share(stats.UniqueLinksClicked, stats.TotalTrackedLinksSent)}`,
      ].join("\n"),
    );
  },
);

async function main() {
  const { Name: account } = await client.getServer();
  log(`signed in to ${account}`);
  await server.connect(new StdioServerTransport());
  log("ready");
}

function setting(name) {
  const value = process.env[name];
  if (value) return value;
  console.error(`${name} is not set`);
  process.exit(1);
}

function share(part = 0, whole = 0) {
  return `${whole ? ((100 * part) / whole).toFixed(1) : "0.0"} % (${part} of ${whole})`;
}

function text(value) {
  return { content: [{ type: "text", text: value }] };
}

function log(line) {
  console.error(`[postmark-outbox] ${line}`);
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, async () => {
    await server.close();
    process.exit(0);
  });
}

main().catch((error) => {
  console.error(`cannot start: ${error.message}`);
  process.exit(1);
});
