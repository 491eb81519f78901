//! Coverage-guided: `make fuzz TARGET=endorsement`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::endorsement(data));
