#!/usr/bin/env node
// Ends at once with a reason on stderr.
console.error("Error: cannot find the configuration file `rude.json`");
console.error("    at load (server.js:3:9)");
process.exit(7);
