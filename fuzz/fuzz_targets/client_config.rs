#![no_main]

turncoat_fuzz::target!("client_config");
