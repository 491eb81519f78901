//! The tools as a person would call them, and one gRPC call that no tool makes.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use protos::attestation::attestation_service_client::AttestationServiceClient;
use protos::attestation::{AttestationRequest, IndividualAttestationRequest};
use serde_json::{Map, Value, json};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

use super::narrator::Narrator;
use super::pki::Pki;
use super::servers::{Servers, text};
use super::stage::Props;
use super::token::Appraisal;
use crate::processes::sibling;

/// The command lines of this demonstration.
pub(super) struct Tools {
    tee: String,
    client: PathBuf,
    rvps_tool: PathBuf,
    kbs_url: String,
    rvps_url: String,
    attestation_url: String,
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    admin_key: PathBuf,
    registered: RefCell<Map<String, Value>>,
    stage: Arc<Props>,
}

/// What a tool answered.
pub(super) struct Answer {
    /// Its exit code.
    pub(super) code: Option<i32>,
    /// Its results.
    pub(super) stdout: String,
    stderr: String,
}

impl Answer {
    /// All that it printed.
    pub(super) fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl Tools {
    /// The tools of the same build, set up for these servers.
    pub(super) fn new(tee: &str, stage: &Arc<Props>, pki: &Pki, servers: &Servers) -> anyhow::Result<Self> {
        Ok(Self {
            tee: tee.to_owned(),
            client: sibling("kbs-client")?,
            rvps_tool: sibling("rvps-tool")?,
            kbs_url: format!("https://{}", servers.kbs),
            rvps_url: format!("https://{}", servers.rvps),
            attestation_url: format!("https://{}", servers.attestation),
            ca: pki.ca.clone(),
            certificate: pki.client.public.clone(),
            key: pki.client.private.clone(),
            admin_key: pki.admin.private.clone(),
            registered: RefCell::default(),
            stage: Arc::clone(stage),
        })
    }

    /// `kbs-client config …` as the owner.
    pub(super) fn configure(&self, narrator: &Narrator, arguments: &[&str]) -> anyhow::Result<()> {
        let shown = arguments.join(" ").replace(&text(self.stage.folder()), "$D");
        narrator.command(&format!(
            "kbs-client … config --auth-private-key $D/admin.key {shown}"
        ));
        let mut command = self.kbs_client();
        command
            .args(["config", "--auth-private-key", &text(&self.admin_key)])
            .args(arguments);
        let answer = self.run(command)?;
        ensure!(answer.code == Some(0), "kbs-client: {}", answer.text());
        Ok(())
    }

    /// `kbs-client get-resource` as the simulated guest.
    pub(super) fn get_resource(&self, narrator: &Narrator, path: &str) -> anyhow::Result<Answer> {
        let attester = self.attester();
        narrator.command(&format!(
            "kbs-client … --attester {attester} get-resource --path {path}"
        ));
        let mut command = self.kbs_client();
        command.args(["--attester", &attester, "get-resource", "--path", path]);
        self.run(command)
    }

    /// `kbs-client attest` as the simulated guest: the token.
    pub(super) fn attest(&self) -> anyhow::Result<String> {
        let mut command = self.kbs_client();
        command.args(["--attester", &self.attester(), "attest"]);
        let answer = self.run(command)?;
        ensure!(answer.code == Some(0), "kbs-client attest: {}", answer.text());
        Ok(answer.stdout)
    }

    /// `rvps-tool register`.
    pub(super) fn register(&self, narrator: &Narrator, message: &Path) -> anyhow::Result<()> {
        let shown = text(message).replace(&text(self.stage.folder()), "$D");
        narrator.command(&format!(
            "rvps-tool register --path {shown} --addr {} …",
            self.rvps_url
        ));
        let mut command = Command::new(&self.rvps_tool);
        command.args(["register", "--path", &text(message), "--addr", &self.rvps_url]);
        command.args(self.mutual_tls());
        let answer = self.run(command)?;
        ensure!(answer.code == Some(0), "rvps-tool: {}", answer.text());
        Ok(())
    }

    /// Asks the Attestation Service for an appraisal of evidence that is bound to nothing of ours.
    pub(super) fn appraise(&self, tee: &str, evidence: &Value) -> anyhow::Result<Appraisal> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let token = runtime.block_on(async {
            let tls = ClientTlsConfig::new()
                .ca_certificate(Certificate::from_pem(std::fs::read(&self.ca)?))
                .identity(Identity::from_pem(
                    std::fs::read(&self.certificate)?,
                    std::fs::read(&self.key)?,
                ))
                .domain_name("localhost");
            let endpoint = Endpoint::from_shared(self.attestation_url.clone())?.tls_config(tls)?;
            let item = IndividualAttestationRequest {
                tee: tee.to_owned(),
                evidence: URL_SAFE_NO_PAD.encode(evidence.to_string()),
                ..Default::default()
            };
            let request = AttestationRequest {
                verification_requests: vec![item],
                policy_ids: Vec::new(),
                explain: false,
            };
            let mut client = AttestationServiceClient::new(endpoint.connect().await?);
            let answer = client.attestation_evaluate(request).await?;
            anyhow::Ok(answer.into_inner().attestation_token)
        })?;
        Appraisal::read(&token)
    }

    /// What has been registered so far together with `values`: registering an id anew replaces its list.
    pub(super) fn merged(&self, values: &Value) -> anyhow::Result<Value> {
        let mut registered = self.registered.borrow_mut();
        for (id, value) in values.as_object().context("reference values are an object")? {
            let list = registered.entry(id.clone()).or_insert_with(|| json!([]));
            for item in value.as_array().into_iter().flatten() {
                if let Some(items) = list.as_array_mut().filter(|items| !items.contains(item)) {
                    items.push(item.clone());
                }
            }
        }
        Ok(Value::Object(registered.clone()))
    }

    /// Commands to go on by hand.
    pub(super) fn print_next_steps(&self, keep: bool) {
        if keep {
            println!("\nTo go on by hand:");
        } else {
            println!(
                "\nThe services stop now and their folder goes, so the commands below do not work as they are. They are for\n\
                 `make demo KEEP=1`, which prints them with ports and a folder of its own and leaves the services running:"
            );
        }
        let client = format!(
            "{} --url {} --cert-file {}",
            text(&self.client),
            self.kbs_url,
            text(&self.ca)
        );
        let owner = format!("--auth-private-key {}", text(&self.admin_key));
        let (attester, resource) = (self.attester(), super::RESOURCE);
        let tls = self.mutual_tls().join(" ");
        for (what, command) in [
            (
                "the guest asks for its secret",
                format!("{client} --attester {attester} get-resource --path {resource}"),
            ),
            (
                "who asked for what, and what came of it; then why, with an id from there",
                format!("{client} decisions {owner} list"),
            ),
            ("", format!("{client} decisions {owner} show <id>")),
            (
                "what is kept for guests",
                format!("{client} config {owner} list-resources"),
            ),
            (
                "what good looks like",
                format!("{} query --addr {} {tls}", text(&self.rvps_tool), self.rvps_url),
            ),
        ] {
            if !what.is_empty() {
                println!("  # {what}");
            }
            println!("  {command}");
        }
    }

    fn run(&self, command: Command) -> anyhow::Result<Answer> {
        let Output {
            status,
            stdout,
            stderr,
        } = self.stage.run(command)?;
        Ok(Answer {
            code: status.code(),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        })
    }

    fn attester(&self) -> String {
        format!("simulated-{}", self.tee)
    }

    fn kbs_client(&self) -> Command {
        let mut command = Command::new(&self.client);
        command
            .args(["--url", &self.kbs_url, "--cert-file", &text(&self.ca)])
            .env("RUST_LOG", "error");
        command
    }

    fn mutual_tls(&self) -> [String; 6] {
        let file = |path: &Path| text(path);
        [
            "--ca-cert".into(),
            file(&self.ca),
            "--client-cert".into(),
            file(&self.certificate),
            "--client-key".into(),
            file(&self.key),
        ]
    }
}

/// `kbs-client get-resource` prints standard base64.
pub(super) fn decode_base64(printed: &str) -> anyhow::Result<Vec<u8>> {
    STANDARD
        .decode(printed.trim())
        .context("kbs-client did not print base64")
}
