//! Evidence of real devices, against NVIDIA's own root.
//!
//! None of it is in this repository. One H100's report lies beside the project; eight more come with the crate
//! `bitrouter-attestation`, looked for where cargo unpacks crates. What is not there is passed over, with a line that
//! says so. The certificates name no end (9999-12-31), so any time from 2022-03-01 on is one at which they are valid.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use simulated_tee::proof::{self, Proof};
use std::path::{Path, PathBuf};

/// When the youngest of NVIDIA's certificates, that of the provisioner, begins to be valid.
const FIRST: i64 = 1_646_092_800;

/// A real device's evidence, and the nonce that it was asked with.
struct Vector {
    report: Vec<u8>,
    chain: String,
    nonce: Vec<u8>,
}

impl Vector {
    /// NVIDIA's root alone.
    fn attempt(&self) -> Attempt {
        let entry = json!({
            "arch": "HOPPER",
            "uuid": "1111-2222-33333-444444-555555",
            "evidence": hex::encode(&self.report),
            "certificate": STANDARD.encode(&self.chain),
        });
        Attempt {
            verifier: NvidiaVerifier::new(NvidiaOptions::default()),
            expected: ExpectedBinding {
                report_data: Some(self.nonce.clone()),
                init_data: None,
            },
            ..Attempt::local(evidence(&[entry]))
        }
    }

    fn changed(&self, change: impl FnOnce(&mut Vec<u8>)) -> Result<Vec<VerifiedClaims>, VerifyError> {
        let mut report = self.report.clone();
        change(&mut report);
        Vector {
            report,
            chain: self.chain.clone(),
            nonce: self.nonce.clone(),
        }
        .attempt()
        .run()
    }
}

#[test]
fn the_hopper_report_beside_the_project_gives_the_claims_beside_it_and_no_changed_one_does() {
    let Some(vector) = fixture() else { return };
    let claims = vector.attempt().run().unwrap();
    let expected = text("hopper-report-claims.txt").unwrap();
    // To the byte: names, values, and the order of a sorted map.
    assert_eq!(
        Value::Object(claims[0].claims().clone()).to_string(),
        expected.trim()
    );
    check(&vector);
    prove("beside-the-project", std::slice::from_ref(&vector));
}

#[test]
fn the_eight_hoppers_of_the_bitrouter_crate_verify_together_and_no_changed_one_does() {
    let Some(vectors) = bitrouter() else { return };
    assert_eq!(vectors.len(), 8);
    let entries: Vec<Value> = vectors
        .iter()
        .map(|vector| vector.attempt().evidence["device_evidence_list"][0].clone())
        .collect();
    let all = Attempt {
        evidence: evidence(&entries),
        ..vectors[0].attempt()
    };
    let claims = all.run().unwrap();
    assert_eq!(claims.len(), 8);
    for claims in &claims {
        let config = &claims.claims()["config"];
        assert_eq!(config["driver_version"], "570.172.08");
        assert_eq!(config["vbios_version"], "96.00.cf.00.02");
        assert_eq!(config["switch_pdi"].as_array().unwrap().len(), 18);
        // This byte is no text.
        assert_eq!(config["protected_pcie_status"], "aa");
    }
    for vector in &vectors {
        check(vector);
    }
    prove("bitrouter", &vectors);
}

/// Flips bits all over each device's evidence, and notes what was proved.
fn prove(name: &str, vectors: &[Vector]) {
    let mut refused = 0;
    for vector in vectors {
        let attempt = vector.attempt();
        for (place, evidence) in proof::flipped(&attempt.evidence) {
            let outcome = Attempt {
                evidence,
                ..vector.attempt()
            }
            .run();
            assert!(outcome.is_err(), "{name}: {place}");
            refused += 1;
        }
    }
    proof::note("nvidia", Proof::Vectors, name, vectors.len()).unwrap();
    proof::note("nvidia", Proof::Mutations, name, refused).unwrap();
}

#[test]
fn the_certificate_of_one_real_device_does_not_fit_the_report_of_another() {
    let (Some(one), Some(others)) = (fixture(), bitrouter()) else {
        return;
    };
    let mixed = Vector {
        chain: one.chain.clone(),
        ..vector_of(&others[0])
    };
    assert_eq!(mixed.attempt().run(), refused(NvidiaError::FwidMismatch));
    // Two devices with the same firmware have the same firmware id.
    let mixed = Vector {
        chain: others[1].chain.clone(),
        ..vector_of(&others[0])
    };
    assert_eq!(mixed.attempt().run(), refused(NvidiaError::ReportSignature));
}

/// The vector verifies; each change to it gives the error that it should.
fn check(good: &Vector) {
    let mut attempt = good.attempt();
    assert!(attempt.run().is_ok());

    // The signed regions: own nonce of the device, a measurement, a field, and the signature itself.
    let length = good.report.len();
    for at in [37 + 8 + 3520, 37 + 8 + 9, length - 97, length - 96, length - 1] {
        assert_eq!(
            good.changed(|report| report[at] ^= 1),
            refused(NvidiaError::ReportSignature),
            "{at}"
        );
    }
    // The nonce is signed too, and does not reach the comparison.
    assert_eq!(
        good.changed(|report| report[4] ^= 1),
        refused(NvidiaError::ReportSignature)
    );
    // The structural fields.
    let spdm = |at: usize, name| {
        assert_eq!(
            good.changed(|report| report[at] ^= 1),
            refused(NvidiaError::Spdm(name))
        )
    };
    spdm(0, "version");
    spdm(1, "request code");
    spdm(2, "request attributes");
    spdm(3, "requested measurements");
    spdm(36, "slot");
    spdm(37, "version");
    spdm(38, "response code");
    spdm(39, "first parameter");
    spdm(40, "slot");
    let size = |at: usize, name| {
        assert_eq!(
            good.changed(|report| report[at] ^= 1),
            refused(NvidiaError::Length(name))
        )
    };
    size(41, "measurement record");
    assert_eq!(
        good.changed(|report| report[45] ^= 3),
        refused(NvidiaError::Measurement(2))
    );
    assert_eq!(
        good.changed(|report| report[46] ^= 3),
        refused(NvidiaError::Measurement(1))
    );
    assert_eq!(
        good.changed(|report| report[47] -= 1),
        refused(NvidiaError::Measurement(1))
    );
    assert_eq!(
        good.changed(|report| report[50] -= 1),
        refused(NvidiaError::Measurement(1))
    );
    let opaque = 37 + 8 + 3520 + 32;
    assert_eq!(
        good.changed(|report| report[opaque] -= 1),
        refused(NvidiaError::Length("opaque data"))
    );
    assert_eq!(
        good.changed(|report| report[opaque + 1] = 0xff),
        refused(NvidiaError::Spdm("opaque length"))
    );
    assert_eq!(
        good.changed(|report| report[opaque + 4] += 1),
        refused(NvidiaError::OpaqueField(6))
    );
    assert_eq!(
        good.changed(|report| report.push(0)),
        refused(NvidiaError::Length("response"))
    );
    assert_eq!(
        good.changed(|report| report.truncate(95)),
        refused(NvidiaError::Length("signature"))
    );
    assert_eq!(
        good.changed(Vec::clear),
        refused(NvidiaError::Length("signature"))
    );

    // Not fresh.
    attempt.expected.report_data = Some(vec![1; 48]);
    assert_eq!(attempt.run(), Err(VerifyError::ReportDataMismatch));

    // At the first second of the chain, and the one before.
    let at = |now| {
        Attempt {
            now,
            ..good.attempt()
        }
        .run()
    };
    assert!(at(FIRST).is_ok());
    assert_eq!(at(FIRST - 1), refused(NvidiaError::Validity));

    // A byte of each certificate flipped.
    for (place, line) in good
        .chain
        .lines()
        .enumerate()
        .filter(|(_, line)| line.len() == 64)
        .step_by(5)
    {
        let flipped = line.replace(&line[30..31], if &line[30..31] == "A" { "B" } else { "A" });
        let lines: Vec<&str> = good.chain.lines().collect();
        let chain = [&lines[..place], &[flipped.as_str()], &lines[place + 1..]]
            .concat()
            .join("\n");
        let outcome = Vector {
            chain,
            ..vector_of(good)
        }
        .attempt()
        .run();
        assert!(
            matches!(outcome, Err(VerifyError::Nvidia(_))),
            "line {place}: {outcome:?}"
        );
    }
}

fn vector_of(vector: &Vector) -> Vector {
    Vector {
        report: vector.report.clone(),
        chain: vector.chain.clone(),
        nonce: vector.nonce.clone(),
    }
}

fn fixture() -> Option<Vector> {
    const NONCE: &str = "931d8dd0add203ac3d8b4fbde75e115278eefcdceac5b87671a748f32364dfcb";
    Some(Vector {
        report: hex::decode(text("hopper-report.txt")?.trim()).unwrap(),
        chain: text("hopper-cert-chain.txt")?,
        nonce: hex::decode(NONCE).unwrap(),
    })
}

/// A file of the folder beside the project, if it is there.
fn text(name: &str) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/fixtures/nvidia")
        .join(name);
    let found = std::fs::read_to_string(&path).ok();
    if found.is_none() {
        eprintln!("skipped: {name} is not beside the project");
        proof::note("nvidia", Proof::Absent, "beside-the-project", 1).unwrap();
    }
    found
}

/// The devices of a machine with eight H200s, from a test fixture of the crate.
fn bitrouter() -> Option<Vec<Vector>> {
    let file = "bitrouter-attestation-1.0.0-alpha.25/tests/fixtures/near_report.json";
    let Some(json) = in_registry(file) else {
        eprintln!("skipped: the crate bitrouter-attestation 1.0.0-alpha.25 is not unpacked on this machine");
        proof::note("nvidia", Proof::Absent, "bitrouter", 1).unwrap();
        return None;
    };
    let report: Value = serde_json::from_slice(&json).unwrap();
    let payload = report["model_attestations"][0]["nvidia_payload"]
        .as_str()
        .unwrap();
    let payload: Value = serde_json::from_str(payload).unwrap();
    let bytes = |value: &Value| STANDARD.decode(value.as_str().unwrap()).unwrap();
    let devices = payload["evidence_list"].as_array().unwrap().iter();
    let vectors = devices.map(|device| Vector {
        report: bytes(&device["evidence"]),
        chain: String::from_utf8(bytes(&device["certificate"])).unwrap(),
        nonce: hex::decode(device["nonce"].as_str().unwrap()).unwrap(),
    });
    Some(vectors.collect())
}

/// A file of an unpacked crate, in whichever registry's folder it is.
fn in_registry(path: &str) -> Option<Vec<u8>> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))?;
    let registries = std::fs::read_dir(home.join("registry/src")).ok()?;
    registries
        .flatten()
        .find_map(|registry| std::fs::read(registry.path().join(path)).ok())
}
