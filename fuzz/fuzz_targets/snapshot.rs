#![no_main]

turncoat_fuzz::target!("snapshot");
