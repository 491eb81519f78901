//! End to end: real servers on free ports, real requests.
//!
//! - [`stack`], [`pki`], [`owner`]: the three services in one place. [`guest`]: the protocol, a step at a time.
//!   [`raw`]: requests that no well-behaved client sends. [`fakes`]: servers of other implementations.
//! - [`release`], [`policies`], [`init_data`], [`devices`], [`nvidia`], [`tokens`], [`real_evidence`]: a secret is
//!   delivered, or not, and why.
//! - [`policy_choice`]: whose policy judges a guest.
//! - [`passport`]: one KBS attests, another one releases. [`trust_authority`]: Intel's service appraises.
//! - [`reference_values`]: taken back, and by whom.
//! - [`dry_run`]: what would change, and that nothing does.
//! - [`built_in`]: the same in one process. [`freshness`]: nonces and sessions. [`admin`]: who may do what.
//! - [`decisions`]: what an administrator finds after a refusal, and the audit log.
//! - [`exchanges`]: the recorded edge cases, with our statuses.
//! - [`logged`], [`leaks`]: nothing secret in logs, errors or metrics. [`limits`]: what one client can use up.
//! - [`outages`]: what happens when a service is gone; [`endorsements`], [`collateral`]: when a vendor is.
//!   [`pinned`]: a client that is given the server's own certificate. [`between_services`]: TLS, and one request id through all.
//! - [`tees`]: a simulated guest of every TEE, and the table of what was proved of each.
//! - [`tidy`]: the rules of ARCHITECTURE.md.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "all of it is test code; clippy.toml knows test functions only"
)]

mod admin;
mod between_services;
mod built_in;
mod collateral;
mod decisions;
mod demonstration;
mod devices;
mod dry_run;
mod endorsements;
mod exchanges;
mod fakes;
mod freshness;
mod guest;
mod init_data;
mod leaks;
mod limits;
mod logged;
mod nvidia;
mod outages;
mod owner;
mod passport;
mod pinned;
mod pki;
mod policies;
mod policy_choice;
mod raw;
mod real_evidence;
mod reference_values;
mod release;
mod stack;
mod tees;
mod tidy;
mod tokens;
mod trust_authority;
