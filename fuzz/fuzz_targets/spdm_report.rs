//! Coverage-guided: `make fuzz TARGET=spdm_report`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::spdm_report(data));
