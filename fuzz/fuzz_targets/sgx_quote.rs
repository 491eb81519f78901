//! Coverage-guided: `make fuzz TARGET=sgx_quote`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::sgx_quote(data));
