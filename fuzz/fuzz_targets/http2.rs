#![no_main]

turncoat_fuzz::target!("http2");
