//! Who administers: the flags that every command of an administrator has.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{CliError, read_file, read_text};
use crate::admin::{AdminCredential, AdminKey};

/// The administrator's credential.
#[derive(Debug, Args)]
pub struct CredentialArgs {
    /// File with the admin's bearer token. Without it and without --auth-private-key:
    /// kbs/config/docker-compose/admin-token, then $HOME/.trustee/admin-token, then no token.
    #[arg(long, value_name = "FILE", conflicts_with = "auth_private_key", global = true)]
    pub admin_token_file: Option<PathBuf>,

    /// The admin's private key in PEM (Ed25519, EC P-256 or P-384, RSA): signs a token for each call.
    #[arg(long, value_name = "KEY", global = true)]
    pub auth_private_key: Option<PathBuf>,

    /// Issuer (`iss`) of the signed token, where the KBS asks for one.
    #[arg(
        long,
        value_name = "NAME",
        default_value = "kbs-client",
        requires = "auth_private_key",
        global = true
    )]
    pub auth_issuer: String,

    /// Role in the signed token.
    #[arg(
        long,
        value_name = "ROLE",
        default_value = "admin",
        requires = "auth_private_key",
        global = true
    )]
    pub auth_role: String,

    /// Id of the key (`kid`), where the KBS knows its admin keys as a JWK set.
    #[arg(long, value_name = "ID", requires = "auth_private_key", global = true)]
    pub auth_key_id: Option<String>,
}

impl CredentialArgs {
    /// The credential that was named, or the first that is found where it usually lies.
    pub(super) fn read(&self) -> Result<AdminCredential, CliError> {
        if let Some(path) = &self.auth_private_key {
            let key = AdminKey::from_pem(&read_file(path)?)?
                .issuer(&self.auth_issuer)
                .role(&self.auth_role)
                .key_id(self.auth_key_id.clone());
            return Ok(AdminCredential::Key(Box::new(key)));
        }
        if let Some(path) = &self.admin_token_file {
            return Ok(AdminCredential::token(&read_text(path)?)?);
        }
        for path in usual_places() {
            if path.is_file() {
                tracing::info!(path = %path.display(), "using the admin token");
                return Ok(AdminCredential::token(&read_text(&path)?)?);
            }
        }
        tracing::warn!("no admin token or key: the KBS will refuse, unless it lets everybody administer it");
        Ok(AdminCredential::Anonymous)
    }
}

#[allow(clippy::disallowed_methods, reason = "the environment of the command line")]
fn usual_places() -> Vec<PathBuf> {
    let home = std::env::var("HOME")
        .ok()
        .map(|home| Path::new(&home).join(".trustee/admin-token"));
    let mut places = vec![PathBuf::from("kbs/config/docker-compose/admin-token")];
    places.extend(home);
    places
}
