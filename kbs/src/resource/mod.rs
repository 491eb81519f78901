//! Who may have which resource: the path, the policy, the permit.
//!
//! [`ResourcePath`] is a name that is safe to look up. [`PolicyStore`] holds
//! the release policies in force, one for everything and others for a
//! [`Scope`]; its `authorize` is the only maker of a [`ReleasePermit`],
//! without which no backend reads a secret.

mod active;
mod denial;
mod doubts;
mod in_force;
mod inputs;
mod pace;
mod path;
mod permit;
mod policy_store;
mod scope;
mod trial;

#[cfg(test)]
mod tests;

pub use active::ActivePolicy;
pub(crate) use denial::{Denial, Denials};
pub use path::{ResourcePath, ResourcePathError};
pub use permit::{Asked, AuthorizeError, ReleasePermit};
pub(crate) use policy_store::check_id;
pub use policy_store::{MAIN, NewPolicy, PolicyChanged, PolicyStore, PolicyStoreError};
pub use scope::{Scope, ScopeError};
pub use trial::{Answer, Tried};
