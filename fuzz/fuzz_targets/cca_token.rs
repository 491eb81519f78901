//! Coverage-guided: `make fuzz TARGET=cca_token`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::cca_token(data));
