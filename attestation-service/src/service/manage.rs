//! Attestation policies, as those who manage them see them.

use std::time::Duration;

use storage::{Author, Version};
use verifier::TeeClass;

use super::AttestationService;
use crate::policies::{Deleted, Findings, PolicyStoreError, PolicyText};

/// How long one waits to hear what is doubtful about a policy that is in force again already.
const PATIENCE: Duration = Duration::from_secs(10);

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

/// A policy that was set, or put in force again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicySet {
    /// The version that is in force now.
    pub version: Version,
    /// What the policy reads that is not there, and the like, each in a sentence.
    pub warnings: Vec<String>,
    /// What else whoever set it should know, likewise. No reason to refuse a policy.
    pub notes: Vec<String>,
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
        let mut found = self.findings(rego, &policy).await?;
        found.warnings.extend(without_class(id));
        if strict && !found.warnings.is_empty() {
            return Err(PolicyStoreError::Doubtful(found.warnings));
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
        Ok(told(id, version, found))
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

    /// Puts the text of an earlier version of a policy in force again, as a new version. What is doubtful about it
    /// never keeps it from that.
    ///
    /// # Errors
    /// There is none of this id or number, its text is not kept any more or is no policy, or the storage does not
    /// work.
    pub async fn roll_back_policy(
        &self,
        id: &str,
        number: u64,
        author: &Author,
    ) -> Result<PolicySet, PolicyStoreError> {
        let (version, rego, policy) = self
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
        let found = tokio::time::timeout(PATIENCE, self.findings(&rego, &policy)).await;
        let why = match found {
            Ok(Ok(found)) => return Ok(told(id, version, found)),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("it takes longer than {} s", PATIENCE.as_secs()),
        };
        let warnings = vec![format!("it is in force, but could not be checked: {why}")];
        let notes = Vec::new();
        Ok(told(id, version, Findings { warnings, notes }))
    }
}

fn told(id: &str, version: Version, found: Findings) -> PolicySet {
    for warning in &found.warnings {
        tracing::warn!(policy = id, "{warning}");
    }
    PolicySet {
        version,
        warnings: found.warnings,
        notes: found.notes,
    }
}

/// That nothing is ever judged by a policy of this id.
fn without_class(id: &str) -> Option<String> {
    let classes = TeeClass::ALL.map(TeeClass::as_str);
    let has_one = classes.iter().any(|class| {
        id.strip_suffix(class)
            .is_some_and(|start| start.len() > 1 && start.ends_with('_'))
    });
    (!has_one).then(|| {
        let id: String = id.chars().filter(|c| !c.is_control()).collect();
        format!(
            "no device is ever judged by a policy `{id}`: an id ends with the class of device, `_{}`; did you mean \
             `{id}_cpu`?",
            classes.join("`, `_")
        )
    })
}
