use clap::Parser;
use daemon::clock::ManualClock;
use serde_json::{Value, json};
use storage::{LocalFsConfig, StorageType};
use tempfile::TempDir;

use super::*;
use crate::app;
use crate::config::{DcapVerifierConfig, KdsConfig, VcekSource, VerifierConfig};
use crate::testing::Server;

/// A day in January 2026, at which the collateral of the tests is good.
const NOW: i64 = 1_768_000_000;

struct Site {
    directory: TempDir,
    config: Config,
    now: i64,
}

impl Site {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let mut config = Config::default();
        config.storage_backend.storage_type = StorageType::LocalFs;
        config.storage_backend.backends.local_fs = Some(LocalFsConfig {
            dir_path: directory.path().join("storage"),
        });
        config.verifier_config = VerifierConfig {
            dcap_verifier: DcapVerifierConfig {
                collateral_services: Some(Vec::new()),
                ..DcapVerifierConfig::default()
            },
            ..VerifierConfig::default()
        };
        Self {
            directory,
            config,
            now: NOW,
        }
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    async fn run(&self, line: &[&str]) -> anyhow::Result<String> {
        daemon::init();
        let args = ["attestation-service", "endorsements"];
        let args = app::Args::try_parse_from(args.iter().chain(line))?;
        let mut out = Vec::new();
        let clock = Arc::new(ManualClock::new(self.now));
        run(args.command.as_ref().unwrap(), &self.config, clock, &mut out).await?;
        Ok(String::from_utf8(out)?)
    }

    /// A file of the PCCS admin tool with TCB info from `day` on.
    fn collateral_file(&self, day: u8) -> String {
        let info = |fmspc: &str| {
            json!({"fmspc": fmspc, "tdx_tcbinfo": {"tcbInfo": {"id": "TDX", "fmspc": fmspc,
                "issueDate": format!("2026-01-{day:02}T00:00:00Z"), "nextUpdate": "2026-01-31T00:00:00Z"},
                "signature": "00"}})
        };
        let file = json!({"collaterals": {
            "tcbinfos": [info("00806F050000"), info("B0C06F000000")],
            "certificates": {"TCB-Info-Issuer-Chain": "-----BEGIN%20CERTIFICATE-----"},
        }});
        let path = self.path("collaterals.json");
        std::fs::write(&path, serde_json::to_string_pretty(&file).unwrap()).unwrap();
        path
    }

    async fn listed(&self) -> Vec<Value> {
        serde_json::from_str(&self.run(&["list", "--output", "json"]).await.unwrap()).unwrap()
    }
}

#[tokio::test]
async fn what_one_site_exports_another_imports() {
    let (connected, air_gapped) = (Site::new(), Site::new());
    let file = connected.collateral_file(1);
    let said = connected.run(&["import", "--from", "pccs", &file]).await.unwrap();
    assert!(said.starts_with("2 endorsements imported; 0 not"), "{said}");
    let bundle = connected.path("bundle.json");
    connected.run(&["export", "--output", &bundle]).await.unwrap();

    let import = ["import", &bundle, "--output", "json"];
    let said: Value = serde_json::from_str(&air_gapped.run(&import).await.unwrap()).unwrap();
    assert_eq!(said, json!({"imported": 2, "older": 0, "expired": 0}));
    let listed = air_gapped.listed().await;
    assert_eq!(listed[0]["id"], "dcap-tcb-info.tdx.00806F050000");
    assert_eq!(listed[0]["source"], file);
    assert_eq!(listed[1]["expires_at"], "2026-01-31T00:00:00Z");
    assert_eq!(listed, connected.listed().await);

    let text = air_gapped.run(&["list"]).await.unwrap();
    assert!(
        text.contains("dcap-tcb-info.tdx.B0C06F000000") && text.contains("2 endorsements"),
        "{text}"
    );
}

#[tokio::test]
async fn what_is_kept_is_not_replaced_by_what_is_older() {
    let site = Site::new();
    let import = ["import", "--from", "pccs", "--output", "json"];
    for (day, imported) in [(5, 2), (5, 0), (4, 0), (6, 2)] {
        let file = site.collateral_file(day);
        // Only what a document says of itself tells the newer one.
        let file_of_old = std::fs::File::open(&file).unwrap();
        file_of_old.set_modified(std::time::UNIX_EPOCH).unwrap();
        let said = site.run(&[&import[..], &[&file]].concat()).await.unwrap();
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["imported"], imported, "{day}");
        assert_eq!(said["older"], 2 - imported, "{day}");
    }
}

#[tokio::test]
async fn what_is_expired_is_said_and_not_exported() {
    let mut site = Site::new();
    site.now = NOW + 60 * 24 * 3600;
    let file = site.collateral_file(1);
    let said = site.run(&["import", "--from", "pccs", &file]).await.unwrap();
    assert!(said.ends_with("2 are expired\n"), "{said}");
    assert!(site.run(&["list"]).await.unwrap().contains("EXPIRED"));
    let bundle: Value = serde_json::from_str(&site.run(&["export", "--output", "-"]).await.unwrap()).unwrap();
    assert_eq!(bundle["entries"], json!([]));
}

#[tokio::test]
async fn a_bundle_that_is_damaged_is_not_imported_at_all() {
    let site = Site::new();
    let file = site.collateral_file(1);
    site.run(&["import", "--from", "pccs", &file]).await.unwrap();
    let bundle = site.run(&["export", "--output", "-"]).await.unwrap();
    let other = Site::new();
    let path = other.path("bundle.json");
    for (damaged, expected) in [
        (bundle.replace("tdx.B0C06F000000", "sgx.B0C06F000000"), "entry 2"),
        (bundle.replace("\"version\": 1", "\"version\": 7"), "version 7"),
        (bundle.get(..bundle.len() / 2).unwrap().to_owned(), "form"),
        ("{}".to_owned(), "form"),
    ] {
        std::fs::write(&path, damaged).unwrap();
        let error = format!("{:#}", other.run(&["import", &path]).await.unwrap_err());
        assert!(error.contains(expected), "{error}");
        assert!(other.listed().await.is_empty());
    }
    let error = other.run(&["import", &other.path("nothing")]).await.unwrap_err();
    assert!(format!("{error:#}").contains("not there"));
}

#[tokio::test]
async fn what_is_missing_is_fetched_before_it_is_exported() {
    let mut site = Site::new();
    let file = site.collateral_file(1);
    site.config.verifier_config.dcap_verifier = DcapVerifierConfig {
        collateral_service: Some(format!("file://{file}")),
        ..DcapVerifierConfig::default()
    };
    let name = "dcap-tcb-info.tdx.00806F050000";
    let bundle = site
        .run(&["export", "--output", "-", "--fetch", name])
        .await
        .unwrap();
    let bundle: Value = serde_json::from_str(&bundle).unwrap();
    assert_eq!(bundle["entries"][0]["id"], name);
    for (name, expected) in [
        ("dcap-root-crl", "no source has"),
        ("dcap", "name of no endorsement"),
    ] {
        let error = site
            .run(&["export", "--output", "-", "--fetch", name])
            .await
            .unwrap_err();
        assert!(format!("{error:#}").contains(expected), "{error:#}");
    }
}

#[tokio::test]
async fn a_revocation_list_is_fetched_for_a_bundle_although_evidence_needs_none_here() {
    let list = {
        use simulated_tee::snp::{CrlSpec, Generation, Issuer, Platform};
        let spec = CrlSpec {
            this_update: NOW.unsigned_abs() - 100,
            next_update: Some(NOW.unsigned_abs() + 100),
            revoked: Vec::new(),
            issuer: Issuer::Ark,
        };
        let platform = Platform::new(Generation::Milan).unwrap();
        platform.revocation_list(&spec).unwrap()
    };
    let route = axum::routing::get(move || async move { list });
    let kds = Server::start(axum::Router::new().route("/vcek/v1/Milan/crl", route), None).await;
    let mut site = Site::new();
    site.config.verifier_config.snp_verifier.vcek_sources = vec![VcekSource::Kds(KdsConfig {
        base_url: kds.url(),
        ..KdsConfig::default()
    })];
    let line = ["export", "--output", "-", "--fetch", "snp-crl.Milan"];
    let bundle: Value = serde_json::from_str(&site.run(&line).await.unwrap()).unwrap();
    assert_eq!(bundle["entries"][0]["id"], "snp-crl.Milan");
}

#[tokio::test]
async fn a_storage_that_keeps_nothing_is_an_error_that_says_what_to_do() {
    let mut site = Site::new();
    site.config.storage_backend.storage_type = StorageType::Memory;
    for line in [&["list"][..], &["import", "x"], &["export", "--output", "-"]] {
        let error = site.run(line).await.unwrap_err();
        assert!(error.to_string().contains("storage_backend"), "{error}");
    }
}

#[test]
fn the_help_has_examples() {
    for line in [
        "endorsements --help",
        "endorsements export --help",
        "endorsements import --help",
    ] {
        let args = std::iter::once("attestation-service").chain(line.split(' '));
        let help = app::Args::try_parse_from(args).unwrap_err().to_string();
        assert!(help.contains("endorsements import bundle.json"), "{help}");
    }
}
