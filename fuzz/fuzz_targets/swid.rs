//! Coverage-guided: `make fuzz TARGET=swid`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::swid(data));
