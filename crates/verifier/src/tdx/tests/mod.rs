//! Tests of the TDX verifier.

mod fixture;
