//! What the default policy costs, and whether much that is registered beside it makes a difference.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use attestation_service::{AttestationRequest, AttestationService, PolicyChange};
use policy::{AppraisalPolicy, Claims, Limits, Member, PolicyInput, ReferenceValueSnapshot, defaults};
use serde_json::{Value, json};

use super::Figure;
use super::tees::{processor_time, request, service};
use crate::simulation::trust;
use crate::vouch::register_message;

/// Most that an appraisal may cost, in microseconds.
const LIMIT_US: f64 = 25.0;
/// How much slower an evaluation may be among many values and policies.
const LIMIT_CROWD: f64 = 1.03;

const TURNS: usize = 31;
const EACH: u32 = 64;

const VALUES: usize = 100_000;
const POLICIES: usize = 1_000;
/// Values in one message.
const BATCH: usize = 10_000;

/// The claims of an SNP guest that the default policy looks at.
struct Guest(Value);

impl Claims for Guest {
    fn member(&self, name: &str) -> Option<Member<'_>> {
        self.0.get(name).map(Member::Value)
    }
}

impl Guest {
    fn new() -> Self {
        Self(json!({"snp": {
            "policy_debug_allowed": false, "policy_migrate_ma": false, "vmpl": 0, "measurement": "aa".repeat(48),
            "reported_tcb_bootloader": 3, "reported_tcb_tee": 0, "reported_tcb_snp": 8, "reported_tcb_microcode": 115,
            "platform_smt_enabled": true, "platform_tsme_enabled": false, "policy_abi_major": 0,
            "policy_abi_minor": 31, "policy_single_socket": false, "policy_smt_allowed": true,
            "report_data": "bb".repeat(64), "chip_id": "cc".repeat(64),
        }, "report_data": "bb".repeat(64), "runtime_data_claims": {"nonce": "n"}}))
    }

    /// The 11 reference values that make it affirming.
    fn values(&self) -> Vec<(String, Value)> {
        let rows = [
            ("snp_launch_measurement", "measurement"),
            ("snp_bootloader", "reported_tcb_bootloader"),
            ("snp_tee_svn", "reported_tcb_tee"),
            ("snp_snp_svn", "reported_tcb_snp"),
            ("snp_microcode", "reported_tcb_microcode"),
            ("snp_smt_enabled", "platform_smt_enabled"),
            ("snp_tsme_enabled", "platform_tsme_enabled"),
            ("snp_guest_abi_major", "policy_abi_major"),
            ("snp_guest_abi_minor", "policy_abi_minor"),
            ("snp_single_socket", "policy_single_socket"),
            ("snp_smt_allowed", "policy_smt_allowed"),
        ];
        let claim = |name: &str| self.0.get("snp").and_then(|claims| claims.get(name));
        rows.iter()
            .map(|(id, name)| ((*id).to_owned(), json!([claim(name)])))
            .collect()
    }
}

/// The default policy by itself, then an Attestation Service with much in it.
pub(super) fn figures(notes: &mut Vec<String>) -> anyhow::Result<Vec<Figure>> {
    super::say("appraising by the default policy");
    let mut figures = alone(notes)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    super::say("registering 100,000 reference values and 1,000 policies");
    let (plain, crowded) = runtime.block_on(in_a_crowd())?;
    notes.push(format!(
        "sample evidence: {plain:.0} us, among {VALUES} reference values and {POLICIES} policies {crowded:.0} us"
    ));
    figures.push(Figure {
        what: "evaluation among 100,000 values, 1,000 policies".to_owned(),
        value: crowded / plain,
        floor: LIMIT_CROWD,
        unit: "x",
        at_most: true,
        because: "the same without them, in turns".to_owned(),
    });
    Ok(figures)
}

fn alone(notes: &mut Vec<String>) -> anyhow::Result<Vec<Figure>> {
    let (_, rego) = defaults::ATTESTATION
        .iter()
        .find(|(id, _)| *id == "default_cpu")
        .context("there is no default policy for CPUs")?;
    let policy = AppraisalPolicy::compile(rego)?;
    let guest = Guest::new();
    let others = (0..VALUES).map(|number| (format!("other_{number}"), json!([number])));
    let few = ReferenceValueSnapshot::from_entries(guest.values())?;
    let many = ReferenceValueSnapshot::from_entries(others.chain(guest.values()))?;
    let text = guest.0.to_string();
    let evaluate = |reference: &ReferenceValueSnapshot| {
        let input = PolicyInput::from_json(&text)?;
        policy.evaluate(&input, reference, &Limits::default())
    };
    let appraisal = evaluate(&few)?;
    anyhow::ensure!(
        appraisal.asked.len() == guest.values().len() && appraisal.asked.iter().all(|asked| asked.known),
        "the default policy asks for other values: {:?}",
        appraisal.asked
    );
    let appraisal = Arc::new(appraisal);
    let mut figures = Vec::new();
    for (what, reference) in [
        ("appraisal, default policy, 11 values", &few),
        ("appraisal among 100,000 values", &many),
    ] {
        let anew = median(|| evaluate(reference).map(drop).map_err(Into::into))?;
        let fingerprint = policy.fingerprint(&guest).context("nothing is remembered")?;
        policy.keep(fingerprint, reference, &appraisal);
        let warm = median(|| {
            let fingerprint = policy.fingerprint(&guest).context("nothing is remembered")?;
            policy
                .recall(&fingerprint, reference)
                .map(drop)
                .context("it was forgotten")
        })?;
        notes.push(format!("{what}: {anew:.1} us where nothing is remembered"));
        figures.push(Figure {
            what: what.to_owned(),
            value: warm,
            floor: LIMIT_US,
            unit: "us",
            at_most: true,
            because: "claims that are the same to the policy as earlier ones".to_owned(),
        });
    }
    Ok(figures)
}

/// What an evaluation costs with nothing else registered, and among much, in microseconds.
async fn in_a_crowd() -> anyhow::Result<(f64, f64)> {
    let dir = tempfile::tempdir()?;
    let trust = trust("sample", dir.path())?;
    let (plain, crowded) = (service(&trust).await?, service(&trust).await?);
    let numbers: Vec<usize> = (0..VALUES).collect();
    for batch in numbers.chunks(BATCH) {
        let values = batch
            .iter()
            .map(|number| (format!("other_{number}"), json!([number])));
        let message = register_message(&Value::Object(values.collect()));
        crowded.register_reference_value(&message, None).await?;
    }
    for number in 0..POLICIES {
        let rego = format!(
            "package policy\nimport rego.v1\ntrust_claims := {{\"hardware\": {}}}",
            number % 90
        );
        let id = format!("other_{number}_cpu");
        crowded.set_policy(PolicyChange::new(&id, &rego)).await?;
    }
    let evidence = json!({"svn": "1", "report_data": base64_of_report_data()});
    let request = request("sample", &evidence)?;
    let (mut of_plain, mut of_crowded) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        for (service, times) in [(&plain, &mut of_plain), (&crowded, &mut of_crowded)] {
            times.push(turn(service, &request).await?);
        }
    }
    Ok((middle(of_plain), middle(of_crowded)))
}

async fn turn(service: &AttestationService, request: &AttestationRequest) -> anyhow::Result<Duration> {
    let started = processor_time();
    for _ in 0..EACH {
        service.evaluate(request.clone()).await?;
    }
    Ok(processor_time().saturating_sub(started) / EACH)
}

fn base64_of_report_data() -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(super::tees::REPORT_DATA)
}

/// Of some turns of the work, the middle one, in microseconds.
fn median(work: impl Fn() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let mut times = Vec::new();
    for _ in 0..TURNS {
        let started = processor_time();
        for _ in 0..EACH {
            work()?;
        }
        times.push(processor_time().saturating_sub(started) / EACH);
    }
    Ok(middle(times))
}

fn middle(times: Vec<Duration>) -> f64 {
    super::tees::median(times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_policy_asks_for_all_eleven_values_and_is_remembered() {
        let figures = alone(&mut Vec::new()).unwrap();
        assert_eq!(figures.len(), 2);
    }
}
