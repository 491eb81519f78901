use serde::Deserialize;

/// `[decisions]`: what is remembered of attestations and releases.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecisionsConfig {
    /// Whether anything is.
    pub enabled: bool,
    /// Decisions that are kept at most, the newest.
    pub max_count: u32,
    /// Hours that one is kept at most.
    pub max_age_hours: u32,
    /// MiB of claims that are kept with them at most. 0: none, and no dry run over recorded claims.
    pub max_claims_mib: u32,
}

impl Default for DecisionsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            max_count: 1000,
            max_age_hours: 7 * 24,
            max_claims_mib: 4,
        }
    }
}
