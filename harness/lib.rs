//! turncoat catches the MCP server that changes sides between two versions.

pub mod cli;
pub mod diff;
pub mod effect;
pub mod event;
pub mod generate;
pub mod internet;
pub mod mcp;
pub mod package;
pub mod provenance;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod scenario;
pub mod secret;
pub mod snapshot;
pub mod verdict;
