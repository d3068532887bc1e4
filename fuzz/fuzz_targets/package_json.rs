#![no_main]

turncoat_fuzz::target!("package_json");
