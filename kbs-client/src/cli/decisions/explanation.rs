//! The Attestation Service's explanation of an appraisal, in sentences (docs/explanations.md of the service).
//!
//! What is missing is left out: another version may say less, or more.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;

use crate::decisions::Decision;
use crate::error::printable;

/// What an explanation comes to for a reader.
#[derive(Default)]
pub(super) struct Reasons {
    /// What comes before everything else, as lines: a device that can be debugged.
    pub(super) headline: String,
    /// What was expected and what came, as lines.
    pub(super) why: String,
    /// What to do, without repetition.
    pub(super) advice: Vec<String>,
    /// Whether it is about what the appraisal came to: a status, or the trust vector.
    pub(super) about_appraisal: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Explanation {
    submods: BTreeMap<String, Submod>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Submod {
    claims: Vec<Claim>,
    undefined: Vec<Failed>,
    incomplete: Option<Value>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Claim {
    claim: String,
    value: i64,
    rule: Option<Source>,
    better: Vec<Better>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Better {
    value: i64,
    failed: Vec<Failed>,
}

#[derive(Clone, Deserialize, Default)]
#[serde(default)]
struct Failed {
    condition: Option<Source>,
    expected: Option<String>,
    came: Option<String>,
    advice: Option<String>,
    debug: bool,
    also: Vec<Failed>,
    seen: Vec<Seen>,
}

#[derive(Clone, Deserialize, Default)]
#[serde(default)]
struct Seen {
    what: String,
}

#[derive(Clone, Deserialize, Default)]
#[serde(default)]
struct Source {
    name: String,
    line: u64,
    text: String,
}

/// Reads an explanation. In another form, it is shown as it is.
pub(super) fn read(explanation: &Value) -> Reasons {
    let mut reasons = Reasons::default();
    let Ok(read) = Explanation::deserialize(explanation) else {
        reasons.why = format!("  {explanation}\n");
        return reasons;
    };
    for (name, submod) in &read.submods {
        if let Some(debug) = submod.debug() {
            let _ = reasons.in_debug_mode(name, submod, debug);
            continue;
        }
        for claim in &submod.claims {
            for better in &claim.better {
                for failed in &better.failed {
                    // Writing to a text does not fail.
                    let _ = reasons.add(name, claim, better, failed);
                }
            }
        }
        for failed in &submod.undefined {
            let _ = writeln!(reasons.why, "  {name}: the policy claims nothing");
            let _ = reasons.condition(failed.condition.as_ref(), failed);
        }
        if let Some(incomplete) = &submod.incomplete {
            let _ = writeln!(
                reasons.why,
                "  {name}: not all could be looked into: {}",
                plain(incomplete)
            );
        }
    }
    reasons
}

/// What a resource policy missed: the explanation of a denied release.
pub(super) fn denial(explanation: &Value, policy: Option<&str>) -> Reasons {
    let mut reasons = Reasons::default();
    let policy = policy.map(|id| format!(" `{id}`")).unwrap_or_default();
    let denied = explanation.get("denied").map(Vec::<Failed>::deserialize);
    for failed in denied.and_then(Result::ok).into_iter().flatten() {
        let _ = writeln!(reasons.why, "  the resource policy{} said no", policy);
        reasons.about_appraisal |= failed.is_about_appraisal();
        let _ = reasons.condition(failed.condition.as_ref(), &failed);
    }
    reasons
}

/// What the rules in force make of a guest: `devices` of a report of `policy-test`.
pub(super) fn grounds(decision: &Decision, devices: &Value) -> String {
    let mut text = "\n\nBy the rules and reference values in force now\n".to_owned();
    for (name, device) in devices.as_object().into_iter().flatten() {
        let now = device.get("would_be");
        if let Some(error) = now.and_then(|side| side.get("error")) {
            let _ = writeln!(text, "  {name}: cannot be appraised: {}", plain(error));
            continue;
        }
        let vector = now.and_then(|side| side.get("vector")).map(BTreeMap::deserialize);
        let then = decision.devices.get(name).map(|device| &device.vector);
        let changed = matches!((&vector, then), (Some(Ok(now)), Some(then)) if now != then);
        let note = match changed {
            true => " (they have changed: it is appraised otherwise now)",
            false => "",
        };
        let _ = writeln!(text, "  {name}{note}");
        let claims = device.pointer("/why/claims").and_then(Value::as_array);
        for claim in claims.into_iter().flatten() {
            crate::cli::policy::print::claim(&mut text, claim);
        }
        crate::cli::policy::print::incomplete(&mut text, device);
    }
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

impl Submod {
    /// The condition that failed since the device can be debugged, and the claim that it kept down.
    fn debug(&self) -> Option<(&Claim, &Better, &Failed)> {
        self.claims.iter().find_map(|claim| {
            claim.better.iter().find_map(|better| {
                let mut failed = better.failed.iter().flat_map(Failed::with_others);
                Some((claim, better, failed.find(|failed| failed.debug)?))
            })
        })
    }

    /// Everything that failed, in its order.
    fn failed(&self) -> impl Iterator<Item = &Failed> {
        let better = self.claims.iter().flat_map(|claim| &claim.better);
        better
            .flat_map(|better| &better.failed)
            .flat_map(Failed::with_others)
    }
}

impl Reasons {
    /// Of a device that can be debugged: that, and the rest in a line each. Whatever else is mended, it stays refused.
    fn in_debug_mode(
        &mut self,
        device: &str,
        submod: &Submod,
        (claim, better, debug): (&Claim, &Better, &Failed),
    ) -> std::fmt::Result {
        writeln!(
            self.headline,
            "  {device}: DEBUG MODE: whoever runs its host can look into it"
        )?;
        writeln!(
            self.why,
            "  {device}: {} is {}, not {}",
            claim.claim, claim.value, better.value
        )?;
        let alone = Failed {
            also: Vec::new(),
            ..debug.clone()
        };
        self.condition(debug.condition.as_ref().or(claim.rule.as_ref()), &alone)?;
        let mut others = Vec::new();
        let conditions = submod.failed().filter(|failed| !failed.debug);
        for condition in conditions.filter_map(|failed| failed.condition.as_ref()) {
            let told = format!("    {}  (line {})", one_line(&condition.text), condition.line);
            if !others.contains(&told) {
                others.push(told);
            }
        }
        if !others.is_empty() {
            writeln!(
                self.why,
                "  {device}: also not met (`--output json` says why)\n{}",
                others.join("\n")
            )?;
        }
        Ok(())
    }

    fn add(&mut self, device: &str, claim: &Claim, better: &Better, failed: &Failed) -> std::fmt::Result {
        writeln!(
            self.why,
            "  {device}: {} is {}, not {}",
            claim.claim, claim.value, better.value
        )?;
        self.condition(failed.condition.as_ref().or(claim.rule.as_ref()), failed)
    }

    fn condition(&mut self, source: Option<&Source>, failed: &Failed) -> std::fmt::Result {
        let text = &mut self.why;
        if let Some(condition) = source {
            writeln!(
                text,
                "    condition  {}  (line {}, rule {})",
                one_line(&condition.text),
                condition.line,
                condition.name
            )?;
        }
        for (name, sentence) in [("expected", &failed.expected), ("came", &failed.came)] {
            if let Some(sentence) = sentence {
                writeln!(text, "    {name:<9}  {}", one_line(sentence))?;
            }
        }
        if let Some(advice) = &failed.advice {
            let advice = one_line(advice);
            if !self.advice.contains(&advice) {
                self.advice.push(advice);
            }
        }
        for also in &failed.also {
            writeln!(self.why, "    and also")?;
            self.condition(also.condition.as_ref(), also)?;
        }
        Ok(())
    }
}

impl Failed {
    /// This, and those beside it.
    fn with_others(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.also)
    }

    fn is_about_appraisal(&self) -> bool {
        let told = self.condition.iter().map(|condition| condition.text.as_str());
        let told = told.chain(self.seen.iter().map(|seen| seen.what.as_str()));
        let mut told = told.chain(
            [&self.expected, &self.came]
                .into_iter()
                .flatten()
                .map(String::as_str),
        );
        told.any(|text| APPRAISAL.iter().any(|member| text.contains(member)))
            || self.also.iter().any(Self::is_about_appraisal)
    }
}

/// What an appraisal puts into a token.
const APPRAISAL: [&str; 2] = ["ear.status", "ear.trustworthiness-vector"];

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => one_line(text),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_resource_policy_missed_is_said_with_its_line() {
        let failed = json!({
            "condition": {"name": "allow", "line": 4, "text": "input.submods.cpu0[\"ear.status\"] == \"afirming\""},
            "expected": "\"afirming\"", "came": "\"affirming\"", "advice": "Mend the policy.",
        });
        let reasons = denial(&json!({"denied": [failed]}), Some("shop"));
        assert!(reasons.about_appraisal);
        let path = json!({"condition": {"name": "allow", "line": 4, "text": "data[\"resource-path\"][0] == \"shop\""}});
        let also = json!({"seen": [{"what": "input.submods.cpu0[\"ear.status\"]", "values": []}]});
        assert!(!denial(&json!({"denied": [path]}), None).about_appraisal);
        assert!(denial(&json!({"denied": [{"also": [also]}]}), None).about_appraisal);
        for part in [
            "the resource policy `shop` said no",
            "(line 4, rule allow)",
            "expected   \"afirming\"",
            "came       \"affirming\"",
        ] {
            assert!(reasons.why.contains(part), "{part}\n{}", reasons.why);
        }
        assert_eq!(reasons.advice, ["Mend the policy."]);
        assert!(denial(&json!({"submods": {}}), None).why.is_empty());
    }

    #[test]
    fn what_was_expected_and_what_came_are_said_with_the_line_of_the_policy() {
        let failed = json!({
            "condition": {"name": "snp_executables", "line": 61, "text": "matches_reference_value(\n\tinput.snp.measurement, \"m\")"},
            "expected": "a value registered as `m`", "came": "`input.snp.measurement` is \"ab\"",
            "advice": "Register `m`.",
            "also": [{"expected": "`input.snp.vmpl` equal to 0", "advice": "Start it at VMPL 0."}],
        });
        let better = json!({"value": 3, "failed": [failed.clone(), failed]});
        let claim = json!({"claim": "executables", "value": 33, "better": [better]});
        let explanation = json!({"submods": {"cpu0": {"claims": [claim], "incomplete": "too many rules"}}});
        let reasons = read(&explanation);
        for part in [
            "cpu0: executables is 33, not 3",
            "matches_reference_value( input.snp.measurement, \"m\")  (line 61, rule snp_executables)",
            "expected   a value registered as `m`",
            "came       `input.snp.measurement` is \"ab\"",
            "    and also\n    expected   `input.snp.vmpl` equal to 0",
            "not all could be looked into: too many rules",
        ] {
            assert!(reasons.why.contains(part), "{part}\n{}", reasons.why);
        }
        assert_eq!(reasons.advice, ["Register `m`.", "Start it at VMPL 0."]);
    }

    #[test]
    fn that_a_guest_is_in_debug_mode_comes_first_and_the_rest_is_brief() {
        let condition =
            |line: u64, text: &str| json!({"name": "snp_configuration", "line": line, "text": text});
        let debug = json!({
            "condition": condition(5, "input.snp.policy_debug_allowed == false"), "debug": true,
            "expected": "`input.snp.policy_debug_allowed` equal to false",
            "came": "`input.snp.policy_debug_allowed` is true", "advice": "Start it without.",
        });
        let other = json!({
            "condition": condition(4, "input.snp.vmpl == 0"), "expected": "`input.snp.vmpl` equal to 0",
            "came": "`input.snp.vmpl` is 1", "advice": "Start it at VMPL 0.", "also": [debug],
        });
        let claims = json!([
            {"claim": "executables", "value": 33, "better": [{"value": 3, "failed": [other.clone()]}]},
            {"claim": "configuration", "value": 96, "better": [{"value": 3, "failed": [debug, other]}]},
        ]);
        let reasons = read(&json!({"submods": {"cpu0": {"claims": claims}}}));
        assert_eq!(
            reasons.why,
            "  cpu0: executables is 33, not 3\n\
             \x20   condition  input.snp.policy_debug_allowed == false  (line 5, rule snp_configuration)\n\
             \x20   expected   `input.snp.policy_debug_allowed` equal to false\n\
             \x20   came       `input.snp.policy_debug_allowed` is true\n\
             \x20 cpu0: also not met (`--output json` says why)\n\
             \x20   input.snp.vmpl == 0  (line 4)\n"
        );
        assert_eq!(
            reasons.headline,
            "  cpu0: DEBUG MODE: whoever runs its host can look into it\n"
        );
        assert_eq!(reasons.advice, ["Start it without."]);
    }

    #[test]
    fn an_explanation_in_another_form_is_shown_as_it_is() {
        assert_eq!(read(&json!({"submods": 7})).why, "  {\"submods\":7}\n");
        assert_eq!(read(&json!({"submods": {"cpu0": {"claims": []}}})).why, "");
        assert_eq!(read(&json!({})).why, "");
    }
}
