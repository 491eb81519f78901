use std::sync::Arc;

use jose::jwe::{Jwe, JweError};
use jose::secret::Secret;
use jose::tee_key::TeePublicKey;

use super::active::ActivePolicy;
use super::path::{ResourcePath, ResourcePathError};
use crate::token::AttestationResult;

/// Leave to answer one request of one guest.
///
/// Only [`PolicyStore::authorize`](super::PolicyStore::authorize) makes one,
/// after every policy that has a say said yes to exactly this plugin and path
/// for exactly this attestation result. A backend reads nothing without it, and
/// what it read is sealed by [`ReleasePermit::seal`], so that a permit of
/// one guest never serves another.
#[derive(Debug)]
pub struct ReleasePermit<'r> {
    result: &'r AttestationResult,
    plugin: &'r str,
    path: &'r [String],
    decided_by: Vec<Arc<ActivePolicy>>,
}

impl<'r> ReleasePermit<'r> {
    /// For the policy store alone.
    pub(super) fn new(
        result: &'r AttestationResult,
        plugin: &'r str,
        path: &'r [String],
        decided_by: Vec<Arc<ActivePolicy>>,
    ) -> Self {
        Self {
            result,
            plugin,
            path,
            decided_by,
        }
    }

    /// A permit for tests of what demands one.
    #[cfg(test)]
    pub(crate) fn for_tests(result: &'r AttestationResult, plugin: &'r str, path: &'r [String]) -> Self {
        Self::new(result, plugin, path, Vec::new())
    }

    /// The plugin the permit is for.
    pub fn plugin(&self) -> &'r str {
        self.plugin
    }

    /// The decoded path segments below the plugin.
    pub fn path(&self) -> &'r [String] {
        self.path
    }

    /// The path as the name of a resource. Only a permit for the plugin
    /// `resource` names one.
    pub fn resource(&self) -> Result<ResourcePath, ResourcePathError> {
        if self.plugin != "resource" {
            return Err(ResourcePathError::SegmentCount);
        }
        ResourcePath::from_segments(self.path)
    }

    /// The key that the reply must be sealed to.
    pub fn tee_key(&self) -> &'r TeePublicKey {
        self.result.tee_key()
    }

    /// Seals what was read with this permit to the key of the guest that it was given to.
    pub fn seal(&self, secret: &Secret) -> Result<Jwe, JweError> {
        self.result.seal(secret)
    }

    /// The policies that said yes: all that had to.
    pub fn decided_by(&self) -> &[Arc<ActivePolicy>] {
        &self.decided_by
    }
}

/// Why there is no permit.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// The attestation result is out of date: attest again. 401.
    #[error("the attestation result has expired")]
    Expired,
    /// A policy said no. 403.
    #[error("Access denied by policy")]
    Denied(Asked),
    /// A policy in force cannot be evaluated on this input: the operator's
    /// mistake, and nothing is released. 500.
    #[error("the resource policy `{}` cannot be evaluated", asked.last_id())]
    Policy {
        /// Those that were asked.
        asked: Asked,
        /// What went wrong.
        #[source]
        cause: policy::PolicyError,
    },
    /// The stored policy was not understood when it was loaded. 500.
    #[error("the stored resource policy `{}` is broken: {reason}", asked.last_id())]
    Broken {
        /// Those that were asked.
        asked: Asked,
        /// What is wrong with it.
        reason: String,
    },
}

/// The policies that were asked before it was clear that there is no permit.
/// The last one is why there is none; those before it said yes.
#[derive(Debug)]
pub struct Asked(pub(super) Vec<Arc<ActivePolicy>>);

impl AuthorizeError {
    /// The policies that were asked, the one that stands in the way last.
    pub fn asked(&self) -> &[Arc<ActivePolicy>] {
        match self {
            Self::Expired => &[],
            Self::Denied(asked) | Self::Policy { asked, .. } | Self::Broken { asked, .. } => &asked.0,
        }
    }
}

impl Asked {
    fn last_id(&self) -> &str {
        self.0.last().map_or("", |policy| policy.id())
    }
}
