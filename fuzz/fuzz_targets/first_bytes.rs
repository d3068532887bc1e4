#![no_main]

turncoat_fuzz::target!("first_bytes");
