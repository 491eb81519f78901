//! Eight GPUs and four switches that are one system.

use super::remote::{NONCE, judged};
use super::*;
use simulated_tee::nvidia::Verdict;

fn pdi(number: usize) -> String {
    format!("{number:016x}")
}

/// Verdicts on a complete system. Switches are 0x51 to 0x54, GPUs 1 to 8.
fn system() -> Vec<Verdict> {
    let switches: Vec<String> = (0x51..=0x54).map(pdi).collect();
    let gpus: Vec<String> = (1..=8).map(pdi).collect();
    let mut links = switches.clone();
    links.push("0".repeat(16));
    let gpu = |number: usize| {
        Verdict::gpu(&NONCE, &format!("gpu {number}"), NOW).claim("x-nvidia-gpu-switch-pdis", json!(links))
    };
    let switch = |own: &String| {
        Verdict::switch(&NONCE, own, NOW)
            .claim("x-nvidia-switch-pdi", json!(own))
            .claim("x-nvidia-switch-gpu-pdis", json!(gpus))
    };
    (0..8).map(gpu).chain(switches.iter().map(switch)).collect()
}

/// Devices for the verdicts, made once.
fn devices(count: usize, chip_of: impl Fn(usize) -> Chip) -> Vec<Device> {
    (0..count)
        .map(|place| Device::new(chip_of(place)).unwrap())
        .collect()
}

static SYSTEM: LazyLock<Vec<Device>> =
    LazyLock::new(|| devices(12, |place| if place < 8 { Chip::Hopper } else { Chip::LS10 }));

/// The classes of all claim sets, with these verdicts on the system's devices.
fn classes(verdicts: &[Verdict]) -> Vec<TeeClass> {
    let devices: Vec<&Device> = SYSTEM.iter().collect();
    let claims = judged(&devices, verdicts).run().unwrap();
    claims.iter().map(VerifiedClaims::class).collect()
}

/// Is the system still one after this change?
fn is_system(change: impl FnOnce(&mut [Verdict])) -> bool {
    let mut verdicts = system();
    change(&mut verdicts);
    let classes = classes(&verdicts);
    assert_eq!(
        classes[..12]
            .iter()
            .filter(|class| **class == TeeClass::Gpu)
            .count(),
        8
    );
    classes.get(12) == Some(&TeeClass::Ppcie)
}

fn set(verdict: &mut Verdict, claim: &str, value: Value) {
    verdict.device.insert(claim.to_owned(), value);
}

#[test]
fn a_complete_system_gives_one_more_claim_set() {
    let devices: Vec<&Device> = SYSTEM.iter().collect();
    let claims = judged(&devices, &system()).run().unwrap();
    assert_eq!(claims.len(), 13);
    assert_eq!(claims[12].class(), TeeClass::Ppcie);
    assert_eq!(
        Value::Object(claims[12].claims().clone()),
        json!({"gpu_count": 8, "switch_count": 4})
    );
}

#[test]
fn upper_and_lower_case_name_the_same_device() {
    assert!(is_system(|verdicts| {
        let upper: Vec<String> = (0x51..=0x54).map(|number| pdi(number).to_uppercase()).collect();
        set(&mut verdicts[3], "x-nvidia-gpu-switch-pdis", json!(upper));
    }));
}

#[test]
fn fewer_devices_are_no_system() {
    let devices: Vec<&Device> = SYSTEM.iter().take(11).collect();
    let claims = judged(&devices, &system()[..11]).run().unwrap();
    assert!(claims.iter().all(|claims| claims.class() != TeeClass::Ppcie));
}

#[test]
fn nine_gpus_and_three_switches_are_no_system() {
    let mut verdicts = system();
    verdicts[8] = Verdict::gpu(&NONCE, "gpu 9", NOW).claim(
        "x-nvidia-gpu-switch-pdis",
        json!((0x51..=0x54).map(pdi).collect::<Vec<_>>()),
    );
    let all = devices(12, |place| if place < 9 { Chip::Hopper } else { Chip::LS10 });
    let devices: Vec<&Device> = all.iter().collect();
    let claims = judged(&devices, &verdicts).run().unwrap();
    assert!(claims.iter().all(|claims| claims.class() != TeeClass::Ppcie));
}

#[test]
fn a_gpu_that_names_other_switches_is_in_no_system() {
    for links in [
        json!((0x51..=0x53).map(pdi).collect::<Vec<_>>()),
        json!((0x51..=0x55).map(pdi).collect::<Vec<_>>()),
        json!((0x52..=0x55).map(pdi).collect::<Vec<_>>()),
        json!([]),
        json!(null),
        json!("0000000000000051"),
        json!(["0000000000000051", "0000000000000052", "0000000000000053", 54]),
        json!(["51", "52", "53", "54"]),
    ] {
        assert!(
            !is_system(|verdicts| set(&mut verdicts[7], "x-nvidia-gpu-switch-pdis", links.clone())),
            "{links}"
        );
    }
}

#[test]
fn switches_that_name_other_gpus_or_each_other_are_in_no_system() {
    for gpus in [
        json!((1..=7).map(pdi).collect::<Vec<_>>()),
        json!((1..=9).map(pdi).collect::<Vec<_>>()),
        json!((2..=9).map(pdi).collect::<Vec<_>>()),
        json!(vec![pdi(1); 8]),
        json!(null),
    ] {
        assert!(
            !is_system(|verdicts| set(&mut verdicts[8], "x-nvidia-switch-gpu-pdis", gpus.clone())),
            "{gpus}"
        );
    }
    assert!(!is_system(|verdicts| {
        let looped: Vec<String> = (0x51..=0x54).chain(1..=4).map(pdi).collect();
        for switch in &mut verdicts[8..] {
            set(switch, "x-nvidia-switch-gpu-pdis", json!(looped));
        }
    }));
}

#[test]
fn a_switch_without_a_name_of_its_own_is_in_no_system() {
    for own in [
        json!(null),
        json!("0".repeat(16)),
        json!(pdi(0x52)),
        json!("x"),
        json!(pdi(0x99)),
    ] {
        assert!(
            !is_system(|verdicts| set(&mut verdicts[8], "x-nvidia-switch-pdi", own.clone())),
            "{own}"
        );
    }
}
