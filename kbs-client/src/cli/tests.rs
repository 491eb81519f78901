//! Tests of the command line against a fake KBS.

use std::path::PathBuf;

use clap::CommandFactory;
use jose::tee_key::TeeKeyKind;
use jose::{SigningKey, TeePrivateKey};
use serde_json::{Value, json};
use sha2::Digest;

use super::*;
use crate::fake_kbs::FakeKbs;

mod guests;
mod values;

/// Runs with the arguments in `line`, separated by white space, and `more` after them.
pub(super) async fn run_line(kbs: &FakeKbs, line: &str, more: &[&str]) -> Result<String, CliError> {
    let arguments = ["kbs-client", "--url", &kbs.url]
        .into_iter()
        .chain(line.split_whitespace());
    let cli = Cli::try_parse_from(arguments.chain(more.iter().copied()));
    let cli = cli.map_err(|error| CliError::Usage(error.to_string()))?;
    let mut out = Vec::new();
    run(cli, &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}

pub(super) struct Files(tempfile::TempDir);

impl Files {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn put(&self, name: &str, content: &str) -> String {
        let path: PathBuf = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn body(kbs: &FakeKbs) -> Value {
    serde_json::from_slice(&kbs.seen().pop().unwrap().body).unwrap()
}

fn policy(kbs: &FakeKbs) -> String {
    use base64::Engine;
    let text = body(kbs)["policy"].as_str().unwrap().to_owned();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(text)
        .unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
    let help = Cli::command().render_long_help().to_string();
    for part in ["Examples:", "Exit codes:", "--auth-private-key", "--cert-file"] {
        assert!(help.contains(part), "{part}");
    }
    assert!(Cli::command().render_version().starts_with("KBS client "));
}

#[test]
fn what_shows_help_or_is_wrong_ends_with_code_2() {
    for line in [
        "config",
        "get-resource",
        "",
        "config set-resource",
        "no-such-command",
        "attest --no-such-flag",
    ] {
        let error =
            Cli::try_parse_from(["kbs-client"].into_iter().chain(line.split_whitespace())).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[tokio::test]
async fn outputs_of_admin_commands_are_those_of_the_existing_client() {
    let (kbs, files) = (FakeKbs::start().await, Files::new());
    let token = files.put("token", "h.p.s\n");
    let admin = format!("config --admin-token-file {token}");
    let file = files.put("file", "package policy");
    let base64 = "cGFja2FnZSBwb2xpY3k=";
    let cases = [
        (
            format!("set-attestation-policy --policy-file {file}"),
            format!("Set attestation policy success \n policy: {base64}\n"),
        ),
        (
            format!("set-resource-policy --policy-file {file}"),
            format!("Set resource policy success \n policy: {base64}\n"),
        ),
        (
            format!("set-resource --path a/b/c --resource-file {file}"),
            format!("Set resource success \n resource: {base64}\n"),
        ),
        (
            "delete-resource --path kbs:///a/b/c".into(),
            "Delete resource success\n".into(),
        ),
        (
            "set-sample-reference-value svn 1".into(),
            "Reference Values Updated\n".into(),
        ),
    ];
    for (line, expected) in cases {
        assert_eq!(
            run_line(&kbs, &format!("{admin} {line}"), &[]).await.unwrap(),
            expected,
            "{line}"
        );
        assert_eq!(
            kbs.seen().pop().unwrap().authorization.as_deref(),
            Some("Bearer h.p.s")
        );
    }
    kbs.script("reference-value/", 200, r#"["abc"]"#);
    let printed = run_line(&kbs, &format!("{admin} get-reference-value --id svn"), &[])
        .await
        .unwrap();
    assert_eq!(printed, "\"[\\\"abc\\\"]\"\n");
    kbs.script("resource", 200, r#"["a/b/c","a/b/d"]"#);
    assert_eq!(
        run_line(&kbs, &format!("{admin} list-resources"), &[])
            .await
            .unwrap(),
        "a/b/c\na/b/d\n"
    );
    kbs.script(
        "resource-policy/",
        200,
        json!({"id": "resource-policy", "policy": "cGFja2FnZSBwb2xpY3k"}).to_string(),
    );
    let printed = run_line(&kbs, &format!("{admin} get-resource-policy"), &[])
        .await
        .unwrap();
    assert_eq!(printed, "package policy\n");
}

#[tokio::test]
async fn every_named_resource_policy_is_the_one_it_says() {
    let (kbs, files) = (FakeKbs::start().await, Files::new());
    let admin = format!("config --admin-token-file {}", files.put("token", "h.p.s"));
    for (flag, marker) in [
        ("--default", "not evidence.sample"),
        ("--affirming", "\"affirming\""),
        ("--allow-all", "allow if data.plugin == \"resource\""),
        ("--deny-all", "# Releases nothing."),
    ] {
        run_line(&kbs, &format!("{admin} set-resource-policy {flag}"), &[])
            .await
            .unwrap();
        assert!(policy(&kbs).contains(marker), "{flag}: {}", policy(&kbs));
    }
    let none = run_line(&kbs, &format!("{admin} set-resource-policy"), &[])
        .await
        .unwrap_err();
    assert!(none.to_string().starts_with("No policy specified") && none.exit_code() == 2);
    let two = run_line(
        &kbs,
        &format!("{admin} set-resource-policy --default --affirming"),
        &[],
    )
    .await;
    assert_eq!(two.unwrap_err().exit_code(), 2);
}

#[test]
fn every_example_in_the_help_is_a_command() {
    fn check(command: &clap::Command, count: &mut usize) {
        let text = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let text = text.replace("\\\n", " ");
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with("kbs-client "))
        {
            let line = line.split(['>', '|', '#']).next().unwrap_or_default();
            let words = line
                .replace("'image 1.4 is gone'", "gone")
                .replace("9f86d081…", &"9f".repeat(32));
            let parsed = Cli::try_parse_from(words.split_whitespace());
            assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
            *count += 1;
        }
        command
            .get_subcommands()
            .for_each(|command| check(command, count));
    }
    let mut count = 0;
    check(&Cli::command(), &mut count);
    assert!(count > 25, "{count}");
}

#[tokio::test]
async fn a_private_key_signs_with_the_claims_that_were_asked_for() {
    let (kbs, files) = (FakeKbs::start().await, Files::new());
    let key = SigningKey::generate_p256().unwrap();
    let pem = files.put("key", &key.private_key_pem().unwrap());
    let line = format!(
        "config --auth-private-key {pem} --auth-issuer me --auth-role ops --auth-key-id k delete-resource --path a/b/c"
    );
    run_line(&kbs, &line, &[]).await.unwrap();
    let authorization = kbs.seen().pop().unwrap().authorization.unwrap();
    let token = jose::UnverifiedToken::parse(authorization.strip_prefix("Bearer ").unwrap()).unwrap();
    assert_eq!(token.kid(), Some("k"));
    let claims = token.verify(&key.verification_key()).unwrap();
    let claims: Value = serde_json::from_str(claims.raw()).unwrap();
    assert_eq!((&claims["iss"], &claims["role"]), (&json!("me"), &json!("ops")));
}

#[tokio::test]
async fn every_kind_of_failure_has_its_own_exit_code_and_message() {
    let (kbs, files) = (FakeKbs::start().await, Files::new());
    let admin = format!("config --admin-token-file {}", files.put("token", "h.p.s"));
    let get = "get-resource --path a/b/c";
    let delete = format!("{admin} delete-resource --path a/b/c");
    let cases = [
        ("resource/", 403, "PolicyDeny", get, 3),
        ("resource/", 401, "PolicyDeny", get, 3),
        ("resource/", 404, "ResourceNotFound", get, 4),
        ("resource/", 401, "AdminAuthAccess", delete.as_str(), 5),
        ("resource/", 403, "AdminAuthAccess", delete.as_str(), 5),
        ("resource/", 503, "StoreDown", delete.as_str(), 6),
        ("attest", 401, "AttestationError", get, 7),
        ("resource/", 500, "PluginInternalError", get, 1),
        ("resource/", 400, "InvalidRequestPath", delete.as_str(), 1),
    ];
    let mut messages = Vec::new();
    for (path, status, kind, line, code) in cases {
        kbs.script_error(path, status, kind, "words");
        let error = run_line(&kbs, line, &[]).await.unwrap_err();
        assert_eq!(error.exit_code(), code, "{kind} {error}");
        messages.push(error.to_string().split('(').next().unwrap().to_owned());
    }
    messages.dedup();
    assert_eq!(messages.len(), 7, "{messages:?}");
    assert_eq!(
        run_line(&kbs, "get-resource --path a/b", &[])
            .await
            .unwrap_err()
            .exit_code(),
        2
    );
    let missing = run_line(
        &kbs,
        "config --admin-token-file /no/such/file list-resources",
        &[],
    )
    .await
    .unwrap_err();
    assert!(missing.to_string().starts_with("Failed to read: /no/such/file") && missing.exit_code() == 1);
}

#[tokio::test]
async fn the_digest_of_init_data_is_printed_with_the_register_of_each_platform() {
    let files = Files::new();
    let text = "version = \"0.1.0\"\nalgorithm = \"sha384\"\n[data]\n\"aa.toml\" = \"x\"\n";
    let file = files.put("initdata.toml", text);
    let digest = hex::encode(sha2::Sha384::digest(text));
    let kbs = FakeKbs::start().await;
    let printed = run_line(&kbs, "init-data digest --file", &[&file]).await.unwrap();
    assert!(printed.starts_with(&format!("sha384  {digest}\n")), "{printed}");
    assert!(printed.contains(&format!("  {}\n", &digest[..64])), "{printed}");
    assert!(printed.contains("sha256 or sm3"), "{printed}");

    let value = run_line(&kbs, "init-data digest --tee snp --file", &[&file]).await;
    assert_eq!(value.unwrap(), format!("{}\n", &digest[..64]));
    let json = run_line(&kbs, "--output json init-data digest --file", &[&file]).await;
    let json: Value = serde_json::from_str(&json.unwrap()).unwrap();
    assert_eq!(
        (&json["algorithm"], &json["digest"]),
        (&"sha384".into(), &digest.clone().into())
    );
    let tdx = json["registers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["tee"] == "tdx")
        .unwrap();
    assert_eq!(
        (&tdx["register"], &tdx["hex"]),
        (&"MRCONFIGID".into(), &digest.into())
    );
    assert!(kbs.seen().is_empty());
}

#[tokio::test]
async fn what_binds_nothing_is_an_error_of_usage() {
    let files = Files::new();
    let text = "version = \"0.1.0\"\nalgorithm = \"sha512\"\n[data]\n";
    let (file, broken) = (
        files.put("initdata.toml", text),
        files.put("broken.toml", "[data]\n"),
    );
    let kbs = FakeKbs::start().await;
    for (line, said) in [
        (format!("init-data digest --tee tpm --file {file}"), "32 bytes"),
        (
            format!("init-data digest --tee sample --file {file}"),
            "az-snp-vtpm",
        ),
        (format!("init-data digest --file {broken}"), "algorithm"),
    ] {
        let error = run_line(&kbs, &line, &[]).await.unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[tokio::test]
async fn what_is_not_found_comes_with_the_list_of_its_kind() {
    let kbs = FakeKbs::start().await;
    for (line, path, kind, list) in [
        (
            "config get-resource-policy --id x",
            "resource-policy/x",
            "PolicyNotFound",
            "config list-resource-policies",
        ),
        (
            "config get-attestation-policy --id x",
            "attestation-policy/x",
            "PolicyNotFound",
            "config list-attestation-policies",
        ),
        (
            "decisions show 6921aabc-3f9c2e81d04b7a55",
            "decisions/",
            "DecisionNotFound",
            "decisions list",
        ),
        (
            "config get-reference-value --id x",
            "reference-value/x",
            "RvpsError",
            "config list-reference-values",
        ),
        (
            "config delete-resource --path a/b/c",
            "resource/a/b/c",
            "ResourceNotFound",
            "config list-resources",
        ),
    ] {
        kbs.script_error(path, 404, kind, "No reference value found");
        let error = run_line(&kbs, line, &[]).await.unwrap_err();
        let CliError::Client(error) = error else {
            panic!("{line}: {error}");
        };
        let hint = error.hint().unwrap();
        assert!(hint.contains(&format!("`{list}`")), "{line}: {hint}");
        assert_eq!(
            hint.contains("list-resources`"),
            kind == "ResourceNotFound",
            "{line}: {hint}"
        );
    }
}
