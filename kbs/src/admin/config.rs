use std::path::PathBuf;

use serde::Deserialize;

/// `[admin]`: who may set policies, resources and reference values.
///
/// The default, which is also what a missing table means, denies everybody.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminConfig {
    /// How requests are judged. Absent: `DenyAll`, or the single key of
    /// `auth_public_key` where that is given.
    pub authorization_mode: Option<AuthorizationMode>,
    /// Who signs admin tokens, for `AuthenticatedAuthorization`.
    pub authentication: Option<AuthenticationConfig>,
    /// What each role may do, for `AuthenticatedAuthorization`.
    pub authorization: Option<AuthorizationConfig>,
    /// The older form: one public key (PEM), whose holder may do everything.
    /// It excludes the three keys above.
    pub auth_public_key: Option<PathBuf>,
}

/// How admin requests are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum AuthorizationMode {
    /// Everybody may do everything. For tests only.
    InsecureAllowAll,
    /// Nobody may do anything.
    DenyAll,
    /// Signed tokens, with a role that a rule gives rights to.
    AuthenticatedAuthorization,
}

/// `[admin.authentication]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthenticationConfig {
    /// Bearer tokens: the only way there is.
    pub bearer_jwt: BearerJwtConfig,
}

/// `[admin.authentication.bearer_jwt]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BearerJwtConfig {
    /// Tried in this order; at least one.
    pub identity_providers: Vec<IdentityProviderConfig>,
}

/// One signer of admin tokens. At least one of the two key sources.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdentityProviderConfig {
    /// The `iss` its tokens must carry. Absent: any.
    pub issuer: Option<String>,
    /// What its tokens' `aud` must contain. Absent: any.
    pub audience: Option<String>,
    /// A PEM public key: `file://…`, a path, or `https://…`.
    pub public_key_uri: Option<String>,
    /// A JWK set: `file://…`, a path, or `https://…`.
    pub jwk_set_uri: Option<String>,
}

/// `[admin.authorization]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizationConfig {
    /// Rules by role and path: the only kind there is.
    pub regex_acl: RegexAclConfig,
}

/// `[admin.authorization.regex_acl]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegexAclConfig {
    /// The rules. None: nobody may do anything.
    pub acls: Vec<AclConfig>,
}

/// One rule: what a role may reach.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AclConfig {
    /// The token's `role`.
    pub role: String,
    /// A regular expression for the decoded path, without the query. It
    /// starts with `^/kbs`, ends with `$`, and has no alternation outside a
    /// group.
    pub allowed_endpoints: String,
    /// HTTP methods the rule opens (`GET`, `POST`, …). Absent: all. Our own
    /// addition to the existing format.
    pub allowed_methods: Option<Vec<String>>,
}
