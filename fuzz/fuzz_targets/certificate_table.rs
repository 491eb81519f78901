//! Coverage-guided: `make fuzz TARGET=certificate_table`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::certificate_table(data));
