//! The three services on free ports of the loopback interface, each with its own listener.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use daemon::clock::{Clock, SystemClock};
use daemon::config::load_str;
use daemon::serve::{Listener, Serving};
use daemon::shutdown::Shutdown;
use jose::signer::SigningKey;
use serde_json::{Value, json};
use simulated_tee::snp::{Generation, Platform};
use tempfile::TempDir;

use crate::pki::Pki;

/// A running stack; everything stops when it is dropped.
pub(crate) struct TestStack {
    /// `http://…` of the KBS, or `https://…`.
    pub(crate) kbs: String,
    /// The same of the Attestation Service.
    pub(crate) attestation: String,
    /// The same of the RVPS.
    pub(crate) rvps: String,
    /// The simulated SNP machine that the Attestation Service trusts.
    pub(crate) platform: Arc<Platform>,
    /// Signs the owner's tokens.
    pub(crate) admin: SigningKey,
    /// Knows the stack's certificate authority, if there is one.
    pub(crate) http: reqwest::Client,
    attestation_config: attestation_service::config::Config,
    rvps_config: rvps::Config,
    running: [Option<Part>; 3],
    dir: TempDir,
}

/// What differs from the usual stack.
pub(crate) struct Setup {
    /// The KBS's `[admin]` table, instead of one with the owner's key.
    pub(crate) admin: Option<String>,
    /// More tables of the KBS.
    pub(crate) kbs_tables: String,
    /// More keys in the KBS's `[http_server]`.
    pub(crate) http_keys: String,
    /// The KBS's `[attestation_token]`, instead of one that trusts the stack's Attestation Service. `{attestation}`
    /// is replaced by its address.
    pub(crate) token: Option<String>,
    /// More keys in the KBS's `[attestation_service]`.
    pub(crate) attestation_keys: String,
    /// The KBS's clock.
    pub(crate) clock: Arc<dyn Clock>,
    /// The Attestation Service's `verifier_config`, instead of one that trusts the simulated SNP machine.
    pub(crate) verifier_config: Option<Value>,
    /// The Attestation Service's `policy_map`.
    pub(crate) policy_map: Value,
    /// The generation of the simulated machine.
    pub(crate) generation: Generation,
    /// An RVPS that is there already.
    pub(crate) rvps: Option<String>,
    /// An Attestation Service that is there already.
    pub(crate) attestation: Option<String>,
    /// How long the Attestation Service goes on without its RVPS, in seconds.
    pub(crate) max_stale_seconds: u32,
    /// TLS for all three, and client certificates between them.
    pub(crate) tls: bool,
    /// Each service writes its audit log here, under its name.
    pub(crate) audits: Option<PathBuf>,
    /// The KBS holds the Attestation Service, and that the RVPS: no other server is started.
    pub(crate) built_in: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            admin: None,
            kbs_tables: String::new(),
            http_keys: String::new(),
            token: None,
            attestation_keys: String::new(),
            clock: Arc::new(SystemClock),
            verifier_config: None,
            policy_map: json!([]),
            generation: Generation::Genoa,
            rvps: None,
            attestation: None,
            max_stale_seconds: 30,
            tls: false,
            audits: None,
            built_in: false,
        }
    }
}

impl Setup {
    fn audit(&self, service: &str) -> Option<PathBuf> {
        Some(self.audits.as_ref()?.join(service))
    }
}

/// One service.
struct Part {
    address: SocketAddr,
    stop: Shutdown,
    serving: Serving,
}

const RVPS: usize = 0;
const ATTESTATION: usize = 1;
const KBS: usize = 2;

impl TestStack {
    /// The usual stack.
    pub(crate) async fn start() -> Self {
        Self::with(Setup::default()).await
    }

    /// A stack that differs.
    pub(crate) async fn with(mut setup: Setup) -> Self {
        daemon::init();
        if setup.built_in {
            let nowhere = || Some("http://127.0.0.1:1".to_owned());
            (setup.rvps, setup.attestation) = (nowhere(), nowhere());
        }
        let dir = tempfile::tempdir().unwrap();
        let pki = Pki::generate(dir.path());
        let tls = setup.tls.then_some(&pki);
        let platform = Arc::new(Platform::new(setup.generation).unwrap());
        let mut running = [None, None, None];

        let rvps_config = rvps_config(tls, &setup);
        let rvps = match setup.rvps.clone() {
            Some(address) => address,
            None => {
                let part = start_rvps(&rvps_config, any_port()).await;
                let address = part.url(tls);
                running[RVPS] = Some(part);
                address
            }
        };
        let attestation_config = attestation_config(dir.path(), &setup, &rvps, &platform, &pki);
        let attestation = match setup.attestation.clone() {
            Some(address) => address,
            None => {
                let part = start_attestation(&attestation_config, any_port()).await;
                let address = part.url(tls);
                running[ATTESTATION] = Some(part);
                address
            }
        };

        let admin = SigningKey::generate_ed25519().unwrap();
        let file = kbs_config(dir.path(), &setup, &attestation, &admin, &pki);
        let part = start_kbs(&file, setup.clock).await;
        let kbs = part.url(tls);
        running[KBS] = Some(part);
        Self {
            kbs,
            attestation,
            rvps,
            platform,
            admin,
            http: http_client(&pki),
            attestation_config,
            rvps_config,
            running,
            dir,
        }
    }

    /// What is on the disk of a resource, in whichever form of file.
    pub(crate) fn stored(&self, resource: &str) -> Option<Vec<u8>> {
        let folder = self.resource_folder();
        let flat = folder.join(resource.replace('/', r"\x2F"));
        std::fs::read(flat)
            .or_else(|_| std::fs::read(folder.join(resource)))
            .ok()
    }

    /// The folder of the KBS's resources.
    pub(crate) fn resource_folder(&self) -> PathBuf {
        self.dir.path().join("storage/repository")
    }

    /// A certificate and key file for clients, and the authority's.
    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Where the KBS listens.
    pub(crate) fn kbs_address(&self) -> SocketAddr {
        self.running[KBS].as_ref().unwrap().address
    }

    /// Stops the KBS and starts it again, on another port, with nothing but its configuration and storage.
    pub(crate) async fn restart_kbs(&mut self) {
        let mut part = self.running[KBS].take().unwrap();
        part.end().await;
        let part = start_kbs(&self.dir.path().join("kbs.toml"), Arc::new(SystemClock)).await;
        self.kbs = part.url(None);
        self.running[KBS] = Some(part);
    }

    /// Stops the Attestation Service.
    pub(crate) async fn stop_attestation_service(&mut self) {
        self.running[ATTESTATION].as_mut().unwrap().end().await;
    }

    /// Starts it again where it was, with nothing but its configuration.
    pub(crate) async fn restart_attestation_service(&mut self) {
        let address = self.running[ATTESTATION].as_ref().unwrap().address;
        let part = start_attestation(&self.attestation_config, address.into()).await;
        self.running[ATTESTATION] = Some(part);
    }

    /// Stops the RVPS.
    pub(crate) async fn stop_rvps(&mut self) {
        self.running[RVPS].as_mut().unwrap().end().await;
    }

    /// Starts it again where it was, empty.
    pub(crate) async fn restart_rvps(&mut self) {
        let address = self.running[RVPS].as_ref().unwrap().address;
        self.running[RVPS] = Some(start_rvps(&self.rvps_config, address.into()).await);
    }
}

impl Drop for TestStack {
    fn drop(&mut self) {
        self.running.iter().flatten().for_each(|part| part.stop.trigger());
    }
}

impl Part {
    fn new(serving: Serving, stop: Shutdown) -> Self {
        let address = serving.addresses()[0];
        Self {
            address,
            stop,
            serving,
        }
    }

    fn url(&self, tls: Option<&Pki>) -> String {
        match tls {
            Some(_) => format!("https://localhost:{}", self.address.port()),
            None => format!("http://{}", self.address),
        }
    }

    /// Stops it and waits until nobody answers there.
    async fn end(&mut self) {
        self.stop.trigger();
        while tokio::net::TcpStream::connect(self.address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Requests under way have their grace.
        tokio::time::sleep(GRACE).await;
        let _ = &self.serving;
    }
}

const GRACE: Duration = Duration::from_millis(300);

async fn start_kbs(file: &Path, clock: Arc<dyn Clock>) -> Part {
    let config = kbs::config::KbsConfig::load(file).unwrap().config;
    let stop = Shutdown::manual(GRACE);
    let serving = kbs::app::start(config, clock, stop.clone()).await.unwrap().main;
    Part::new(serving, stop)
}

async fn start_rvps(config: &rvps::Config, listener: Listener) -> Part {
    let stop = Shutdown::manual(GRACE);
    let running = rvps::app::start(config, listener, Arc::new(SystemClock), stop.clone())
        .await
        .unwrap();
    Part::new(running.main, stop)
}

async fn start_attestation(config: &attestation_service::config::Config, listener: Listener) -> Part {
    let stop = Shutdown::manual(GRACE);
    let clock = Arc::new(SystemClock);
    let running = attestation_service::app::start(config, listener, clock, stop.clone())
        .await
        .unwrap();
    Part::new(running.main, stop)
}

fn rvps_config(tls: Option<&Pki>, setup: &Setup) -> rvps::Config {
    let config = json!({
        "storage": {"storage_type": "Memory"},
        "tls": tls.map(Pki::server_settings),
        "audit": {"file": setup.audit("rvps")},
    });
    load_str(&config.to_string(), "json", &[]).unwrap().config
}

fn attestation_config(
    dir: &Path,
    setup: &Setup,
    rvps: &str,
    platform: &Platform,
    pki: &Pki,
) -> attestation_service::config::Config {
    let tls = setup.tls.then_some(pki);
    let roots = write(dir, "roots.pem", &platform.roots_pem());
    let mut rvps_config = json!({
        "type": "GrpcRemote",
        "address": rvps,
        "max_stale_seconds": setup.max_stale_seconds,
    });
    if let Some(pki) = tls {
        rvps_config["tls"] = pki.client_settings();
    }
    let snp = json!({"snp_verifier": {
        "vcek_sources": [{"type": "OfflineStore", "path": dir.join("kds")}],
        "insecure_extra_roots": [roots],
    }});
    let config = json!({
        "rvps_config": rvps_config,
        "attestation_token_broker": {"signer": {"key_path": pki.token_key(), "cert_path": pki.token_certificate()}},
        "storage_backend": {
            "storage_type": "LocalFs",
            "backends": {"local_fs": {"dir_path": dir.join("attestation")}},
        },
        "verifier_config": setup.verifier_config.clone().unwrap_or(snp),
        "policy_map": setup.policy_map,
        "tls": tls.map(Pki::server_settings),
        "audit": {"file": setup.audit("attestation-service")},
    });
    load_str(&config.to_string(), "json", &[]).unwrap().config
}

fn kbs_config(dir: &Path, setup: &Setup, attestation: &str, admin: &SigningKey, pki: &Pki) -> PathBuf {
    let admin_key = write(dir, "admin.pub", &admin.public_key_pem().unwrap());
    let admin = setup
        .admin
        .clone()
        .unwrap_or_else(|| format!("auth_public_key = {admin_key:?}"));
    let token = match &setup.token {
        Some(token) => token.replace("{attestation}", attestation),
        // It knows the keys of what is in it.
        None if setup.built_in => String::new(),
        None => format!("trusted_certs_paths = [{:?}]", pki.token_certificate()),
    };
    let (http, tls) = match setup.tls {
        true => (pki.https_keys(), pki.client_table("attestation_service.tls")),
        false => ("insecure_http = true".to_owned(), String::new()),
    };
    let audit = setup
        .audit("kbs")
        .map(|file| format!("[audit]\nfile = {file:?}\n"));
    let roots = dir.join("roots.pem");
    let service = match setup.built_in {
        true => format!(
            "type = \"coco_as_builtin\"\n[attestation_service.verifier_config.snp_verifier]\n\
             insecure_extra_roots = [{roots:?}]"
        ),
        false => format!("type = \"coco_as_grpc\"\nas_addr = \"{attestation}\""),
    };
    let config = format!(
        "[http_server]\nsockets = [\"127.0.0.1:0\"]\n{http}\n{}\n\
         [admin]\n{admin}\n\
         [attestation_token]\n{token}\n\
         [attestation_service]\n{}\n{service}\n{tls}\n\
         [storage_backend]\nstorage_type = \"LocalFs\"\n\
         [storage_backend.backends.local_fs]\ndir_path = {:?}\n\
         [[plugins]]\nname = \"resource\"\nstorage_backend_type = \"kvstorage\"\n\
         [[plugins]]\nname = \"sample\"\n{}{}",
        setup.http_keys,
        setup.attestation_keys,
        dir.join("storage"),
        audit.unwrap_or_default(),
        setup.kbs_tables,
    );
    write(dir, "kbs.toml", &config)
}

fn http_client(pki: &Pki) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(pki.authority_pem().as_bytes()).unwrap();
    reqwest::Client::builder()
        .tls_certs_merge([root])
        .build()
        .unwrap()
}

fn any_port() -> Listener {
    Listener::Address(SocketAddr::from(([127, 0, 0, 1], 0)))
}

/// Writes a file and gives its path.
pub(crate) fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path
}
