//! Coverage-guided: `make fuzz TARGET=firmware`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::firmware(data));
