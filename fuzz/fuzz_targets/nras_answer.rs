//! Coverage-guided: `make fuzz TARGET=nras_answer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::nras_answer(data));
