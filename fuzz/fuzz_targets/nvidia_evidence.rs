//! Coverage-guided: `make fuzz TARGET=nvidia_evidence`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::nvidia_evidence(data));
