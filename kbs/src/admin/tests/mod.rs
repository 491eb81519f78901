//! Operators with their keys, and what their tokens open.

mod credentials;
mod rights;
mod setup;

use std::fs;
use std::path::PathBuf;

use axum::http::Method;
use jose::signer::SigningKey;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

const NOW: i64 = 1_800_000_000;
const PATH: &str = "/kbs/v0/resource/default/key/1";

/// Keys in files, as an operator has them.
struct Desk {
    dir: TempDir,
    key: SigningKey,
}

impl Desk {
    fn new() -> Self {
        let desk = Self {
            dir: tempfile::tempdir().unwrap(),
            key: SigningKey::generate_ed25519().unwrap(),
        };
        fs::write(desk.pem(), desk.key.public_key_pem().unwrap()).unwrap();
        desk
    }

    fn pem(&self) -> PathBuf {
        self.dir.path().join("public.pub")
    }

    /// Writes a set of `(kid, key)`.
    fn jwks(&self, keys: &[(&str, &SigningKey)]) -> PathBuf {
        let path = self.dir.path().join("jwks.json");
        let keys: Vec<Value> = keys
            .iter()
            .map(|(kid, key)| serde_json::to_value(key.public_jwk().with_kid(*kid)).unwrap())
            .collect();
        fs::write(&path, json!({ "keys": keys }).to_string()).unwrap();
        path
    }

    /// The standard set-up: one provider with a PEM key, one role for everything.
    async fn standard(&self) -> Admin {
        let provider = json!({
            "issuer": "TrusteeInDocker", "audience": "KBS", "public_key_uri": self.pem(),
        });
        roles(&[provider], &[("admin", "^/kbs/.*$")]).await.unwrap()
    }

    fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = claims();
        change(&mut claims);
        sign(&self.key, &json!({"alg": "EdDSA", "typ": "JWT"}), &claims)
    }
}

/// The claims of the tokens that existing set-ups issue.
fn claims() -> Value {
    json!({
        "iss": "TrusteeInDocker", "sub": "admin", "aud": ["KBS"], "role": "admin",
        "iat": NOW - 10, "exp": NOW + 300,
    })
}

fn sign(key: &SigningKey, header: &Value, claims: &Value) -> String {
    key.sign_compact(header, claims).unwrap()
}

async fn roles(providers: &[Value], acls: &[(&str, &str)]) -> Result<Admin, AdminSetupError> {
    let acls: Vec<Value> = acls
        .iter()
        .map(|(role, endpoints)| json!({"role": role, "allowed_endpoints": endpoints}))
        .collect();
    let config = json!({
        "authorization_mode": "AuthenticatedAuthorization",
        "authentication": {"bearer_jwt": {"identity_providers": providers}},
        "authorization": {"regex_acl": {"acls": acls}},
    });
    Admin::new(&serde_json::from_value(config).unwrap()).await
}

async fn admin(config: Value) -> Result<Admin, AdminSetupError> {
    Admin::new(&serde_json::from_value(config).unwrap()).await
}

async fn ask(admin: &Admin, path: &str, token: &str) -> Result<AdminGrant, AdminError> {
    let header = format!("Bearer {token}");
    admin.authorize(&Method::POST, path, Some(&header), NOW).await
}

fn text(refused: Result<AdminGrant, AdminError>) -> String {
    refused.unwrap_err().to_string()
}

const NOT_VERIFIED: &str = "Admin access denied: Cannot verify token with any of the issuers";

async fn admin_with_single_key(desk: &Desk) -> Admin {
    admin(json!({ "auth_public_key": desk.pem() })).await.unwrap()
}
