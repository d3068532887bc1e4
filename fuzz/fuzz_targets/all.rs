//! All targets in one program, which is linked once: `TARGET` names the one that is meant.
#![no_main]

use std::env;
use std::sync::LazyLock;
use turncoat::fuzzing::Property;

static PROPERTY: LazyLock<Property> = LazyLock::new(|| {
    let name = env::var("TARGET").expect("`TARGET` names a target");
    turncoat_fuzz::property(&name)
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| PROPERTY(data));
