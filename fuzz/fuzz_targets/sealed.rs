//! Coverage-guided: `make fuzz TARGET=sealed`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::sealed(data));
