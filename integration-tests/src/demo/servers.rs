//! The three services of the demonstration, with TLS, and mutual TLS between them.

use std::net::SocketAddr;
use std::path::Path;

use simulated_tee::snp::{Generation, Platform};

use super::pki::{Pki, write};
use crate::processes::{Launch, Process, free_address, sibling};

/// The running services. They stop when this is dropped.
pub(super) struct Servers {
    /// Where the RVPS listens.
    pub(super) rvps: SocketAddr,
    /// Where the Attestation Service listens.
    pub(super) attestation: SocketAddr,
    /// Where the KBS listens.
    pub(super) kbs: SocketAddr,
    _processes: Vec<Process>,
}

impl Servers {
    /// Writes the configurations and starts everything, in the order of who needs whom.
    pub(super) fn start(dir: &Path, pki: &Pki) -> anyhow::Result<Self> {
        let (rvps, attestation, kbs) = (free_address()?, free_address()?, free_address()?);
        let storage = dir.join("storage");
        let mut processes = Vec::new();
        let mut launch = |name: &str, arguments: Vec<String>, address| -> anyhow::Result<()> {
            let mut process = Process::start(Launch {
                program: &sibling(name)?,
                arguments,
                log: dir.join(format!("{name}.log")),
                core: None,
                log_filter: "info",
            })?;
            process.wait_until_listening(address)?;
            processes.push(process);
            Ok(())
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
        let roots = write(
            dir,
            "simulated-amd-root.pem",
            &Platform::new(Generation::Milan)?.roots_pem(),
        )?;
        let config = write(
            dir,
            "attestation-service.toml",
            &attestation_config(pki, rvps, &roots),
        )?;
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
            _processes: processes,
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

fn attestation_config(pki: &Pki, rvps: SocketAddr, roots: &Path) -> String {
    let (ca, roots) = (text(&pki.ca), text(roots));
    format!(
        "[tls]\ncertificate = \"{}\"\nprivate_key = \"{}\"\nclient_ca = \"{ca}\"\n\n\
         [rvps_config]\ntype = \"GrpcRemote\"\naddress = \"https://{rvps}\"\n\n{}\n\
         [attestation_token_broker.signer]\nkey_path = \"{}\"\ncert_path = \"{}\"\n\n\
         [verifier_config.snp_verifier]\ninsecure_extra_roots = [\"{roots}\"]\n",
        text(&pki.server.public),
        text(&pki.server.private),
        client_tls("rvps_config.tls", pki),
        text(&pki.token.private),
        text(&pki.token.public),
    )
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
