//! Coverage-guided: `make fuzz TARGET=hcl_report`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::hcl_report(data));
