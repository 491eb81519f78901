use jose::jwe::{Jwe, JweError};
use jose::secret::Secret;
use jose::tee_key::TeePublicKey;

use super::path::{ResourcePath, ResourcePathError};
use crate::token::AttestationResult;

/// Leave to answer one request of one guest.
///
/// Only [`PolicyStore::authorize`](super::PolicyStore::authorize) makes one,
/// after the policy in force said yes to exactly this plugin and path for
/// exactly this attestation result. A backend reads nothing without it, and
/// what it read is sealed by [`ReleasePermit::seal`], so that a permit of
/// one guest never serves another.
#[derive(Debug)]
pub struct ReleasePermit<'r> {
    result: &'r AttestationResult,
    plugin: &'r str,
    path: &'r [String],
}

impl<'r> ReleasePermit<'r> {
    /// For the policy store alone.
    pub(super) fn new(result: &'r AttestationResult, plugin: &'r str, path: &'r [String]) -> Self {
        Self { result, plugin, path }
    }

    /// A permit for tests of what demands one.
    #[cfg(test)]
    pub(crate) fn for_tests(result: &'r AttestationResult, plugin: &'r str, path: &'r [String]) -> Self {
        Self::new(result, plugin, path)
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

    /// What is known of the guest.
    pub fn attestation_result(&self) -> &'r AttestationResult {
        self.result
    }
}

/// Why there is no permit.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizeError {
    /// The attestation result is out of date: attest again. 401.
    #[error("the attestation result has expired")]
    Expired,
    /// The policy said no. 403.
    #[error("Access denied by policy")]
    Denied,
    /// The policy in force does not compile or cannot be evaluated on this
    /// input: the operator's mistake, and nothing is released. 500.
    #[error("the resource policy cannot be evaluated")]
    Policy(#[from] policy::PolicyError),
    /// The stored policy was not understood when it was loaded. 500.
    #[error("the stored resource policy is broken: {0}")]
    Broken(String),
}
