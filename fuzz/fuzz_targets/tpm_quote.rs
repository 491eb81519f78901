//! Coverage-guided: `make fuzz TARGET=tpm_quote`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::tpm_quote(data));
