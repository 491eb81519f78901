//! Who calls, and what that one may do.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

/// The longest name of somebody on whose behalf is asked, in characters.
const MAX_NAME: usize = 256;

/// How somebody is known, and under which name: what the provenance of a value says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registrar {
    /// How.
    pub how: How,
    /// The name; empty where nobody asked for one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// For whom that one asked, in its own words: nobody has checked it, and it gives no right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
}

/// How somebody is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// The process that the service is built into, which has its own rules for its callers.
    Local,
    /// Not at all: nothing is configured that would ask.
    Anyone,
    /// By the certificate of the connection.
    Certificate,
    /// By a bearer token.
    Token,
    /// By a signed token.
    Jwt,
}

impl How {
    /// The word on the wire and in storage.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Anyone => "anyone",
            Self::Certificate => "certificate",
            Self::Token => "token",
            Self::Jwt => "jwt",
        }
    }
}

impl fmt::Display for Registrar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.how {
            How::Anyone => f.write_str("anyone")?,
            how => write!(f, "{} ({})", self.name, how.as_str())?,
        }
        match &self.on_behalf_of {
            Some(name) => write!(f, " for {name:?}"),
            None => Ok(()),
        }
    }
}

/// One who calls.
#[derive(Debug, Clone)]
pub struct Caller {
    pub(crate) who: Registrar,
    pub(crate) rights: Rights,
}

impl Caller {
    /// The process that the service is built into. It may do everything but register unsigned messages where the
    /// rules ask for signatures.
    pub fn local() -> Self {
        Self::with_all_rights(How::Local, "this process")
    }

    /// The same, who says for whom it asks. The name is bounded, and gives no right.
    #[must_use]
    pub fn on_behalf_of(mut self, name: Option<String>) -> Self {
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        self.who.on_behalf_of = name
            .filter(|name| !name.is_empty())
            .map(|name| name.chars().take(MAX_NAME).map(clean).collect());
        self
    }

    /// One of whom nothing is known. Where signatures count, nobody takes back or forgets what was signed without saying
    /// who he is: after that, an old message could be registered again.
    pub(crate) fn anyone(signatures_count: bool) -> Self {
        let mut anyone = Self::with_all_rights(How::Anyone, "");
        anyone.rights.manage = !signatures_count;
        anyone
    }

    pub(crate) fn with_all_rights(how: How, name: &str) -> Self {
        Self {
            who: Registrar {
                how,
                name: name.to_owned(),
                on_behalf_of: None,
            },
            rights: Rights {
                register: true,
                manage: true,
                unsigned: BTreeSet::new(),
                prefixes: None,
            },
        }
    }
}

/// What a caller may do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rights {
    /// Register at all.
    pub(crate) register: bool,
    /// Delete and revoke.
    pub(crate) manage: bool,
    /// The types to register without a signature.
    pub(crate) unsigned: BTreeSet<&'static str>,
    /// What names must begin with; `None`: any.
    pub(crate) prefixes: Option<Vec<String>>,
}

impl Rights {
    pub(crate) fn covers(&self, name: &str) -> bool {
        has_prefix(self.prefixes.as_deref(), name)
    }
}

/// Whether `name` begins with one of `prefixes`, if there are any to begin with.
pub(crate) fn has_prefix(prefixes: Option<&[String]>, name: &str) -> bool {
    prefixes.is_none_or(|prefixes| prefixes.iter().any(|prefix| name.starts_with(prefix.as_str())))
}
