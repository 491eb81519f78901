use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{HeaderMap as Headers, Response, Uri};
use verifier::dcap::{Fmspc, PckCa};

use super::*;
use crate::testing::{Authority, Server};

const CHAIN: &str = "-----BEGIN%20CERTIFICATE-----%0AMII%3D%0A-----END%20CERTIFICATE-----%0A";

const DECODED: &str = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n";

fn tcb_info(tee: DcapTee) -> EndorsementId {
    let fmspc = Fmspc([0x00, 0xa0, 0x67, 0x11, 0, 0xab]);
    EndorsementId::DcapTcbInfo { tee, fmspc }
}

/// Keeps what it was asked for, and answers as told.
struct FakePcs {
    server: Server,
    asked: Arc<Mutex<Vec<String>>>,
}

impl FakePcs {
    async fn start(answer: impl Fn(&str) -> Response<Body> + Clone + Send + Sync + 'static) -> Self {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&asked);
        let router = axum::Router::new().fallback(move |uri: Uri| async move {
            log.lock().unwrap().push(uri.to_string());
            answer(&uri.to_string())
        });
        Self {
            server: Server::start(router, None).await,
            asked,
        }
    }

    fn client(&self, update: TcbUpdateType) -> Pcs {
        let config = CollateralServiceConfig::new(format!("{}/sgx/certification/v4/", self.server.url()));
        Pcs::new(&config, update).unwrap()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn with_chain(header: &'static str, body: &'static [u8]) -> Response<Body> {
    Response::builder()
        .header(header, CHAIN)
        .body(body.into())
        .unwrap()
}

fn status(status: u16) -> Response<Body> {
    Response::builder().status(status).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn every_piece_of_collateral_has_its_request_and_its_header() {
    let fake = FakePcs::start(|uri| match uri.split('?').next().unwrap() {
        "/sgx/certification/v4/tcb" | "/tdx/certification/v4/tcb" => {
            with_chain("TCB-Info-Issuer-Chain", b"{}")
        }
        "/sgx/certification/v4/qe/identity" | "/tdx/certification/v4/qe/identity" => {
            with_chain("SGX-Enclave-Identity-Issuer-Chain", b"{}")
        }
        "/sgx/certification/v4/pckcrl" => with_chain("SGX-PCK-CRL-Issuer-Chain", b"\x30\x00"),
        "/sgx/certification/v4/rootcacrl" => Response::new("3000".into()),
        _ => status(500),
    })
    .await;
    let client = fake.client(TcbUpdateType::Early);
    let document: Fetched = Fetched {
        issuer_chain: Some(DECODED.to_owned()),
        ..b"{}".to_vec().into()
    };
    let list = || Fetched::from(b"\x30\x00".to_vec());
    for (id, expected) in [
        (tcb_info(DcapTee::Sgx), document.clone()),
        (tcb_info(DcapTee::Tdx), document.clone()),
        (EndorsementId::DcapQeIdentity { tee: DcapTee::Tdx }, document),
        (
            EndorsementId::DcapPckCrl { ca: PckCa::Platform },
            Fetched {
                issuer_chain: Some(DECODED.to_owned()),
                ..list()
            },
        ),
        (EndorsementId::DcapRootCrl, list()),
    ] {
        assert_eq!(client.fetch(&id).await.unwrap(), Some(expected), "{id}");
    }
    assert_eq!(
        fake.asked(),
        [
            "/sgx/certification/v4/tcb?fmspc=00A0671100AB&update=early",
            "/tdx/certification/v4/tcb?fmspc=00A0671100AB&update=early",
            "/tdx/certification/v4/qe/identity?update=early",
            "/sgx/certification/v4/pckcrl?ca=platform&encoding=der",
            "/sgx/certification/v4/rootcacrl",
        ]
    );
}

#[tokio::test]
async fn where_there_is_no_early_document_the_standard_one_counts() {
    let fake = FakePcs::start(|uri| match uri.contains("update=standard") {
        true => with_chain("tcb-info-issuer-chain", b"standard"),
        false => status(404),
    })
    .await;
    for (update, requests) in [(TcbUpdateType::Early, 2), (TcbUpdateType::Standard, 3)] {
        let found = fake.client(update).fetch(&tcb_info(DcapTee::Tdx)).await;
        assert_eq!(found.unwrap().unwrap().bytes, b"standard");
        assert_eq!(fake.asked().len(), requests);
    }
}

#[tokio::test]
async fn collateral_that_is_not_available_is_no_outage() {
    for code in [404, 410] {
        let fake = FakePcs::start(move |_| status(code)).await;
        let client = fake.client(TcbUpdateType::Early);
        for id in [tcb_info(DcapTee::Sgx), EndorsementId::DcapRootCrl] {
            assert_eq!(client.fetch(&id).await.unwrap(), None, "{code} {id}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_lacks_something_is_an_outage() {
    type Answer = fn() -> Response<Body>;
    let crl = EndorsementId::DcapPckCrl { ca: PckCa::Processor };
    let cases: [(EndorsementId, Answer, &str); 6] = [
        (tcb_info(DcapTee::Tdx), || Response::new("{}".into()), "chain"),
        (
            tcb_info(DcapTee::Tdx),
            || {
                Response::builder()
                    .header("tcb-info-issuer-chain", "%zz")
                    .body("{}".into())
                    .unwrap()
            },
            "chain",
        ),
        (
            crl.clone(),
            || Response::new(Body::from(&b"\x30\x00"[..])),
            "chain",
        ),
        (
            crl,
            || with_chain("sgx-pck-crl-issuer-chain", b"<html>"),
            "neither",
        ),
        (EndorsementId::DcapRootCrl, || status(503), "503"),
        (
            EndorsementId::DcapRootCrl,
            || Response::new(vec![b'0'; MAX_ANSWER + 1].into()),
            "longer",
        ),
    ];
    for (id, answer, expected) in cases {
        let fake = FakePcs::start(move |_| answer()).await;
        let error = fake.client(TcbUpdateType::Standard).fetch(&id).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{id}: {error}");
    }
}

#[tokio::test]
async fn a_service_that_says_when_to_come_again_is_heard() {
    let answer = || {
        let answer = Response::builder().status(429).header("Retry-After", "7");
        answer.body(Body::empty()).unwrap()
    };
    let fake = FakePcs::start(move |_| answer()).await;
    let error = fake
        .client(TcbUpdateType::Early)
        .fetch(&EndorsementId::DcapRootCrl)
        .await;
    let Err(EndorsementError::Unavailable { retry_after, .. }) = error else {
        panic!("{error:?}")
    };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_cache_of_ones_own_is_trusted_by_its_authority() {
    daemon::init();
    let authority = Authority::new();
    let router = axum::Router::new().fallback(|headers: Headers| async move {
        assert!(headers.contains_key("user-agent"));
        "3000"
    });
    let server = Server::start(router, Some(authority.server())).await;
    let mut config = CollateralServiceConfig::new(format!("https://{}", server.address));
    let error = Pcs::new(&config, TcbUpdateType::Early)
        .unwrap()
        .fetch(&EndorsementId::DcapRootCrl)
        .await;
    assert!(error.unwrap_err().to_string().contains("certificate"));
    config.ca = Some(authority.path("ca.pem"));
    let found = Pcs::new(&config, TcbUpdateType::Early)
        .unwrap()
        .fetch(&EndorsementId::DcapRootCrl)
        .await;
    assert!(found.unwrap().is_some());
}

#[test]
fn the_roots_list_comes_from_intels_place_if_intel_is_asked_and_from_the_cache_otherwise() {
    daemon::init();
    let url = |service: &str| {
        Pcs::new(&CollateralServiceConfig::new(service), TcbUpdateType::Early)
            .unwrap()
            .root_crl_url
    };
    assert_eq!(
        url(INTEL),
        "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
    );
    assert_eq!(
        url("https://pccs:8081/x"),
        "https://pccs:8081/sgx/certification/v4/rootcacrl"
    );
}
