//! Rego compiled once, evaluated as a pure function over a reference value snapshot.
//!
//! Two kinds of policy live here. An [`AppraisalPolicy`] turns verified claims and reference values into an
//! AR4SI trustworthiness vector; a [`ReleasePolicy`] says whether an attestation result may have a resource.
//! Both are compiled when they are set, are `Send + Sync`, and run under [`Limits`]. The crate does no IO;
//! reference values come in as a [`ReferenceValueSnapshot`]. What policies may say is in `docs/policy.md`.

pub mod appraisal;
pub mod ar4si;
pub mod defaults;
mod dialect;
mod engine;
mod error;
mod explain;
mod explanation;
mod footprint;
mod input;
mod limits;
pub mod reads;
pub mod release;
mod snapshot;
pub mod text;
mod tokens;

pub use appraisal::{
    Appraisal, AppraisalPolicy, AskedValue, Claims, Extended, Extension, Fingerprint, Member,
    ReferenceDocument,
};
pub use dialect::{CpuSubmod, RegoVersion, ReleaseDialect, ReleaseRule, ResourcePathForm};
pub use error::{LimitKind, PolicyError};
pub use explanation::{
    Allowed, Depth, ExplainedClaim, Explanation, FailedCondition, HeldCondition, NotGiven, RuleText, Seen,
};
pub use input::PolicyInput;
pub use limits::Limits;
pub use reads::Reads;
pub use release::{ReleasePolicy, ReleaseRequest};
pub use snapshot::{Gone, ReferenceValueSnapshot};
