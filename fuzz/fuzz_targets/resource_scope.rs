//! Coverage-guided: `make fuzz TARGET=resource_scope`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::resource_scope(data));
