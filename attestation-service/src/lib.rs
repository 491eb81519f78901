//! The Verifier role: evidence in, signed EAR token out, by policy.
