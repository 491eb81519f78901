//! Who may have which resource: the path, the policy, the permit.
//!
//! [`ResourcePath`] is a name that is safe to look up. [`PolicyStore`] holds
//! the release policy in force; its `authorize` is the only maker of a
//! [`ReleasePermit`], without which no backend reads a secret.

mod inputs;
mod pace;
mod path;
mod permit;
mod policy_store;

#[cfg(test)]
mod tests;

pub use path::{ResourcePath, ResourcePathError};
pub use permit::{AuthorizeError, ReleasePermit};
pub use policy_store::{ActivePolicy, PolicyStore, PolicyStoreError};
