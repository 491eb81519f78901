use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Response, Uri};
use verifier::{HwId, SnpProduct, SnpTcb};

use super::*;
use crate::testing::{Authority, Server};

/// Keeps what it was asked for, and answers as told.
struct FakeKds {
    server: Server,
    asked: Arc<Mutex<Vec<String>>>,
}

impl FakeKds {
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

    fn client(&self) -> Kds {
        kds(&self.server.url())
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn kds(base_url: &str) -> Kds {
    daemon::init();
    let config = KdsConfig {
        base_url: base_url.to_owned(),
        timeout_seconds: 1,
        ca: None,
    };
    Kds::new(&config).unwrap()
}

fn status(status: u16, body: impl Into<Body>) -> Response<Body> {
    Response::builder().status(status).body(body.into()).unwrap()
}

fn vcek(products: &[SnpProduct]) -> EndorsementId {
    let tcb = SnpTcb {
        fmc: None,
        bootloader: 3,
        tee: 0,
        snp: 22,
        microcode: 213,
    };
    EndorsementId::SnpVcek {
        products: products.to_vec(),
        hwid: HwId::Full([0xab; 64]),
        tcb,
    }
}

fn is_unavailable(outcome: Result<Option<Fetched>, EndorsementError>, reason: &str) {
    let error = outcome.unwrap_err();
    assert!(matches!(error, EndorsementError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains(reason), "{error}");
}

#[tokio::test]
async fn a_vcek_is_asked_for_by_product_chip_and_tcb() {
    let fake = FakeKds::start(|_| status(200, "der")).await;
    let certificate = fake.client().fetch(&vcek(&[SnpProduct::Milan])).await.unwrap();
    assert_eq!(certificate, Some(b"der".to_vec().into()));
    let chip = "ab".repeat(64);
    assert_eq!(
        fake.asked(),
        [format!(
            "/vcek/v1/Milan/{chip}?blSPL=03&teeSPL=00&snpSPL=22&ucodeSPL=213"
        )]
    );
}

#[tokio::test]
async fn turins_tcb_begins_with_the_fmc_and_its_chip_id_is_short() {
    let fake = FakeKds::start(|_| status(200, "der")).await;
    let id = EndorsementId::SnpVcek {
        products: vec![SnpProduct::Turin],
        hwid: HwId::Short([0xcd; 8]),
        tcb: SnpTcb {
            fmc: Some(1),
            bootloader: 2,
            tee: 3,
            snp: 4,
            microcode: 5,
        },
    };
    fake.client().fetch(&id).await.unwrap();
    let chip = "cd".repeat(8);
    let path = format!("/vcek/v1/Turin/{chip}?fmcSPL=01&blSPL=02&teeSPL=03&snpSPL=04&ucodeSPL=05");
    assert_eq!(fake.asked(), [path]);
}

#[tokio::test]
async fn the_other_endorsements_have_their_places_and_a_path_in_the_base_url_is_kept() {
    let fake = FakeKds::start(|_| status(200, "x")).await;
    let client = kds(&format!("{}/cache/", fake.server.url()));
    client
        .fetch(&EndorsementId::SnpCrl {
            product: SnpProduct::Genoa,
        })
        .await
        .unwrap();
    client
        .fetch(&EndorsementId::SnpAsvk {
            product: SnpProduct::Turin,
        })
        .await
        .unwrap();
    client
        .fetch(&EndorsementId::SnpVlekCrl {
            product: SnpProduct::Milan,
        })
        .await
        .unwrap();
    assert_eq!(
        fake.asked(),
        [
            "/cache/vcek/v1/Genoa/crl",
            "/cache/vlek/v1/Turin/cert_chain",
            "/cache/vlek/v1/Milan/crl",
        ]
    );
}

#[tokio::test]
async fn a_report_that_does_not_say_its_product_is_tried_with_each() {
    let fake = FakeKds::start(|uri| {
        if uri.contains("/Genoa/") {
            status(200, "der")
        } else {
            status(404, "")
        }
    })
    .await;
    let outcome = fake
        .client()
        .fetch(&vcek(&[SnpProduct::Milan, SnpProduct::Genoa]))
        .await;
    assert_eq!(outcome.unwrap(), Some(b"der".to_vec().into()));
    assert_eq!(fake.asked().len(), 2);
}

#[tokio::test]
async fn a_chip_that_amd_does_not_know_is_no_outage() {
    for code in [400, 404] {
        let fake = FakeKds::start(move |_| status(code, "no")).await;
        assert_eq!(
            fake.client().fetch(&vcek(&[SnpProduct::Milan])).await.unwrap(),
            None,
            "{code}"
        );
    }
}

#[tokio::test]
async fn throttling_and_failures_are_outages() {
    for code in [408, 429, 500, 502, 503] {
        let fake = FakeKds::start(move |_| status(code, "no")).await;
        is_unavailable(
            fake.client().fetch(&vcek(&[SnpProduct::Milan])).await,
            &code.to_string(),
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let fake = FakeKds::start(|uri| match uri {
        "/elsewhere" => status(200, "der"),
        _ => Response::builder()
            .status(302)
            .header("location", "/elsewhere")
            .body(Body::empty())
            .unwrap(),
    })
    .await;
    is_unavailable(fake.client().fetch(&vcek(&[SnpProduct::Milan])).await, "302");
    assert!(!fake.asked().iter().any(|path| path == "/elsewhere"));
}

#[tokio::test]
async fn an_oversized_answer_is_given_up_with_and_without_a_declared_length() {
    let fake = FakeKds::start(|_| status(200, vec![0; MAX_ANSWER + 1])).await;
    is_unavailable(fake.client().fetch(&vcek(&[SnpProduct::Milan])).await, "longer");

    let endless = || tokio_stream::iter(std::iter::repeat_with(|| Ok::<_, std::io::Error>(vec![0; 4096])));
    let fake = FakeKds::start(move |_| status(200, Body::from_stream(endless()))).await;
    is_unavailable(fake.client().fetch(&vcek(&[SnpProduct::Milan])).await, "longer");
}

#[tokio::test]
async fn a_slow_answer_is_given_up() {
    let router = axum::Router::new().fallback(|| async {
        tokio::time::sleep(Duration::from_secs(30)).await;
    });
    let server = Server::start(router, None).await;
    is_unavailable(
        kds(&server.url()).fetch(&vcek(&[SnpProduct::Milan])).await,
        "timed out",
    );
}

#[tokio::test]
async fn nobody_there_is_an_outage() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    is_unavailable(
        kds(&format!("http://127.0.0.1:{port}"))
            .fetch(&vcek(&[SnpProduct::Milan]))
            .await,
        "",
    );
}

#[tokio::test]
async fn a_certificate_that_nobody_trusted_vouches_for_is_an_outage_and_a_configured_authority_is_trusted() {
    let authority = Authority::new();
    let router = axum::Router::new().fallback(|| async { "der" });
    let server = Server::start(router, Some(authority.server())).await;
    let base_url = format!("https://{}", server.address);
    let outcome = kds(&base_url).fetch(&vcek(&[SnpProduct::Milan])).await;
    is_unavailable(outcome, "certificate");

    let trusting = KdsConfig {
        base_url,
        timeout_seconds: 5,
        ca: Some(authority.path("ca.pem")),
    };
    let outcome = Kds::new(&trusting)
        .unwrap()
        .fetch(&vcek(&[SnpProduct::Milan]))
        .await;
    assert_eq!(outcome.unwrap(), Some(b"der".to_vec().into()));
}

#[test]
fn a_base_url_that_is_none_stops_the_start() {
    for base_url in ["", "kdsintf.amd.com", "ftp://kds", "file:///etc", "https://"] {
        let config = KdsConfig {
            base_url: base_url.to_owned(),
            ..KdsConfig::default()
        };
        assert!(Kds::new(&config).is_err(), "{base_url}");
    }
}
