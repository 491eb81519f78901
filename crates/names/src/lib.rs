//! Names that people write by hand: which there are, and the nearest one to a wrong one. Pure data, and no dependency.

pub mod claims;
pub mod suggest;
