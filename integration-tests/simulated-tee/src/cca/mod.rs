//! A simulated Arm CCA platform.
//!
//! [`Platform`] has a key that the machine was made with (CPAK), one for its realms (RAK), and writes the trust
//! anchors and reference values that make a verifier believe it. [`TokenBuilder`] makes tokens of every form with
//! any claim set, left out or repeated, signed by these keys or others.

mod key;
mod platform;
mod token;

pub use ciborium::Value as Cbor;
pub use coset::Header;
pub use key::{Curve, SigningKey};
pub use platform::Platform;
pub use token::{Form, Token, TokenBuilder};
