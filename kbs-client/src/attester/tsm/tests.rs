//! On a folder tree that looks like the kernel's: an entry made beforehand, with the files that a kernel would show.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sev::firmware::guest::AttestationReport;
use sev::parser::ByteParser;

use super::*;

mod table;

const ENTRY: &str = "prepared";

/// The interface with one entry.
struct Tree(tempfile::TempDir);

impl Tree {
    fn new(provider: &str) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(tree.root().join(ENTRY)).unwrap();
        tree.put("provider", format!("{provider}\n"));
        tree.put("generation", "1\n");
        tree.put("inblob", "");
        tree
    }

    fn root(&self) -> PathBuf {
        self.0.path().to_owned()
    }

    fn put(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.root().join(ENTRY).join(name), content).unwrap();
    }

    fn attester(&self) -> TsmAttester {
        let attester = TsmAttester::at(self.root(), ENTRY).unwrap();
        attester.event_log(self.root().join("CCEL"))
    }

    fn evidence(&self, init_data: Option<&[u8]>) -> Result<Value, TsmError> {
        self.attester().make(&EvidenceBinding {
            report_data: &[7; 48],
            init_data,
        })
    }
}

/// A report of version 3 with the report data that the tests ask for, and the host data 9.
fn report() -> Vec<u8> {
    let mut report = AttestationReport {
        version: 3,
        sig_algo: 1,
        cpuid_fam_id: Some(0x19),
        cpuid_mod_id: Some(0x11),
        cpuid_step: Some(1),
        host_data: [9; 32],
        measurement: [5; 48],
        ..AttestationReport::default()
    };
    report.report_data[..48].fill(7);
    report.to_bytes().unwrap().to_vec()
}

/// A quote whose header says only the version.
fn quote(version: u16, body_at: usize) -> Vec<u8> {
    let mut quote = vec![0; body_at + 584 + 100];
    quote[..2].copy_from_slice(&version.to_le_bytes());
    quote[body_at + 184..][..48].fill(9);
    quote[body_at + 520..][..48].fill(7);
    quote
}

#[test]
fn snp_evidence_has_the_report_by_its_members_and_the_hosts_certificates() {
    let tree = Tree::new("sev_guest");
    tree.put("outblob", report());
    tree.put("auxblob", table::of(&[("VCEK", b"vcek"), ("ASK", b"ask")]));
    assert_eq!(tree.attester().tee(), "snp");
    let evidence = tree.evidence(None).unwrap();
    let fields = &evidence["attestation_report"];
    assert_eq!(fields["version"], 3);
    assert_eq!(fields["measurement"], json!(vec![5; 48]));
    assert_eq!(fields["report_data"], json!([vec![7; 48], vec![0; 16]].concat()));
    let chain = json!([
        {"cert_type": "VCEK", "data": b"vcek"},
        {"cert_type": "ASK", "data": b"ask"},
    ]);
    assert_eq!(evidence["cert_chain"], chain);
    let again: AttestationReport = serde_json::from_value(fields.clone()).unwrap();
    assert_eq!(again.to_bytes().unwrap().to_vec(), report());
}

#[test]
fn what_is_asked_for_is_the_digest_with_zeros_behind_it() {
    let tree = Tree::new("sev_guest");
    tree.put("outblob", report());
    tree.evidence(None).unwrap();
    let asked = std::fs::read(tree.root().join(ENTRY).join("inblob")).unwrap();
    assert_eq!(asked, [vec![7; 48], vec![0; 16]].concat());
}

#[test]
fn a_host_without_certificates_leaves_the_chain_out() {
    let tree = Tree::new("sev_guest");
    tree.put("outblob", report());
    assert_eq!(tree.evidence(None).unwrap()["cert_chain"], Value::Null);
    tree.put("auxblob", "");
    assert_eq!(tree.evidence(None).unwrap()["cert_chain"], Value::Null);
}

#[test]
fn tdx_evidence_has_the_quote_and_the_event_log_if_there_is_one() {
    for (version, body) in [(4, 48), (5, 54)] {
        let tree = Tree::new("tdx_guest");
        let quote = quote(version, body);
        tree.put("outblob", &quote);
        assert_eq!(tree.attester().tee(), "tdx");
        let without = tree.evidence(None).unwrap();
        let expected = json!({"quote": STANDARD.encode(&quote), "cc_eventlog": null});
        assert_eq!(without, expected);
        std::fs::write(tree.root().join("CCEL"), "log").unwrap();
        assert_eq!(
            tree.evidence(None).unwrap()["cc_eventlog"],
            STANDARD.encode("log")
        );
    }
}

#[test]
fn init_data_that_the_guest_was_not_started_with_is_noticed_here_already() {
    let snp = Tree::new("sev_guest");
    snp.put("outblob", report());
    let tdx = Tree::new("tdx_guest");
    tdx.put("outblob", quote(4, 48));
    assert!(snp.evidence(Some(&[9; 32])).is_ok());
    assert!(tdx.evidence(Some(&[9; 48])).is_ok());
    let error = snp.evidence(Some(&[8; 32])).unwrap_err();
    assert!(matches!(error, TsmError::OtherInitData("HOST_DATA")), "{error}");
    let error = tdx.evidence(Some(&[9; 32])).unwrap_err();
    assert!(matches!(error, TsmError::OtherInitData("MRCONFIGID")), "{error}");
}

#[test]
fn a_report_for_somebody_else_is_not_passed_on() {
    let snp = Tree::new("sev_guest");
    let mut other = report();
    other[0x50] ^= 1;
    snp.put("outblob", other);
    let tdx = Tree::new("tdx_guest");
    let mut other = quote(4, 48);
    other[48 + 520 + 63] ^= 1;
    tdx.put("outblob", other);
    for tree in [snp, tdx] {
        assert!(matches!(tree.evidence(None), Err(TsmError::OtherReportData)));
    }
}

#[test]
fn what_is_no_report_is_refused() {
    let snp = Tree::new("sev_guest");
    for report in [vec![], vec![0; 0x4a0 - 1], vec![0; 0x4a0 + 1], vec![0xff; 0x4a0]] {
        snp.put("outblob", report);
        assert!(matches!(snp.evidence(None), Err(TsmError::Malformed(_))));
    }
    let tdx = Tree::new("tdx_guest");
    for quote in [
        vec![],
        vec![4],
        quote(3, 48),
        vec![4, 0],
        quote(4, 48)[..631].to_vec(),
    ] {
        tdx.put("outblob", quote);
        assert!(matches!(tdx.evidence(None), Err(TsmError::Malformed(_))));
    }
    tdx.put("outblob", vec![0; (1 << 20) + 1]);
    assert!(matches!(tdx.evidence(None), Err(TsmError::TooLarge { .. })));
}

#[test]
fn a_report_that_does_not_come_is_an_error_that_names_the_file() {
    let tree = Tree::new("sev_guest");
    let error = tree.evidence(None).unwrap_err();
    assert!(error.to_string().contains("outblob"), "{error}");
}

#[test]
fn a_longer_digest_than_a_report_takes_is_never_cut() {
    let tree = Tree::new("sev_guest");
    tree.put("outblob", report());
    let binding = EvidenceBinding {
        report_data: &[7; 65],
        init_data: None,
    };
    let error = tree.attester().make(&binding).unwrap_err();
    assert!(matches!(error, TsmError::ReportDataLength(65)));
}

#[test]
fn an_entry_that_others_write_to_all_the_time_gives_no_report() {
    let tree = Tree::new("tdx_guest");
    tree.put("outblob", quote(4, 48));
    let generation = tree.root().join(ENTRY).join("generation");
    std::fs::remove_file(&generation).unwrap();
    // A file that reads differently each time.
    std::os::unix::fs::symlink("/proc/sys/kernel/random/uuid", generation).unwrap();
    assert!(matches!(tree.evidence(None), Err(TsmError::Contended)));
}

#[test]
fn an_entry_of_our_own_is_removed_whatever_happens() {
    let tree = tempfile::tempdir().unwrap();
    // No kernel fills the new folder.
    let error = TsmAttester::open(tree.path()).unwrap_err();
    assert!(error.to_string().contains("provider"), "{error}");
    assert_eq!(std::fs::read_dir(tree.path()).unwrap().count(), 0);
}

#[test]
fn a_machine_without_the_interface_has_no_attester() {
    let tree = tempfile::tempdir().unwrap();
    assert!(TsmAttester::open(tree.path().join("report")).unwrap().is_none());
}

#[test]
fn a_tee_that_is_not_known_is_named() {
    let tree = Tree::new("arm_cca_guest");
    let error = TsmAttester::at(tree.root(), ENTRY).unwrap_err();
    assert!(
        matches!(&error, TsmError::UnknownProvider(name) if name == "arm_cca_guest"),
        "{error}"
    );
}

#[test]
fn the_tee_may_not_change_under_an_attester() {
    let tree = Tree::new("sev_guest");
    tree.put("outblob", report());
    let attester = tree.attester();
    tree.put("provider", "tdx_guest\n");
    let binding = EvidenceBinding {
        report_data: &[7; 48],
        init_data: None,
    };
    assert!(matches!(attester.make(&binding), Err(TsmError::OtherTee)));
}
