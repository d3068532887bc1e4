#![no_main]

turncoat_fuzz::target!("datagram");
