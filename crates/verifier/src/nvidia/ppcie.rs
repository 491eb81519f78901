//! Protected PCIe: eight GPUs and four switches that name each other are one system, whose links nobody else is on.
//! Devices are named by their "PDI" (physical device identifier), eight bytes in hex.

use crate::{Tee, TeeClass, VerifiedClaims};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

const GPUS: usize = 8;
const SWITCHES: usize = 4;

/// The claim set of the system, if that is what these devices are.
pub(super) fn group(devices: &[VerifiedClaims]) -> Option<VerifiedClaims> {
    let of = |class| devices.iter().filter(move |device| device.class() == class);
    let (gpus, switches) = (of(TeeClass::Gpu), of(TeeClass::Switch));
    if devices.len() != GPUS + SWITCHES
        || gpus.clone().count() != GPUS
        || switches.clone().count() != SWITCHES
    {
        return None;
    }
    let own: BTreeSet<String> = switches
        .clone()
        .map(|switch| pdi(switch.claims().get("x-nvidia-switch-pdi")?))
        .collect::<Option<_>>()?;
    if own.len() != SWITCHES {
        return None;
    }
    let mut named_by_gpus = gpus.map(|gpu| named(gpu, "x-nvidia-gpu-switch-pdis"));
    if !named_by_gpus.all(|named| named.as_ref() == Some(&own)) {
        return None;
    }
    let mut named_by_switches = switches.map(|switch| named(switch, "x-nvidia-switch-gpu-pdis"));
    let first = named_by_switches.next()??;
    let agreed = first.len() == GPUS && named_by_switches.all(|named| named.as_ref() == Some(&first));
    // Nothing can be a switch to one side and a GPU to the other.
    (agreed && first.is_disjoint(&own)).then(|| {
        let claims = [("gpu_count", GPUS), ("switch_count", SWITCHES)];
        let claims = claims.map(|(name, count)| (name.to_owned(), Value::from(count)));
        VerifiedClaims::new(Tee::Nvidia, TeeClass::Ppcie, Map::from_iter(claims))
    })
}

/// The PDIs in a list, without the zeros that stand for links that are off.
fn named(device: &VerifiedClaims, claim: &str) -> Option<BTreeSet<String>> {
    let list = device.claims().get(claim)?.as_array()?;
    let pdis = list.iter().filter(|value| !is_zero(value));
    pdis.map(pdi).collect()
}

fn pdi(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let is_pdi = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit()) && !is_zero(value);
    is_pdi.then(|| text.to_ascii_lowercase())
}

fn is_zero(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.bytes().all(|digit| digit == b'0'))
}
