//! One decision, for somebody who wants to mend what it is about.

use std::fmt::Write;

use super::explanation;
use super::words::{meaning, statuses, tier, time};
use crate::decisions::{Decision, Device, FailedCheck};
use crate::error::printable;

/// What was decided, on what grounds, and what to do. Safe for a terminal.
pub(super) fn describe(decision: &Decision, attestation: Option<&Decision>) -> String {
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = header(&mut text, decision, attestation);
    // A release rests on what was found when the guest attested.
    let grounds = attestation.unwrap_or(decision);
    for (name, device) in &decision.devices {
        let _ = appraisal(&mut text, name, device);
    }
    let reasons = grounds
        .explanation
        .as_ref()
        .map(explanation::read)
        .unwrap_or_default();
    // The last one that was asked; those before it said yes.
    let said_no = decision.policies.last().filter(|_| decision.verdict == "denied");
    let said_no = said_no.map(|policy| policy.id.as_str());
    let denial = decision.explanation.as_ref();
    let denial = denial
        .map(|explanation| explanation::denial(explanation, said_no))
        .unwrap_or_default();
    // What a policy asks for beside an appraisal, no better appraisal can give.
    let appraisal_counts = denial.why.is_empty() || denial.about_appraisal;
    let headline = Some(reasons.headline.as_str()).filter(|_| appraisal_counts);
    if !denial.why.is_empty() || !reasons.why.is_empty() {
        let headline = headline.unwrap_or_default();
        let _ = write!(text, "\nWhy\n{headline}{}{}", denial.why, reasons.why);
    }
    if let Some(check) = &decision.failed_check {
        let _ = failed_check(&mut text, check);
    }
    let good = matches!(decision.verdict.as_str(), "released" | "affirming");
    let mut advice = denial.advice;
    if headline.is_some_and(|headline| !headline.is_empty()) {
        // Whatever the policies ask for, this is first.
        advice.clear();
    } else if advice.is_empty() && decision.verdict == "denied" {
        advice.extend(said_no.map(read_it));
    }
    if !good && appraisal_counts {
        advice.extend(stale(grounds));
        // An explanation knows the policy and the values; what is said in general is for those who have not that.
        advice.extend(match reasons.advice.is_empty() {
            true => self::advice(decision, grounds),
            false => reasons.advice,
        });
    }
    if let Some(check) = decision
        .failed_check
        .as_ref()
        .filter(|check| !check.advice.is_empty())
    {
        advice = vec![check.advice.replace('\n', " ")];
    }
    if !advice.is_empty() {
        text.push_str("\nWhat to do\n");
        for sentence in advice {
            let _ = writeln!(text, "  {sentence}");
        }
    }
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

/// What to do about a policy that said no, and nobody knows which part of it.
fn read_it(id: &str) -> String {
    let which = match id {
        MAIN => String::new(),
        id => format!(" --id {id}"),
    };
    format!(
        "The resource policy `{id}` said no. Read it with `config get-resource-policy{which}`: does it know this path, this \
         TEE, these init-data?"
    )
}

/// What to do where reference values counted that may not be those of the RVPS.
fn stale(grounds: &Decision) -> Option<String> {
    let age = grounds
        .devices
        .values()
        .filter_map(|device| device.reference_values_age)
        .max()?;
    Some(format!(
        "The Attestation Service had not reached its RVPS for {age} seconds: what was registered or revoked since did not \
         count. See that it reaches it, and let the guest attest again before anything else."
    ))
}

/// The policy about everything, whose id need not be said.
const MAIN: &str = "resource-policy";

/// What a guest stumbled on before any policy was asked.
fn failed_check(text: &mut String, check: &FailedCheck) -> std::fmt::Result {
    writeln!(text, "\nWhy")?;
    let mut row = |name: &str, value: &str| writeln!(text, "  {name:<10} {}", value.replace('\n', " "));
    row("check", &check.check)?;
    if let Some(expected) = &check.expected {
        row("expected", expected)?;
    }
    if let Some(came) = &check.came {
        row("came", came)?;
    }
    let whose = match check.fault.as_str() {
        "attester" => "the guest's: its evidence, or how it presents it",
        "request" => "the request's: it cannot be used as it is",
        "operator" => "the operator's: a setting or a policy",
        "dependency" => "that of a service behind: trying again may help",
        other => other,
    };
    row("fault", whose)
}

fn header(text: &mut String, decision: &Decision, attestation: Option<&Decision>) -> std::fmt::Result {
    writeln!(text, "Decision {}", decision.id)?;
    let mut row = |name: &str, value: &str| writeln!(text, "  {name:<10} {}", value.replace('\n', " "));
    row("when", &time(decision.at))?;
    match &decision.resource {
        Some(resource) => row("asked for", resource)?,
        None => row("asked for", "attestation")?,
    }
    row("verdict", &verdict(decision))?;
    if let Some(reason) = &decision.reason {
        row("because", reason)?;
    }
    let mut policies = decision.policies.iter().peekable();
    while let Some(policy) = policies.next() {
        let digest = policy.digest.get(..16).unwrap_or(&policy.digest);
        let version = policy.version.map(|number| format!(", version {number}"));
        let version = version.unwrap_or_default();
        let said = match (decision.verdict.as_str(), policies.peek()) {
            ("denied", None) => ": said no",
            ("denied", Some(_)) => ": said yes",
            _ => "",
        };
        row(
            "policy",
            &format!("{} (sha384 {digest}…{version}){said}", policy.id),
        )?;
    }
    let tee = attestation.unwrap_or(decision).tee.as_deref();
    match (tee, &decision.attestation) {
        (Some(tee), Some(id)) => row("guest", &format!("{tee}, by attestation {id}"))?,
        (Some(tee), None) => row("guest", tee)?,
        (None, Some(id)) => row(
            "guest",
            &format!("by attestation {id}, which is not kept any more"),
        )?,
        (None, None) if decision.resource.is_some() && !decision.devices.is_empty() => {
            row("guest", "by a token of another attestation service")?;
        }
        (None, None) => {}
    }
    match &decision.request_id {
        Some(id) => row("request", id),
        None => Ok(()),
    }
}

fn verdict(decision: &Decision) -> String {
    let words = match decision.verdict.as_str() {
        "affirming" => "attested; every device is affirming",
        "none" => "attested; the attestation policy claims nothing of some device",
        "warning" => "attested; some device is below what was asked of it",
        "contraindicated" => "attested; some device is not to be trusted",
        "unknown" => "attested, by a token that is no EAR",
        "untrusted" => "attested, but by a token that this KBS does not trust: it releases nothing",
        "refused" => "what was shown does not hold",
        "released" => "the secret was handed out",
        "denied" => "the resource policy said no",
        "failed" => "it could not be decided, or what was asked for could not be had",
        _ => "",
    };
    format!("{}: {words}", decision.verdict)
}

fn appraisal(text: &mut String, name: &str, device: &Device) -> std::fmt::Result {
    let policy = match (&device.policy_id, &device.policy_digest) {
        (Some(id), Some(digest)) => {
            format!(
                ", by policy {id} (sha384 {}…)",
                digest.get(..16).unwrap_or(digest)
            )
        }
        (Some(id), None) => format!(", by policy {id}"),
        (None, _) => String::new(),
    };
    writeln!(text, "\n{name}: {}{policy}", device.status)?;
    if let Some(age) = device.reference_values_age {
        writeln!(
            text,
            "  by reference values that were {age} seconds old: the RVPS could not be reached"
        )?;
    }
    for (claim, value) in &device.vector {
        writeln!(
            text,
            "  {claim:<18} {value:>4}  {:<16} {}",
            tier(*value),
            meaning(claim, *value)
        )?;
    }
    Ok(())
}

/// What somebody can do about it, in the order in which it is worth trying.
fn advice(decision: &Decision, grounds: &Decision) -> Vec<String> {
    let mut advice = Vec::new();
    let mut say = |sentence: &str| advice.push(sentence.to_owned());
    match (decision.verdict.as_str(), decision.class.as_deref()) {
        ("released" | "affirming", _) => {}
        ("denied", _)
            if grounds
                .devices
                .values()
                .all(|device| device.status == "affirming") =>
        {
            say("Every device is affirming: it is the resource policy that asks for something else.");
        }
        ("denied" | "none" | "warning" | "contraindicated", _) => {
            // A token that was not made here is by values that are not here either.
            let elsewhere = decision.resource.is_some() && decision.attestation.is_none();
            devices(grounds, elsewhere, &mut say);
        }
        ("unknown", _) => {
            say("The resource policy has to know the claims of this kind of token: `show --claims`.")
        }
        ("untrusted", _) => {
            say(
                "Name the keys of the Attestation Service in [attestation_token] of the KBS (docs/config.md).",
            );
        }
        ("refused", Some("TokenVerifierError")) => {
            say(
                "The token has expired, or is of another issuer, or for another KBS: let the guest attest again.",
            );
            say("If it should be trusted, see [attestation_token] of the KBS: keys, issuer, audience.");
        }
        ("refused", _) => {
            say("The evidence itself does not hold: no policy or reference value can change that.");
            say(
                "A nonce, a session or a key that does not match: the guest began again, or something is between.",
            );
            say("A signature, a certificate or a report: see the page of its TEE in docs/tees/.");
        }
        ("failed", Some("ResourceNotFound")) => {
            say("The policy allowed it, but there is no such resource: `config set-resource --path …`.");
        }
        ("failed", Some("PolicyEngineError")) => {
            say("The resource policy cannot be evaluated; nothing is released until it is mended.");
        }
        ("failed", _) => {
            say("A service or a setting is at fault, not the guest: the logs tell more by the request id.")
        }
        _ => {}
    }
    advice
}

/// What to do about devices that are not affirming.
fn devices(decision: &Decision, elsewhere: bool, say: &mut impl FnMut(&str)) {
    let values = || decision.devices.values().flat_map(|device| &device.vector);
    let is = |claim: &str, value: i64| values().any(|(name, found)| name == claim && *found == value);
    let says_nothing = |device: &Device| device.vector.values().all(|value| (-1..=1).contains(value));
    if is("executables", 33) {
        say(
            "What was booted is not known to be good: mostly its measurement is no reference value, or it is in debug mode.",
        );
        say(match elsewhere {
            true => {
                "If you trust it, register it with the attestation service that made the token; this KBS has no values for it."
            }
            false => {
                "If you trust it, register it: `config set-sample-reference-value --add`, or `rvps-tool`; \
                 `config list-reference-values` shows what is there."
            }
        });
    }
    if is("hardware", 97) || is("hardware", 32) {
        say(
            "The hardware or its firmware is not known to be good, or out of date: see the page of the TEE for what is asked.",
        );
    }
    if is("configuration", 96) {
        say("Debug mode, or a configuration that is never acceptable: start the guest without it.");
    }
    if is("configuration", 36) {
        say("The configuration could not be checked: mostly the reference values for it are missing.");
    }
    if decision.devices.values().any(says_nothing) {
        say(
            "The attestation policy claims nothing: does it have rules for this TEE (`config get-attestation-policy`)?",
        );
    }
    if statuses(decision).is_empty() {
        say("The token says nothing about devices: `show --claims`.");
    }
}
