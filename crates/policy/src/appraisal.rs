//! Attestation policies: verified claims and reference values in, a trustworthiness vector out.

mod memo;

use std::sync::Arc;

use regorus::Value;
use ring::digest::{SHA384, digest};
use serde::Serialize;

use self::memo::Memo;
pub use self::memo::{Claims, Extended, Fingerprint, Member};
use crate::ar4si::{TrustClaim, TrustTier, TrustVector};
use crate::engine::{self, Compiled, Host, Parsed, Target};
use crate::explain::{Recent, Source};
use crate::reads::{self, ANY};
use crate::{Depth, Explanation, Limits, PolicyError, PolicyInput, ReferenceValueSnapshot};

const TRUST_CLAIMS: &str = "trust_claims";
const EXTENSIONS: &str = "extensions";

const TARGET: Target<'_> = Target {
    rules: &[TRUST_CLAIMS, EXTENSIONS],
    documents: &["reference"],
    queries: true,
};

/// Most nodes (values, members) that the value of an extension may have.
const MAX_EXTENSION_NODES: usize = 100_000;

/// The member of an appraisal with the digest of the policy: our own addition.
pub const POLICY_DIGEST: &str = "ear.trustee.policy-digest";

/// The member of an appraisal with the seconds for which nobody has been able to say whether the reference values were
/// still the right ones; only where that is so.
pub const REFERENCE_VALUES_AGE: &str = "ear.trustee.reference-values-age";

/// Members of an appraisal that a policy must not write: draft-ietf-rats-ear, section 3.1, and ours.
const RESERVED: [&str; 8] = [
    POLICY_DIGEST,
    REFERENCE_VALUES_AGE,
    "ear.status",
    "ear.trustworthiness-vector",
    "ear.appraisal-policy-id",
    "ear.veraison.annotated-evidence",
    "ear.veraison.policy-claims",
    "ear.veraison.key-attestation",
];

/// A compiled attestation policy.
#[derive(Debug)]
pub struct AppraisalPolicy {
    compiled: Compiled,
    digest: String,
    memo: Memo,
    source: Source,
    explained: Recent,
    document: ReferenceDocument,
}

/// What a policy reads of `data.reference`, for who has to look its members up first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReferenceDocument {
    /// Members with these ids, if any.
    Members(Vec<String>),
    /// Members that the text does not name, or all of them.
    Whole,
}

impl ReferenceDocument {
    fn of(rego: &str, reads_it: bool) -> Self {
        if !reads_it {
            return Self::Members(Vec::new());
        }
        let documents = reads::documents_of(rego).into_iter();
        let mut ids = Vec::new();
        for path in documents.filter(|path| {
            path.first()
                .is_some_and(|root| root == "reference" || root == ANY)
        }) {
            match path.into_iter().nth(1) {
                Some(id) if id != ANY => ids.push(id),
                _ => return Self::Whole,
            }
        }
        // It is read in a way that is not seen here.
        if ids.is_empty() {
            return Self::Whole;
        }
        Self::Members(ids)
    }
}

/// What a policy found out about one piece of evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Appraisal {
    /// The trustworthiness vector; its `status()` is the tier of the whole.
    pub vector: TrustVector,
    /// Members that the policy adds to the appraisal.
    pub extensions: Vec<Extension>,
    /// The reference values the policy asked for, each once, in the order of asking.
    pub asked: Vec<AskedValue>,
}

/// A member that a policy adds to the appraisal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Extension {
    /// JSON name, such as `ear.trustee.identifiers`.
    pub name: String,
    /// CBOR key.
    pub key: i32,
    /// Its value.
    pub value: serde_json::Value,
}

/// A reference value that a policy asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AskedValue {
    /// The id.
    pub id: String,
    /// Whether there is a value under that id.
    pub known: bool,
}

impl AppraisalPolicy {
    /// Compiles a policy. It must be in package `policy` and have a rule `trust_claims`; `extensions` is optional.
    pub fn compile(rego: &str) -> Result<Self, PolicyError> {
        engine::with_deep_stack(|| {
            let parsed = Parsed::parse(rego)?;
            let digest = hex::encode(digest(&SHA384, rego.as_bytes()));
            let source = Source::new(rego, parsed.version());
            let compiled = parsed.compile(&TARGET)?;
            let reads_it = !compiled.documents().is_empty();
            Ok(Self {
                document: ReferenceDocument::of(rego, reads_it),
                memo: Memo::new(rego, reads_it),
                compiled,
                digest,
                source,
                explained: Recent::default(),
            })
        })
    }

    /// What it reads of `data.reference`.
    pub fn reference_document(&self) -> &ReferenceDocument {
        &self.document
    }

    /// Whether an evaluation could hang, for its text can build values that take very long to compare. Then it is done
    /// on another thread, and given up after a few seconds with [`PolicyError::Limit`]: whoever waits for it should not
    /// hold up others.
    pub fn may_hang(&self) -> bool {
        self.compiled.may_hang()
    }

    /// SHA-384 of the policy text, in lower-case hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Appraises claims. Pure: the same claims and values give the same result (but for `time.now_ns` and
    /// `rand.intn`, if a policy calls them).
    pub fn evaluate(
        &self,
        input: &PolicyInput,
        reference: &ReferenceValueSnapshot,
        limits: &Limits,
    ) -> Result<Appraisal, PolicyError> {
        let data = [("reference", reference.values().clone())];
        let host = Host::new(limits).with_reference(reference.clone());
        let (values, host) = self.compiled.evaluate(&input.0, &data, host, limits)?;
        let value = |rule| {
            values
                .iter()
                .find(|(name, _)| *name == rule)
                .map(|(_, value)| value)
        };
        Ok(Appraisal {
            vector: value(TRUST_CLAIMS).map_or(Ok(TrustVector::NO_CLAIMS), vector_from)?,
            extensions: value(EXTENSIONS).map_or(Ok(Vec::new()), extensions_from)?,
            asked: host.into_asked(),
        })
    }

    /// What stands for all that the policy reads of these claims; `None` if that cannot be told.
    pub fn fingerprint(&self, claims: &dyn Claims) -> Option<Fingerprint> {
        self.memo.fingerprint(claims)
    }

    /// What [`AppraisalPolicy::evaluate`] would give, if claims that are the same to this policy were
    /// [kept](AppraisalPolicy::keep) a moment ago, and the reference values that it asked for are the same.
    pub fn recall(
        &self,
        fingerprint: &Fingerprint,
        reference: &ReferenceValueSnapshot,
    ) -> Option<Arc<Appraisal>> {
        self.memo.recall(fingerprint, reference)
    }

    /// Remembers what [`AppraisalPolicy::evaluate`] gave for claims with this fingerprint and these values.
    pub fn keep(
        &self,
        fingerprint: Fingerprint,
        reference: &ReferenceValueSnapshot,
        appraisal: &Arc<Appraisal>,
    ) {
        self.memo.keep(fingerprint, reference, appraisal);
    }

    /// What [`AppraisalPolicy::explain_once`] has found out about this very appraisal with these values.
    pub fn explained(
        &self,
        appraisal: &Arc<Appraisal>,
        reference: &ReferenceValueSnapshot,
    ) -> Option<Arc<Explanation>> {
        self.explained.get(appraisal, reference)
    }

    /// [`AppraisalPolicy::explain`] of what failed, remembered for as long as the appraisal is.
    pub fn explain_once(
        &self,
        appraisal: &Arc<Appraisal>,
        input: &PolicyInput,
        reference: &ReferenceValueSnapshot,
        limits: &Limits,
    ) -> Arc<Explanation> {
        let explanation = Arc::new(self.explain(appraisal, input, reference, limits, Depth::Failures));
        self.explained.keep(appraisal, reference, &explanation);
        explanation
    }

    /// Why `appraisal` came out as it did of these claims and values: apart from the evaluation, and never failing.
    /// `limits` count for each rule that is looked into.
    pub fn explain(
        &self,
        appraisal: &Appraisal,
        input: &PolicyInput,
        reference: &ReferenceValueSnapshot,
        limits: &Limits,
        depth: Depth,
    ) -> Explanation {
        let mut explanation = Explanation::of(appraisal);
        if self.may_hang() {
            explanation.incomplete = Some("the policy can build values that are too big to be looked into");
            return explanation;
        }
        if depth == Depth::Everything || appraisal.vector.status() != TrustTier::Affirming {
            let over = (input, reference);
            match self.source.explainer(&TARGET) {
                Some(explainer) => explainer.claims(&mut explanation, TRUST_CLAIMS, over, limits, depth),
                None => explanation.incomplete = Some("the policy is too big or too deep to be looked into"),
            }
        }
        explanation
    }
}

fn vector_from(value: &Value) -> Result<TrustVector, PolicyError> {
    let bad = |what: String| PolicyError::Result(format!("`{TRUST_CLAIMS}` {what}"));
    let Value::Object(claims) = value else {
        return Err(bad("is not an object".to_owned()));
    };
    if claims.is_empty() {
        return Err(bad("is empty".to_owned()));
    }
    let mut vector = TrustVector::default();
    for (name, value) in claims.iter() {
        let claim = match name {
            Value::String(name) => TrustClaim::from_name(name),
            _ => None,
        };
        let claim = claim.ok_or_else(|| bad(unknown_claim(name)))?;
        let number = integer(value).and_then(|n| i8::try_from(n).ok());
        let number = number.ok_or_else(|| {
            bad(format!(
                "has no integer from -128 to 127 for `{}`",
                claim.as_str()
            ))
        })?;
        vector.set(claim, number);
    }
    Ok(vector)
}

fn unknown_claim(name: &Value) -> String {
    let Value::String(name) = name else {
        return "has a member whose name is no text".to_owned();
    };
    let near = crate::explain::nearest::of(name, TrustClaim::ALL.into_iter().map(TrustClaim::as_str));
    let near = near.map(|near| format!("; did you mean `{near}`?"));
    let shown: String = name
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX_SHOWN_NAME)
        .collect();
    format!(
        "has the member `{shown}`, which is no AR4SI claim{}",
        near.unwrap_or_default()
    )
}

/// How much of a name is shown that is not known, in characters.
const MAX_SHOWN_NAME: usize = 64;

fn extensions_from(value: &Value) -> Result<Vec<Extension>, PolicyError> {
    let bad = |what: &str| PolicyError::Result(format!("`{EXTENSIONS}` {what}"));
    let Value::Array(entries) = value else {
        return Err(bad("is not an array"));
    };
    let mut extensions: Vec<Extension> = Vec::new();
    for entry in entries.iter() {
        let Value::Object(members) = entry else {
            return Err(bad("has an entry that is no object"));
        };
        let member = |name: &str| members.get(&Value::from(name));
        let (Some(Value::String(name)), Some(key), Some(value), 3) =
            (member("name"), member("key"), member("value"), members.len())
        else {
            return Err(bad("has an entry that is not {name, key, value}"));
        };
        let key = integer(key).and_then(|n| i32::try_from(n).ok());
        let key = key.ok_or_else(|| bad("has a key that is no 32-bit integer"))?;
        if RESERVED.contains(&&**name) {
            return Err(bad("has an entry with the name of a standard claim"));
        }
        if extensions
            .iter()
            .any(|earlier| *earlier.name == **name || earlier.key == key)
        {
            return Err(bad("has a name or a key twice"));
        }
        engine::within(value, MAX_EXTENSION_NODES)
            .then_some(())
            .ok_or_else(|| bad("has a value that is too big"))?;
        let value = serde_json::to_value(value).map_err(|_| bad("has a value that JSON cannot hold"))?;
        extensions.push(Extension {
            name: name.to_string(),
            key,
            value,
        });
    }
    Ok(extensions)
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) if number.is_integer() => number.as_i64(),
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests;
