//! Coverage-guided: `make fuzz TARGET=collateral_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::collateral_file(data));
