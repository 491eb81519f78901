//! Coverage-guided: `make fuzz TARGET=register_message`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::register_message(data));
