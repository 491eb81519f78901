//! What `docs/init-data.md` prints.

use clap::Parser;
use kbs_client::binding::InitData;
use kbs_client::cli::args::Cli;
use kbs_client::init_data::Register;
use serde_json::json;

use super::attest;
use crate::guest::{Guest, assert_refused, claims, token};
use crate::stack::TestStack;

const PAGE: &str = include_str!("../../../docs/init-data.md");

fn block(fence: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(fence).unwrap();
    rest.split("```").next().unwrap()
}

#[tokio::test]
async fn the_document_of_the_page_is_bound_shown_and_asked_for_as_it_says() {
    let document = block("```toml\n");
    let stack = TestStack::start().await;
    stack.vouch_for_platform().await;
    stack.store("blue/key/one", b"s").await;
    stack.store("red/key/one", b"s").await;
    stack.release_by(block("```rego\n")).await;
    let guest = Guest::snp(&stack);
    let (session, answer) = attest(&guest, Some(document), Some(document)).await;
    let claims = claims(&token(answer).await);
    let cpu = &claims["submods"]["cpu0"];
    assert_eq!(
        cpu["ear.veraison.annotated-evidence"]["init_data_claims"],
        json!({
            "aa.toml": {"token_configs": {"kbs": {"url": "https://kbs.example:8080"}}},
            "cdh.toml": {"socket": "unix:///run/confidential-containers/cdh.sock"},
            "agent_policy_claims": {"containers": []},
            "workload": "blue",
        })
    );
    assert_eq!(cpu["ear.trustee.identifiers"], json!({"validated": {}}));
    // The value that the tool prints is what the register holds.
    let digest = document.parse::<InitData>().unwrap();
    let value = Register::of("snp").unwrap().value(digest.digest()).unwrap();
    assert_eq!(
        cpu["ear.veraison.annotated-evidence"]["init_data"],
        hex::encode(value)
    );
    let secret = guest.get(&session, "blue/key/one").await;
    assert_eq!(guest.open(secret).await, b"s");
    assert_refused(guest.get(&session, "red/key/one").await, 403, "PolicyDeny").await;
}

#[tokio::test]
async fn the_commands_of_the_page_work_as_printed() {
    let dir = tempfile::tempdir().unwrap();
    let file = crate::stack::write(dir.path(), "initdata.toml", block("```toml\n"));
    let commands = block("```sh\n").lines();
    for command in commands.filter(|line| line.starts_with("kbs-client")) {
        let command = command.split(" #").next().unwrap();
        let words = command.split_whitespace().map(|word| match word {
            "initdata.toml" => file.to_str().unwrap(),
            word => word,
        });
        let mut out = Vec::new();
        let cli = Cli::try_parse_from(words).unwrap();
        kbs_client::cli::run(cli, &mut out).await.unwrap();
        let digest = block("```toml\n").parse::<InitData>().unwrap();
        let printed = String::from_utf8(out).unwrap();
        assert!(
            printed.contains(&hex::encode(digest.digest())),
            "{command}: {printed}"
        );
    }
}
