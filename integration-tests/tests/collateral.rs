//! A real TDX quote with Intel's real collateral, from a service that speaks as Intel's does, at the time at which the
//! collateral was valid and after.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use attestation_service::app::Running;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use daemon::clock::ManualClock;
use daemon::config::load_str;
use daemon::serve::Listener;
use daemon::shutdown::Shutdown;
use integration_tests::fakes::Manner;
use integration_tests::fakes::pcs::{Collateral, FakePcs, TcbInfo};
use protos::attestation::attestation_service_client::AttestationServiceClient;
use protos::attestation::{AttestationRequest, IndividualAttestationRequest};
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::{Code, Status};

use crate::guest::claims;

/// 2025-06-20, a day after the collateral was issued.
const NOW: i64 = 1_750_417_000;

/// The last day of the TCB info: 2025-07-19.
const LAST_DAY: i64 = 1_752_880_000;

/// Days after that.
const TOO_LATE: i64 = LAST_DAY + 5 * DAY;

const DAY: i64 = 24 * 3600;

/// The package whose source carries the quote. This project is built with it.
const PACKAGE: &str = "dcap-qvl-0.7.1/sample";

/// The quote, and its collateral.
fn vector() -> Option<(Vec<u8>, Collateral)> {
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| Some(std::env::home_dir()?.join(".cargo")))?;
    let registries = std::fs::read_dir(cargo.join("registry/src"))
        .into_iter()
        .flatten()
        .flatten();
    let mut folders = registries.map(|registry| registry.path().join(PACKAGE));
    let Some(folder) = folders.find(|folder| folder.is_dir()) else {
        eprintln!("skipped: the package {PACKAGE} is not unpacked on this machine");
        return None;
    };
    let quote = std::fs::read(folder.join("tdx_quote")).unwrap();
    let text = std::fs::read_to_string(folder.join("tdx_quote_collateral.json")).unwrap();
    let given: Value = serde_json::from_str(&text).unwrap();
    let text = |name: &str| given[name].as_str().unwrap().to_owned();
    let collateral = Collateral {
        tcb_infos: vec![TcbInfo {
            tee: "tdx".to_owned(),
            fmspc: "B0C06F000000".to_owned(),
            body: format!(
                r#"{{"tcbInfo":{},"signature":"{}"}}"#,
                text("tcb_info"),
                text("tcb_info_signature")
            ),
        }],
        qe_identities: vec![(
            "tdx".to_owned(),
            format!(
                r#"{{"enclaveIdentity":{},"signature":"{}"}}"#,
                text("qe_identity"),
                text("qe_identity_signature")
            ),
        )],
        signing_chain: text("tcb_info_issuer_chain"),
        pck_crls: vec![(
            "platform".to_owned(),
            hex::decode(text("pck_crl")).unwrap(),
            text("pck_crl_issuer_chain"),
        )],
        root_crl: hex::decode(text("root_ca_crl")).unwrap(),
    };
    Some((quote, collateral))
}

/// An Attestation Service that stands still in time.
struct Site {
    directory: TempDir,
    clock: Arc<ManualClock>,
    config: Value,
    running: Option<(Running, Shutdown)>,
}

impl Site {
    async fn start(dcap: Value, stale_seconds: i64) -> Self {
        daemon::init();
        let directory = TempDir::new().unwrap();
        let config = json!({
            "verifier_config": {
                "dcap_verifier": dcap,
                "endorsement_cache": {"stale_seconds": stale_seconds},
            },
            "storage_backend": {
                "storage_type": "LocalFs",
                "backends": {"local_fs": {"dir_path": directory.path().join("storage")}},
            },
        });
        let clock = Arc::new(ManualClock::new(NOW));
        let mut site = Self {
            directory,
            clock,
            config,
            running: None,
        };
        site.restart().await;
        site
    }

    async fn restart(&mut self) {
        if let Some((_, stop)) = self.running.take() {
            stop.trigger();
        }
        let config = load_str(&self.config.to_string(), "json", &[]).unwrap().config;
        let stop = Shutdown::manual(Duration::ZERO);
        let listener = Listener::Address(SocketAddr::from(([127, 0, 0, 1], 0)));
        let clock = Arc::clone(&self.clock);
        let running = attestation_service::app::start(&config, listener, clock, stop.clone()).await;
        self.running = Some((running.unwrap(), stop));
    }

    /// The claims about the quote.
    async fn evaluate(&self, quote: &[u8]) -> Result<Value, Status> {
        let (running, _) = self.running.as_ref().unwrap();
        let address = format!("http://{}", running.main.addresses()[0]);
        let mut client = AttestationServiceClient::connect(address).await.unwrap();
        let evidence = json!({"quote": STANDARD.encode(quote), "cc_eventlog": null});
        let request = AttestationRequest {
            verification_requests: vec![IndividualAttestationRequest {
                tee: "tdx".to_owned(),
                evidence: URL_SAFE_NO_PAD.encode(evidence.to_string()),
                runtime_data: None,
                init_data: None,
                runtime_data_hash_algorithm: String::new(),
            }],
            policy_ids: vec!["default".to_owned()],
            explain: false,
        };
        let token = client
            .attestation_evaluate(request)
            .await?
            .into_inner()
            .attestation_token;
        let claims = claims(&token);
        Ok(claims["submods"]["cpu0"]["ear.veraison.annotated-evidence"]["tdx"].clone())
    }

    /// Waits until all four pieces are on the storage.
    async fn stored(&self) {
        let folder = self.directory.path().join("storage/endorsements");
        for _ in 0..200 {
            if std::fs::read_dir(&folder).unwrap().count() == 4 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{}", folder.display());
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some((_, stop)) = &self.running {
            stop.trigger();
        }
    }
}

fn only(pcs: &FakePcs) -> Value {
    json!({"collateral_services": [{"url": pcs.vendor.url(), "timeout_seconds": 1}]})
}

/// The same with another signature under the TCB info.
fn forged(collateral: &Collateral) -> Collateral {
    let mut forged = collateral.clone();
    let body = &mut forged.tcb_infos[0].body;
    *body = body.replace("\"tcbEvaluationDataNumber\":17", "\"tcbEvaluationDataNumber\":99");
    assert_ne!(*body, collateral.tcb_infos[0].body);
    forged
}

#[tokio::test]
async fn collateral_is_fetched_once_and_outlives_the_service_and_a_restart() {
    let Some((quote, collateral)) = vector() else {
        return;
    };
    let pcs = FakePcs::start(collateral).await.unwrap();
    let mut site = Site::start(only(&pcs), 0).await;
    for _ in 0..3 {
        let tdx = site.evaluate(&quote).await.unwrap();
        assert_eq!(tdx["tcb_status"], "UpToDate", "{tdx}");
        assert_eq!(tdx["collateral_expiration_status"], "0");
    }
    let mut asked = pcs.vendor.asked();
    asked.sort();
    assert_eq!(
        asked,
        [
            "/sgx/certification/v4/pckcrl?ca=platform&encoding=der",
            "/sgx/certification/v4/rootcacrl",
            "/tdx/certification/v4/qe/identity?update=early",
            "/tdx/certification/v4/tcb?fmspc=B0C06F000000&update=early",
        ]
    );
    site.stored().await;
    pcs.vendor.behave(Manner::Down);
    for time in [NOW + 10 * DAY, LAST_DAY] {
        site.clock.set(time);
        site.restart().await;
        let tdx = site.evaluate(&quote).await.unwrap();
        assert_eq!(tdx["collateral_expiration_status"], "0");
        assert_eq!(
            tdx["tcb_info_age_seconds"],
            time - NOW,
            "a policy sees how old it is"
        );
    }
}

#[tokio::test]
async fn collateral_that_is_over_is_an_outage_unless_the_operator_lets_policy_judge() {
    let Some((quote, collateral)) = vector() else {
        return;
    };
    let pcs = FakePcs::start(collateral).await.unwrap();
    for (stale_seconds, warm) in [(0, true), (0, false), (30 * DAY, true), (30 * DAY, false)] {
        pcs.vendor.behave(Manner::Well);
        let site = Site::start(only(&pcs), stale_seconds).await;
        if warm {
            site.evaluate(&quote).await.unwrap();
            pcs.vendor.behave(Manner::Down);
        }
        // Cold, the service itself has nothing newer.
        site.clock.set(TOO_LATE);
        for _ in 0..2 {
            let result = site.evaluate(&quote).await;
            if stale_seconds == 0 {
                let refused = result.unwrap_err();
                assert_eq!(refused.code(), Code::Unavailable, "{refused}");
            } else {
                let tdx = result.unwrap();
                assert_eq!(tdx["collateral_expiration_status"], "1");
                assert_eq!(tdx["tcb_status"], "UpToDate");
            }
        }
    }
}

#[tokio::test]
async fn a_cache_is_a_transport_and_no_trust_anchor() {
    let Some((quote, collateral)) = vector() else {
        return;
    };
    let (false_one, good) = (
        FakePcs::start(forged(&collateral)).await.unwrap(),
        FakePcs::start(collateral).await.unwrap(),
    );
    let services = json!({"collateral_services":
        [{"url": false_one.vendor.url()}, {"url": good.vendor.url()}]});
    let site = Site::start(services, 0).await;
    let refused = site.evaluate(&quote).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    assert!(refused.message().contains("does not fit"), "{refused}");
    let tdx = site.evaluate(&quote).await.unwrap();
    assert_eq!(tdx["tcb_eval_num"], 17);
}

#[tokio::test]
async fn what_held_goes_on_being_used_when_a_newer_copy_does_not_hold() {
    let Some((quote, collateral)) = vector() else {
        return;
    };
    let pcs = FakePcs::start(collateral.clone()).await.unwrap();
    let site = Site::start(only(&pcs), 0).await;
    site.evaluate(&quote).await.unwrap();
    pcs.publish(forged(&collateral));
    site.clock.set(NOW + 2 * DAY);
    // The newer copy comes in the background, is found wanting by one guest, and is not used again.
    let mut refused = 0;
    for _ in 0..20 {
        match site.evaluate(&quote).await {
            Ok(tdx) => assert_eq!(tdx["tcb_eval_num"], 17),
            Err(error) => {
                assert_eq!(error.code(), Code::Unavailable, "{error}");
                refused += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(refused, 1);
}

#[tokio::test]
async fn a_file_does_without_any_service_and_a_bad_quote_is_bad_all_the_same() {
    let Some((mut quote, collateral)) = vector() else {
        return;
    };
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("collaterals.json");
    let text = serde_json::to_string_pretty(&collateral.admin_tool_file()).unwrap();
    std::fs::write(&file, text).unwrap();
    let url = format!("file://{}", file.display());
    let site = Site::start(json!({"collateral_service": url}), 0).await;
    assert_eq!(site.evaluate(&quote).await.unwrap()["tcb_status"], "UpToDate");
    // A measurement of the guest.
    quote[48 + 200] ^= 1;
    let refused = site.evaluate(&quote).await.unwrap_err();
    assert_eq!(refused.code(), Code::Aborted, "{refused}");
}
