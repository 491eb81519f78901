//! The release servers as the benchmark runs them: plain HTTP, sessions in memory, pinned to one core.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use crate::processes::{Launch, Process, free_address, sibling};

/// The resource that the guests fetch.
pub(super) const RESOURCE: &str = "default/bench/key";

/// The servers of one arrangement.
pub(super) struct Stack {
    /// The KBS, whose memory is measured.
    pub(super) kbs: Process,
    /// `http://…` of the KBS.
    pub(super) kbs_url: String,
    /// `http://…` of the Attestation Service, where it is its own process.
    pub(super) as_url: Option<String>,
    /// `http://…` of the RVPS, where it is its own process.
    pub(super) rvps_url: Option<String>,
    others: Vec<Process>,
}

const SERVERS_CORE: usize = 0;

impl Stack {
    /// KBS, Attestation Service and RVPS as three processes.
    pub(super) fn three_processes(dir: &Path) -> anyhow::Result<Self> {
        let (rvps_address, as_address) = (free_address()?, free_address()?);
        let rvps_config = write(
            dir,
            "rvps.json",
            &json!({"storage": {"storage_type": "Memory"}}).to_string(),
        )?;
        let mut rvps = start(
            dir,
            "rvps",
            vec!["-c".into(), rvps_config, "-a".into(), rvps_address.to_string()],
        )?;
        rvps.wait_until_listening(rvps_address)?;

        let signer = signer(dir)?;
        let as_config = json!({
            "rvps_config": {"type": "GrpcRemote", "address": format!("http://{rvps_address}")},
            "attestation_token_broker": {"signer": {"key_path": signer.key, "cert_path": signer.certificate}},
        });
        let as_config = write(dir, "as.json", &as_config.to_string())?;
        let arguments = vec!["-c".into(), as_config, "-s".into(), as_address.to_string()];
        let mut attestation = start(dir, "attestation-service", arguments)?;
        attestation.wait_until_listening(as_address)?;

        let section =
            format!("[attestation_service]\ntype = \"coco_as_grpc\"\nas_addr = \"http://{as_address}\"\n");
        let (kbs, kbs_url) = start_kbs(dir, &signer.certificate, &section)?;
        Ok(Self {
            kbs,
            kbs_url,
            as_url: Some(format!("http://{as_address}")),
            rvps_url: Some(format!("http://{rvps_address}")),
            others: vec![attestation, rvps],
        })
    }

    /// One process: the KBS with the Attestation Service and the RVPS built in.
    pub(super) fn built_in(dir: &Path) -> anyhow::Result<Self> {
        let signer = signer(dir)?;
        let section = format!(
            "[attestation_service]\ntype = \"coco_as_builtin\"\n\
             [attestation_service.rvps_config]\ntype = \"BuiltIn\"\nstorage_type = \"Memory\"\n\
             [attestation_service.attestation_token_broker.signer]\n\
             key_path = \"{}\"\ncert_path = \"{}\"\n",
            signer.key, signer.certificate
        );
        let (kbs, kbs_url) = start_kbs(dir, &signer.certificate, &section)?;
        Ok(Self {
            kbs,
            kbs_url,
            as_url: None,
            rvps_url: None,
            others: Vec::new(),
        })
    }

    /// The processor time of all servers so far.
    pub(super) fn processor_time(&self) -> anyhow::Result<Duration> {
        let others = self.others.iter().map(Process::processor_time);
        std::iter::once(self.kbs.processor_time()).chain(others).sum()
    }

    /// Registers what makes a `sample` guest affirming, a policy that lets it in, and the resource.
    pub(super) fn provision(&self) -> anyhow::Result<()> {
        let values = json!({
            "launch_digest": ["abcde"], "svn": ["1"], "major_version": 1, "minimum_minor_version": 4,
        });
        let message = json!({
            "version": "0.1.0", "type": "sample", "payload": STANDARD.encode(values.to_string()),
        });
        let policy = "package policy\nimport rego.v1\ndefault allow := false\n\
                      allow if {\n  data.plugin == \"resource\"\n  input.submods.cpu0[\"ear.status\"] == \"affirming\"\n}\n";
        let policy = json!({"policy": URL_SAFE_NO_PAD.encode(policy)});
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            self.post("reference-value", message.to_string().into_bytes())
                .await?;
            self.post("resource-policy", policy.to_string().into_bytes())
                .await?;
            self.post(
                &format!("resource/{RESOURCE}"),
                b"thirty-two bytes of a secret key".to_vec(),
            )
            .await
        })
    }

    async fn post(&self, path: &str, body: Vec<u8>) -> anyhow::Result<()> {
        let url = format!("{}/kbs/v0/{path}", self.kbs_url);
        let answer = reqwest::Client::new().post(&url).body(body).send().await?;
        let status = answer.status();
        anyhow::ensure!(status == 200, "POST {url}: {status} {}", answer.text().await?);
        Ok(())
    }
}

struct Signer {
    key: String,
    certificate: String,
}

/// A token signing key and its self-signed certificate.
fn signer(dir: &Path) -> anyhow::Result<Signer> {
    let key = rcgen::KeyPair::generate()?;
    let certificate = rcgen::CertificateParams::new(vec!["attestation-service".into()])?.self_signed(&key)?;
    Ok(Signer {
        key: write(dir, "token.key", &key.serialize_pem())?,
        certificate: write(dir, "token.pem", &certificate.pem())?,
    })
}

fn start_kbs(dir: &Path, trusted: &str, attestation: &str) -> anyhow::Result<(Process, String)> {
    let address = free_address()?;
    let config = format!(
        "[http_server]\nsockets = [\"{address}\"]\ninsecure_http = true\n\
         [attestation_token]\ntrusted_certs_paths = [\"{trusted}\"]\n{attestation}\
         [admin]\nauthorization_mode = \"InsecureAllowAll\"\n\
         [storage_backend]\nstorage_type = \"LocalFs\"\n\
         [storage_backend.backends.local_fs]\ndir_path = \"{}\"\n\
         [[plugins]]\nname = \"resource\"\nstorage_backend_type = \"kvstorage\"\n",
        dir.join("storage").display()
    );
    let config = write(dir, "kbs.toml", &config)?;
    let mut kbs = start(dir, "kbs", vec!["-c".into(), config])?;
    kbs.wait_until_listening(address)?;
    Ok((kbs, format!("http://{address}")))
}

fn start(dir: &Path, name: &str, arguments: Vec<String>) -> anyhow::Result<Process> {
    Process::start(Launch {
        program: &sibling(name)?,
        arguments,
        log: dir.join(format!("{name}.log")),
        core: Some(SERVERS_CORE),
        log_filter: "warn",
    })
}

fn write(dir: &Path, name: &str, text: &str) -> anyhow::Result<String> {
    let path = dir.join(name);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path.to_string_lossy().into_owned())
}
