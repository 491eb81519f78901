//! Coverage-guided: `make fuzz TARGET=rcar_request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::rcar_request(data));
