//! Attestation policies, as those who manage them see them.

use storage::{Author, Version};

use super::AttestationService;
use crate::policies::{Checks, Deleted, PolicyStoreError, PolicyText, ReadyPolicy};

/// How many reference values are looked up for a policy that is set.
const MAX_LOOKED_UP: usize = 64;

/// A policy that is to be set.
#[derive(Debug, Clone)]
pub struct PolicyChange<'a> {
    /// With the class suffix, such as `default_cpu`.
    pub id: &'a str,
    /// The Rego text.
    pub rego: &'a str,
    /// Who sets it.
    pub author: Author,
    /// Whether to refuse a policy that reads what is not there, instead of warning of it.
    pub strict: bool,
}

impl<'a> PolicyChange<'a> {
    /// A change by nobody in particular that is checked, but not strictly.
    #[must_use]
    pub fn new(id: &'a str, rego: &'a str) -> Self {
        Self {
            id,
            rego,
            author: Author::new("anyone", ""),
            strict: false,
        }
    }
}

/// A policy that was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySet {
    /// The version that is in force now.
    pub version: Version,
    /// What the policy reads that is not there, each in a sentence.
    pub warnings: Vec<String>,
}

impl AttestationService {
    /// Compiles, checks and stores a policy.
    ///
    /// # Errors
    /// The id or the text is not usable, a strict check failed, or the storage does not work. Nothing has changed
    /// then.
    pub async fn set_policy(&self, change: PolicyChange<'_>) -> Result<PolicySet, PolicyStoreError> {
        let PolicyChange {
            id,
            rego,
            author,
            strict,
        } = change;
        let policy = self.policies.check(id, rego).await?;
        let warnings = self.doubts(rego, &policy).await?;
        if strict && !warnings.is_empty() {
            return Err(PolicyStoreError::Doubtful(warnings));
        }
        let version = self
            .policies
            .set(id, rego, &policy, &author, self.clock.now())
            .await?;
        tracing::info!(
            policy = id,
            digest = policy.digest(),
            version = version.number,
            how = author.how,
            by = author.name,
            "attestation policy set"
        );
        for warning in &warnings {
            tracing::warn!(policy = id, "{warning}");
        }
        Ok(PolicySet { version, warnings })
    }

    /// A policy as it is stored: the one in force, or a version of it.
    ///
    /// # Errors
    /// There is none of this id or number, its text is not kept any more, or the storage does not work.
    pub async fn get_policy(&self, id: &str, version: Option<u64>) -> Result<PolicyText, PolicyStoreError> {
        self.policies.text(id, version).await
    }

    /// Every policy in force, by id.
    ///
    /// # Errors
    /// The storage does not work.
    pub async fn list_policies(&self) -> Result<Vec<PolicyText>, PolicyStoreError> {
        self.policies.list().await
    }

    /// Every version of a policy, the newest first.
    ///
    /// # Errors
    /// There never was one of this id, or the storage does not work.
    pub async fn policy_history(&self, id: &str) -> Result<Vec<Version>, PolicyStoreError> {
        self.policies.history(id, self.clock.now()).await
    }

    /// Takes a policy out of force. One that is shipped gets its shipped text back; the shipped text itself stays.
    ///
    /// # Errors
    /// There is none of this id, it is as it was shipped, or the storage does not work.
    pub async fn delete_policy(&self, id: &str, author: &Author) -> Result<Deleted, PolicyStoreError> {
        let deleted = self.policies.delete(id, author, self.clock.now()).await?;
        let restored = matches!(deleted, Deleted::Restored(_));
        tracing::info!(
            policy = id,
            how = author.how,
            by = author.name,
            restored,
            "attestation policy deleted"
        );
        Ok(deleted)
    }

    /// Puts the text of an earlier version of a policy in force again, as a new version.
    ///
    /// # Errors
    /// There is none of this id or number, its text is not kept any more or is no policy, or the storage does not
    /// work.
    pub async fn roll_back_policy(
        &self,
        id: &str,
        number: u64,
        author: &Author,
    ) -> Result<Version, PolicyStoreError> {
        let version = self
            .policies
            .roll_back(id, number, author, self.clock.now())
            .await?;
        tracing::info!(
            policy = id,
            digest = version.digest,
            version = version.number,
            to = number,
            how = author.how,
            by = author.name,
            "attestation policy rolled back"
        );
        Ok(version)
    }

    /// What a policy reads that is not there. It may be there later.
    async fn doubts(
        &self,
        rego: &str,
        policy: &std::sync::Arc<ReadyPolicy>,
    ) -> Result<Vec<String>, PolicyStoreError> {
        let rego = rego.to_owned();
        let checks = self.policies.trials.run(move |_| Checks::of(&rego)).await?;
        let mut unregistered = Vec::new();
        for id in checks.reference_ids().take(MAX_LOOKED_UP) {
            if let Ok(None) = self.reference_values.query(&id.name).await {
                unregistered.push(id.clone());
            }
        }
        let mut registered = Vec::new();
        if !unregistered.is_empty() {
            // An RVPS of another kind has no list: then only shipped names are suggested.
            let values = self.reference_values.list().await.unwrap_or_default();
            registered.extend(values.into_iter().map(|value| value.id));
        }
        let policy = std::sync::Arc::clone(policy);
        let doubts = self.policies.trials.run(move |_| {
            let unregistered: Vec<_> = unregistered.iter().collect();
            checks.doubts(&policy, &unregistered, &registered)
        });
        Ok(doubts.await?)
    }
}
