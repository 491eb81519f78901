//! Coverage-guided: `make fuzz TARGET=resource_path`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::resource_path(data));
