//! Tests of the SGX verifier.
