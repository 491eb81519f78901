use axum::http::Method;
use jose::jwt::UnverifiedToken;
use storage::Author;

use super::config::{AdminConfig, AuthorizationMode};
use super::endpoints::{Rule, is_plain};
use super::error::{AdminError, AdminSetupError};
use super::providers::{Provider, key_from_pem};

/// Longest role that is taken from a token, in bytes.
const MAX_ROLE: usize = 256;

/// The judge of admin requests.
pub struct Admin {
    mode: Mode,
}

/// Leave to do one thing as an administrator.
///
/// Only [`Admin::authorize`] makes one; every operation that changes
/// something, or lists what is there, demands one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminGrant {
    role: String,
}

enum Mode {
    AllowAll,
    DenyAll,
    /// The older form: whoever holds the key may do everything.
    SingleKey(Provider),
    Roles {
        providers: Vec<Provider>,
        rules: Vec<Rule>,
    },
}

impl Admin {
    /// Reads keys and compiles rules. A configuration that leaves a doubt is
    /// an error; a dangerous one is logged.
    pub async fn new(config: &AdminConfig) -> Result<Self, AdminSetupError> {
        if let Some(path) = &config.auth_public_key {
            if config.authorization_mode.is_some()
                || config.authentication.is_some()
                || config.authorization.is_some()
            {
                return Err(AdminSetupError::Config(
                    "`auth_public_key` excludes `authorization_mode`, `authentication` and `authorization`",
                ));
            }
            let pem = tokio::fs::read(path)
                .await
                .map_err(|cause| AdminSetupError::ReadKey {
                    path: path.clone(),
                    cause,
                })?;
            let provider = Provider::single(key_from_pem(&pem)?);
            return Ok(Self {
                mode: Mode::SingleKey(provider),
            });
        }
        let mode = match config.authorization_mode {
            Some(AuthorizationMode::InsecureAllowAll) => {
                tracing::warn!("[admin] InsecureAllowAll: anybody may change policies and secrets");
                Mode::AllowAll
            }
            None | Some(AuthorizationMode::DenyAll) => Mode::DenyAll,
            Some(AuthorizationMode::AuthenticatedAuthorization) => roles(config).await?,
        };
        Ok(Self { mode })
    }

    /// Decides on one request.
    ///
    /// `decoded_path` is the path the request is dispatched on: percent-decoded
    /// and without the query, which no rule ever sees. `authorization` is the
    /// header's value; `now` is in seconds since the Unix epoch.
    pub async fn authorize(
        &self,
        method: &Method,
        decoded_path: &str,
        authorization: Option<&str>,
        now: i64,
    ) -> Result<AdminGrant, AdminError> {
        match &self.mode {
            Mode::AllowAll => Ok(AdminGrant {
                role: "anybody".to_owned(),
            }),
            Mode::DenyAll => Err(AdminError::DenyAll),
            Mode::SingleKey(provider) => {
                let token = bearer(authorization)?;
                provider
                    .verify(&token, now)
                    .await
                    .ok_or(AdminError::NotVerified)?;
                if !is_plain(decoded_path) {
                    return Err(AdminError::OddPath);
                }
                Ok(AdminGrant {
                    role: "admin".to_owned(),
                })
            }
            Mode::Roles { providers, rules } => {
                let role = role(&bearer(authorization)?, providers, now).await?;
                if !is_plain(decoded_path) {
                    return Err(AdminError::OddPath);
                }
                let granted = rules.iter().any(|rule| rule.allows(&role, method, decoded_path));
                if granted {
                    Ok(AdminGrant { role })
                } else {
                    Err(AdminError::NotAllowed {
                        role,
                        path: decoded_path.to_owned(),
                        method: method.clone(),
                    })
                }
            }
        }
    }
}

impl AdminGrant {
    /// The role it was given to, for the audit record.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// As the history of what was changed names it.
    pub fn author(&self) -> Author {
        Author::new("role", self.role())
    }

    /// A grant for tests of what demands one.
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self {
            role: "test".to_owned(),
        }
    }
}

async fn roles(config: &AdminConfig) -> Result<Mode, AdminSetupError> {
    let (Some(authentication), Some(authorization)) = (&config.authentication, &config.authorization) else {
        return Err(AdminSetupError::Config(
            "AuthenticatedAuthorization needs [admin.authentication.bearer_jwt] and [admin.authorization.regex_acl]",
        ));
    };
    let configured = &authentication.bearer_jwt.identity_providers;
    if configured.is_empty() {
        return Err(AdminSetupError::Config("`identity_providers` is empty"));
    }
    let mut providers = Vec::with_capacity(configured.len());
    for provider in configured {
        providers.push(Provider::open(provider).await?);
    }
    let rules = authorization
        .regex_acl
        .acls
        .iter()
        .map(Rule::compile)
        .collect::<Result<_, _>>()?;
    Ok(Mode::Roles { providers, rules })
}

/// The role of the first provider that vouches for the token.
async fn role(token: &UnverifiedToken<'_>, providers: &[Provider], now: i64) -> Result<String, AdminError> {
    for provider in providers {
        if let Some(claims) = provider.verify(token, now).await {
            return match claims.get("/role").and_then(|role| role.as_str()) {
                Some(role) if role.len() <= MAX_ROLE => Ok(role.to_owned()),
                _ => Err(AdminError::NoRole),
            };
        }
    }
    Err(AdminError::NotVerified)
}

/// The token of an `Authorization: Bearer …` header (RFC 6750 section 2.1;
/// the scheme's case does not matter, RFC 9110 section 11.1).
fn bearer(authorization: Option<&str>) -> Result<UnverifiedToken<'_>, AdminError> {
    let (scheme, token) = authorization
        .and_then(|value| value.split_once(' '))
        .ok_or(AdminError::NoBearer)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(AdminError::NoBearer);
    }
    UnverifiedToken::parse(token.trim()).map_err(|_| AdminError::NotVerified)
}
