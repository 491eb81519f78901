//! How soon a change of one reference value among very many decides about a guest.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use protos::reference::ReferenceValueRegisterRequest;
use protos::reference::reference_value_provider_service_client::ReferenceValueProviderServiceClient;
use serde_json::{Value, json};
use tonic::transport::Channel;

use super::Figure;
use super::stack::{RESOURCE, Stack};
use crate::load::guest::{Guest, Sample};
use crate::load::target::Target;
use crate::vouch::register_message;

const VALUES: usize = 100_000;
/// Values in one message.
const BATCH: usize = 10_000;
/// The value is revoked and given back so often.
const TURNS: usize = 5;
const LIMIT_MS: f64 = 1_000.0;
/// A change that takes longer than this never comes.
const PATIENCE: Duration = Duration::from_secs(30);

type Rvps = ReferenceValueProviderServiceClient<Channel>;

/// Registers the values with the RVPS and then changes the one that makes the guest affirming, to and fro. The
/// guest attests over and over until the KBS gives it the secret, or no longer does.
pub(super) fn in_force(stack: &Stack, rvps_url: &str) -> anyhow::Result<Figure> {
    super::say("registering 100,000 reference values and changing one");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let slowest = runtime.block_on(slowest(&stack.kbs_url, rvps_url))?;
    Ok(Figure {
        what: "a change among 100,000 values is in force".to_owned(),
        value: slowest.as_secs_f64() * 1e3,
        floor: LIMIT_MS,
        unit: "ms",
        at_most: true,
        because: "from the RVPS's answer to the KBS's other verdict, the slowest of ten".to_owned(),
    })
}

async fn slowest(kbs_url: &str, rvps_url: &str) -> anyhow::Result<Duration> {
    let mut rvps = Rvps::connect(rvps_url.to_owned()).await?;
    let numbers: Vec<usize> = (0..VALUES).collect();
    for batch in numbers.chunks(BATCH) {
        let values = batch
            .iter()
            .map(|number| (format!("other_{number}"), json!([number])));
        register(&mut rvps, &Value::Object(values.collect())).await?;
    }
    let mut guest = Guest::connect(&Target::parse(kbs_url, None)?, Arc::new(Sample), RESOURCE).await?;
    until_released(&mut guest, true).await?;
    let mut slowest = Duration::ZERO;
    for _ in 0..TURNS {
        for (digest, released) in [("other", false), ("abcde", true)] {
            register(&mut rvps, &json!({"launch_digest": [digest]})).await?;
            slowest = slowest.max(until_released(&mut guest, released).await?);
        }
    }
    Ok(slowest)
}

async fn register(rvps: &mut Rvps, values: &Value) -> anyhow::Result<()> {
    let request = ReferenceValueRegisterRequest {
        message: register_message(values),
        ..Default::default()
    };
    rvps.register_reference_value(request)
        .await
        .context("the RVPS does not take reference values")?;
    Ok(())
}

/// Attests until the secret is released, or is refused; and how long that took.
async fn until_released(guest: &mut Guest<Sample>, released: bool) -> anyhow::Result<Duration> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        guest.handshake().await?;
        if guest.get().await.is_ok() == released {
            return Ok(started.elapsed());
        }
    }
    anyhow::bail!("a change of a reference value was not in force after {PATIENCE:?}")
}
