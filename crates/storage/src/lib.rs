//! Key-value storage: one trait, several back ends.
