//! The three services of the demonstration, with TLS, and mutual TLS between them.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::pki::{Pki, write};
use super::stage::Props;
use crate::processes::{Launch, free_address, sibling};
use crate::simulation::trust;

/// Where the running services listen. They stop with the stage.
pub(super) struct Servers {
    /// Where the RVPS listens.
    pub(super) rvps: SocketAddr,
    /// Where the Attestation Service listens.
    pub(super) attestation: SocketAddr,
    /// Where the KBS listens.
    pub(super) kbs: SocketAddr,
}

impl Servers {
    /// Writes the configurations and starts everything, in the order of who needs whom.
    /// The Attestation Service believes simulated guests of `tee`.
    pub(super) fn start(tee: &str, stage: &Props, pki: &Pki) -> anyhow::Result<Self> {
        let dir = stage.folder();
        let (rvps, attestation, kbs) = (free_address()?, free_address()?, free_address()?);
        let storage = dir.join("storage");
        let launch = |name: &str, arguments: Vec<String>, address| -> anyhow::Result<()> {
            let launch = Launch {
                program: &sibling(name)?,
                arguments,
                log: dir.join(format!("{name}.log")),
                core: None,
                log_filter: "info",
            };
            stage.serve(launch, address)
        };

        let config = write(dir, "rvps.toml", &rvps_config(pki))?;
        launch(
            "rvps",
            vec![
                "--config".into(),
                text(&config),
                "--address".into(),
                rvps.to_string(),
            ],
            rvps,
        )?;
        let config = attestation_config(pki, rvps, &trust(tee, dir)?);
        let config = write(dir, "attestation-service.json", &config.to_string())?;
        let arguments = vec![
            "--config-file".into(),
            text(&config),
            "--socket".into(),
            attestation.to_string(),
        ];
        launch("attestation-service", arguments, attestation)?;
        let config = write(dir, "kbs.toml", &kbs_config(pki, kbs, attestation, &storage))?;
        launch("kbs", vec!["--config-file".into(), text(&config)], kbs)?;
        Ok(Self {
            rvps,
            attestation,
            kbs,
        })
    }
}

fn rvps_config(pki: &Pki) -> String {
    format!(
        "[storage]\nstorage_type = \"Memory\"\n\n[tls]\ncertificate = \"{}\"\nprivate_key = \"{}\"\n\
         client_ca = \"{}\"\n",
        text(&pki.server.public),
        text(&pki.server.private),
        text(&pki.ca)
    )
}

fn attestation_config(pki: &Pki, rvps: SocketAddr, verifier_config: &Value) -> Value {
    json!({
        "tls": {
            "certificate": text(&pki.server.public),
            "private_key": text(&pki.server.private),
            "client_ca": text(&pki.ca),
        },
        "rvps_config": {
            "type": "GrpcRemote",
            "address": format!("https://{rvps}"),
            "tls": {
                "ca": text(&pki.ca),
                "certificate": text(&pki.client.public),
                "private_key": text(&pki.client.private),
                "server_name": "localhost",
            },
        },
        "attestation_token_broker": {
            "signer": {"key_path": text(&pki.token.private), "cert_path": text(&pki.token.public)},
        },
        "verifier_config": verifier_config,
    })
}

fn kbs_config(pki: &Pki, kbs: SocketAddr, attestation: SocketAddr, storage: &Path) -> String {
    format!(
        "[http_server]\nsockets = [\"{kbs}\"]\ncertificate = \"{}\"\nprivate_key = \"{}\"\n\n\
         [attestation_token]\ntrusted_certs_paths = [\"{}\"]\n\n\
         [attestation_service]\ntype = \"coco_as_grpc\"\nas_addr = \"https://{attestation}\"\n\n{}\n\
         [admin]\nauth_public_key = \"{}\"\n\n\
         [storage_backend]\nstorage_type = \"LocalFs\"\n\n\
         [storage_backend.backends.local_fs]\ndir_path = \"{}\"\n\n\
         [[plugins]]\nname = \"resource\"\nstorage_backend_type = \"kvstorage\"\n",
        text(&pki.server.public),
        text(&pki.server.private),
        text(&pki.ca),
        client_tls("attestation_service.tls", pki),
        text(&pki.admin.public),
        text(storage),
    )
}

fn client_tls(table: &str, pki: &Pki) -> String {
    format!(
        "[{table}]\nca = \"{}\"\ncertificate = \"{}\"\nprivate_key = \"{}\"\nserver_name = \"localhost\"\n",
        text(&pki.ca),
        text(&pki.client.public),
        text(&pki.client.private)
    )
}

/// A path as the configuration files and command lines hold it.
pub(super) fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
