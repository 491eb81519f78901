//! What can go wrong, sorted by whose fault it is.

/// Why a policy could not be compiled or evaluated.
///
/// A refusal is not an error: it is an [`crate::Appraisal`] or `Ok(false)`. No variant carries a claim or a
/// reference value, so an error may be logged.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The text is no valid policy: syntax, an unknown function, a missing rule, another package. The fault
    /// of whoever sets the policy.
    #[error("policy does not compile: {0}")]
    Compile(String),
    /// The input document is not JSON, or holds a number that Rego cannot hold. The caller's fault.
    #[error("policy input is not valid: {0}")]
    Input(String),
    /// The policy ran into a limit of [`crate::Limits`].
    #[error("policy exceeded its limit of {0}")]
    Limit(LimitKind),
    /// The policy could not be run to its end (for example two rules gave different values).
    #[error("policy failed while it ran: {0}")]
    Evaluation(String),
    /// The policy ran, but what it returned has not the promised shape.
    #[error("policy returned a bad result: {0}")]
    Result(String),
}

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// [`crate::Limits::time`].
    Time,
    /// [`crate::Limits::memory`].
    Memory,
    /// [`crate::Limits::PATIENCE`]: one step had no end.
    Step,
}

impl std::fmt::Display for LimitKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Time => "time",
            Self::Memory => "memory",
            Self::Step => "time in a single step",
        })
    }
}
