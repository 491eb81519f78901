//! Coverage-guided: `make fuzz TARGET=endorsement_bundle`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::endorsement_bundle(data));
