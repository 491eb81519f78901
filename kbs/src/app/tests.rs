//! The real adapters, put together as configured and served.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jose::Jwe;
use jose::tee_key::{TeeKeyKind, TeePrivateKey};
use reqwest::{Client, StatusCode};
use ring::digest::{SHA384, digest};
use serde_json::{Value, json};

use super::*;
use crate::attestation::built_in::{self, BuiltInAttestation};

const OPEN: &str = r#"
    [http_server]
    sockets = ["127.0.0.1:0"]
    insecure_http = true
    [admin]
    authorization_mode = "InsecureAllowAll"
    [[plugins]]
    name = "resource"
    storage_backend_type = "kvstorage"
"#;

async fn started(config: &str) -> Result<(Running, Shutdown), StartError> {
    daemon::init();
    let config = KbsConfig::from_text(config, "toml").unwrap().config;
    let shutdown = Shutdown::manual(Duration::from_secs(1));
    let running = start(config, Arc::new(SystemClock), shutdown.clone()).await?;
    Ok((running, shutdown))
}

async fn refusal(config: &str) -> StartError {
    started(config).await.err().expect("it must not start")
}

fn client() -> Client {
    daemon::init();
    Client::new()
}

/// Sets what a sample guest needs to be given a secret, then is that guest.
async fn sample_guest_gets(address: SocketAddr, secret: &str) {
    let (client, url) = (client(), format!("http://{address}/kbs/v0"));
    let policy = json!({ "policy": URL_SAFE_NO_PAD.encode(policy::defaults::ALLOW_ALL) });
    let answer = client
        .post(format!("{url}/resource-policy"))
        .json(&policy)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let resource = format!("{url}/resource/default/test/one");
    let answer = client
        .post(&resource)
        .body(secret.to_owned())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);

    let (status, cookie, key) = handshake(&client, &url).await;
    assert_eq!(status, StatusCode::OK);
    let answer = client
        .get(&resource)
        .header("cookie", cookie)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let sealed: Jwe = answer.json().await.unwrap();
    assert_eq!(
        jose::jwe::open(&sealed, &key).unwrap().expose(),
        secret.as_bytes()
    );
}

async fn handshake(client: &Client, url: &str) -> (StatusCode, String, TeePrivateKey) {
    let request = json!({ "version": "0.4.0", "tee": "sample", "extra-params": {} });
    let challenge = client
        .post(format!("{url}/auth"))
        .json(&request)
        .send()
        .await
        .unwrap();
    let cookie = challenge.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let challenge: Value = challenge.json().await.unwrap();

    let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
    // Members of a `Value` are sorted, which is the canonical form here (RFC 8785, section 3.2.3).
    let public = serde_json::to_value(key.public_jwk()).unwrap();
    let bound = json!({ "additional-evidence": "", "nonce": challenge["nonce"], "tee-pubkey": public });
    let report_data = STANDARD.encode(digest(&SHA384, bound.to_string().as_bytes()));
    let attestation = json!({
        "init-data": null,
        "runtime-data": { "nonce": challenge["nonce"], "tee-pubkey": public },
        "tee-evidence": {
            "primary_evidence": { "svn": "1", "report_data": report_data },
            "additional_evidence": "",
        },
    });
    let answer = client
        .post(format!("{url}/attest"))
        .header("cookie", &cookie)
        .json(&attestation);
    (answer.send().await.unwrap().status(), cookie, key)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_guest_is_served_by_the_built_in_service_without_further_trust() {
    let (running, shutdown) = started(OPEN).await.unwrap();
    let address = running.main.addresses()[0];
    sample_guest_gets(address, "canary").await;
    let get = |path: &str| client().get(format!("http://{address}{path}")).send();
    assert_eq!(get("/readyz").await.unwrap().status(), StatusCode::OK);
    let metrics = get("/metrics").await.unwrap().text().await.unwrap();
    assert!(
        metrics.contains("kbs_attestation_successes_total{tee_type=\"sample\"} 1"),
        "{metrics}"
    );
    shutdown.trigger();
    running.finished().await.unwrap();
}

/// Everything that is wrong with a policy is in the answer, whoever checks it.
async fn doubts_come_through(url: &str) {
    let url = format!("{url}/kbs/v0/attestation-policy");
    let names: Vec<String> = (100..200).map(|number| format!("wrong{number}")).collect();
    let wrong: String = names
        .iter()
        .map(|name| format!("a if input.snp.{name} == 1\n"))
        .collect();
    let computed = "b if query_reference_value(input.init_data_claims.id)\n";
    let set = |rego: &str, query: &str| {
        let rego = format!("package policy\nimport rego.v1\ntrust_claims := {{\"hardware\": 2}}\n{rego}");
        let body = json!({ "policy_id": "a_cpu", "policy": URL_SAFE_NO_PAD.encode(rego) });
        client().post(format!("{url}{query}")).json(&body).send()
    };
    let refused = set(&wrong, "?strict=true").await.unwrap();
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    let refused: Value = refused.json().await.unwrap();
    let detail = refused["detail"].as_str().unwrap();
    for name in &names {
        assert!(
            detail.contains(&format!("`input.snp.{name}`")),
            "{name}: {detail}"
        );
    }
    let set_anyway: Value = set(&(wrong + computed), "").await.unwrap().json().await.unwrap();
    assert_eq!(set_anyway["warnings"].as_array().unwrap().len(), 100);
    assert_eq!(set_anyway["notes"].as_array().unwrap().len(), 1);
    let good: Value = set("", "?strict=true").await.unwrap().json().await.unwrap();
    assert_eq!((&good["warnings"], good.get("notes")), (&json!([]), None));
    let back = client()
        .post(format!("{url}/a_cpu/rollback"))
        .json(&json!({ "version": 1 }));
    let back: Value = back.send().await.unwrap().json().await.unwrap();
    assert_eq!(back["warnings"], set_anyway["warnings"]);
    assert_eq!(back["notes"], set_anyway["notes"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_guest_is_served_over_grpc_and_an_outage_is_told_apart() {
    daemon::init();
    let service = BuiltInAttestation::start(&built_in::Config::default(), Arc::new(SystemClock))
        .await
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("jwks.json");
    std::fs::write(&keys, service.jwks()).unwrap();
    let stop = Shutdown::manual(Duration::from_millis(100));
    let listeners = vec![Listener::Address("127.0.0.1:0".parse().unwrap())];
    let remote = serve(options("as", listeners, None), service.router(), stop.clone())
        .await
        .unwrap();

    let config = format!(
        "{OPEN}\n[attestation_service]\ntype = \"coco_as_grpc\"\nas_addr = \"http://{}\"\n\
         [attestation_token]\ntrusted_jwk_sets = [\"{}\"]",
        remote.addresses()[0],
        keys.display(),
    );
    let (running, _shutdown) = started(&config).await.unwrap();
    let address = running.main.addresses()[0];
    sample_guest_gets(address, "canary").await;
    let url = format!("http://{address}");
    let message =
        json!({ "version": "0.1.0", "type": "sample", "payload": STANDARD.encode("{\"svn\":[\"1\"]}") });
    let answer = client()
        .post(format!("{url}/kbs/v0/reference-value"))
        .json(&message)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let values = client()
        .get(format!("{url}/kbs/v0/reference-value"))
        .send()
        .await
        .unwrap();
    assert_eq!(values.json::<Value>().await.unwrap(), json!({ "svn": ["1"] }));
    let policies = client()
        .get(format!("{url}/kbs/v0/attestation-policy"))
        .send()
        .await
        .unwrap();
    let policies: Value = policies.json().await.unwrap();
    assert!(
        policies
            .as_array()
            .unwrap()
            .iter()
            .any(|policy| policy["policy_id"] == "default_cpu")
    );
    doubts_come_through(&url).await;
    assert_eq!(
        client()
            .get(format!("{url}/readyz"))
            .send()
            .await
            .unwrap()
            .status(),
        StatusCode::OK
    );

    stop.trigger();
    remote.finished().await.unwrap();
    let (status, _, _) = handshake(&client(), &format!("{url}/kbs/v0")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let ready = client().get(format!("{url}/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn metrics_have_a_listener_of_their_own_when_configured() {
    let config = format!("{OPEN}\n[metrics]\nsocket = \"127.0.0.1:0\"");
    let (running, _shutdown) = started(&config).await.unwrap();
    let metrics = running.metrics.as_ref().unwrap().addresses()[0];
    let get = |url: String| client().get(url).send();
    let answer = get(format!("http://{metrics}/metrics")).await.unwrap();
    assert!(answer.text().await.unwrap().contains("kbs_build_info"));
    let main = running.main.addresses()[0];
    assert_eq!(
        get(format!("http://{main}/metrics")).await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        get(format!("http://{metrics}/healthz")).await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn what_a_built_in_attestation_service_shows_its_operator_is_on_that_listener_alone() {
    let config = format!("{OPEN}\n[metrics]\nsocket = \"127.0.0.1:0\"");
    let (running, _shutdown) = started(&config).await.unwrap();
    let (alone, _other) = started(OPEN).await.unwrap();
    let page = async |listener: &Serving, path: &str| {
        let url = format!("http://{}{path}", listener.addresses()[0]);
        let answer = client().get(url).send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    };
    let operators = running.metrics.as_ref().unwrap();
    let (status, text) = page(operators, "/status").await;
    assert_eq!(status, StatusCode::OK);
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown["ready"], true);
    assert_eq!(shown["sources"][0]["name"], "https://kdsintf.amd.com");
    let (_, text) = page(operators, "/metrics").await;
    for metric in [
        "kbs_build_info",
        "attestation_service_endorsement_cached_entries{",
    ] {
        assert!(text.contains(metric), "{metric}\n{text}");
    }
    for main in [&running.main, &alone.main] {
        assert_eq!(page(main, "/status").await.0, StatusCode::NOT_FOUND);
        let (_, text) = page(main, "/metrics").await;
        assert!(!text.contains("attestation_service_endorsement"), "{text}");
    }
}

#[tokio::test]
async fn the_status_of_an_attestation_service_elsewhere_is_to_be_asked_for_there() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("jwks.json");
    std::fs::write(&keys, r#"{"keys":[]}"#).unwrap();
    let config = format!(
        "{OPEN}\n[metrics]\nsocket = \"127.0.0.1:0\"\n[attestation_service]\ntype = \"none\"\n\
         [attestation_token]\ntrusted_jwk_sets = [{keys:?}]"
    );
    let (running, _shutdown) = started(&config).await.unwrap();
    let address = running.metrics.as_ref().unwrap().addresses()[0];
    let answer = client()
        .get(format!("http://{address}/status"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert!(answer.text().await.unwrap().contains("--admin-socket"));
}

#[tokio::test]
async fn tls_is_served_unless_the_danger_is_spelled_out() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (dir.path().join("tls.crt"), dir.path().join("tls.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let http = "[http_server]\nsockets = [\"127.0.0.1:0\"]\n";
    let config = format!("{http}certificate = {certificate:?}\nprivate_key = {key:?}");
    let (running, _shutdown) = started(&config).await.unwrap();
    let port = running.main.addresses()[0].port();
    let root = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap();
    let client = Client::builder().tls_certs_only([root]).build().unwrap();
    let answer = client
        .get(format!("https://localhost:{port}/healthz"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);

    assert!(matches!(refusal(http).await, StartError::MissingCertificate));
    let without_key = format!("{http}certificate = {certificate:?}");
    assert!(matches!(
        refusal(&without_key).await,
        StartError::MissingPrivateKey
    ));
}

#[tokio::test]
async fn without_an_admin_table_nobody_administers() {
    let config = OPEN
        .replace("[admin]", "")
        .replace("authorization_mode = \"InsecureAllowAll\"", "");
    let (running, _shutdown) = started(&config).await.unwrap();
    let url = format!("http://{}/kbs/v0/resource/a/b/c", running.main.addresses()[0]);
    let answer = client().post(url).body("x").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let body: Value = answer.json().await.unwrap();
    assert!(body["detail"].as_str().unwrap().contains("DenyAll"));
    assert!(body["request_id"].is_string());
}

#[tokio::test]
async fn a_policy_file_is_the_policy_until_another_is_set() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.rego");
    std::fs::write(&path, policy::defaults::DENY_ALL).unwrap();
    let config = format!("{OPEN}\n[resource_policy]\ninitial_file = {path:?}");
    let (running, _shutdown) = started(&config).await.unwrap();
    let url = format!(
        "http://{}/kbs/v0/resource-policy/resource-policy",
        running.main.addresses()[0]
    );
    let shown: Value = client().get(url).send().await.unwrap().json().await.unwrap();
    assert_eq!(
        shown["policy"],
        URL_SAFE_NO_PAD.encode(policy::defaults::DENY_ALL)
    );

    std::fs::write(&path, "not rego").unwrap();
    assert!(matches!(
        refusal(&config).await,
        StartError::BadInitialPolicy { .. }
    ));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(refusal(&config).await, StartError::InitialPolicy { .. }));
}

#[test]
fn who_asks_for_sessions_that_replicas_share_is_told_that_they_are_not() {
    let said = |line: &str| {
        let loaded = KbsConfig::from_text(&format!("{line}\n{OPEN}"), "toml").unwrap();
        super::parts::not_shared(&loaded.config)
    };
    assert_eq!(said(""), None);
    assert_eq!(said("session_storage_type = \"Memory\""), None);
    for kind in ["Redis", "Postgres", "LocalFs"] {
        let warning = said(&format!("session_storage_type = \"{kind}\"")).unwrap();
        assert!(warning.contains("load balancer"), "{warning}");
    }
}

#[tokio::test]
async fn whatever_an_administrator_may_send_can_be_stored_and_served() {
    let config = OPEN.replace("[http_server]\n", "[http_server]\npayload_request_size = 18\n");
    let (running, _shutdown) = started(&config).await.unwrap();
    let url = format!("http://{}/kbs/v0/resource/a/b/c", running.main.addresses()[0]);
    let send = |mib: usize| client().post(&url).body(vec![7; mib << 20]).send();
    assert_eq!(send(17).await.unwrap().status(), 200);
    assert_eq!(send(18).await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_cannot_work_stops_the_start_and_says_so() {
    for (table, said) in [
        (
            "[attestation_service]\ntype = \"intel_ta\"",
            "Intel Trust Authority",
        ),
        (
            "[attestation_service]\nas_addr = \"http://x\"",
            "belongs to type `coco_as_grpc`",
        ),
        ("[attestation_service]\ntimeout = 0", "must be from 1"),
        ("[attestation_service]\nmax_sessions = 0", "must be from 1"),
        (
            "[attestation_service]\nsession_memory_mib = 15",
            "must be from 16",
        ),
        (
            "[attestation_service]\ntype = \"coco_as_grpc\"",
            "[attestation_token]",
        ),
        ("[[plugins]]\nname = \"pkcs11\"\nmodule = \"/m\"", "[[plugins]]"),
        ("[storage_backend]\nstorage_type = \"Redis\"", "[storage_backend]"),
    ] {
        let error = refusal(&format!("{OPEN}\n{table}")).await;
        assert!(error.to_string().contains(said), "{table}: {error}");
    }
    let little = OPEN.replace("[http_server]\n", "[http_server]\nrequest_memory_mib = 3\n");
    let error = refusal(&little).await.to_string();
    assert!(
        error.contains("`http_server.request_memory_mib` must be from 4"),
        "{error}"
    );
}
