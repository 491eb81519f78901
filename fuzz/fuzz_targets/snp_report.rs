//! Coverage-guided: `make fuzz TARGET=snp_report`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::snp_report(data));
