//! What may be registered: from the configuration to rules that hold for every message.

use std::{collections::BTreeSet, io, path::PathBuf};

use jose::{KeyError, x5c::X5cError};

use crate::{
    caller::Caller,
    config::{AllowUnsigned, Config, ExtractorsConfig, TrustAnchorConfig},
    extractors::{self, Extractor, Settings},
    signature::Anchors,
};

/// What may be registered. The default takes unsigned messages, as an RVPS without configuration does.
pub struct Rules {
    pub(crate) anchors: Anchors,
    pub(crate) settings: Settings,
    /// Types that anybody who may register may register unsigned.
    pub(crate) unsigned: BTreeSet<&'static str>,
    /// Versions to remember of each value.
    pub(crate) history: usize,
}

impl Rules {
    /// The rules for a service in this process: `trust_anchors`, `insecure_allow_unsigned` and `extractors` as in
    /// [`Config`].
    ///
    /// # Errors
    /// See [`RulesError`].
    pub fn built_in(
        trust_anchors: &[TrustAnchorConfig],
        insecure_allow_unsigned: Option<&AllowUnsigned>,
        extractors: Option<&ExtractorsConfig>,
    ) -> Result<Self, RulesError> {
        let config = Config {
            trust_anchors: trust_anchors.to_vec(),
            insecure_allow_unsigned: insecure_allow_unsigned.cloned(),
            extractors: extractors.cloned(),
            ..Config::default()
        };
        Self::new(&config)
    }

    /// The rules that a configuration makes. With neither trust anchors nor registrars, and nothing said of unsigned
    /// messages, nothing is asked of a message, as in the existing ecosystem.
    pub(crate) fn new(config: &Config) -> Result<Self, RulesError> {
        let compatible = config.trust_anchors.is_empty() && config.auth.registrars.is_empty();
        let unsigned = match &config.insecure_allow_unsigned {
            None if compatible => extractors::all_unsigned_kinds(),
            Some(AllowUnsigned::All(true)) => extractors::all_unsigned_kinds(),
            None | Some(AllowUnsigned::All(false)) => BTreeSet::new(),
            Some(AllowUnsigned::Types(types)) => extractors::unsigned_kinds(types)?,
        };
        let history = match config.history_per_value {
            None => DEFAULT_HISTORY,
            Some(0) => return Err(RulesError::NoHistory),
            Some(some) => some.into(),
        };
        Ok(Self {
            anchors: Anchors::new(&config.trust_anchors)?,
            settings: Settings::new(config.extractors.as_ref()),
            unsigned,
            history,
        })
    }

    /// What is dangerous in these rules, and which keys of the configuration close it. `open`: nobody is asked who he is.
    pub(crate) fn danger(&self, open: bool) -> Option<String> {
        let types: Vec<_> = self.unsigned.iter().copied().collect();
        let types = types.join(", ");
        Some(match (open, self.anchors.is_empty(), types.is_empty()) {
            (true, true, false) => {
                "insecure: whoever reaches the address registers whatever reference values they like, \
                 unsigned. Set `trust_anchors` to take only what they have signed, and `auth.registrars` or \
                 `tls.client_ca` to ask who it is (docs/rvps.md)"
                    .to_owned()
            }
            (true, false, true) => {
                "whoever reaches the address may register what the `trust_anchors` have signed: set \
                 `auth.registrars` or `tls.client_ca` to ask who it is"
                    .to_owned()
            }
            (true, false, false) => format!(
                "insecure: whoever reaches the address registers messages of the types {types} unsigned. Take them out of \
                 `insecure_allow_unsigned`, or set `auth.registrars` or `tls.client_ca` to ask who it is"
            ),
            (false, true, false) => format!(
                "insecure: whoever may register is taken at his word, for messages of the types {types} need no \
                 signature: set `trust_anchors`, and leave them out of `insecure_allow_unsigned`"
            ),
            (false, false, false) => format!(
                "insecure: messages of the types {types} need no signature of a trust anchor: leave them out of \
                 `insecure_allow_unsigned` to close this"
            ),
            (true, true, true) | (false, _, true) => return None,
        })
    }

    /// Whether `caller` may register a message of this type without a signature.
    pub(crate) fn allows_unsigned(&self, extractor: &dyn Extractor, caller: &Caller) -> bool {
        let kind = extractor.kind();
        self.unsigned.contains(kind) || caller.rights.unsigned.contains(kind)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            anchors: Anchors::default(),
            settings: Settings::default(),
            unsigned: extractors::all_unsigned_kinds(),
            history: DEFAULT_HISTORY,
        }
    }
}

/// What is wrong with the configuration of trust anchors and registrars. The operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds no usable key.
    #[error("{}: {source}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: KeyError,
    },
    /// A file holds no usable certificates.
    #[error("{}: {source}", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why.
        source: X5cError,
    },
    /// A trust anchor has none or both of two.
    #[error("trust anchor {0:?}: set either `certificates` or `key`")]
    OneOf(String),
    /// An id makes sense for a key only.
    #[error("trust anchor {0:?}: `kid` goes with `key`")]
    KeyId(String),
    /// More than can be tried for each message.
    #[error("there are more than {max} trust anchors", max = crate::signature::MAX_ANCHORS)]
    TooManyAnchors,
    /// A registrar has none or several of three.
    #[error("registrar {0:?}: set exactly one of `certificate`, `token_sha256` and `jwt_subject`")]
    OneProof(String),
    /// Not the hash of a token.
    #[error("registrar {0:?}: `token_sha256` must be 64 hexadecimal digits")]
    TokenHash(String),
    /// Not a name in a certificate.
    #[error("`certificate = {0:?}` must begin with `DNS:`, `URI:`, `EMAIL:` or `CN:`")]
    CertificateName(String),
    /// Nobody is asked for a certificate.
    #[error("registrar {0:?} is known by its certificate, which nobody is asked for: set `tls.client_ca`")]
    NoCertificates(String),
    /// Reading is for nobody.
    #[error("`auth.restrict_reads` needs `auth.registrars` or `tls.client_ca`")]
    NobodyReads,
    /// Signed tokens need both.
    #[error("`auth.jwt` and registrars with `jwt_subject` need each other")]
    JwtHalf,
    /// A name is missing.
    #[error("an entry of `{0}` has an empty name")]
    NoName(&'static str),
    /// A name is there twice.
    #[error("two entries of `{0}` have the same name")]
    Twice(&'static str),
    /// There is no such type.
    #[error("there is no message type {given:?} (there are: {known})")]
    UnknownType {
        /// What was written.
        given: String,
        /// The types that there are.
        known: String,
    },
    /// The type is nothing without its signature.
    #[error("messages of the type {0:?} are always signed: they cannot be allowed unsigned")]
    AlwaysSigned(&'static str),
    /// A history needs room for one.
    #[error("`history_per_value` must be 1 at least")]
    NoHistory,
}

const DEFAULT_HISTORY: usize = 16;
