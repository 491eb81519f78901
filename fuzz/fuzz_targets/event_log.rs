//! Coverage-guided: `make fuzz TARGET=event_log`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| trustee_fuzz::event_log(data));
