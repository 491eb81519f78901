//! Who may administer the service.
//!
//! [`Admin::authorize`] is the only maker of an [`AdminGrant`]. Without an
//! `[admin]` table every request is denied.
//!
//! Reading order: [`config`], [`endpoints`] (what a rule opens), [`providers`]
//! (who signs admin tokens), [`error`].

mod authorize;
mod config;
mod endpoints;
mod error;
mod providers;

#[cfg(test)]
mod tests;

pub use authorize::{Admin, AdminGrant};
pub use config::{
    AclConfig, AdminConfig, AuthenticationConfig, AuthorizationConfig, AuthorizationMode, BearerJwtConfig,
    IdentityProviderConfig, RegexAclConfig,
};
pub use error::{AdminError, AdminSetupError};
