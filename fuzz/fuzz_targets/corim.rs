//! Coverage-guided: `make fuzz TARGET=corim`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::corim(data));
