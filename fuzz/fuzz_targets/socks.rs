#![no_main]

turncoat_fuzz::target!("socks");
