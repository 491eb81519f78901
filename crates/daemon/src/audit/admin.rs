use serde::Serialize;
use tonic::{Code, Status};

use super::{Audit, GONE, Origin, Told, bounded};

/// Reference values that a line names. What is more is counted.
const MAX_NAMES: usize = 32;
/// Longest name of anything, in characters.
const MAX_NAME: usize = 512;

/// A call over gRPC that is to change something.
#[derive(Debug, Clone, Default)]
pub struct AdminCall {
    rpc: &'static str,
    caller: Option<AdminCaller>,
    about: About,
}

/// Who calls.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AdminCaller {
    /// How that one is known: `certificate`, `token`, `jwt`, or `anyone` who reaches the port.
    pub how: &'static str,
    /// The name; empty where nobody asked for one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// For whom that one asks, in its own words: nobody has checked it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
}

/// What a call is about.
#[derive(Debug, Clone, Default, Serialize)]
pub struct About {
    /// The policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_id: Option<String>,
    /// Its version now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// SHA-384 of its text now, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The reference values.
    #[serde(flatten)]
    pub names: Names,
    /// SHA-256 of the message with reference values, in hex.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message_sha256: Option<String>,
}

/// The names of reference values, as many as a line takes, and how many there are besides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Names {
    /// The first ones.
    #[serde(rename = "reference_values", skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<String>,
    /// How many are left out.
    #[serde(rename = "more_reference_values", skip_serializing_if = "is_zero")]
    pub more: u64,
}

/// The line of a call: one before it is done, `admin`, and one when it is over, `admin-result`.
#[derive(Debug, Clone, Serialize)]
pub struct AdminLine {
    #[serde(skip)]
    at: i64,
    event: &'static str,
    outcome: &'static str,
    rpc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<AdminCaller>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grpc_status: Option<String>,
    #[serde(flatten)]
    about: About,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(flatten)]
    origin: Origin,
}

/// A call that may be done, and is written down. Whoever drops it without its end leaves a line that says so.
#[must_use]
pub struct Attempt<'a, T: Told + From<AdminLine>> {
    audit: &'a Audit<T>,
    /// The one of its end.
    line: Option<AdminLine>,
}

impl AdminCall {
    /// Of this name.
    #[must_use]
    pub fn new(rpc: &'static str) -> Self {
        Self {
            rpc,
            ..Self::default()
        }
    }

    /// By this one.
    #[must_use]
    pub fn by(mut self, caller: AdminCaller) -> Self {
        self.caller = Some(caller);
        self
    }

    /// About this.
    #[must_use]
    pub fn about(mut self, about: About) -> Self {
        self.about = about;
        self
    }

    fn line(self, event: &'static str, outcome: &'static str, at: i64) -> AdminLine {
        AdminLine {
            at,
            event,
            outcome,
            rpc: self.rpc,
            caller: self.caller,
            grpc_status: None,
            about: self.about,
            reason: None,
            origin: Origin::current(),
        }
    }
}

impl AdminCaller {
    /// Whoever reaches the port, or, where the connection has shown a certificate, its holder.
    #[must_use]
    pub fn of(certificate: Option<&crate::tls::PeerCertificate>) -> Self {
        match certificate {
            Some(certificate) => Self {
                how: "certificate",
                name: certificate.name(),
                on_behalf_of: None,
            },
            None => Self {
                how: "anyone",
                ..Self::default()
            },
        }
    }

    /// Who says for whom.
    #[must_use]
    pub fn for_whom(mut self, name: Option<String>) -> Self {
        self.on_behalf_of = name.map(|name| short(&name));
        self
    }
}

impl About {
    /// A policy.
    #[must_use]
    pub fn policy(id: &str) -> Self {
        Self {
            policy_id: Some(short(id)),
            ..Self::default()
        }
    }

    /// A reference value.
    #[must_use]
    pub fn reference_value(name: &str) -> Self {
        Self {
            names: Names::of([name]),
            ..Self::default()
        }
    }

    /// A message with reference values.
    #[must_use]
    pub fn message(text: &str) -> Self {
        let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        Self {
            message_sha256: Some(hex::encode(digest)),
            ..Self::default()
        }
    }
}

impl Names {
    /// Of all of these.
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names = names.into_iter();
        let first = names.by_ref().take(MAX_NAMES).map(short).collect();
        Self {
            first,
            more: u64::try_from(names.count()).unwrap_or(u64::MAX),
        }
    }

    /// As another service gives them, with the number of those that it left out.
    #[must_use]
    pub fn received(names: &[String], more: u64) -> Self {
        let mut all = Self::of(names.iter().map(String::as_str));
        all.more = all.more.saturating_add(more);
        all
    }
}

impl AdminLine {
    fn ended<R>(mut self, result: &Result<R, Status>) -> Self {
        match result {
            Ok(_) => self.outcome = "done",
            Err(status) => {
                self.outcome = match status.code() {
                    Code::PermissionDenied | Code::Unauthenticated => "refused",
                    _ => "failed",
                };
                self.grpc_status = Some(format!("{:?}", status.code()));
                self.reason = Some(bounded(status.message()));
            }
        }
        self
    }
}

impl Told for AdminLine {
    type Line = Self;

    fn at(&self) -> i64 {
        self.at
    }

    fn is_cheap(&self) -> bool {
        self.event == "admin" && self.outcome == "refused"
    }

    fn line(&self) -> Self {
        self.clone()
    }

    fn withdrawn(&self) -> Self {
        Self {
            outcome: "withdrawn",
            reason: Some(GONE.to_owned()),
            ..self.clone()
        }
    }
}

impl<T: Told + From<AdminLine>> Audit<T> {
    /// Writes down that somebody may not do what was asked, and why.
    pub fn refused(&self, call: AdminCall, why: &Status) {
        if self.is_on() {
            let line = call.line("admin", "refused", self.now());
            self.note(line.ended(&Err::<(), _>(why.clone())));
        }
    }

    /// Writes down that somebody may, before it is done. Where that is required, the line is on the disk when this
    /// returns.
    ///
    /// # Errors
    /// UNAVAILABLE: the line is required and cannot be written, so nothing must be done.
    pub async fn attempt(&self, call: AdminCall) -> Result<Attempt<'_, T>, Status> {
        let line = match self.is_on() {
            true => {
                let line = call.line("admin", "allowed", self.now());
                self.insist(line.clone()).await.map_err(|_| not_written())?;
                Some(AdminLine {
                    event: "admin-result",
                    ..line
                })
            }
            false => None,
        };
        Ok(Attempt { audit: self, line })
    }
}

impl<T: Told + From<AdminLine>> Attempt<'_, T> {
    /// Writes down how it ended, and what is known of it now.
    ///
    /// # Errors
    /// The one it ended with.
    pub fn end<R>(
        mut self,
        result: Result<R, Status>,
        learn: impl FnOnce(&R, &mut About),
    ) -> Result<R, Status> {
        if let Some(mut line) = self.line.take() {
            if let Ok(done) = &result {
                learn(done, &mut line.about);
            }
            line.at = self.audit.now();
            self.audit.note(line.ended(&result));
        }
        result
    }
}

impl<T: Told + From<AdminLine>> Drop for Attempt<'_, T> {
    fn drop(&mut self) {
        if let Some(line) = self.line.take() {
            self.audit.note(AdminLine {
                at: self.audit.now(),
                outcome: "interrupted",
                reason: Some("whoever asked was gone before the answer: it may have been done".to_owned()),
                ..line
            });
        }
    }
}

fn not_written() -> Status {
    Status::unavailable("the audit record cannot be written, so this is not done: try again later")
}

fn short(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(number: &u64) -> bool {
    *number == 0
}
