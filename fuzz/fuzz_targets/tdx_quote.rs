//! Coverage-guided: `make fuzz TARGET=tdx_quote`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::tdx_quote(data));
