//! Coverage-guided: `make fuzz TARGET=audit_log`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::audit_log(data));
