#![no_main]

turncoat_fuzz::target!("npm_lock");
