//! Release policies: whether an attestation result may have a resource.

mod memo;
mod probe;

use std::collections::BTreeMap;

use regorus::Value;

use self::memo::Memo;
use self::probe::Probe;
use crate::dialect::{self, CpuSubmod, ReleaseDialect};
use crate::engine::{self, Compiled, Host, Parsed, Target};
use crate::explain::Source;
use crate::{FailedCondition, Limits, PolicyError, PolicyInput};

/// A compiled release policy.
#[derive(Debug)]
pub struct ReleasePolicy {
    compiled: Compiled,
    dialect: ReleaseDialect,
    asks_for_affirming: bool,
    source: Source,
    memo: Memo,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct ReleaseRequest<'a> {
    /// The plugin, as in `resource`: the first segment of the path.
    pub plugin: &'a str,
    /// The decoded segments after it.
    pub path: &'a [String],
    /// The decoded query.
    pub query: &'a BTreeMap<String, String>,
}

impl ReleasePolicy {
    /// Compiles a policy and finds out which dialect it speaks. It must be in package `policy` and have a rule
    /// `allow` or `allowed`.
    pub fn compile(rego: &str) -> Result<Self, PolicyError> {
        engine::with_deep_stack(|| {
            let parsed = Parsed::parse(rego)?;
            let dialect = dialect::detect(parsed.code(), parsed.version(), parsed.declares("allow"));
            let source = Source::new(rego, parsed.version());
            let probe = Probe::new(parsed.code());
            let compiled = parsed.compile(&target(&[dialect.rule.as_str()]))?;
            let memo = match dialect.cpu_submod {
                CpuSubmod::Cpu0 => Memo::new(rego, compiled.documents()),
                // Its claims are not those of the token.
                CpuSubmod::Cpu => Memo::default(),
            };
            let mut policy = Self {
                compiled,
                dialect,
                asks_for_affirming: false,
                source,
                memo,
            };
            policy.asks_for_affirming = probe.asks_for_affirming(&policy);
            Ok(policy)
        })
    }

    /// The dialect, found when the policy was compiled.
    pub fn dialect(&self) -> ReleaseDialect {
        self.dialect
    }

    /// Whether the policy's code names both `ear.status` and `affirming`, and it granted nothing to any guest that is
    /// not affirming when it was tried with some as it was compiled. A policy that does not ask releases secrets to
    /// guests whose state nobody vouches for, which is worth a warning.
    pub fn asks_for_affirming(&self) -> bool {
        self.asks_for_affirming
    }

    /// Whether an evaluation could hang, for its text can build values that take very long to compare. Then it is done
    /// on another thread, and given up after a few seconds with [`PolicyError::Limit`]: whoever waits for it should not
    /// hold up others.
    pub fn may_hang(&self) -> bool {
        self.compiled.may_hang()
    }

    /// Whether the policy grants the request. Undefined, and anything that is not `true`, is no.
    pub fn evaluate(
        &self,
        claims: &PolicyInput,
        request: &ReleaseRequest<'_>,
        limits: &Limits,
    ) -> Result<bool, PolicyError> {
        Ok(self.answer(claims, request, limits)? == Some(Value::Bool(true)))
    }

    /// [`ReleasePolicy::evaluate`] on claims that are JSON text. `parse` makes an input of them if it has to, which is
    /// not so where the policy was asked a moment ago about what is the same to it.
    pub fn decide(
        &self,
        claims_json: &str,
        parse: impl FnOnce() -> Result<PolicyInput, PolicyError>,
        request: &ReleaseRequest<'_>,
        limits: &Limits,
    ) -> Result<bool, PolicyError> {
        let question = self.memo.question(claims_json, request);
        if let Some(known) = question.and_then(|question| self.memo.recall(&question)) {
            return Ok(known);
        }
        let granted = self.evaluate(&parse()?, request, limits)?;
        if let Some(question) = question {
            self.memo.keep(question, granted);
        }
        Ok(granted)
    }

    /// What the policy answers if it is neither yes nor no, as in `a string`: it will never grant anything so. Tried
    /// with a guest that claims nothing, so it may not be found.
    pub fn odd_answer(&self, limits: &Limits) -> Result<Option<&'static str>, PolicyError> {
        let nothing = PolicyInput::from_json("{}")?;
        let path = ["repository", "type", "tag"].map(str::to_owned);
        let request = ReleaseRequest {
            plugin: "resource",
            path: &path,
            query: &BTreeMap::new(),
        };
        Ok(match self.answer(&nothing, &request, limits)? {
            None | Some(Value::Undefined | Value::Bool(_)) => None,
            Some(Value::Null) => Some("null"),
            Some(Value::Number(_)) => Some("a number"),
            Some(Value::String(_)) => Some("a string"),
            Some(Value::Array(_)) => Some("an array"),
            Some(Value::Set(_)) => Some("a set"),
            Some(Value::Object(_)) => Some("an object"),
        })
    }

    /// The value of the rule that decides; `None` if it is undefined.
    fn answer(
        &self,
        claims: &PolicyInput,
        request: &ReleaseRequest<'_>,
        limits: &Limits,
    ) -> Result<Option<Value>, PolicyError> {
        let input = dialect::input(self.dialect, &claims.0);
        let data = documents(self.dialect, request);
        let (values, _) = self.compiled.evaluate(&input, &data, Host::new(limits), limits)?;
        Ok(values.into_iter().next().map(|(_, value)| value))
    }

    /// The conditions that kept the policy from granting a request that it denied, as far as they are found out. Of
    /// several, one would have had to hold. Apart from the evaluation, and never failing; `limits` count for each
    /// rule that is looked into.
    pub fn explain(
        &self,
        claims: &PolicyInput,
        request: &ReleaseRequest<'_>,
        limits: &Limits,
    ) -> Vec<FailedCondition> {
        if self.may_hang() {
            return Vec::new();
        }
        let rule = self.dialect.rule.as_str();
        let Some(explainer) = self.source.explainer(&target(&[rule])) else {
            return Vec::new();
        };
        let input = PolicyInput(dialect::input(self.dialect, &claims.0));
        let data = documents(self.dialect, request);
        explainer.refusal(rule, &input, &data, limits)
    }
}

fn target<'a>(rules: &'a [&'static str]) -> Target<'a> {
    Target {
        rules,
        documents: &DOCUMENTS,
        queries: false,
    }
}

const DOCUMENTS: [&str; 3] = ["plugin", "resource-path", "query"];

fn documents(dialect: ReleaseDialect, request: &ReleaseRequest<'_>) -> [(&'static str, Value); 3] {
    let query = request
        .query
        .iter()
        .map(|(k, v)| (Value::from(k.as_str()), Value::from(v.as_str())));
    let query = Value::from(query.collect::<BTreeMap<_, _>>());
    let [plugin, resource_path, query_name] = DOCUMENTS;
    [
        (plugin, Value::from(request.plugin)),
        (resource_path, dialect::resource_path(dialect, request.path)),
        (query_name, query),
    ]
}

#[cfg(test)]
mod tests;
