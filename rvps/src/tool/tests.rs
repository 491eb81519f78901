mod lifecycle;
mod measurements;
mod pages;

use std::{net::TcpListener, path::PathBuf};

use clap::{CommandFactory, Parser};
use daemon::{
    grpc::{GrpcClientConfig, channel},
    health::Health,
    serve::{Limits, ServeOptions, serve},
    shutdown::Shutdown,
    tls::TlsServerConfig,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};
use tonic::service::Routes;

use super::{Arguments, ToolError, run};
use crate::{
    Config,
    tests::{NEXT_YEAR, Server, sample},
};

/// What the tool prints.
async fn tool(arguments: &[&str]) -> Result<String, ToolError> {
    let arguments = Arguments::try_parse_from([&["rvps-tool"], arguments].concat()).unwrap();
    let mut out = Vec::new();
    run(arguments, &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn write_bytes(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The path for as long as the test runs.
    fn leak(&self, name: &str, text: &str) -> &'static str {
        Box::leak(self.write(name, text).into_boxed_str())
    }
}

#[tokio::test]
async fn a_message_is_registered_and_its_values_are_shown() {
    let server = Server::start(&Config::default()).await;
    let files = Files::new();
    let message = files.write(
        "message",
        &sample(&json!({"svn": ["1"], "launch_digest": ["ab", "cd"]})),
    );
    // The seed documents give the address without a scheme.
    let bare = server.address.to_string();
    let url = format!("http://{bare}");

    assert_eq!(
        tool(&["query", "--addr", &bare]).await.unwrap(),
        "No reference values are registered.\n"
    );
    let registered = tool(&["register", "--path", &message, "--addr", &bare])
        .await
        .unwrap();
    assert_eq!(registered, "Register provenance succeeded.\n");
    assert_eq!(
        tool(&["query", "--addr", &bare]).await.unwrap(),
        "launch_digest  [\"ab\",\"cd\"]  (expires 2027-11-22T00:00:00Z)\n\
         svn            [\"1\"]  (expires 2027-11-22T00:00:00Z)\n"
    );
    assert_eq!(
        tool(&["query", "-a", &url, "-r", "svn"]).await.unwrap(),
        "Get reference values succeeded:\n [\"1\"]\n"
    );
    assert_eq!(
        tool(&["query", "-a", &url, "-r", "none"]).await.unwrap(),
        "No reference values found for the given id\n"
    );
    server.clock.set(NEXT_YEAR);
    assert_eq!(
        tool(&["query", "-a", &url]).await.unwrap(),
        "No reference values are registered.\n"
    );
}

#[tokio::test]
async fn whoever_registers_is_told_what_that_replaces() {
    let server = Server::start(&Config::default()).await;
    let files = Files::new();
    let address = server.address.to_string();
    let first = files.write(
        "first",
        &sample(&json!({"svn": ["1", "2"], "level": 3, "same": [1]})),
    );
    let second = files.write(
        "second",
        &sample(&json!({"svn": ["2", "3"], "level": 4, "same": [1], "new": "x"})),
    );
    tool(&["register", "-p", &first, "-a", &address]).await.unwrap();
    assert_eq!(
        tool(&["register", "-p", &second, "-a", &address]).await.unwrap(),
        "Register provenance succeeded.\nReplaced:\n~ level  3  ->  4\n~ svn\n    - \"1\"\n    + \"3\"\n"
    );
    let again = tool(&["register", "-p", &second, "-a", &address]).await.unwrap();
    assert_eq!(again, "Register provenance succeeded.\n");
    let list = r#"[{"name":"level","expiration":"2036-01-01T00:00:00Z","value":5}]"#;
    let list = files.write("list.json", list);
    let arguments = ["import", &list, "-a", &address, "--output", "json"];
    let imported: Value = serde_json::from_str(&tool(&arguments).await.unwrap()).unwrap();
    assert_eq!(
        imported,
        json!({"registered": 1, "expired": [], "replaced": {"level": {"from": 4, "to": 5}}})
    );
    // What has expired, or is deleted, is not replaced.
    server.clock.set(NEXT_YEAR);
    let again = tool(&["register", "-p", &first, "-a", &address]).await.unwrap();
    assert!(again.starts_with("Register provenance succeeded."), "{again}");
    assert!(!again.contains("svn"), "{again}");
}

#[test]
fn what_is_too_much_to_tell_is_counted() {
    let replaced = super::client::Replaced {
        values: Vec::new(),
        more: 7,
    };
    let text = super::output::and_replaced("Done.".to_owned(), Some(&replaced));
    assert!(text.contains("7 more values are replaced"), "{text}");
    let json = super::output::with_replaced(json!({}), Some(&replaced));
    assert_eq!(json, json!({"replaced": {}, "more_replaced": 7}));
    assert_eq!(super::output::with_replaced(json!({}), None), json!({}));
}

#[tokio::test]
async fn a_name_that_is_not_there_is_refused_with_the_one_that_is_meant() {
    let server = Server::start(&Config::default()).await;
    let files = Files::new();
    let address = server.address.to_string();
    let message = files.write(
        "message",
        &sample(&json!({"svn": ["1"], "launch_digest": ["ab"]})),
    );
    tool(&["register", "-p", &message, "-a", &address]).await.unwrap();
    for (arguments, meant) in [
        (vec!["get", "svm"], Some("svn")),
        (vec!["get", "snv"], Some("svn")),
        (vec!["history", "lauch_digest"], Some("launch_digest")),
        (vec!["diff", "vsn", "--from", "1"], Some("svn")),
        (vec!["get", "elephants"], None),
    ] {
        let error = tool(&[&arguments[..], &["-a", &address]].concat())
            .await
            .unwrap_err();
        let text = error.to_string();
        match meant {
            Some(meant) => assert!(text.ends_with(&format!("did you mean {meant:?}?")), "{text}"),
            None => assert!(
                text.ends_with("see `rvps-tool list` for those that there are"),
                "{text}"
            ),
        }
    }
}

#[tokio::test]
async fn json_output_is_one_document() {
    let server = Server::start(&Config::default()).await;
    let files = Files::new();
    let message = files.write("message", &sample(&json!({"svn": ["1"]})));
    let address = server.address.to_string();
    for (arguments, expected) in [
        (vec!["query"], json!([])),
        (
            vec!["register", "-p", &message],
            json!({"registered": true, "replaced": {}}),
        ),
        (
            vec!["query"],
            json!([{"id": "svn", "value": ["1"], "expires_at": "2027-11-22T00:00:00Z"}]),
        ),
        (vec!["query", "-r", "svn"], json!({"id": "svn", "value": ["1"]})),
        (vec!["query", "-r", "none"], json!(null)),
    ] {
        let printed = tool(&[&arguments[..], &["-a", &address, "--output", "json"]].concat())
            .await
            .unwrap();
        assert_eq!(serde_json::from_str::<Value>(&printed).unwrap(), expected);
    }
}

#[tokio::test]
async fn a_refusal_says_what_is_wrong() {
    let server = Server::start(&Config::default()).await;
    let files = Files::new();
    let message = files.write(
        "message",
        r#"{"version": "0.1.0", "type": "sample", "provenance": "e30="}"#,
    );
    let error = tool(&["register", "-p", &message, "-a", &server.address.to_string()])
        .await
        .unwrap_err();
    assert!(matches!(error, ToolError::Refused(_)), "{error:?}");
    assert!(error.to_string().contains("missing field `payload`"), "{error}");
    assert_eq!(error.exit_status(), 1);

    let missing = tool(&["register", "-p", "/nowhere/message"]).await.unwrap_err();
    assert!(matches!(missing, ToolError::File { .. }));
    assert!(missing.to_string().contains("/nowhere/message"), "{missing}");
    assert_eq!(missing.exit_status(), 1);
}

#[tokio::test]
async fn an_rvps_that_is_down_has_a_message_and_a_status_of_its_own() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let error = tool(&["query", "-a", &free]).await.unwrap_err();
    assert!(matches!(error, ToolError::Unreachable { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains(&free) && text.to_lowercase().contains("refused"),
        "{text}"
    );
    assert_eq!(error.exit_status(), 6);
}

#[tokio::test]
async fn an_rvps_that_cannot_list_is_explained() {
    daemon::init();
    let shutdown = Shutdown::manual(std::time::Duration::ZERO);
    let options = ServeOptions {
        name: "other",
        listeners: vec![TcpListener::bind("127.0.0.1:0").unwrap().into()],
        tls: None,
        limits: Limits::default(),
    };
    let router = Routes::new(Health::new().service()).prepare().into_axum_router();
    let serving = serve(options, router, shutdown.clone()).await.unwrap();
    let error = tool(&["query", "-a", &serving.addresses()[0].to_string()])
        .await
        .unwrap_err();
    assert!(matches!(error, ToolError::NoList), "{error:?}");
    assert!(error.to_string().contains("--reference-value-id"), "{error}");
    assert_eq!(error.exit_status(), 1);
    shutdown.trigger();
}

#[tokio::test]
async fn wrong_usage_is_said_before_anything_is_sent() {
    for arguments in [
        &["query", "-a", "https://127.0.0.1:1"][..],
        &[
            "query",
            "-a",
            "http://127.0.0.1:1",
            "--ca-cert",
            "/nowhere/ca.pem",
        ],
        &["query", "-a", "127.0.0.1:1", "--ca-cert", "/nowhere/ca.pem"],
        &["query", "-a", "ftp://127.0.0.1:1"],
        &["query", "-a", ""],
    ] {
        let error = tool(arguments).await.unwrap_err();
        assert!(matches!(error, ToolError::Usage(_)), "{arguments:?}: {error:?}");
        assert_eq!(error.exit_status(), 2);
    }
    let missing = tool(&["query", "-a", "https://127.0.0.1:1"]).await.unwrap_err();
    assert!(missing.to_string().contains("--ca-cert"), "{missing}");
    for arguments in [
        &["rvps-tool"][..],
        &["rvps-tool", "register"],
        &["rvps-tool", "query", "--client-cert", "c.pem"],
        &[
            "rvps-tool",
            "query",
            "--ca-cert",
            "ca.pem",
            "--client-key",
            "c.key",
        ],
        &["rvps-tool", "query", "--output", "xml"],
    ] {
        assert_eq!(
            Arguments::try_parse_from(arguments).unwrap_err().exit_code(),
            2,
            "{arguments:?}"
        );
    }
}

#[test]
fn help_shows_examples_and_exit_status() {
    Arguments::command().debug_assert();
    let help = Arguments::command().render_long_help().to_string();
    for part in ["Examples:", "rvps-tool register --path", "Exit status:"] {
        assert!(help.contains(part), "{help}");
    }
}

/// A certificate authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::new(vec![]).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for 127.0.0.1 with this common name, and its key.
    fn issue(&self, files: &Files, name: &str) -> (String, String) {
        let mut parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.0).unwrap();
        let certificate = files.write(&format!("{name}.pem"), &certificate.pem());
        (
            certificate,
            files.write(&format!("{name}.key"), &key.serialize_pem()),
        )
    }
}

#[tokio::test]
async fn where_a_certificate_is_asked_for_only_its_holder_registers() {
    let files = Files::new();
    let (ours, theirs) = (Authority::new(), Authority::new());
    let ca = files.write("ca.pem", &ours.0.pem());
    let (certificate, key) = ours.issue(&files, "server");
    let tls = TlsServerConfig {
        client_ca: Some(PathBuf::from(&ca)),
        ..TlsServerConfig::new(certificate.into(), key.into())
    };
    let server = Server::start(&Config {
        tls: Some(tls),
        ..Config::default()
    })
    .await;
    let address = server.address.to_string();
    let message = files.write("message", &sample(&json!({"svn": ["1"]})));

    let (certificate, key) = ours.issue(&files, "admin");
    let known = [
        "--ca-cert",
        &ca,
        "--client-cert",
        &certificate,
        "--client-key",
        &key,
    ];
    let register = ["register", "-p", &message, "-a", &address];

    let (certificate, key) = theirs.issue(&files, "stranger");
    let stranger = [
        "--ca-cert",
        &ca,
        "--client-cert",
        &certificate,
        "--client-key",
        &key,
    ];
    let their_ca = files.write("their-ca.pem", &theirs.0.pem());
    for credentials in [&[][..], &["--ca-cert", &ca], &stranger, &["--ca-cert", &their_ca]] {
        let error = tool(&[&register[..], credentials].concat()).await.unwrap_err();
        assert!(
            matches!(error, ToolError::Unreachable { .. }),
            "{credentials:?}: {error:?}"
        );
    }
    let query = ["query", "-a", &address];
    let all = [&query[..], &known].concat();
    assert_eq!(
        tool(&all).await.unwrap(),
        "No reference values are registered.\n",
        "nothing got through"
    );

    tool(&[&register[..], &known].concat()).await.unwrap();
    assert!(tool(&all).await.unwrap().starts_with("svn  [\"1\"]"));

    // Not even health answers a caller without a certificate.
    let plain = channel(&GrpcClientConfig::new(format!("http://{address}"), None)).unwrap();
    let request = tonic_health::pb::HealthCheckRequest::default();
    tonic_health::pb::health_client::HealthClient::new(plain)
        .check(request)
        .await
        .unwrap_err();
}
