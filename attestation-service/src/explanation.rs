//! Why a result is what it is: beside the token, for whoever operates the relying party. Never for the guest, which
//! would learn what to claim.

use std::collections::BTreeMap;

use policy::Explanation;
use policy::ar4si::TrustTier;
use serde::Serialize;

use crate::appraisal::Submodule;
use crate::evaluation::Evaluation;
use crate::token;

/// A token, and why it says what it says.
#[derive(Debug, Clone)]
pub struct Explained {
    /// An EAR as a compact JWS.
    pub token: String,
    /// JSON text, in the shape of `docs/explanations.md`.
    pub explanation: Option<String>,
}

/// One explanation for each submodule of the token, under the same name.
#[derive(Serialize)]
struct Document {
    submods: BTreeMap<String, Submod>,
}

#[derive(Serialize)]
struct Submod {
    status: TrustTier,
    policy: PolicyName,
    #[serde(flatten)]
    explanation: Explanation,
}

/// Which text decided.
#[derive(Serialize)]
struct PolicyName {
    /// With the class suffix.
    id: String,
    /// SHA-384 of the text, lower-case hex.
    digest: String,
}

/// Explains the submodules that came of `evaluation`. `None` if that cannot be written down.
pub(crate) async fn of(evaluation: Evaluation, submodules: Vec<Submodule>) -> Option<String> {
    let names = token::names(submodules.iter().map(|submodule| submodule.class));
    let submods = names.zip(&submodules).map(|(name, submodule)| {
        let policy = evaluation.policies.get(&submodule.class);
        let submod = Submod {
            status: submodule.appraisal.vector.status(),
            policy: PolicyName {
                id: evaluation.full_policy_id(submodule.class),
                digest: policy
                    .map(|policy| policy.digest().to_owned())
                    .unwrap_or_default(),
            },
            explanation: Explanation::of(&submodule.appraisal),
        };
        (name, submod)
    });
    let document = Document {
        submods: submods.collect(),
    };
    serde_json::to_string(&document).ok()
}
