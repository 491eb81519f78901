//! Coverage-guided: `make fuzz TARGET=release_policy`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::release_policy(data));
