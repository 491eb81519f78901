//! Coverage-guided: `make fuzz TARGET=csv_evidence`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::csv_evidence(data));
