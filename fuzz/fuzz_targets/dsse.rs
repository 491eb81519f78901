//! Coverage-guided: `make fuzz TARGET=dsse`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::dsse(data));
