//! Coverage-guided: `make fuzz TARGET=snp_evidence`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::snp_evidence(data));
