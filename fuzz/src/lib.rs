//! What every target shares. A property stands in the harness, below `fuzz.rs` of the module whose
//! reader it is about; a target only names it.

/// A target that asks the property of this name.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::property($name)(data));
    };
}

/// The property of a target.
///
/// # Panics
/// Where there is none of this name.
pub fn property(name: &str) -> turncoat::fuzzing::Property {
    let known = turncoat::fuzzing::property(name);
    known.unwrap_or_else(|| panic!("no target `{name}`"))
}
