//! NVIDIA devices beside a guest's CPU, from the client to the released secret.

use std::time::Duration;

use integration_tests::fakes::nras::{FakeNras, Mood};
use kbs_client::attester::simulated::SimulatedAttester;
use kbs_client::attester::{Attester, AttesterError, EvidenceBinding};
use kbs_client::{ClientError, RcarClient, SampleDeviceAttester};
use serde_json::{Value, json};
use simulated_tee::SimulatedGuest;
use simulated_tee::nvidia::{Chip, Device, Gpus, evidence, root_pem};
use simulated_tee::proof::{self, Proof};

use crate::guest::claims;
use crate::owner::{AFFIRMING, ALLOW_ALL};
use crate::stack::{Setup, TestStack};

const SECRET: &[u8] = b"weights";
const RESOURCE: &str = "default/model/key";

/// A stack that trusts the simulated SNP machines of the client, and these devices.
async fn stack(nvidia: Value) -> TestStack {
    let dir = tempfile::tempdir().unwrap();
    let mut config = integration_tests::simulation::trust("snp", dir.path()).unwrap();
    config["nvidia_verifier"] = nvidia;
    let stack = TestStack::with(Setup {
        verifier_config: Some(config),
        ..Setup::default()
    })
    .await;
    stack.store(RESOURCE, SECRET).await;
    stack.release_by(AFFIRMING).await;
    stack
}

/// One that judges devices itself.
async fn local() -> (TestStack, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root.pem");
    std::fs::write(&root, root_pem().unwrap()).unwrap();
    let stack = stack(json!({"type": "Local", "insecure_extra_roots": [root]})).await;
    (stack, dir)
}

/// A guest of an SNP machine with these devices.
fn client(stack: &TestStack, devices: impl Attester + 'static) -> RcarClient {
    RcarClient::builder(&stack.kbs)
        .attester(Box::new(SimulatedAttester::new("snp").unwrap()))
        .devices(Box::new(devices))
        .retry(1, Duration::from_millis(1))
        .build()
        .unwrap()
}

fn hoppers(count: usize) -> SimulatedAttester {
    SimulatedAttester::devices("nvidia", count).unwrap()
}

/// Devices whose evidence a test makes.
struct Devices<F>(F);

impl<F: Fn(&[u8]) -> Value + Send + Sync> Attester for Devices<F> {
    fn tee(&self) -> &'static str {
        "nvidia"
    }

    fn evidence(&self, binding: &EvidenceBinding<'_>) -> Result<Value, AttesterError> {
        Ok((self.0)(binding.report_data))
    }
}

async fn get(guest: &mut RcarClient) -> Result<Vec<u8>, ClientError> {
    let secret = guest.get_resource(&RESOURCE.parse().unwrap()).await?;
    Ok(secret.expose().to_vec())
}

async fn submods(guest: &mut RcarClient) -> Value {
    claims(&guest.attest().await.unwrap())["submods"].clone()
}

/// Reference values for the SNP machine, and for the simulated GPUs.
async fn vouch(stack: &TestStack, submods: &Value) {
    let cpu = &submods["cpu0"]["ear.veraison.annotated-evidence"];
    stack
        .register(&integration_tests::vouch::reference_values("snp", cpu).unwrap())
        .await;
    let mut values = json!({
        "allowed_driver_versions": ["550.90.07", "driver 1"],
        "allowed_vbios_versions": ["96.00.9f.00.01", "vbios 1"],
    });
    // Measurements 2 to 8 of the report: manifests count from 0.
    for index in 1..=7 {
        let name = format!("NVIDIA_Corporation.GPU.measurement_{index}");
        values[name] = json!([format!("{:02x}", index + 1).repeat(48)]);
    }
    stack.register(&values).await;
}

#[tokio::test]
async fn several_gpus_judged_here_are_submodules_and_release_a_secret_once_vouched_for() {
    let (stack, _dir) = local().await;
    let mut guest = client(&stack, hoppers(3));
    let before = submods(&mut guest).await;
    let names: Vec<&String> = before.as_object().unwrap().keys().collect();
    assert_eq!(names, ["cpu0", "gpu0", "gpu1", "gpu2"]);
    let uuid = |name: &str| before[name]["ear.veraison.annotated-evidence"]["nvidia"]["uuid"].clone();
    assert!(uuid("gpu0") != uuid("gpu1") && uuid("gpu1") != uuid("gpu2"));
    assert_eq!(before["gpu0"]["ear.status"], "contraindicated");
    assert!(matches!(get(&mut guest).await, Err(ClientError::Denied(_))));

    vouch(&stack, &before).await;
    let after = submods(&mut guest).await;
    for name in ["cpu0", "gpu0", "gpu1", "gpu2"] {
        assert_eq!(
            after[name]["ear.status"], "affirming",
            "{name}: {}",
            after[name]["ear.trustworthiness-vector"]
        );
    }
    assert_eq!(get(&mut guest).await.unwrap(), SECRET);

    // The same GPUs with evidence for somebody else's nonce and key.
    let replayed = Gpus::hopper(2).unwrap();
    let mut replaying = client(
        &stack,
        Devices(move |_: &[u8]| replayed.evidence(&[7; 48], None).unwrap()),
    );
    assert!(matches!(
        replaying.attest().await,
        Err(ClientError::AttestationRefused(_))
    ));
    proof::note("nvidia", Proof::Walk, "end-to-end", 1).unwrap();
}

/// A reference integrity manifest in the form of NVIDIA's: measurements are counted from 0, and all 64 are listed,
/// most of them as zeros. `hashes` are those of the ones that are not to be zeros alone.
fn manifest(hashes: impl Fn(usize) -> Option<Vec<String>>) -> String {
    let resources: String = (0..64)
        .map(|index| {
            let (active, hashes) = match hashes(index) {
                Some(hashes) => ("True", hashes),
                None => ("False", vec!["00".repeat(48)]),
            };
            let values = hashes.iter().enumerate();
            let values: String = values
                .map(|(number, hash)| format!(" h:Hash{number}=\"{hash}\""))
                .collect();
            format!(
                "<Resource type=\"Measurement\" index=\"{index}\" active=\"{active}\" alternatives=\"{}\"{values} \
                 name=\"Measurement_{index}\" size=\"48\"/>",
                hashes.len()
            )
        })
        .collect();
    format!(
        "<SoftwareIdentity xmlns=\"http://standards.iso.org/iso/19770/-2/2015/schema.xsd\" \
         xmlns:h=\"http://www.w3.org/2001/04/xmlenc#sha384\" name=\"GH100\" tagId=\"a\">\
         <Meta xmlns:r=\"https://trustedcomputinggroup.org/resource/tcg-reference-integrity-manifest-rim-information-model/\" \
         edition=\"GPU\" r:PlatformManufacturerStr=\"NVIDIA Corporation\"/><Payload>{resources}</Payload></SoftwareIdentity>"
    )
}

#[tokio::test]
async fn the_manifests_of_driver_and_vbios_vouch_for_a_gpu_together() {
    let (stack, _dir) = local().await;
    let mut guest = client(&stack, hoppers(1));
    let versions = json!({
        "allowed_driver_versions": ["550.90.07"],
        "allowed_vbios_versions": ["96.00.9f.00.01"],
    });
    stack.register(&versions).await;
    // Measurements 2 to 8 of the report, and one that may be zeros.
    let hash = |index: usize| format!("{:02x}", index + 1).repeat(48);
    let vbios = manifest(|index| match index {
        1..=6 => Some(vec!["ff".repeat(48), hash(index)]),
        12 => Some(vec!["00".repeat(48), "ff".repeat(48)]),
        0 | 8 => Some(vec!["00".repeat(48)]),
        _ => None,
    });
    let driver = manifest(|index| (index == 7).then(|| vec![hash(index)]));
    for (manifest, status) in [(vbios, "contraindicated"), (driver, "affirming")] {
        stack.register_as("swid", manifest.as_bytes()).await;
        assert_eq!(submods(&mut guest).await["gpu0"]["ear.status"], status);
    }
}

#[tokio::test]
async fn one_gpu_of_unknown_firmware_keeps_the_secret_back() {
    let (stack, _dir) = local().await;
    let before = submods(&mut client(&stack, hoppers(1))).await;
    vouch(&stack, &before).await;
    let (good, odd) = (
        Device::new(Chip::Hopper).unwrap(),
        Device::new(Chip::Hopper).unwrap(),
    );
    let mut guest = client(
        &stack,
        Devices(move |data: &[u8]| {
            let changed = odd
                .report()
                .report_data(data)
                .with(|report| report.measurements[4].value = vec![9; 48]);
            evidence(&[
                good.entry(&good.report().report_data(data).sign()),
                odd.entry(&changed.sign()),
            ])
        }),
    );
    let submods = submods(&mut guest).await;
    assert_eq!(submods["gpu0"]["ear.status"], "affirming");
    assert_eq!(submods["gpu1"]["ear.status"], "contraindicated");
    assert!(matches!(get(&mut guest).await, Err(ClientError::Denied(_))));
}

#[tokio::test]
async fn devices_of_several_kinds_each_have_their_submodules() {
    let (stack, _dir) = local().await;
    stack.release_by(ALLOW_ALL).await;
    let mut guest = RcarClient::builder(&stack.kbs)
        .attester(Box::new(SimulatedAttester::new("snp").unwrap()))
        .devices(Box::new(SampleDeviceAttester))
        .devices(Box::new(hoppers(2)))
        .build()
        .unwrap();
    let submods = submods(&mut guest).await;
    let of = |tee: &str| {
        let all = submods.as_object().unwrap().values();
        all.filter(|submodule| submodule["ear.veraison.annotated-evidence"][tee].is_object())
            .count()
    };
    assert_eq!((of("snp"), of("nvidia"), of("sampledevice")), (1, 2, 1));
    assert_eq!(submods.as_object().unwrap().len(), 4);
    assert_eq!(get(&mut guest).await.unwrap(), SECRET);
}

#[tokio::test]
async fn a_remote_verdict_is_asked_for_each_device_and_appraised() {
    let nras = FakeNras::start().await.unwrap();
    let stack = stack(nras.verifier_config()).await;
    let mut guest = client(&stack, hoppers(2));
    let before = submods(&mut guest).await;
    vouch(&stack, &before).await;
    let after = submods(&mut guest).await;
    for name in ["gpu0", "gpu1"] {
        let claims = &after[name]["ear.veraison.annotated-evidence"]["nvidia"];
        assert_eq!(claims["x-nvidia-overall-att-result"], true);
        assert_eq!(claims["hwmodel"], "GH100");
        assert_eq!(after[name]["ear.status"], "affirming", "{name}");
    }
    assert_eq!(get(&mut guest).await.unwrap(), SECRET);
    // Two handshakes of two devices each, and the keys only once.
    let asked = nras.asked();
    assert_eq!((asked.len(), nras.key_requests()), (4, 1));
    assert_eq!(asked[0]["claims_version"], "3.0");
    assert_ne!(asked[0]["nonce"], asked[2]["nonce"]);
}

#[tokio::test]
async fn a_bad_verdict_is_no_refusal_but_releases_nothing() {
    let nras = FakeNras::start().await.unwrap();
    let stack = stack(nras.verifier_config()).await;
    let mut guest = client(&stack, hoppers(1));
    let before = submods(&mut guest).await;
    vouch(&stack, &before).await;
    nras.set_mood(Mood::Bad);
    let after = submods(&mut guest).await;
    assert_eq!(after["gpu0"]["ear.status"], "contraindicated");
    assert!(matches!(get(&mut guest).await, Err(ClientError::Denied(_))));
}

#[tokio::test]
async fn a_service_that_does_not_judge_is_an_outage_and_never_bad_evidence() {
    let elsewhere = FakeNras::start().await.unwrap();
    let moods = [
        Mood::Status(503),
        Mood::Status(500),
        Mood::Status(403),
        Mood::Status(404),
        Mood::Slow(Duration::from_secs(8)),
        Mood::Oversized(1 << 20),
        Mood::Nonsense,
        Mood::Forged,
        Mood::Redirect(format!("{}/v4/attest/gpu", elsewhere.url())),
    ];
    let nras = FakeNras::start().await.unwrap();
    for mood in moods {
        // Each on a stack of its own: a source that fails again and again is left alone for a while.
        let stack = stack(nras.verifier_config()).await;
        let mut guest = client(&stack, hoppers(1));
        nras.set_mood(mood.clone());
        let error = guest.attest().await.unwrap_err();
        assert!(
            matches!(error, ClientError::Unavailable(_)),
            "{mood:?}: {error:?}"
        );
        nras.set_mood(Mood::Good);
        assert!(guest.attest().await.is_ok(), "{mood:?}");
    }
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn evidence_that_the_service_cannot_read_is_refused() {
    let nras = FakeNras::start().await.unwrap();
    let stack = stack(nras.verifier_config()).await;
    nras.set_mood(Mood::Status(400));
    let error = client(&stack, hoppers(1)).attest().await.unwrap_err();
    assert!(matches!(error, ClientError::AttestationRefused(_)), "{error:?}");
}

#[tokio::test]
async fn a_service_that_changed_its_key_is_believed_after_a_moment() {
    let nras = FakeNras::start().await.unwrap();
    let stack = stack(nras.verifier_config()).await;
    let mut guest = client(&stack, hoppers(1));
    guest.attest().await.unwrap();
    nras.rotate_key().unwrap();
    let mut tries = 0;
    while guest.attest().await.is_err() {
        tries += 1;
        assert!(tries < 5);
    }
    assert_eq!(nras.key_requests(), 2);
}

#[tokio::test]
async fn a_stale_nonce_is_refused_and_the_service_is_not_asked() {
    let nras = FakeNras::start().await.unwrap();
    let stack = stack(nras.verifier_config()).await;
    let gpus = Gpus::hopper(1).unwrap();
    let mut guest = client(
        &stack,
        Devices(move |_: &[u8]| gpus.evidence(&[7; 48], None).unwrap()),
    );
    let error = guest.attest().await.unwrap_err();
    assert!(matches!(error, ClientError::AttestationRefused(_)), "{error:?}");
    assert!(nras.asked().is_empty());
}

#[tokio::test]
async fn a_protected_pcie_system_is_one_more_submodule() {
    let nras = FakeNras::start().await.unwrap();
    let stack = stack(nras.verifier_config()).await;
    let chips = [[Chip::Hopper; 8].as_slice(), &[Chip::LS10; 4]].concat();
    let devices: Vec<Device> = chips.into_iter().map(|chip| Device::new(chip).unwrap()).collect();
    let devices = Gpus::new(devices);
    let mut guest = client(
        &stack,
        Devices(move |data: &[u8]| devices.evidence(data, None).unwrap()),
    );
    let submods = submods(&mut guest).await;
    assert_eq!(submods.as_object().unwrap().len(), 14);
    assert_eq!(
        submods["ppcie0"]["ear.veraison.annotated-evidence"]["nvidia"],
        json!({"gpu_count": 8, "switch_count": 4})
    );
    assert_eq!(submods["ppcie0"]["ear.status"], "affirming");
    assert!(submods["gpu7"].is_object() && submods["switch3"].is_object());
}
