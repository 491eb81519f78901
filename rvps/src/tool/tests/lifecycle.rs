//! Signed values through the whole of their lives, over the network.

use jose::SigningKey;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Authority, Files, tool};
use crate::{
    Config, RegistrarConfig, TrustAnchorConfig,
    config::AuthConfig,
    tests::{Server, sample},
    tool::ToolError,
};

/// A JSON result.
pub(super) async fn json_of(arguments: &[&str]) -> Value {
    let text = tool(&[arguments, &["--output", "json"]].concat()).await.unwrap();
    serde_json::from_str(&text).unwrap()
}

async fn tool_at(at: &[&str], arguments: [&str; 4]) -> Result<String, ToolError> {
    tool(&[&arguments, at].concat()).await
}

fn builder(files: &Files) -> (SigningKey, String, Config) {
    let key = SigningKey::generate_p256().unwrap();
    let private = files.write("builder.key", &key.private_key_pem().unwrap());
    let public = files.write("builder.pub", &key.public_key_pem().unwrap());
    let config = Config {
        trust_anchors: vec![TrustAnchorConfig {
            name: "builder".to_owned(),
            key: Some(public.into()),
            ..TrustAnchorConfig::default()
        }],
        ..Config::default()
    };
    (key, private, config)
}

#[tokio::test]
async fn a_value_is_signed_registered_compared_revoked_and_deleted() {
    let files = Files::new();
    let (_, key, mut config) = builder(&files);
    // Strangers take nothing back that is signed.
    config.auth.registrars = vec![RegistrarConfig {
        name: "operator".to_owned(),
        token_sha256: Some(hex::encode(Sha256::digest("one"))),
        register: true,
        manage: true,
        ..RegistrarConfig::default()
    }];
    let token = files.write("token", "one");
    // The tool dates messages with the real clock.
    let server = Server::start_now(&config).await;
    let address = server.address.to_string();
    let at = ["--addr", &address, "--token-file", &token];
    let values = files.write("values.json", r#"{"launch_digest": ["ab", "cd"], "svn": 1}"#);
    let signed = tool(&["message", &values, "--key", &key]).await.unwrap();
    let message = files.write("message.json", &signed);
    let unsigned = tool(&["message", &values]).await.unwrap();
    let unsigned = files.write("unsigned.json", &unsigned);

    let refused = tool(&[&["register", "--path", &unsigned][..], &at].concat())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("must be signed"), "{refused}");
    assert_eq!(
        tool(&[&["diff", "--path", &message][..], &at].concat())
            .await
            .unwrap(),
        "+ launch_digest  [\"ab\",\"cd\"]\n+ svn  1\n"
    );
    tool(&[&["register", "--path", &message][..], &at].concat())
        .await
        .unwrap();
    assert_eq!(
        tool(&[&["diff", "--path", &message][..], &at].concat())
            .await
            .unwrap(),
        "Nothing is different.\n"
    );
    let listed = tool(&[&["list", "launch"][..], &at].concat()).await.unwrap();
    assert!(
        listed.starts_with("launch_digest  [\"ab\",\"cd\"]  (expires 20"),
        "{listed}"
    );

    let shown = tool(&[&["get", "svn"][..], &at].concat()).await.unwrap();
    assert!(shown.starts_with("svn  1\n  expires 20"), "{shown}");
    assert!(
        shown.contains("version 1: registered 20") && shown.contains("by operator (token)"),
        "{shown}"
    );
    assert!(
        shown.contains("sample message ") && shown.contains("signed by builder (key "),
        "{shown}"
    );
    let shown = json_of(&[&["get", "svn"][..], &at].concat()).await;
    assert_eq!(
        (&shown["value"], &shown["version"]["message"]["signer"]["anchor"]),
        (&json!(1), &json!("builder"))
    );

    let revoke = [
        "revoke",
        "launch_digest",
        "--element",
        "\"ab\"",
        "--reason",
        "a hole",
    ];
    assert_eq!(
        tool(&[&revoke[..], &at].concat()).await.unwrap(),
        "Revoked. launch_digest is now [\"cd\"]\n"
    );
    // Nothing of the value goes, and nobody is told that it does.
    let revoke = |id, element| tool_at(&at, ["revoke", id, "--element", element]);
    let refused = revoke("svn", "\"1\"").await.unwrap_err().to_string();
    assert!(refused.contains("does not have \"1\", but it has 1"), "{refused}");
    assert_eq!(
        revoke("launch_digest", "9").await.unwrap(),
        "Revoked for the future: nothing in launch_digest was 9, and it never counts from now on. launch_digest stays \
         [\"cd\"]\n"
    );
    assert_eq!(
        revoke("none", "9").await.unwrap(),
        "Revoked for the future: none has no value, and 9 never counts from now on.\n"
    );
    assert_eq!(
        tool(&[&["diff", "launch_digest", "--from", "1", "--to", "2"][..], &at].concat())
            .await
            .unwrap(),
        "~ launch_digest\n    - \"ab\"\n"
    );
    let differences = json_of(&[&["diff", "launch_digest", "--from", "1"][..], &at].concat()).await;
    assert_eq!(
        differences,
        json!({"launch_digest": {"from": ["ab", "cd"], "to": ["cd"]}})
    );
    let refused = tool(&[&["register", "--path", &message][..], &at].concat())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("is revoked"), "{refused}");
    let history = tool(&[&["history", "launch_digest"][..], &at].concat())
        .await
        .unwrap();
    assert!(
        history.contains("version 2: revoked 20") && history.contains("by operator (token): a hole"),
        "{history}"
    );
    assert!(history.contains("never again \"ab\": revoked 20"), "{history}");

    let delete = ["delete", "svn", "--reason", "not used"];
    assert_eq!(
        tool(&[&delete[..], &at].concat()).await.unwrap(),
        "svn is deleted.\n"
    );
    let shown = tool(&[&["get", "svn"][..], &at].concat()).await.unwrap();
    assert!(
        shown.starts_with("svn has no value.\n  version 2: deleted 20"),
        "{shown}"
    );
    assert_eq!(
        json_of(&[&["get", "svn"][..], &at].concat()).await["value"],
        Value::Null
    );
    let old = json_of(&[&["get", "svn", "--number", "1"][..], &at].concat()).await;
    assert_eq!(old["value"], 1);
    let old = tool(&[&["get", "svn", "--number", "1"][..], &at].concat())
        .await
        .unwrap();
    assert!(old.contains("\n      1, until 20"), "the value is shown: {old}");
    let history = json_of(&[&["history", "svn"][..], &at].concat()).await;
    assert_eq!(history["versions"][0]["event"], "deleted");
    assert_eq!(history["versions"][0]["reason"], "not used");

    for (arguments, status) in [
        (&["get", "unknown"][..], 1),
        (&["history", "unknown"], 1),
        (&["get", "svn", "--number", "9"], 1),
        (&["diff", "svn", "--from", "9"], 1),
        (&["delete", "svn"], 1),
        (&["revoke", "svn"], 1),
        (&["revoke", "svn", "--element", "ab"], 2),
    ] {
        let error = tool(&[arguments, &at].concat()).await.unwrap_err();
        assert_eq!(error.exit_status(), status, "{arguments:?}: {error}");
    }
}

#[tokio::test]
async fn who_registers_is_known_by_a_token_and_does_what_it_may() {
    let files = Files::new();
    let registrar = |name: &str, token: &str| RegistrarConfig {
        name: name.to_owned(),
        token_sha256: Some(hex::encode(Sha256::digest(token))),
        allow_unsigned: vec!["sample".to_owned()],
        register: true,
        ..RegistrarConfig::default()
    };
    let config = Config {
        auth: AuthConfig {
            restrict_reads: true,
            registrars: vec![
                RegistrarConfig {
                    prefixes: Some(vec!["team-a/".to_owned()]),
                    ..registrar("ci", "one")
                },
                RegistrarConfig {
                    manage: true,
                    ..registrar("operator", "two")
                },
                RegistrarConfig {
                    register: false,
                    ..registrar("reader", "three")
                },
            ],
            jwt: None,
        },
        ..Config::default()
    };
    let server = Server::start(&config).await;
    let address = server.address.to_string();
    let address: &'static str = Box::leak(address.into_boxed_str());
    let caller = |name: &str, token: &str| {
        let token: &'static str = files.leak(name, token);
        async move |arguments: &[&str]| {
            tool(&[arguments, &["-a", address, "--token-file", token]].concat()).await
        }
    };
    let (ci, operator) = (caller("one", "one\n"), caller("two", "two"));
    let (reader, wrong) = (caller("three", "three"), caller("wrong", "four"));
    let ours = files.leak("a.json", &sample(&json!({"team-a/svn": 1})));
    let others = files.leak("b.json", &sample(&json!({"svn": 1})));

    ci(&["register", "-p", ours]).await.unwrap();
    let denied = ci(&["register", "-p", others]).await.unwrap_err();
    assert!(
        denied.to_string().contains("ci (token) may not register"),
        "{denied}"
    );
    let denied = reader(&["register", "-p", ours]).await.unwrap_err();
    assert!(
        denied.to_string().contains("reader (token) may not register"),
        "{denied}"
    );
    operator(&["register", "-p", others]).await.unwrap();
    for outcome in [
        wrong(&["register", "-p", ours]).await,
        wrong(&["list"]).await,
        tool(&["list", "-a", address]).await,
        tool(&["query", "-r", "svn", "-a", address]).await,
        tool(&["history", "svn", "-a", address]).await,
        tool(&["delete", "svn", "-a", address]).await,
    ] {
        let error = outcome.unwrap_err();
        assert!(matches!(error, ToolError::Unauthenticated(_)), "{error:?}");
    }
    assert!(reader(&["list"]).await.unwrap().contains("team-a/svn"));
    for outcome in [
        ci(&["delete", "team-a/svn"]).await,
        ci(&["revoke", "team-a/svn"]).await,
        reader(&["delete", "svn"]).await,
    ] {
        let error = outcome.unwrap_err();
        assert!(error.to_string().contains("may not delete or revoke"), "{error}");
    }
    let shown = reader(&["get", "team-a/svn"]).await.unwrap();
    assert!(shown.contains("by ci (token)"), "{shown}");
    operator(&["delete", "svn"]).await.unwrap();
}

#[tokio::test]
async fn who_registers_is_known_by_a_certificate() {
    let files = Files::new();
    let authority = Authority::new();
    let ca = files.write("ca.pem", &authority.0.pem());
    let (certificate, key) = authority.issue(&files, "server");
    let config = Config {
        tls: Some(daemon::tls::TlsServerConfig {
            client_ca: Some(ca.clone().into()),
            ..daemon::tls::TlsServerConfig::new(certificate.into(), key.into())
        }),
        auth: AuthConfig {
            registrars: vec![RegistrarConfig {
                name: "ci".to_owned(),
                certificate: Some("CN:ci".to_owned()),
                allow_unsigned: vec!["sample".to_owned()],
                register: true,
                ..RegistrarConfig::default()
            }],
            ..AuthConfig::default()
        },
        ..Config::default()
    };
    let server = Server::start(&config).await;
    let address = server.address.to_string();
    let message = files.write("message.json", &sample(&json!({"svn": 1})));
    let register = |name: &str| {
        let (certificate, key) = authority.issue(&files, name);
        [
            "register",
            "-p",
            &message,
            "-a",
            &address,
            "--ca-cert",
            &ca,
            "--client-cert",
            &certificate,
            "--client-key",
            &key,
        ]
        .map(str::to_owned)
    };
    let known = register("ci");
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let stranger = register("another");
    let stranger: Vec<&str> = stranger.iter().map(String::as_str).collect();
    let error = tool(&stranger).await.unwrap_err();
    assert!(matches!(error, ToolError::Unauthenticated(_)), "{error:?}");
    tool(&known).await.unwrap();
    let get: Vec<&str> = ["get", "svn"]
        .into_iter()
        .chain(known[3..].iter().copied())
        .collect();
    let shown = tool(&get).await.unwrap();
    assert!(shown.contains("by ci (certificate)"), "{shown}");
}

#[tokio::test]
async fn a_token_is_not_sent_in_the_clear_to_another_machine() {
    let files = Files::new();
    let token = files.write("token", "secret");
    for address in ["rvps:50003", "http://192.0.2.1:50003", "http://[2001:db8::1]:1"] {
        let error = tool(&["list", "-a", address, "--token-file", &token])
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("--insecure-plain-token"),
            "{address}: {error}"
        );
    }
    let missing = tool(&["list", "--token-file", "/nowhere"]).await.unwrap_err();
    assert!(matches!(missing, ToolError::File { .. }));
}

#[tokio::test]
async fn the_older_list_is_imported_without_what_has_expired() {
    let server = Server::start_now(&Config::default()).await;
    let address = server.address.to_string();
    let files = Files::new();
    let list = files.write(
        "reference-values.json",
        r#"[{"name":"svn","expiration":"2036-01-01T00:00:00Z","hash-value":[{"alg":"sha256","value":"1"}]},
            {"name":"old","expiration":"2021-01-01T00:00:00Z","hash-value":[]}]"#,
    );
    assert_eq!(
        tool(&["import", &list, "-a", &address]).await.unwrap(),
        "Registered 1 reference values. Left out, for they have expired: old\n"
    );
    assert_eq!(
        tool(&["list", "-a", &address]).await.unwrap(),
        "svn  [\"1\"]  (expires 2036-01-01T00:00:00Z)\n"
    );
    let imported = json_of(&["import", &list, "-a", &address]).await;
    assert_eq!(
        imported,
        json!({"registered": 1, "expired": ["old"], "replaced": {}})
    );
    let printed = tool(&["import", &list, "--print"]).await.unwrap();
    assert!(printed.contains(r#""type":"list""#), "{printed}");
    let empty = files.write("empty.json", "[]");
    assert_eq!(
        tool(&["import", &empty, "-a", &address]).await.unwrap(),
        "Registered 0 reference values.\n"
    );
    for text in ["{}", r#"[{"name":"x"}]"#, "no json"] {
        let broken = files.write("broken.json", text);
        let error = tool(&["import", &broken, "-a", &address]).await.unwrap_err();
        assert!(matches!(error, ToolError::Message(_)), "{text}: {error:?}");
    }
}

#[tokio::test]
async fn a_message_says_what_is_wrong_with_its_file_or_key() {
    let files = Files::new();
    let values = files.write("values.json", "{}");
    let broken = files.write("broken.json", "[");
    for (arguments, status) in [
        (&["message", &broken][..], 1),
        (&["message", "--type", "rim", &values], 2),
        (&["message", &values, "--key", &broken], 1),
        (&["message", "/nowhere"], 1),
    ] {
        let error = tool(arguments).await.unwrap_err();
        assert_eq!(error.exit_status(), status, "{arguments:?}: {error}");
    }
}

#[tokio::test]
async fn a_signed_message_brings_its_chain_and_its_end() {
    let files = Files::new();
    let authority = crate::tests::signing::Authority::new();
    let dir = tempfile::tempdir().unwrap();
    let config = Config {
        trust_anchors: vec![authority.anchor(dir.path(), "authority")],
        ..Config::default()
    };
    let server = Server::start(&config).await;
    let (key, certificate) = authority.signer_files(&files.0);
    let values = files.write("values.json", r#"{"svn": 1}"#);
    let arguments = [
        "message",
        &values,
        "--key",
        &key,
        "--certificate",
        &certificate,
        "--expires-in",
        "30",
    ];
    let message: Value = serde_json::from_str(&tool(&arguments).await.unwrap()).unwrap();
    assert_eq!(message["signed"], "jws");
    // The server's clock stands still; what the tool dates now is in its future or past by the day of the test.
    let payload = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        message["payload"].as_str().unwrap(),
    )
    .unwrap();
    let token = String::from_utf8(payload).unwrap();
    let token = jose::UnverifiedToken::parse(&token).unwrap();
    assert_eq!(token.x5c().len(), 1);
    assert_eq!(token.content_type(), Some("application/vnd.trustee.sample+json"));
    drop(server);
}
