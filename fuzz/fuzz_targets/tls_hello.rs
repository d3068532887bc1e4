#![no_main]

turncoat_fuzz::target!("tls_hello");
