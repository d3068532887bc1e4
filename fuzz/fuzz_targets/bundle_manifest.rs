#![no_main]

turncoat_fuzz::target!("bundle_manifest");
