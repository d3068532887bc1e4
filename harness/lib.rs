//! turncoat catches the MCP server that changes sides between two versions.

pub mod effect;
pub mod event;
pub mod generate;
pub mod internet;
pub mod secret;
pub mod verdict;
