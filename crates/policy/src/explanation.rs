//! Why an appraisal has the trustworthiness vector that it has: the shape of the answer. `explain` finds it.
//!
//! It holds claims and reference values, so it is for whoever operates the service and not for the guest.

use serde::Serialize;
use serde_json::Value as Json;

use crate::ar4si::{TrustClaim, TrustTier};
use crate::{Appraisal, AskedValue};

/// What led to a trustworthiness vector.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The claims that are set, in token order.
    pub claims: Vec<ExplainedClaim>,
    /// Where nothing is claimed: the conditions that keep the rule with the claims from having a value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undefined: Vec<FailedCondition>,
    /// The reference values that the policy asked for.
    pub asked: Vec<AskedValue>,
    /// Why this is not all that there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<&'static str>,
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
    /// The rule that gave the value, as far as that can be said. Not looked for where nothing is claimed (0).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleText>,
    /// The conditions that gave an affirming value. Only looked for at [`Depth::Everything`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldCondition>,
    /// What the policy would have given instead, the best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub better: Vec<NotGiven>,
}

/// How much of a result is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What failed, and of a result in which something failed which rules gave the rest. Of one that is affirming
    /// as a whole the values alone.
    Failures,
    /// Also which rules and conditions gave what is affirming.
    Everything,
}

/// A place in the text of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleText {
    /// The rule.
    pub name: String,
    /// The line, from 1.
    pub line: u32,
    /// What stands there, shortened if it is long.
    pub text: String,
}

/// A value that was not given.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NotGiven {
    /// The value, if the policy writes it down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<i64>,
    /// The rule that would have given it.
    pub rule: RuleText,
    /// The conditions that did not hold. Of several, one would have had to.
    pub failed: Vec<FailedCondition>,
}

/// A condition that held, with what it saw.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeldCondition {
    /// The rule that it is a part of, and its text.
    pub condition: RuleText,
    /// What it looked at.
    pub seen: Vec<Seen>,
    /// What it would have taken, where that can be said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<Allowed>,
}

/// A condition that did not hold, with what it saw.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FailedCondition {
    /// The rule that it is a part of, and its text.
    pub condition: RuleText,
    /// What it looked at.
    pub seen: Vec<Seen>,
    /// What would have been right, where that can be said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<Allowed>,
    /// What was expected, as a sentence.
    pub expected: String,
    /// What came, as a sentence.
    pub came: String,
    /// What to do about it, as a sentence.
    pub advice: String,
    /// The other conditions of its rule that do not hold either. They all would have to, together with this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<FailedCondition>,
    /// It failed because the guest, or its platform, can be debugged: nothing else matters until it cannot.
    #[serde(skip_serializing_if = "is_false")]
    pub debug: bool,
    /// It looks at something that is absent, and there is something that looks almost the same.
    #[serde(skip)]
    pub(crate) is_misspelt: bool,
    /// It looks at the claims of a TEE that the evidence is not of.
    #[serde(skip)]
    pub(crate) of_another_tee: bool,
}

/// What a part of a condition was.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// The part, as the policy writes it: `input.snp.measurement`.
    pub what: String,
    /// Its value, or the values one after the other that it had. Empty: it is absent, which is not null.
    pub values: Vec<Json>,
    /// How many more values there were.
    #[serde(skip_serializing_if = "is_zero")]
    pub more: usize,
}

/// What a condition would have taken.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Allowed {
    /// A reference value.
    Reference {
        /// Its id.
        reference_value: String,
        /// Whether there is a value under that id. Otherwise nothing would have been right.
        registered: bool,
        /// The value, or the elements of its list.
        values: Vec<Json>,
        /// How many more elements there are.
        #[serde(skip_serializing_if = "is_zero")]
        more: usize,
        /// An id that looks almost the same: one that is registered, or else one that was, or that the shipped policies
        /// ask for.
        #[serde(skip_serializing_if = "Option::is_none")]
        nearest: Option<String>,
        /// Whether that one has a value now.
        #[serde(skip)]
        is_nearest_registered: bool,
        /// When its validity ended, in seconds since the Unix epoch, if that is why there is none.
        #[serde(skip_serializing_if = "Option::is_none")]
        expired_at: Option<i64>,
        /// Somebody deleted or revoked it.
        #[serde(skip_serializing_if = "is_false")]
        removed: bool,
    },
    /// What the policy itself names.
    Value {
        /// `equal to`, `at least`, `one of` …
        is: &'static str,
        /// The value, or the list.
        value: Json,
    },
}

impl Explanation {
    /// What an appraisal says by itself: the values, and what was asked for.
    pub fn of(appraisal: &Appraisal) -> Self {
        let claims = appraisal.vector.iter().map(|(claim, value)| ExplainedClaim {
            claim,
            value,
            tier: TrustTier::of(value),
            rule: None,
            held: Vec::new(),
            better: Vec::new(),
        });
        Self {
            claims: claims.collect(),
            undefined: Vec::new(),
            asked: appraisal.asked.clone(),
            incomplete: None,
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !*flag
}
