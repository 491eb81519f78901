//! What happens when a vendor is slow, wrong, or gone: evidence is never called invalid for that, and whoever was
//! appraised before is appraised still.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use attestation_service::app::{Args, Running};
use attestation_service::config::Config;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Parser;
use daemon::clock::SystemClock;
use daemon::config::load_str;
use daemon::serve::Listener;
use daemon::shutdown::Shutdown;
use integration_tests::fakes::pcs::{Collateral, FakePcs, TcbInfo};
use integration_tests::fakes::{Manner, Vendor, kds};
use protos::attestation::attestation_service_client::AttestationServiceClient;
use protos::attestation::{AttestationRequest, IndividualAttestationRequest};
use serde_json::{Value, json};
use simulated_tee::snp::{Generation, Platform, evidence};
use tempfile::TempDir;
use tonic::{Code, Status};

use crate::guest::{Guest, assert_refused};
use crate::stack::{Setup, TestStack};

/// An Attestation Service with a storage that lasts, and its vendor.
struct Site {
    platform: Arc<Platform>,
    directory: TempDir,
    config: Value,
    running: Option<(Running, Shutdown)>,
}

impl Site {
    /// One whose `verifier_config` has these sources of VCEKs.
    async fn start(platform: &Arc<Platform>, sources: Value) -> Self {
        Self::with(platform, json!({"vcek_sources": sources})).await
    }

    async fn with(platform: &Arc<Platform>, mut snp: Value) -> Self {
        daemon::init();
        let directory = TempDir::new().unwrap();
        let roots = directory.path().join("roots.pem");
        std::fs::write(&roots, platform.roots_pem()).unwrap();
        snp["insecure_extra_roots"] = json!([roots]);
        let config = json!({
            "verifier_config": {"snp_verifier": snp, "dcap_verifier": {"collateral_services": []}},
            "storage_backend": {
                "storage_type": "LocalFs",
                "backends": {"local_fs": {"dir_path": directory.path().join("storage")}},
            },
            "admin_socket": "127.0.0.1:0",
        });
        let mut site = Self {
            platform: Arc::clone(platform),
            directory,
            config,
            running: None,
        };
        site.restart().await;
        site
    }

    fn config(&self) -> Config {
        load_str(&self.config.to_string(), "json", &[]).unwrap().config
    }

    /// Stops it, if it runs, and starts it with nothing but its configuration and its storage.
    async fn restart(&mut self) {
        if let Some((_, stop)) = self.running.take() {
            stop.trigger();
        }
        let stop = Shutdown::manual(Duration::ZERO);
        let listener = Listener::Address(SocketAddr::from(([127, 0, 0, 1], 0)));
        let clock = Arc::new(SystemClock);
        let running = attestation_service::app::start(&self.config(), listener, clock, stop.clone()).await;
        self.running = Some((running.unwrap(), stop));
    }

    /// What the service makes of a guest that sends its report and no certificate.
    async fn guest(&self) -> Result<String, Status> {
        self.guest_with(|_| ()).await
    }

    async fn guest_with(&self, change: impl FnOnce(&mut Value)) -> Result<String, Status> {
        let report = self.platform.report().sign().unwrap();
        let mut evidence = evidence(&report, &[]).unwrap();
        change(&mut evidence);
        let (running, _) = self.running.as_ref().unwrap();
        let address = format!("http://{}", running.main.addresses()[0]);
        let mut client = AttestationServiceClient::connect(address).await.unwrap();
        let request = AttestationRequest {
            verification_requests: vec![IndividualAttestationRequest {
                tee: "snp".to_owned(),
                evidence: URL_SAFE_NO_PAD.encode(evidence.to_string()),
                runtime_data: None,
                init_data: None,
                runtime_data_hash_algorithm: String::new(),
            }],
            policy_ids: vec!["default".to_owned()],
            explain: false,
        };
        let reply = client.attestation_evaluate(request).await?;
        Ok(reply.into_inner().attestation_token)
    }

    /// A page of the admin listener.
    async fn page(&self, path: &str) -> String {
        let (running, _) = self.running.as_ref().unwrap();
        let address = running.admin.as_ref().unwrap().addresses()[0];
        let answer = reqwest::get(format!("http://{address}{path}")).await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }

    async fn status(&self) -> Value {
        serde_json::from_str(&self.page("/status").await).unwrap()
    }

    /// Waits until so many endorsements are on the storage.
    async fn stored(&self, count: usize) {
        let patience = Instant::now() + Duration::from_secs(10);
        let folder = self.directory.path().join("storage/endorsements");
        while std::fs::read_dir(&folder).unwrap().count() != count {
            assert!(Instant::now() < patience, "{}", folder.display());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs `attestation-service endorsements …` with the configuration of this site.
    async fn command(&self, line: &[&str]) -> anyhow::Result<String> {
        let args = ["attestation-service", "endorsements"];
        let args = Args::try_parse_from(args.iter().chain(line))?;
        let mut out = Vec::new();
        let clock = Arc::new(SystemClock);
        let command = args.command.as_ref().unwrap();
        attestation_service::commands::run(command, &self.config(), clock, &mut out).await?;
        Ok(String::from_utf8(out)?)
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some((_, stop)) = &self.running {
            stop.trigger();
        }
    }
}

/// A platform, and a vendor that knows it.
async fn vendor() -> (Arc<Platform>, Vendor) {
    let platform = Arc::new(Platform::new(Generation::Genoa).unwrap());
    let vendor = kds::start(vec![Arc::clone(&platform)]).await.unwrap();
    (platform, vendor)
}

fn only(vendor: &Vendor) -> Value {
    json!([{"type": "KDS", "base_url": vendor.url(), "timeout_seconds": 1}])
}

#[tokio::test]
async fn a_certificate_is_fetched_once_and_then_the_vendor_may_be_gone() {
    let (platform, vendor) = vendor().await;
    let site = Site::start(&platform, only(&vendor)).await;
    for manner in [
        Manner::Well,
        Manner::Down,
        Manner::Nonsense,
        Manner::Limited(None),
    ] {
        vendor.behave(manner.clone());
        site.guest()
            .await
            .unwrap_or_else(|error| panic!("{manner:?}: {error}"));
    }
    assert_eq!(vendor.asked().len(), 1, "{:?}", vendor.asked());
    drop(vendor);
    site.guest().await.unwrap();
}

#[tokio::test]
async fn however_a_vendor_fails_it_is_an_outage_and_never_the_evidences_fault() {
    for (manner, reason) in [
        (Manner::Down, "503"),
        (Manner::Limited(None), "429"),
        (Manner::Limited(Some(120)), "429"),
        (Manner::Slow(Duration::from_secs(20)), "timed out"),
        (Manner::Wrong, "does not fit"),
        (Manner::Nonsense, "no certificate"),
        (Manner::Oversized, "longer than"),
        (Manner::Redirecting, "302"),
    ] {
        let (platform, vendor) = vendor().await;
        let site = Site::start(&platform, only(&vendor)).await;
        vendor.behave(manner.clone());
        let start = Instant::now();
        let refused = site.guest().await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable, "{manner:?}: {refused}");
        assert!(refused.message().contains(reason), "{manner:?}: {refused}");
        assert!(start.elapsed() < Duration::from_secs(20), "{manner:?}");
        assert!(
            vendor.asked().iter().all(|path| !path.starts_with("/elsewhere")),
            "{manner:?}"
        );
    }
}

#[tokio::test]
async fn a_vendor_that_comes_to_its_senses_is_asked_again() {
    for manner in [Manner::Down, Manner::Wrong, Manner::Nonsense, Manner::Oversized] {
        let (platform, vendor) = vendor().await;
        let site = Site::start(&platform, only(&vendor)).await;
        vendor.behave(manner.clone());
        site.guest().await.unwrap_err();
        vendor.behave(Manner::Well);
        site.guest()
            .await
            .unwrap_or_else(|error| panic!("{manner:?}: {error}"));
    }
}

#[tokio::test]
async fn bad_evidence_is_bad_whatever_the_vendor_does_and_costs_no_certificate() {
    let (platform, vendor) = vendor().await;
    let site = Site::start(&platform, only(&vendor)).await;
    site.guest().await.unwrap();
    for manner in [Manner::Well, Manner::Down] {
        vendor.behave(manner);
        for _ in 0..5 {
            let flip = |evidence: &mut Value| evidence["attestation_report"]["measurement"][0] = json!(7);
            let refused = site.guest_with(flip).await.unwrap_err();
            assert_eq!(refused.code(), Code::Aborted, "{refused}");
            assert!(refused.message().contains("signature"), "{refused}");
        }
    }
    assert_eq!(vendor.asked().len(), 1);
}

#[tokio::test]
async fn a_chip_that_the_vendor_does_not_know_is_the_evidences_fault_and_asked_for_once() {
    let (_, vendor) = vendor().await;
    let stranger = Arc::new(Platform::new(Generation::Genoa).unwrap());
    let site = Site::start(&stranger, only(&vendor)).await;
    for _ in 0..3 {
        let refused = site.guest().await.unwrap_err();
        assert_eq!(refused.code(), Code::Aborted, "{refused}");
        assert!(refused.message().contains("nothing vouches for"), "{refused}");
    }
    assert_eq!(vendor.asked().len(), 1);
}

#[tokio::test]
async fn a_vendor_that_had_too_much_is_asked_again_when_it_wants() {
    let (platform, vendor) = vendor().await;
    let site = Site::start(&platform, only(&vendor)).await;
    vendor.behave(Manner::Limited(Some(2)));
    let (found, ()) = tokio::join!(site.guest(), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        vendor.behave(Manner::Well);
    });
    found.unwrap();
    assert_eq!(vendor.asked().len(), 2);
}

#[tokio::test]
async fn a_vendor_that_had_too_much_is_left_alone_by_everybody() {
    let (platform, vendor) = vendor().await;
    let site = Site::start(&platform, only(&vendor)).await;
    vendor.behave(Manner::Limited(Some(300)));
    for _ in 0..10 {
        assert_eq!(site.guest().await.unwrap_err().code(), Code::Unavailable);
    }
    assert_eq!(vendor.asked().len(), 1);
    let source = site.status().await["sources"][0].clone();
    assert_eq!(source["state"], "left alone", "{source}");
    assert!(source["left_alone_seconds"].as_u64().unwrap() > 250, "{source}");
}

#[tokio::test]
async fn another_source_stands_in() {
    let (platform, first) = vendor().await;
    let second = kds::start(vec![Arc::clone(&platform)]).await.unwrap();
    first.behave(Manner::Down);
    let sources = json!([
        {"type": "KDS", "base_url": first.url()},
        {"type": "KDS", "base_url": second.url()},
    ]);
    let site = Site::start(&platform, sources).await;
    site.guest().await.unwrap();
    assert_eq!((first.asked().len(), second.asked().len()), (1, 1));
}

#[tokio::test]
async fn what_held_outlives_a_restart_without_the_vendor() {
    let (platform, vendor) = vendor().await;
    let settings = json!({"vcek_sources": only(&vendor), "crl": "require"});
    let mut site = Site::with(&platform, settings).await;
    site.guest().await.unwrap();
    site.stored(2).await;
    vendor.behave(Manner::Down);
    site.restart().await;
    site.guest().await.unwrap();
    assert_eq!(vendor.asked().len(), 2, "{:?}", vendor.asked());
}

#[tokio::test]
async fn a_stored_entry_that_somebody_damaged_is_fetched_anew() {
    let (platform, vendor) = vendor().await;
    let mut site = Site::start(&platform, only(&vendor)).await;
    site.guest().await.unwrap();
    site.stored(1).await;
    let folder = site.directory.path().join("storage/endorsements");
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    }
    site.restart().await;
    site.guest().await.unwrap();
    assert_eq!(vendor.asked().len(), 2);
}

#[tokio::test]
async fn a_bundle_makes_a_site_without_a_way_out_appraise() {
    let (platform, vendor) = vendor().await;
    let connected = Site::with(
        &platform,
        json!({"vcek_sources": only(&vendor), "crl": "require"}),
    )
    .await;
    connected.guest().await.unwrap();
    connected.stored(2).await;
    let bundle = connected.path("bundle.json");
    connected.command(&["export", "--output", &bundle]).await.unwrap();

    let mut air_gapped = Site::with(&platform, json!({"vcek_sources": [], "crl": "require"})).await;
    let refused = air_gapped.guest().await.unwrap_err();
    assert!(refused.message().contains("no source has"), "{refused}");
    // While it runs, and for its next start.
    let said = air_gapped.command(&["import", &bundle]).await.unwrap();
    assert!(said.starts_with("2 endorsements imported"), "{said}");
    air_gapped.guest().await.unwrap();
    air_gapped.restart().await;
    air_gapped.guest().await.unwrap();
    assert!(vendor.asked().len() <= 2);
}

#[tokio::test]
async fn the_key_broker_says_come_again_when_the_vendor_is_down_and_no_when_the_evidence_is_bad() {
    let (platform, vendor) = vendor().await;
    let roots = tempfile::tempdir().unwrap();
    let file = roots.path().join("roots.pem");
    std::fs::write(&file, platform.roots_pem()).unwrap();
    let verifier_config = json!({"snp_verifier":
        {"vcek_sources": only(&vendor), "insecure_extra_roots": [file]}});
    let stack = TestStack::with(Setup {
        verifier_config: Some(verifier_config),
        ..Setup::default()
    })
    .await;
    let guest = Guest::snp(&stack);
    let attest = async |flip: bool| {
        let challenge = guest.challenge().await;
        let body = guest.attestation_with(&challenge.nonce, &|digest| {
            let report = platform.report().report_data(digest).sign().unwrap();
            let mut evidence = evidence(&report, &[]).unwrap();
            if flip {
                evidence["attestation_report"]["measurement"][0] = json!(7);
            }
            evidence
        });
        guest.attest(&challenge, &body).await
    };
    vendor.behave(Manner::Down);
    assert_refused(attest(false).await, 503, "AttestationError").await;
    vendor.behave(Manner::Well);
    assert_eq!(attest(false).await.status(), 200);
    assert_refused(attest(true).await, 401, "AttestationError").await;
    vendor.behave(Manner::Down);
    assert_eq!(attest(false).await.status(), 200);
}

#[tokio::test]
async fn the_operator_sees_what_is_remembered_and_how_the_sources_are() {
    let (platform, vendor) = vendor().await;
    let site = Site::start(&platform, only(&vendor)).await;
    assert_eq!(site.status().await["sources"][0]["state"], "not asked yet");
    site.guest().await.unwrap();
    site.guest().await.unwrap();
    let status = site.status().await;
    assert_eq!(status["ready"], true);
    let source = &status["sources"][0];
    assert_eq!(
        (&source["name"], &source["state"]),
        (&json!(vendor.url()), &json!("answering"))
    );
    assert_eq!(source["requests"], json!({"found": 1}));
    let entry = &status["endorsements"][0];
    assert!(
        entry["id"].as_str().unwrap().starts_with("snp-vcek.Genoa."),
        "{entry}"
    );
    assert_eq!(
        (&entry["state"], &entry["proved"]),
        (&json!("fresh"), &json!(true))
    );
    assert!(entry["expires_at"].as_str().unwrap().ends_with('Z'), "{entry}");
    assert_eq!(status["cache"]["entries"], 1);
    assert_eq!(status["cache"]["persistent"], true);

    let metrics = site.page("/metrics").await;
    for line in [
        format!(
            r#"attestation_service_endorsement_fetches_total{{outcome="found",source="{}"}} 1"#,
            vendor.url()
        ),
        r#"attestation_service_endorsement_lookups_total{result="hit"} 1"#.to_owned(),
        r#"attestation_service_endorsement_lookups_total{result="miss"} 1"#.to_owned(),
        r#"attestation_service_endorsement_cached_entries{class="kept"} 1"#.to_owned(),
    ] {
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
    let (running, _) = site.running.as_ref().unwrap();
    let main = running.main.addresses()[0];
    for path in ["/status", "/metrics"] {
        let answer = reqwest::get(format!("http://{main}{path}")).await.unwrap();
        let text = answer.text().await.unwrap();
        assert!(!text.contains("endorsement"), "{path}: {text}");
    }
}

/// TCB info that is good in 2026 and long after, of a kind of platform that is made up.
fn collateral() -> Collateral {
    let body = |tee: &str| {
        json!({"tcbInfo": {"id": tee, "fmspc": "0123456789AB", "issueDate": "2026-01-01T00:00:00Z",
            "nextUpdate": "2099-01-01T00:00:00Z"}, "signature": "00"})
        .to_string()
    };
    Collateral {
        tcb_infos: vec![TcbInfo {
            tee: "tdx".to_owned(),
            fmspc: "0123456789AB".to_owned(),
            body: body("TDX"),
        }],
        signing_chain: "-----BEGIN CERTIFICATE-----\nMII+/=\n-----END CERTIFICATE-----\n".to_owned(),
        ..Collateral::default()
    }
}

const TCB_INFO: &str = "dcap-tcb-info.tdx.0123456789AB";

#[tokio::test]
async fn collateral_comes_from_the_first_service_that_has_it_or_from_a_file() {
    let (platform, _) = vendor().await;
    let mut site = Site::start(&platform, json!([])).await;
    let (down, pcs) = (
        FakePcs::start(collateral()).await.unwrap(),
        FakePcs::start(collateral()).await.unwrap(),
    );
    down.vendor.behave(Manner::Down);
    let file = site.path("collaterals.json");
    std::fs::write(&file, collateral().admin_tool_file().to_string()).unwrap();
    for services in [
        json!({"collateral_services": [{"url": down.vendor.url()}, {"url": pcs.vendor.url()}]}),
        json!({"collateral_service": format!("{}/sgx/certification/v4/", pcs.vendor.url())}),
        json!({"collateral_service": format!("file://{file}")}),
    ] {
        site.config["verifier_config"]["dcap_verifier"] = services;
        let bundle = site
            .command(&["export", "--output", "-", "--fetch", TCB_INFO])
            .await
            .unwrap();
        let bundle: Value = serde_json::from_str(&bundle).unwrap();
        let entry = &bundle["entries"][0];
        assert_eq!(entry["id"], TCB_INFO);
        assert_eq!(entry["issuer_chain"], collateral().signing_chain);
    }
    assert_eq!(
        pcs.vendor.asked(),
        vec!["/tdx/certification/v4/tcb?fmspc=0123456789AB&update=early"; 2]
    );
}

#[tokio::test]
async fn however_a_collateral_service_fails_it_is_said_why() {
    let (platform, _) = vendor().await;
    let mut site = Site::start(&platform, json!([])).await;
    let pcs = FakePcs::start(collateral()).await.unwrap();
    let mut other = collateral();
    other.tcb_infos[0].body = other.tcb_infos[0].body.replace("0123456789AB", "BA9876543210");
    pcs.pretend(other);
    let service = json!([{"url": pcs.vendor.url(), "timeout_seconds": 1}]);
    site.config["verifier_config"]["dcap_verifier"] = json!({"collateral_services": service});
    for (manner, reason) in [
        (Manner::Down, "503"),
        (Manner::Limited(Some(60)), "429"),
        (Manner::Slow(Duration::from_secs(20)), "timed out"),
        (Manner::Wrong, "it is about BA9876543210"),
        (Manner::Nonsense, "chain"),
        (Manner::Oversized, "longer than"),
        (Manner::Redirecting, "302"),
    ] {
        pcs.vendor.behave(manner.clone());
        let refused = site
            .command(&["export", "--output", "-", "--fetch", TCB_INFO])
            .await;
        let text = format!("{:#}", refused.unwrap_err());
        assert!(text.contains(reason), "{manner:?}: {text}");
    }
}
