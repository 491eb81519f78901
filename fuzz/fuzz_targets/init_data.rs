//! Coverage-guided: `make fuzz TARGET=init_data`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::init_data(data));
