//! A simulated Hygon CSV platform.
//!
//! [`Platform`] has the keys of the whole chain (HRK, HSK, CEK, PEK) under a root of its own, and their
//! certificates in Hygon's form. [`ReportBuilder`] makes reports of both versions with any field set.

mod certificate;
mod json;
mod key;
mod platform;
mod report;

pub use certificate::{CaSpec, PlatformSpec, Usage};
pub use key::SigningKey;
pub use platform::{Evidence, Platform};
pub use report::{ReportBuilder, Version};
