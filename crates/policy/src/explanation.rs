//! Why an appraisal has the trustworthiness vector that it has.
//!
//! It holds claims and reference values, so it is for whoever operates the service and not for the guest.

use serde::Serialize;

use crate::ar4si::{TrustClaim, TrustTier};
use crate::{Appraisal, AskedValue};

/// What led to a trustworthiness vector.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The claims that are set, in token order.
    pub claims: Vec<ExplainedClaim>,
    /// The reference values that the policy asked for.
    pub asked: Vec<AskedValue>,
}

/// Why one trust claim has its value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedClaim {
    /// Which.
    pub claim: TrustClaim,
    /// Its value.
    pub value: i8,
    /// What the value means.
    pub tier: TrustTier,
}

impl Explanation {
    /// What an appraisal says by itself: the values, and what was asked for.
    pub fn of(appraisal: &Appraisal) -> Self {
        let claims = appraisal.vector.iter().map(|(claim, value)| ExplainedClaim {
            claim,
            value,
            tier: TrustTier::of(value),
        });
        Self {
            claims: claims.collect(),
            asked: appraisal.asked.clone(),
        }
    }
}
