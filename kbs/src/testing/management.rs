//! What administrators do with the Attestation Service of the tests.

use async_trait::async_trait;
use daemon::audit::Names;
use serde_json::value::RawValue;

use super::{FakeAttestation, NOW};
use crate::attestation::{
    AttestationError, AttestationManagement, Author, Change, DeletedPolicy, Left, PolicyChange, PolicySet,
    PolicySummary, PolicyTrial, ReferenceValueHistory, Registrar, RevokeWhat, ServedValue, StoredPolicy,
    Tried, ValueVersion, Version,
};

#[async_trait]
impl AttestationManagement for FakeAttestation {
    async fn set_policy(&self, change: &PolicyChange<'_>) -> Result<PolicySet, AttestationError> {
        self.up()?;
        if !change.rego.starts_with("package policy") {
            return Err(AttestationError::Refused("Malformed policy".into()));
        }
        let warnings = match change.rego.contains("input.typo") {
            true if change.strict => return Err(AttestationError::Refused("input.typo".into())),
            true => vec!["no verifier gives the claim `input.typo`".to_owned()],
            false => Vec::new(),
        };
        let version = self
            .policies
            .set(change.id, change.rego, &change.author, NOW)
            .await;
        let version = Some(version.unwrap());
        Ok(PolicySet {
            version,
            warnings,
            notes: Vec::new(),
        })
    }

    async fn policies(&self) -> Result<Vec<PolicySummary>, AttestationError> {
        Ok(vec![PolicySummary {
            policy_id: "default_cpu".into(),
            digest: "ab".into(),
        }])
    }

    async fn policy(&self, id: &str, version: Option<u64>) -> Result<Option<StoredPolicy>, AttestationError> {
        if (id, version) == ("default_cpu", None) {
            return Ok(Some(StoredPolicy {
                rego: "package policy".into(),
                digest: "ab".into(),
            }));
        }
        let text = self.policies.text(id, version).await.ok();
        Ok(text.map(|rego| StoredPolicy {
            rego,
            digest: "cd".into(),
        }))
    }

    async fn policy_history(&self, id: &str) -> Result<Option<Vec<Version>>, AttestationError> {
        Ok(self.policies.history(id, NOW).await.ok())
    }

    async fn delete_policy(
        &self,
        id: &str,
        author: &Author,
    ) -> Result<Option<DeletedPolicy>, AttestationError> {
        if id == "default_cpu" {
            return Err(AttestationError::Refused("it is shipped".into()));
        }
        let version = self.policies.delete(id, author, NOW).await.ok();
        Ok(version.map(|version| DeletedPolicy {
            version,
            restored: false,
        }))
    }

    async fn roll_back_policy(
        &self,
        id: &str,
        number: u64,
        author: &Author,
    ) -> Result<Option<PolicySet>, AttestationError> {
        let version = self.policies.roll_back(id, number, author, NOW).await.ok();
        Ok(version.map(|version| PolicySet {
            version: Some(version),
            warnings: vec!["line 1: as when it was set".into()],
            notes: Vec::new(),
        }))
    }

    async fn reference_value(&self, id: &str) -> Result<Option<String>, AttestationError> {
        self.up()?;
        Ok((id == "svn" || id == "a/b").then(|| "[\"1\"]".to_owned()))
    }

    async fn reference_values(&self) -> Result<Vec<(String, String)>, AttestationError> {
        Err(AttestationError::NotOffered)
    }

    async fn register_reference_value(
        &self,
        message: &str,
        _on_behalf_of: &str,
    ) -> Result<Names, AttestationError> {
        match message.contains("\"version\"") {
            true => Ok(Names::of(["svn"])),
            false => Err(AttestationError::Refused("no version".into())),
        }
    }

    async fn reference_value_history(&self, id: &str) -> Result<ReferenceValueHistory, AttestationError> {
        known(id)?;
        let by = Registrar {
            how: "local".into(),
            name: "this process".into(),
            on_behalf_of: Some("admin".into()),
        };
        let value = || RawValue::from_string("[\"1\"]".into()).unwrap();
        Ok(ReferenceValueHistory {
            id: id.to_owned(),
            current: Some(ServedValue {
                value: value(),
                expires_at: NOW,
            }),
            current_is_newest: true,
            versions: vec![ValueVersion {
                number: 1,
                event: "registered".into(),
                at: NOW,
                by: Some(by),
                reason: None,
                value: Some(value()),
                expires_at: None,
                renewed_at: None,
                message: None,
            }],
            revoked: Vec::new(),
        })
    }

    async fn delete_reference_value(&self, change: Change, forget: bool) -> Result<(), AttestationError> {
        known(&change.id)?;
        self.note("delete", &change, &format!("forget {forget}"));
        Ok(())
    }

    async fn revoke_reference_value(
        &self,
        change: Change,
        what: RevokeWhat,
    ) -> Result<Left, AttestationError> {
        known(&change.id)?;
        self.note("revoke", &change, &format!("{what:?}"));
        Ok(Some(RawValue::from_string("[\"2\"]".into()).unwrap()))
    }

    async fn try_out(&self, _trial: PolicyTrial) -> Result<Vec<Tried>, AttestationError> {
        Err(AttestationError::NotOffered)
    }
}

impl FakeAttestation {
    fn note(&self, what: &str, change: &Change, how: &str) {
        let Change {
            id,
            reason,
            on_behalf_of,
        } = change;
        let line = format!("{what} {id} for {on_behalf_of}, {reason:?}, {how}");
        self.changes.lock().unwrap().push(line);
    }
}

fn known(id: &str) -> Result<(), AttestationError> {
    match id {
        "svn" | "a/b" => Ok(()),
        id => Err(AttestationError::NotFound(format!(
            "there is no reference value {id:?}"
        ))),
    }
}
