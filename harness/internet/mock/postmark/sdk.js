// Drives the official SDK through every route of the mock and prints what came back.
// usage: node sdk.js HOST:PORT
const { ServerClient, AccountClient } = require("postmark");
const token = "8f0b1f8e-5d3c-4c2a-9a1b-0123456789ab";
const options = { requestHost: process.argv[2], useHttps: false };

async function main() {
  const client = new ServerClient(token, options);
  const mail = { From: "Me <me@corp.example>", To: "jane@corp.example", Subject: "Hi", TextBody: "Hello", TrackOpens: true, TrackLinks: "HtmlAndText", MessageStream: "outbound" };
  const out = {};
  out.sent = await client.sendEmail({ ...mail, Bcc: "copy@corp.example" });
  out.batch = await client.sendEmailBatch([mail, { ...mail, To: "nobody" }]);
  out.templated = await client.sendEmailWithTemplate({ From: mail.From, To: mail.To, TemplateAlias: "welcome", TemplateModel: { name: "Jane" } });
  out.templatedBatch = await client.sendEmailBatchWithTemplates([{ From: mail.From, To: mail.To, TemplateId: 1, TemplateModel: {} }]);
  out.templates = await client.getTemplates();
  const created = await client.createTemplate({ Name: "New", Alias: "new", Subject: "S", TextBody: "T {{x}}" });
  await client.editTemplate(created.TemplateId, { Subject: "Other" });
  out.template = await client.getTemplate("new");
  out.validation = await client.validateTemplate({ Subject: "{{a}}", TextBody: "{{#b}}", TestRenderModel: { a: "A" } });
  out.deletedTemplate = await client.deleteTemplate("new");
  out.delivery = await client.getDeliveryStatistics();
  out.bounces = await client.getBounces();
  const bounce = out.bounces.Bounces.find((b) => b.CanActivate);
  out.bounce = await client.getBounce(bounce.ID);
  out.dump = await client.getBounceDump(bounce.ID);
  out.activated = await client.activateBounce(bounce.ID);
  out.messages = await client.getOutboundMessages();
  out.details = await client.getOutboundMessageDetails(out.sent.MessageID);
  await client.getOutboundMessageDump(out.sent.MessageID);
  out.inbound = await client.getInboundMessages();
  await client.getInboundMessageDetails(out.inbound.InboundMessages[0].MessageID);
  out.opens = await client.getMessageOpens();
  await client.getMessageClicks();
  out.overview = await client.getOutboundOverview();
  for (const route of ["getSentCounts", "getBounceCounts", "getSpamComplaintsCounts", "getTrackedEmailCounts", "getEmailOpenCounts", "getEmailOpenPlatformUsage", "getEmailOpenClientUsage", "getEmailOpenReadTimes", "getClickCounts", "getClickBrowserUsage", "getClickPlatformUsage", "getClickLocation"]) {
    const stats = await client[route]();
    if (stats.Days.length === 0) throw new Error(`${route} has no days`);
  }
  out.server = await client.editServer({ TrackOpens: true });
  await client.getServer();
  const hook = await client.createWebhook({ Url: "https://corp.example/hook" });
  await client.editWebhook(hook.ID, { Triggers: { Open: { Enabled: true } } });
  out.hook = await client.getWebhook(hook.ID);
  await client.deleteWebhook(hook.ID);
  out.hooks = await client.getWebhooks();
  out.streams = await client.getMessageStreams();
  await client.getMessageStream("broadcast");
  out.suppressed = await client.createSuppressions("outbound", { Suppressions: [{ EmailAddress: "gone@corp.example" }] });
  out.inactive = await client.sendEmail({ ...mail, To: "gone@corp.example" }).catch((e) => ({ name: e.name, code: e.code, statusCode: e.statusCode, recipients: e.recipients }));
  await client.deleteSuppressions("outbound", { Suppressions: [{ EmailAddress: "gone@corp.example" }] });
  out.suppressions = await client.getSuppressions("outbound");
  out.invalid = await client.sendEmail({ ...mail, To: "nobody" }).catch((e) => ({ name: e.name, code: e.code, statusCode: e.statusCode, message: e.message }));
  out.unauthorised = await new ServerClient("wrong", options).getServer().catch((e) => ({ name: e.name, code: e.code, statusCode: e.statusCode }));
  const account = new AccountClient(token, options);
  out.servers = await account.getServers();
  out.domains = await account.getDomains();
  await account.createDomain({ Name: "corp.example" });
  out.senders = await account.getSenderSignatures();
  await account.getSenderSignature(out.senders.SenderSignatures[0].ID);
  console.log(JSON.stringify(out));
}

main().catch((e) => {
  console.error(e);
  process.exit(1);
});
