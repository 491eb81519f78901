//! Reference values: what good looks like, from an RVPS in this process or elsewhere.

mod built_in;
mod by_query;
mod manage;
mod remote;
mod watched;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daemon::clock::Clock;
use policy::{AppraisalPolicy, AskedValue, PolicyError, ReferenceDocument, ReferenceValueSnapshot};
use protos::reference::{
    ReferenceValueDeleteRequest, ReferenceValueDeleteResponse, ReferenceValueHistoryRequest,
    ReferenceValueHistoryResponse, ReferenceValueRegisterResponse, ReferenceValueRevokeRequest,
    ReferenceValueRevokeResponse,
};
use tonic::Status;

use self::built_in::BuiltIn;
use self::remote::{Ages, Remote};
use crate::config::{Config, RvpsConfig};
use crate::error::{Fault, StartError};

/// Where reference values come from.
#[async_trait]
pub(crate) trait ReferenceValueSource: Send + Sync {
    /// What is known now.
    async fn view(&self) -> Result<View, ReferenceValueError>;

    /// `view`, and `ids` looked up besides. Only a partial view ever needs it.
    async fn extend(&self, view: View, ids: Vec<String>) -> Result<View, ReferenceValueError>;

    /// The value of `id` as JSON text.
    async fn query(&self, id: &str) -> Result<Option<String>, ReferenceValueError>;

    /// Every value there is, by id.
    async fn list(&self) -> Result<Vec<ReferenceValue>, ReferenceValueError>;

    /// Hands over a register message. What it registers is in the next view. One of ours says what the names are.
    async fn register(
        &self,
        message: &str,
        on_behalf_of: Option<&str>,
    ) -> Result<ReferenceValueRegisterResponse, ReferenceValueError>;

    /// Whether a view can be had.
    fn is_ready(&self) -> bool;

    /// What is remembered of a value. UNIMPLEMENTED, as for what follows, if the RVPS is not one of ours.
    async fn history(
        &self,
        request: ReferenceValueHistoryRequest,
    ) -> Result<ReferenceValueHistoryResponse, Status>;

    /// Takes a value out of service, and out of the next view.
    async fn delete(
        &self,
        request: ReferenceValueDeleteRequest,
    ) -> Result<ReferenceValueDeleteResponse, Status>;

    /// Revokes a value, or a part of it, and takes it out of the next view.
    async fn revoke(
        &self,
        request: ReferenceValueRevokeRequest,
    ) -> Result<ReferenceValueRevokeResponse, Status>;
}

/// A reference value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceValue {
    /// Its id.
    pub id: String,
    /// The value as JSON text.
    pub value: String,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
}

/// The reference values at one moment, as far as they are known.
#[derive(Debug, Clone, Default)]
pub(crate) struct View {
    pub(crate) values: ReferenceValueSnapshot,
    /// The ids that were looked up; `None` if everything is known.
    pub(crate) looked_up: Option<Arc<HashSet<String>>>,
    /// For how many seconds nobody has been able to say whether they still are the right ones.
    pub(crate) age: Option<u64>,
}

impl View {
    /// What has to be looked up before a policy is asked that reads `data.reference`. An absent member would be taken
    /// for a value that nobody registered.
    pub(crate) fn unread(&self, policy: &AppraisalPolicy) -> Result<Vec<String>, PolicyError> {
        let Some(looked_up) = &self.looked_up else {
            return Ok(Vec::new());
        };
        match policy.reference_document() {
            ReferenceDocument::Members(ids) => {
                Ok(ids.iter().filter(|id| !looked_up.contains(*id)).cloned().collect())
            }
            ReferenceDocument::Whole => Err(PolicyError::Evaluation(
                "it reads `data.reference` without naming a member, and this Reference Value Provider Service only \
                 answers for single values: write `data.reference.<id>`, or `query_reference_value`"
                    .to_owned(),
            )),
        }
    }

    /// Of the ids that a policy asked for, those that may exist and were not looked up.
    pub(crate) fn open_questions(&self, asked: &[AskedValue]) -> Vec<String> {
        let Some(looked_up) = &self.looked_up else {
            return Vec::new();
        };
        let open = asked
            .iter()
            .filter(|asked| !asked.known && !looked_up.contains(&asked.id));
        open.map(|asked| asked.id.clone()).collect()
    }
}

/// Reference values cannot be had, or not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceValueError {
    /// The caller: the RVPS does not take the message.
    #[error("{0}")]
    Refused(String),
    /// The caller: the policy asks for more values than one evaluation may.
    #[error("a policy asked for more than {0} reference values")]
    TooMany(usize),
    /// The RVPS does not offer this. It is not one of ours.
    #[error("the RVPS does not offer this")]
    NotOffered,
    /// The operator: the RVPS cannot store this, or does not let this service in.
    #[error("the RVPS is not set up for this: {0}")]
    NotSetUp(String),
    /// The RVPS does not answer, or not as it should.
    #[error("the RVPS is unavailable: {0}")]
    Unavailable(String),
}

impl ReferenceValueError {
    /// Who has to do something about it.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Refused(_) => Fault::Request,
            Self::TooMany(_) | Self::NotOffered | Self::NotSetUp(_) => Fault::Operator,
            Self::Unavailable(_) => Fault::Dependency,
        }
    }
}

/// The source that `config` names.
pub(crate) async fn open(
    config: &Config,
    clock: Arc<dyn Clock>,
) -> Result<Arc<dyn ReferenceValueSource>, StartError> {
    Ok(match &config.rvps_config {
        RvpsConfig::BuiltIn {
            storage_type,
            extractors,
            trust_anchors,
            insecure_allow_unsigned,
        } => {
            let rules = built_in::rules(
                trust_anchors,
                insecure_allow_unsigned.as_ref(),
                extractors.as_ref(),
            )?;
            let storage = storage_type.map(|kind| config.storage_backend.with_type(kind));
            let storage = storage.as_ref().unwrap_or(&config.storage_backend);
            Arc::new(BuiltIn::open(storage, rules, clock).await?)
        }
        RvpsConfig::GrpcRemote {
            address,
            tls,
            max_stale_seconds,
            remember_seconds,
            insecure_forward_for_anyone: _,
        } => {
            let seconds = |seconds: &u32| Duration::from_secs((*seconds).into());
            let ages = Ages {
                snapshot: seconds(max_stale_seconds),
                answers: seconds(remember_seconds),
            };
            Arc::new(Remote::open(address, tls.clone(), ages, clock)?)
        }
    })
}
