//! Coverage-guided: `make fuzz TARGET=token`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::token(data));
