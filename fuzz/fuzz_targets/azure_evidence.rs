//! Coverage-guided: `make fuzz TARGET=azure_evidence`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::azure_evidence(data));
