#![no_main]

turncoat_fuzz::target!("dns_stream");
