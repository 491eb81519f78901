use std::fmt;

use policy::{ReleaseDialect, ReleasePolicy};

use super::pace::Pace;
use super::scope::Scope;

/// One version of one release policy, as it is in force.
pub struct ActivePolicy {
    id: Box<str>,
    scope: Option<Scope>,
    rego: String,
    digest: String,
    /// `None` if the history does not know this text.
    version: Option<u64>,
    /// Or why it cannot be used; then nothing that it is asked about is released.
    pub(super) compiled: Result<ReleasePolicy, String>,
    pub(super) pace: Pace,
}

impl ActivePolicy {
    /// Compiles `rego`, where it holds nobody up. It may fail: such a policy denies.
    pub(super) async fn compile(id: &str, scope: Option<Scope>, rego: String, version: Option<u64>) -> Self {
        let text = rego.clone();
        let compiled = tokio::task::spawn_blocking(move || ReleasePolicy::compile(&text)).await;
        let compiled = match compiled {
            Ok(compiled) => compiled.map_err(|refused| refused.to_string()),
            Err(_) => Err("the compiler gave up".to_owned()),
        };
        Self {
            id: id.into(),
            scope,
            digest: digest(&rego),
            version,
            compiled,
            rego,
            pace: Pace::default(),
        }
    }

    /// What was compiled from `rego` a moment ago.
    pub(super) fn ready(
        id: &str,
        scope: Option<Scope>,
        rego: &str,
        compiled: ReleasePolicy,
        version: Option<u64>,
    ) -> Self {
        Self {
            id: id.into(),
            scope,
            digest: digest(rego),
            version,
            compiled: Ok(compiled),
            rego: rego.to_owned(),
            pace: Pace::default(),
        }
    }

    /// The id it is known under.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it is asked about; `None`: everything.
    pub fn scope(&self) -> Option<&Scope> {
        self.scope.as_ref()
    }

    /// Its text.
    pub fn rego(&self) -> &str {
        &self.rego
    }

    /// SHA-384 of its text, in hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The number of its version, if the history knows it.
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// The dialect it speaks; `None` if it does not compile.
    pub fn dialect(&self) -> Option<ReleaseDialect> {
        self.compiled.as_ref().ok().map(ReleasePolicy::dialect)
    }

    /// Why it does not compile, if it does not.
    pub fn broken(&self) -> Option<&str> {
        self.compiled.as_ref().err().map(String::as_str)
    }

    /// Whether it looks for an affirming result.
    pub fn asks_for_affirming(&self) -> bool {
        self.compiled
            .as_ref()
            .is_ok_and(ReleasePolicy::asks_for_affirming)
    }

    /// Says at the start, and after each change, what an operator should know.
    pub(super) fn announce(&self) {
        let scope = self.scope.as_ref().map(Scope::as_str);
        match &self.compiled {
            Err(reason) => tracing::error!(
                id = self.id(),
                scope,
                reason,
                "a resource policy does not compile: nothing that it is asked about is released until another is set"
            ),
            Ok(policy) => {
                tracing::info!(
                    id = self.id(),
                    scope,
                    digest = self.digest,
                    version = self.version,
                    dialect = %policy.dialect(),
                    "resource policy in force"
                );
                // A scoped one only ever takes away.
                if scope.is_none() && !policy.asks_for_affirming() {
                    tracing::warn!(
                        "the resource policy does not ask for an affirming attestation result: secrets go to guests that nothing vouches for"
                    );
                }
            }
        }
    }
}

/// What it says stays out of logs.
impl fmt::Debug for ActivePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActivePolicy")
            .field("id", &self.id)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}

/// SHA-384 in hex.
pub(super) fn digest(rego: &str) -> String {
    hex::encode(ring::digest::digest(&ring::digest::SHA384, rego.as_bytes()))
}
