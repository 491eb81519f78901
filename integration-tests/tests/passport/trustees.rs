//! The two parties of `docs/passport.md`, with the page's own configurations.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use daemon::clock::{Clock, SystemClock};
use daemon::serve::Serving;
use daemon::shutdown::Shutdown;
use jose::signer::SigningKey;
use jose::tee_key::{TeeKeyKind, TeePrivateKey};
use kbs::config::KbsConfig;
use kbs_client::admin::{AdminClient, AdminCredential, AdminKey};
use kbs_client::cli::args::Cli;
use kbs_client::error::ClientError;
use kbs_client::rcar::Builder;
use kbs_client::{RcarClient, SampleAttester};
use serde_json::json;

use crate::pki::Pki;
use crate::stack::write;

/// The name of the page's configuration of who attests.
pub(super) const A: &str = "kbs-a.toml";
/// The same of who releases.
pub(super) const B: &str = "kbs-b.toml";
/// How the page's B says whom it believes.
pub(super) const CERTIFICATES: &str = "trusted_certs_paths = [\"/etc/kbs-b/trustee-a-ca.pem\"]";

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/passport.md");

/// The files of both parties, and the certificate authority of both's TLS and of A's token key.
pub(super) struct Desk {
    dir: tempfile::TempDir,
    pki: Pki,
}

/// One KBS.
pub(super) struct Trustee {
    pub(super) url: String,
    config: String,
    authority: Vec<u8>,
    admin: Vec<u8>,
    stop: Shutdown,
    _serving: Serving,
}

impl Desk {
    pub(super) fn new() -> Self {
        daemon::init();
        let dir = tempfile::tempdir().unwrap();
        let pki = Pki::generate(dir.path());
        let desk = Self { dir, pki };
        let server = desk.pki.server_settings();
        for party in ["a", "b"] {
            let folder = desk.path(party);
            std::fs::create_dir_all(folder.join("storage")).unwrap();
            copy(server["certificate"].as_str().unwrap(), &folder.join("tls.crt"));
            copy(server["private_key"].as_str().unwrap(), &folder.join("tls.key"));
            let admin = SigningKey::generate_ed25519().unwrap();
            write(&folder, "admin.pub", &admin.public_key_pem().unwrap());
            let key = format!("admin-{party}.key");
            write(desk.dir.path(), &key, &admin.private_key_pem().unwrap());
        }
        copy(desk.pki.token_key(), &desk.path("a/token.key"));
        copy(desk.pki.token_certificate(), &desk.path("a/token.crt"));
        desk.write("b/trustee-a-ca.pem", desk.pki.authority_pem());
        desk
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// A client that trusts the desk's authority.
    pub(super) fn http(&self) -> reqwest::Client {
        let root = reqwest::Certificate::from_pem(self.pki.authority_pem().as_bytes()).unwrap();
        reqwest::Client::builder()
            .tls_certs_merge([root])
            .build()
            .unwrap()
    }

    /// A new key for A's tokens, without a certificate.
    pub(super) fn another_token_key(&self) {
        let key = SigningKey::generate_p256().unwrap();
        self.write("a/token.key", &key.private_key_pem().unwrap());
    }

    /// The page's configuration.
    pub(super) async fn trustee(&self, name: &str) -> Trustee {
        self.trustee_on(name, Arc::new(SystemClock)).await
    }

    /// The page's configuration with `new` for `old`.
    pub(super) async fn trustee_with(&self, name: &str, old: &str, new: &str) -> Trustee {
        self.start(name, &self.config(name, old, new), Arc::new(SystemClock))
            .await
            .unwrap()
    }

    /// The page's configuration on another clock.
    pub(super) async fn trustee_on(&self, name: &str, clock: Arc<dyn Clock>) -> Trustee {
        self.start(name, &self.config(name, "", ""), clock).await.unwrap()
    }

    /// Why the page's configuration with `new` for `old` does not start.
    pub(super) async fn does_not_start(&self, name: &str, old: &str, new: &str) -> String {
        let started = self
            .start(name, &self.config(name, old, new), Arc::new(SystemClock))
            .await;
        let error = started.err().expect("it must not start");
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        format!("{error}: {}", cause.unwrap_or_default())
    }

    fn config(&self, name: &str, old: &str, new: &str) -> String {
        let printed = page_block("```toml", name);
        assert!(printed.contains(old), "{name} has no {old}");
        let mut config = printed.replacen(old, new, 1);
        for (printed, here) in [
            ("/etc/kbs-a", self.path("a")),
            ("/etc/kbs-b", self.path("b")),
            ("/var/lib/kbs-b", self.path("b/storage")),
        ] {
            config = config.replace(printed, here.to_str().unwrap());
        }
        config.replace("0.0.0.0:8080", "127.0.0.1:0")
    }

    async fn start(
        &self,
        name: &str,
        config: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Trustee, kbs::app::StartError> {
        let party = if name == A { "a" } else { "b" };
        let (serving, stop) = start(config, clock).await?;
        let port = serving.addresses()[0].port();
        Ok(Trustee {
            url: format!("https://localhost:{port}"),
            config: config.replace("127.0.0.1:0", &format!("127.0.0.1:{port}")),
            authority: self.pki.authority_pem().as_bytes().to_vec(),
            admin: std::fs::read(self.path(&format!("admin-{party}.key"))).unwrap(),
            stop,
            _serving: serving,
        })
    }

    /// Runs a command of the page in the desk's folder, and gives what it prints.
    pub(super) async fn run(&self, command: &str, a: &Trustee, b: &Trustee) -> String {
        let (command, _) = command.split_once(" > ").unwrap_or((command, ""));
        let arguments = command.split_whitespace().map(|word| {
            let file = self.path(word);
            match word {
                "https://kbs-a.example:8080" => a.url.clone(),
                "https://kbs-b.example:8080" => b.url.clone(),
                name if file.is_file() && !name.is_empty() => file.to_str().unwrap().to_owned(),
                other => other.to_owned(),
            }
        });
        let attester = ["--attester", "sample"].map(str::to_owned);
        let cli = Cli::try_parse_from(arguments.chain(attester)).unwrap();
        let mut out = Vec::new();
        kbs_client::cli::run(cli, &mut out)
            .await
            .unwrap_or_else(|error| panic!("{command}: {error}"));
        String::from_utf8(out).unwrap()
    }
}

impl Trustee {
    /// A client of the `sample` TEE.
    pub(super) fn client(&self) -> Builder {
        RcarClient::builder(&self.url)
            .root_cert(self.authority.clone())
            .attester(Box::new(SampleAttester))
            .retry(1, Duration::ZERO)
    }

    /// A guest attests here: its TEE key in PEM, and its token.
    pub(super) async fn passport(&self) -> (String, String) {
        let key = TeePrivateKey::generate(TeeKeyKind::P256).unwrap();
        let pem = key.to_pem().unwrap().to_string();
        let mut guest = self.client().tee_key(key).build().unwrap();
        (pem, guest.attest().await.unwrap())
    }

    /// Asks for the secret with that key and token.
    pub(super) async fn get(&self, key: &str, token: &str) -> Result<Vec<u8>, ClientError> {
        let key = TeePrivateKey::from_pem(key.as_bytes()).unwrap();
        let mut guest = self.client().tee_key(key).token(token).build().unwrap();
        let secret = guest.get_resource(&super::PATH.parse().unwrap()).await?;
        Ok(secret.expose().to_vec())
    }

    pub(super) fn owner(&self) -> AdminClient {
        let key = AdminKey::from_pem(&self.admin).unwrap();
        let credential = AdminCredential::Key(Box::new(key));
        AdminClient::new(&self.url, std::slice::from_ref(&self.authority), credential).unwrap()
    }

    /// Registers what makes the `sample` TEE affirming.
    pub(super) async fn vouch_for_sample(&self) {
        for (name, value) in [
            ("launch_digest", json!(["abcde"])),
            ("svn", json!(["1"])),
            ("major_version", json!(1)),
            ("minimum_minor_version", json!(1)),
        ] {
            self.owner()
                .set_sample_reference_value(name, &value)
                .await
                .unwrap();
        }
    }

    /// What stands at `/.well-known/jwks.json`.
    pub(super) async fn published_keys(&self) -> String {
        let root = reqwest::Certificate::from_pem(&self.authority).unwrap();
        let http = reqwest::Client::builder()
            .tls_certs_merge([root])
            .build()
            .unwrap();
        let answer = http
            .get(format!("{}/.well-known/jwks.json", self.url))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    }

    /// Stops, and starts again at the same address. Its token key has no certificate any more.
    pub(super) async fn restart(&mut self) {
        self.stop.trigger();
        let address = self.url.replace("https://", "");
        while tokio::net::TcpStream::connect(&address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let without: Vec<&str> = self
            .config
            .lines()
            .filter(|line| !line.starts_with("cert_path"))
            .collect();
        (self._serving, self.stop) = start(&without.join("\n"), Arc::new(SystemClock)).await.unwrap();
    }
}

impl Drop for Trustee {
    fn drop(&mut self) {
        self.stop.trigger();
    }
}

async fn start(config: &str, clock: Arc<dyn Clock>) -> Result<(Serving, Shutdown), kbs::app::StartError> {
    let loaded = KbsConfig::from_text(config, "toml").unwrap();
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let stop = Shutdown::manual(Duration::from_millis(100));
    let running = kbs::app::start(loaded.config, clock, stop.clone()).await?;
    Ok((running.main, stop))
}

/// The block of the page that begins with `fence` and holds `part`, without its fences.
fn page_block(fence: &str, part: &str) -> String {
    let page = std::fs::read_to_string(PAGE).unwrap();
    page.split(fence)
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .find(|block| block.contains(part))
        .unwrap_or_else(|| panic!("the page has no block with {part}"))
        .to_owned()
}

/// The command of the page that holds `part`.
pub(super) fn page_command(part: &str) -> String {
    let page = std::fs::read_to_string(PAGE).unwrap();
    page.lines()
        .find(|line| line.starts_with("kbs-client") && line.contains(part))
        .unwrap_or_else(|| panic!("the page has no command with {part}"))
        .to_owned()
}

fn copy(from: impl AsRef<Path>, to: &Path) {
    std::fs::copy(from, to).unwrap();
}
