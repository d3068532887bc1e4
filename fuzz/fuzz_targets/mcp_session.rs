#![no_main]

turncoat_fuzz::target!("mcp_session");
