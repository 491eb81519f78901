//! Coverage-guided: `make fuzz TARGET=rcar_attestation`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::rcar_attestation(data));
