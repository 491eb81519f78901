//! What the evaluation of each TEE's evidence costs, beside the bare cost of its signatures: in this process, in
//! turns, so that whatever else the machine does falls on both.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use attestation_service::{
    AttestationRequest, AttestationService, Config, HashAlgorithm, IndividualRequest, InitData, RuntimeData,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use daemon::clock::SystemClock;
use serde_json::{Value, json};

use super::Figure;
use super::floors::Floors;
use crate::simulation::{Trust, trust};
use crate::vouch::reference_values;

/// How many turns each side takes, and how many evaluations a turn has.
const TURNS: usize = 15;
const EACH: u32 = 8;

/// How many services are started to see what the first evidence costs.
const COLD: usize = 5;

/// What every report is bound to.
const REPORT_DATA: [u8; 48] = [0x2a; 48];

/// TEE, what its evaluation may cost in multiples of its signatures, and what these are.
pub(super) const TEES: &[(&str, f64, &str)] = &[
    ("cca", 1.5, "two P-384 verifications and token signature"),
    ("snp", 1.3, "P-384 verification and token signature"),
    (
        "az-snp-vtpm",
        1.5,
        "P-384 and RSA-2048 verification and token signature",
    ),
    ("tpm", 1.5, "RSA-2048 verification and token signature"),
];

/// One figure a TEE, warm; and a note of what it costs cold.
pub(super) fn figures(notes: &mut Vec<String>) -> anyhow::Result<Vec<Figure>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let floors = Floors::new()?;
    let mut figures = Vec::new();
    for (tee, limit, because) in TEES {
        super::say(&format!("evaluating {tee} evidence"));
        let measured = runtime.block_on(measure(tee, &floors))?;
        notes.push(format!(
            "{tee}: {:.0} us warm, {:.0} us with everything to be fetched and verified anew; its signatures alone {:.0} us",
            measured.warm_us, measured.cold_us, measured.floor_us
        ));
        figures.push(Figure {
            what: format!("{tee} evaluation / its signatures, warm"),
            value: measured.warm_us / measured.floor_us,
            floor: *limit,
            unit: "x",
            at_most: true,
            because: (*because).to_owned(),
        });
    }
    Ok(figures)
}

struct Measured {
    warm_us: f64,
    cold_us: f64,
    floor_us: f64,
}

async fn measure(tee: &str, floors: &Floors) -> anyhow::Result<Measured> {
    let dir = tempfile::tempdir()?;
    let trust = trust(tee, dir.path())?;
    let guest = simulated_tee::guest(tee)?.context("this TEE cannot be simulated")?;
    let request = request(tee, &guest.evidence(&REPORT_DATA, None)?)?;

    let mut cold = Vec::new();
    for _ in 0..COLD {
        let service = service(&trust).await?;
        let started = Instant::now();
        service.evaluate(request.clone()).await?;
        cold.push(started.elapsed());
    }
    let service = service(&trust).await?;
    vouch(&service, tee, &request).await?;
    let (mut warm, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let started = Instant::now();
        for _ in 0..EACH {
            service.evaluate(request.clone()).await?;
        }
        warm.push(started.elapsed() / EACH);
        let started = Instant::now();
        for _ in 0..EACH {
            floors.once(tee)?;
        }
        floor.push(started.elapsed() / EACH);
    }
    Ok(Measured {
        warm_us: median(warm),
        cold_us: median(cold),
        floor_us: median(floor),
    })
}

async fn service(trust: &Trust) -> anyhow::Result<Arc<AttestationService>> {
    let config = json!({"verifier_config": trust.verifier_config}).to_string();
    let config = daemon::config::load_str::<Config>(&config, "json", &[])?.config;
    Ok(AttestationService::start(&config, Arc::new(SystemClock)).await?)
}

fn request(tee: &str, evidence: &Value) -> anyhow::Result<AttestationRequest> {
    let item = IndividualRequest {
        tee: tee.parse()?,
        evidence: evidence.to_string().into_bytes(),
        runtime_data: RuntimeData::Raw(REPORT_DATA.to_vec()),
        init_data: InitData::None,
        hash: HashAlgorithm::default(),
    };
    Ok(AttestationRequest {
        items: vec![item],
        policy_ids: Vec::new(),
    })
}

async fn evaluate(service: &AttestationService, request: &AttestationRequest) -> anyhow::Result<Value> {
    let token = service.evaluate(request.clone()).await?;
    let payload = token.split('.').nth(1).context("the token has no payload")?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?)
}

/// Registers what makes the guest affirming: the default policy then looks at everything.
async fn vouch(service: &AttestationService, tee: &str, request: &AttestationRequest) -> anyhow::Result<()> {
    let claims = evaluate(service, request).await?;
    let annotated = claims
        .pointer("/submods/cpu0/ear.veraison.annotated-evidence")
        .context("the token has no cpu0")?;
    let message = crate::vouch::register_message(&reference_values(tee, annotated)?);
    service.register_reference_value(&message, None).await?;
    let claims = evaluate(service, request).await?;
    let status = claims.pointer("/submods/cpu0/ear.status").and_then(Value::as_str);
    anyhow::ensure!(status == Some("affirming"), "{tee} is {status:?}");
    Ok(())
}

/// In microseconds.
fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    let middle = times.get(times.len() / 2).copied().unwrap_or_default();
    middle.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_no_outlier() {
        let times = [1, 900, 3].map(Duration::from_micros).to_vec();
        assert!((median(times) - 3.0).abs() < 1e-9);
    }
}
