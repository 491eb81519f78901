//! What the evaluation of each TEE's evidence costs, beside the bare cost of its signatures: in this process and by
//! processor time, in short blocks by turns, each held against the one beside it, so that whatever else the machine
//! does falls on both or on neither.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use attestation_service::{
    AttestationRequest, AttestationService, Config, HashAlgorithm, IndividualRequest, InitData, RuntimeData,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use daemon::clock::SystemClock;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use super::Figure;
use super::floors::Floors;
use crate::simulation::trust;
use crate::vouch::reference_values;

/// How many turns each side takes, and how long a turn is.
const TURNS: usize = 31;
const TURN: Duration = Duration::from_millis(20);

/// How many services are started to see what the first evidence costs.
const COLD: usize = 5;

/// What every report is bound to.
pub(super) const REPORT_DATA: [u8; 48] = [0x2a; 48];

/// TEE, what its evaluation may cost in multiples of its signatures, and what these are.
pub(super) const TEES: &[(&str, f64, &str)] = &[
    ("snp", 1.3, "P-384 verification and token signature"),
    ("tdx", 1.5, "dcap-qvl's verification and token signature"),
    ("sgx", 1.5, "dcap-qvl's verification and token signature"),
    (
        "az-snp-vtpm",
        1.5,
        "P-384 and RSA-2048 verification and token signature",
    ),
    (
        "az-tdx-vtpm",
        1.5,
        "dcap-qvl's and RSA-2048 verification and token signature",
    ),
    ("tpm", 1.5, "RSA-2048 verification and token signature"),
    ("cca", 1.5, "two P-384 verifications and token signature"),
    ("csv", 1.5, "SM2 verification and token signature"),
    ("nvidia", 1.5, "P-384 verification and token signature"),
];

/// One figure a TEE, or of `only` one, warm; and a note of what it costs cold.
pub(super) fn figures(only: Option<&str>, notes: &mut Vec<String>) -> anyhow::Result<Vec<Figure>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let floors = Floors::new()?;
    let mut figures = Vec::new();
    let wanted = |(tee, _, _): &&(&str, f64, &str)| only.is_none_or(|only| only == *tee);
    for (tee, limit, because) in TEES.iter().filter(wanted) {
        super::say(&format!("evaluating {tee} evidence"));
        let measured = runtime.block_on(measure(tee, &floors))?;
        notes.push(format!(
            "{tee}: {:.0} us warm, {:.0} us with everything to be fetched and verified anew; its signatures alone {:.0} us",
            measured.warm_us, measured.cold_us, measured.floor_us
        ));
        figures.push(Figure {
            what: format!("{tee} evaluation / its signatures, warm"),
            value: measured.ratio,
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
    /// The median of what each turn's evaluation took in multiples of the signatures beside it.
    ratio: f64,
}

async fn measure(tee: &str, floors: &Floors) -> anyhow::Result<Measured> {
    let dir = tempfile::tempdir()?;
    let trust = trust(tee, dir.path())?;
    let guest = match simulated_tee::guest(tee)? {
        Some(guest) => guest,
        None => simulated_tee::device(tee, 1)?.context("this TEE cannot be simulated")?,
    };
    let request = request(tee, &guest.evidence(&REPORT_DATA, None)?)?;

    let mut cold = Vec::new();
    for _ in 0..COLD {
        let service = service(&trust).await?;
        let started = processor_time();
        service.evaluate(request.clone()).await?;
        cold.push(processor_time().saturating_sub(started));
    }
    let service = service(&trust).await?;
    let token = vouch(&service, tee, &request).await?;
    let evaluations = async |count: u32| {
        for _ in 0..count {
            service.evaluate(request.clone()).await?;
        }
        anyhow::Ok(())
    };
    let signatures = async |count: u32| (0..count).try_for_each(|_| floors.once(tee, &token));
    let evaluations_in_turn = in_turn(timed(8, &evaluations).await?);
    let signatures_in_turn = in_turn(timed(8, &signatures).await?);
    let (mut warm, mut floor, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 0..TURNS {
        // Whoever comes second meets a later minute: that is each in turn.
        let (evaluation, signature) = if turn % 2 == 0 {
            let evaluation = timed(evaluations_in_turn, &evaluations).await?;
            (evaluation, timed(signatures_in_turn, &signatures).await?)
        } else {
            let signature = timed(signatures_in_turn, &signatures).await?;
            (timed(evaluations_in_turn, &evaluations).await?, signature)
        };
        ratios.push(evaluation.as_secs_f64() / signature.as_secs_f64());
        warm.push(evaluation);
        floor.push(signature);
    }
    ratios.sort_unstable_by(f64::total_cmp);
    Ok(Measured {
        warm_us: median(warm),
        cold_us: median(cold),
        floor_us: median(floor),
        ratio: ratios.get(TURNS / 2).copied().context("there were no turns")?,
    })
}

/// What each of so many costs.
async fn timed(count: u32, work: &impl AsyncFn(u32) -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    let started = processor_time();
    work(count).await?;
    Ok(processor_time().saturating_sub(started) / count)
}

/// How many of what costs so much a turn has.
fn in_turn(each: Duration) -> u32 {
    let count = TURN.as_nanos() / each.as_nanos().max(1);
    u32::try_from(count).unwrap_or(u32::MAX).max(1)
}

/// What all threads of this process have used so far.
pub(super) fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let whole = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::from_secs(whole) + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or_default())
}

pub(super) async fn service(verifier_config: &Value) -> anyhow::Result<Arc<AttestationService>> {
    let config = json!({"verifier_config": verifier_config}).to_string();
    let config = daemon::config::load_str::<Config>(&config, "json", &[])?.config;
    Ok(AttestationService::start(&config, Arc::new(SystemClock)).await?)
}

pub(super) fn request(tee: &str, evidence: &Value) -> anyhow::Result<AttestationRequest> {
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

/// What is signed of the token, and its claims.
async fn evaluate(
    service: &AttestationService,
    request: &AttestationRequest,
) -> anyhow::Result<(Vec<u8>, Value)> {
    let token = service.evaluate(request.clone()).await?;
    let (signed, _) = token
        .as_str()
        .rsplit_once('.')
        .context("the token has no signature")?;
    let (_, payload) = signed.split_once('.').context("the token has no payload")?;
    let claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?;
    Ok((signed.as_bytes().to_vec(), claims))
}

/// Registers what makes the guest affirming: the default policy then looks at everything. What is signed of the token
/// that says so.
async fn vouch(
    service: &AttestationService,
    tee: &str,
    request: &AttestationRequest,
) -> anyhow::Result<Vec<u8>> {
    let (_, claims) = evaluate(service, request).await?;
    let annotated = the_only_submodule(&claims)?.get("ear.veraison.annotated-evidence");
    let annotated = annotated.context("the token has no claims")?;
    let message = crate::vouch::register_message(&reference_values(tee, annotated)?);
    service.register_reference_value(&message, None).await?;
    let (signed, claims) = evaluate(service, request).await?;
    let status = the_only_submodule(&claims)?
        .get("ear.status")
        .and_then(Value::as_str);
    anyhow::ensure!(status == Some("affirming"), "{tee} is {status:?}");
    Ok(signed)
}

fn the_only_submodule(claims: &Value) -> anyhow::Result<&Value> {
    let submodules = claims.get("submods").and_then(Value::as_object);
    let first = submodules.and_then(|submodules| submodules.values().next());
    first.context("the token has no submodule")
}

/// In microseconds.
pub(super) fn median(mut times: Vec<Duration>) -> f64 {
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

    #[test]
    fn a_turn_is_as_long_whatever_it_is_of() {
        assert_eq!(in_turn(Duration::from_micros(100)), 200);
        assert_eq!(in_turn(Duration::from_secs(1)), 1);
        assert_eq!(in_turn(Duration::ZERO), 20_000_000);
    }
}
