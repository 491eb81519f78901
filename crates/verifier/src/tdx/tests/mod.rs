//! Tests of the TDX verifier. Those of quotes and collateral are with `dcap`.

mod dstack;
mod event_log;
mod fixture;
