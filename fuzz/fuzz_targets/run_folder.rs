#![no_main]

turncoat_fuzz::target!("run_folder");
