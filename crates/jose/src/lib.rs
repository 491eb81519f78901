//! JWK, JWT and JWE: keys, signed tokens, sealing.
