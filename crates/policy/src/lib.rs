//! Rego compiled once, evaluated as a pure function over a reference value snapshot.
