#!/usr/bin/env node
// Reads everything and never answers.
process.stdin.resume();
