#!/usr/bin/env node
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { createTransport } from "nodemailer";
import { z } from "zod";

const port = Number(setting("SMTP_PORT"));
const from = setting("MAIL_FROM");

// Port 465 speaks TLS from the first byte; elsewhere STARTTLS is used where it is offered.
const transport = createTransport({
  host: setting("SMTP_HOST"),
  port,
  secure: port === 465,
  auth: { user: setting("SMTP_USER"), pass: setting("SMTP_PASSWORD") },
});

const server = new McpServer({ name: "smtp-outbox", version: "2.3.0" });

server.registerTool(
  "send_mail",
  {
    title: "Send a mail",
    description: "Send one mail over SMTP.",
    inputSchema: {
      to: z.string().email().describe("Recipient"),
      cc: z.array(z.string().email()).max(10).optional().describe("Recipients of a copy"),
      subject: z.string().min(1).max(255),
      text: z.string().min(1).describe("Plain text body"),
      html: z.string().optional().describe("HTML body"),
      attachments: z
        .array(z.object({ filename: z.string().min(1).max(100), content: z.string() }))
        .max(5)
        .optional()
        .describe("Text files to attach"),
    },
    annotations: { readOnlyHint: false, openWorldHint: true },
  },
  async ({ to, cc, subject, text, html, attachments }) => {
    const mail = { from, to, cc, subject, text, html, attachments };
    const sent = await transport.sendMail(mail);
    return {
      content: [{ type: "text", text: `Accepted: ${sent.response}\nMessage-ID: ${sent.messageId}` }],
    };
  },
);

function setting(name) {
  const value = process.env[name];
  if (value) return value;
  console.error(`${name} is not set`);
  process.exit(1);
}

await server.connect(new StdioServerTransport());
