//! Measurements against published values, an independent implementation, and hostile input.

mod authenticode;
mod firmware;
mod snp;
mod tdx;
