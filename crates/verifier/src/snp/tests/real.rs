//! Evidence of real machines, against AMD's own roots.
//!
//! None of it is in this repository. The Milan report comes with the `sev` crate, the Genoa one of version 2 with
//! `sev_attest_tool` (looked for where cargo unpacks crates, because depending on it would bring OpenSSL), the
//! others lie beside the project. What is not there is passed over, with a line that says so.

use super::*;
use serde_json::json;
use sev::parser::ByteParser;
use simulated_tee::proof::{self, Proof};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A real report with its VCEK's certificate.
struct Vector {
    report: AttestationReport,
    vcek: Vec<u8>,
}

impl Vector {
    fn evidence(&self) -> Value {
        evidence(&self.report, &[("VCEK", &self.vcek)]).unwrap()
    }
}

/// AMD's roots alone, and no expectation: these reports are bound to nothing of ours.
fn attempt(evidence: &Value) -> Attempt<'_> {
    let verifier = SnpVerifier::new(SnpOptions::default()).unwrap();
    Attempt {
        verifier,
        expected: ExpectedBinding::default(),
        ..Attempt::new(evidence)
    }
}

#[test]
fn the_milan_report_of_the_sev_crate_verifies_and_no_changed_one_does() {
    check(&milan_of_sev().unwrap(), "Milan", "milan-of-sev");
}

#[test]
fn the_milan_report_beside_the_project_verifies_and_no_changed_one_does() {
    let (Some(report), Some(vcek)) = (fixture("milan-v2-report.bin"), fixture("milan-v2-vcek.der")) else {
        return;
    };
    check(
        &Vector {
            report: AttestationReport::from_bytes(&report).unwrap(),
            vcek,
        },
        "Milan",
        "milan-fixture",
    );
}

#[test]
fn the_genoa_evidence_beside_the_project_verifies_and_no_changed_one_does() {
    let Some(text) = fixture("genoa-v3-evidence.json") else {
        return;
    };
    let evidence: Value = serde_json::from_slice(&text).unwrap();
    let vcek = serde_json::from_value(evidence["cert_chain"][0]["data"].clone()).unwrap();
    let report = serde_json::from_value(evidence["attestation_report"].clone()).unwrap();
    let claims = attempt(&evidence).run().unwrap();
    assert_eq!(
        claims
            .claims()
            .get("measurement")
            .unwrap()
            .as_str()
            .unwrap()
            .len(),
        96
    );
    check(&Vector { report, vcek }, "Genoa", "genoa-fixture");
}

#[test]
fn the_genoa_report_of_sev_attest_tool_is_of_vmpl_1_and_refused_for_that_alone() {
    let Some(vector) = genoa_of_sev_attest_tool() else {
        return;
    };
    assert_eq!(attempt(&vector.evidence()).run(), refused(SnpError::Vmpl(1)));
}

#[test]
fn the_turin_vcek_of_the_sev_crate_has_a_turin_chain() {
    let folder = sev_crate().unwrap().join("tests/certs_data");
    let vcek = std::fs::read(folder.join("vcek_turin.der")).unwrap();
    let roots = crate::snp::roots::Roots::new(&[]).unwrap();
    let verified = crate::snp::chain::verify(&vcek, &[], &roots).unwrap();
    assert_eq!(verified.product, crate::SnpProduct::Turin);
    assert!(verified.tcb.fmc.is_some());
    assert_eq!(verified.hwid.unwrap().as_bytes().len(), 8);
}

/// The vector verifies; each change to it gives the error that it should.
fn check(good: &Vector, family: &str, name: &str) {
    let claims = attempt(&good.evidence()).run().unwrap();
    assert_eq!(claims.claims().get("chip_family"), Some(&json!(family)));
    assert_eq!(
        claims.report_data(),
        Some(hex::encode(good.report.report_data).as_str())
    );

    let changed = |change: fn(&mut AttestationReport)| {
        let mut report = good.report;
        change(&mut report);
        attempt(
            &Vector {
                report,
                vcek: good.vcek.clone(),
            }
            .evidence(),
        )
        .run()
    };
    assert_eq!(
        changed(|report| report.measurement[0] ^= 1),
        refused(SnpError::ReportSignature)
    );
    assert_eq!(
        changed(|report| report.report_data[63] ^= 1),
        refused(SnpError::ReportSignature)
    );
    assert_eq!(
        changed(|report| report.host_data[31] ^= 1),
        refused(SnpError::ReportSignature)
    );
    assert_eq!(
        changed(|report| report.policy.set_debug_allowed(true)),
        refused(SnpError::ReportSignature)
    );
    assert_eq!(
        changed(|report| report.vmpl = 2),
        refused(SnpError::ReportSignature)
    );
    assert_eq!(
        changed(|report| report.chip_id[0] ^= 1),
        refused(SnpError::ChipIdMismatch)
    );
    assert_eq!(
        changed(|report| report.version = 6),
        refused(SnpError::ReportVersion(6))
    );
    let tcb = changed(|report| report.reported_tcb.microcode ^= 1);
    assert!(
        matches!(tcb, Err(VerifyError::Snp(SnpError::TcbMismatch { .. }))),
        "{tcb:?}"
    );

    // Not fresh, or not ours.
    let evidence = good.evidence();
    let mutations = proof::flipped(&evidence);
    for (place, mutated) in &mutations {
        assert!(attempt(mutated).run().is_err(), "{place}");
    }
    proof::note("snp", Proof::Vectors, name, 1).unwrap();
    proof::note("snp", Proof::Mutations, name, mutations.len()).unwrap();

    let mut wrong_nonce = attempt(&evidence);
    wrong_nonce.expected.report_data = Some(vec![1; 64]);
    assert_eq!(wrong_nonce.run(), Err(VerifyError::ReportDataMismatch));
    let mut wrong_init_data = attempt(&evidence);
    wrong_init_data.expected.init_data = Some(vec![1; 32]);
    assert_eq!(wrong_init_data.run(), Err(VerifyError::InitDataMismatch));

    // In 2040 the certificate is expired.
    let expired = Attempt {
        now: 2_208_988_800,
        ..attempt(&evidence)
    };
    assert_eq!(expired.run(), refused(SnpError::Validity));

    // The chip's certificate with one byte of its key, or of its signature, flipped.
    for at in [good.vcek.len() / 3, good.vcek.len() - 1] {
        let mut vcek = good.vcek.clone();
        vcek[at] ^= 1;
        assert!(
            attempt(
                &Vector {
                    report: good.report,
                    vcek
                }
                .evidence()
            )
            .run()
            .is_err()
        );
    }
    let simulated = Platform::impostor(Generation::Milan).unwrap();
    let vcek = simulated.vcek_der().to_vec();
    let outcome = attempt(
        &Vector {
            report: good.report,
            vcek,
        }
        .evidence(),
    )
    .run();
    assert_eq!(outcome, refused(SnpError::ChainSignature));

    // Without its certificate it asks for it by the ids that are in the certificate.
    let bare = super::evidence(&good.report, &[]).unwrap();
    let id = endorsements_for(&bare).remove(0);
    let mut fetched = attempt(&bare);
    fetched.endorsements.insert(id, good.vcek.clone());
    assert!(fetched.run().is_ok());
}

#[test]
fn another_machines_certificate_is_refused() {
    let Some(vcek) = fixture("milan-v2-vcek.der") else {
        return;
    };
    let report = milan_of_sev().unwrap().report;
    let outcome = attempt(
        &Vector {
            report,
            vcek: vcek.clone(),
        }
        .evidence(),
    )
    .run();
    assert!(
        matches!(
            outcome,
            Err(VerifyError::Snp(
                SnpError::TcbMismatch { .. } | SnpError::ChipIdMismatch
            ))
        ),
        "{outcome:?}"
    );
    let Some(text) = fixture("genoa-v3-evidence.json") else {
        return;
    };
    let genoa: Value = serde_json::from_slice(&text).unwrap();
    let report = serde_json::from_value(genoa["attestation_report"].clone()).unwrap();
    let outcome = attempt(&Vector { report, vcek }.evidence()).run();
    assert!(
        matches!(outcome, Err(VerifyError::Snp(SnpError::OtherProduct { .. }))),
        "{outcome:?}"
    );
}

fn milan_of_sev() -> Option<Vector> {
    let folder = sev_crate()?.join("tests/certs_data");
    let hex_text = std::fs::read_to_string(folder.join("report_milan.hex")).ok()?;
    let report = AttestationReport::from_bytes(&hex::decode(hex_text.trim()).ok()?).ok()?;
    Some(Vector {
        report,
        vcek: std::fs::read(folder.join("vcek_milan.der")).ok()?,
    })
}

/// The file is of an older library: other names for the same members, and the firmware versions taken apart.
fn genoa_of_sev_attest_tool() -> Option<Vector> {
    let folder = sev_crate()?.parent()?.join("sev_attest_tool-0.1.0/data");
    let Ok(text) = std::fs::read(folder.join("sample_attestation_report.json")) else {
        eprintln!("skipped: the crate sev_attest_tool 0.1.0 is not unpacked on this machine");
        return None;
    };
    let mut report: Value = serde_json::from_slice(&text).ok()?;
    report["key_info"] = report["_author_key_en"].clone();
    for name in ["current", "committed"] {
        let part = |part: &str| report[format!("{name}_{part}")].clone();
        let version = json!({"major": part("major"), "minor": part("minor"), "build": part("build")});
        report[name] = version;
    }
    let report = serde_json::from_value(report).unwrap();
    Some(Vector {
        report,
        vcek: std::fs::read(folder.join("sample_vcek.crt")).ok()?,
    })
}

/// Where cargo unpacked the `sev` crate that we are built with.
fn sev_crate() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        // Packages for other platforms may never have been downloaded, so offline they are left out.
        let host = host()?;
        let metadata = metadata(&["--offline", "--filter-platform", &host]).or_else(|| metadata(&[]))?;
        let packages = metadata["packages"].as_array()?;
        let sev = packages.iter().find(|package| {
            package["name"] == "sev"
                && package["version"]
                    .as_str()
                    .is_some_and(|text| text.starts_with("8."))
        })?;
        Some(Path::new(sev["manifest_path"].as_str()?).parent()?.to_owned())
    };
    FOLDER.get_or_init(find).as_deref()
}

fn metadata(options: &[&str]) -> Option<Value> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["metadata", "--format-version=1", "--locked"])
        .args(options);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().ok()?;
    serde_json::from_slice(&output.stdout).ok()
}

/// The platform that we run on, as cargo names it.
fn host() -> Option<String> {
    let output = Command::new("rustc").arg("-vV").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
}

/// A file of the folder beside the project, if it is there.
fn fixture(name: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/fixtures/snp")
        .join(name);
    let found = std::fs::read(&path).ok();
    if found.is_none() {
        eprintln!("skipped: {name} is not beside the project");
        proof::note("snp", Proof::Absent, name, 1).unwrap();
    }
    found
}
