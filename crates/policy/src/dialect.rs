//! The dialects of release policies, and what a policy's code says about its own.
//!
//! Older documentation has a rule `allowed`, the resource path as one string and the CPU's result under
//! `submods.cpu`; today it is `allow`, an array and `submods.cpu0`. Policies mix them, so each is told apart
//! on its own, from the tokens of the code alone: the same text always has the same dialect.

mod uses;

use regorus::Value;
use serde::Serialize;

use crate::tokens::Token;

/// How a release policy is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ReleaseDialect {
    /// The version of the language.
    pub rego: RegoVersion,
    /// The rule that decides.
    pub rule: ReleaseRule,
    /// What `data["resource-path"]` is.
    pub resource_path: ResourcePathForm,
    /// Where the policy looks for the CPU's result.
    pub cpu_submod: CpuSubmod,
}

/// A version of Rego.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RegoVersion {
    /// `if` and `contains` are keywords, with or without `import rego.v1`.
    V1,
    /// The language before.
    V0,
}

/// The rule that decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ReleaseRule {
    /// `data.policy.allow`
    Allow,
    /// `data.policy.allowed`, if there is no `allow`.
    Allowed,
}

/// What `data["resource-path"]` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ResourcePathForm {
    /// `["repository", "type", "tag"]`
    Array,
    /// `"repository/type/tag"`
    String,
}

/// Where the policy looks for the CPU's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CpuSubmod {
    /// `input.submods.cpu0`
    Cpu0,
    /// `input.submods.cpu`, put there beside `cpu0`.
    Cpu,
}

impl ReleaseRule {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Allowed => "allowed",
        }
    }
}

impl std::fmt::Display for ReleaseDialect {
    /// As in `Rego v1, rule allow, resource path as an array, CPU at submods.cpu0`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rego = match self.rego {
            RegoVersion::V1 => "v1",
            RegoVersion::V0 => "v0",
        };
        let path = match self.resource_path {
            ResourcePathForm::Array => "an array",
            ResourcePathForm::String => "a string",
        };
        let cpu = match self.cpu_submod {
            CpuSubmod::Cpu0 => "cpu0",
            CpuSubmod::Cpu => "cpu",
        };
        let rule = self.rule.as_str();
        write!(
            f,
            "Rego {rego}, rule {rule}, resource path as {path}, CPU at submods.{cpu}"
        )
    }
}

pub(crate) fn detect(code: &[Token], rego: RegoVersion, has_allow: bool) -> ReleaseDialect {
    let rule = if has_allow {
        ReleaseRule::Allow
    } else {
        ReleaseRule::Allowed
    };
    let resource_path = uses::of_resource_path(code).unwrap_or(match rule {
        ReleaseRule::Allow => ResourcePathForm::Array,
        ReleaseRule::Allowed => ResourcePathForm::String,
    });
    let cpu_submod = match uses::reads_member(code, "cpu") && !uses::reads_member(code, "cpu0") {
        true => CpuSubmod::Cpu,
        false => CpuSubmod::Cpu0,
    };
    ReleaseDialect {
        rego,
        rule,
        resource_path,
        cpu_submod,
    }
}

/// The claims as the dialect sees them. For `submods.cpu` that is `cpu0` once more, with a member
/// `ear.status.<claim>` for each claim of its trustworthiness vector, which older documentation reads.
pub(crate) fn input(dialect: ReleaseDialect, claims: &Value) -> Value {
    match dialect.cpu_submod {
        CpuSubmod::Cpu => with_cpu(claims).unwrap_or_else(|| claims.clone()),
        CpuSubmod::Cpu0 => claims.clone(),
    }
}

fn with_cpu(claims: &Value) -> Option<Value> {
    let mut claims = claims.clone();
    let submods = claims
        .as_object_mut()
        .ok()?
        .get_mut(&Value::from("submods"))?
        .as_object_mut()
        .ok()?;
    let mut cpu = submods.get(&Value::from("cpu0"))?.clone();
    let members = cpu.as_object_mut().ok()?;
    if let Some(Value::Object(vector)) = members.get(&Value::from("ear.trustworthiness-vector")).cloned() {
        for (claim, value) in vector.iter() {
            let claim = claim.as_string().ok()?;
            // The documentation writes `file_system`, the token `file-system`.
            for name in [claim.to_string(), claim.replace('-', "_")] {
                members.insert(Value::from(format!("ear.status.{name}")), value.clone());
            }
        }
    }
    submods.get_or_insert_with(Value::from("cpu"), || cpu);
    Some(claims)
}

pub(crate) fn resource_path(dialect: ReleaseDialect, path: &[String]) -> Value {
    match dialect.resource_path {
        ResourcePathForm::Array => {
            Value::from(path.iter().map(|s| Value::from(s.as_str())).collect::<Vec<_>>())
        }
        ResourcePathForm::String => Value::from(path.join("/")),
    }
}

#[cfg(test)]
mod tests;
