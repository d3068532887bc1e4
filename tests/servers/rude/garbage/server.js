#!/usr/bin/env node
// Prints what is not JSON-RPC: text, bytes that are not UTF-8, halves of messages.
process.stdout.write("Starting up on port 3000...\n");
process.stdout.write(Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x0a]));
process.stdout.write('{"jsonrpc": "2.0", "id": 1, "resu\n');
process.stdout.write('[1, 2, {"jsonrpc": 7}]\n\n\r\n"text"\nnull\n');
process.stdin.on("data", (bytes) => process.stdout.write(bytes.toString("hex").slice(0, 99) + "\n"));
