//! The service itself: what every edge calls.

mod checked;
mod dry_run;
mod manage;

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use daemon::clock::Clock;
use daemon::metrics::Registry;
use jose::jwt::IssuedToken;
use protos::reference::ReferenceValueRegisterResponse;
use verifier::{EndorsementId, Tee, Verifiers};

use crate::appraisal::Submodule;
use crate::audit::{self, Attestation, Audit};
use crate::config::Config;
use crate::endorsements::{Endorser, Report, Trial};
use crate::error::{EvaluateError, StartError};
use crate::evaluation::{Evaluation, Item, Progress};
use crate::explanation::{self, Explained};
use crate::policies::{self, PolicyMap, PolicyStore};
use crate::reference_values::{self, ReferenceValue, ReferenceValueError, ReferenceValueSource};
use crate::request::{AttestationRequest, IndividualRequest, MAX_ITEMS};
use crate::setup;
use crate::strangers::Strangers;
use crate::token::EarIssuer;
use crate::turns::Turns;

pub use self::dry_run::{
    MAX_TRIED, PolicyTrial, TrialError, Tried, TriedAppraisal, TriedClaims, TriedResult,
};
pub use self::manage::{PolicyChange, PolicySet};

/// The Verifier of RFC 9334: appraises evidence and attests to the result.
pub struct AttestationService {
    verifiers: Arc<Verifiers>,
    endorser: Endorser,
    metrics: Registry,
    policies: PolicyStore,
    policy_map: Arc<PolicyMap>,
    reference_values: Arc<dyn ReferenceValueSource>,
    strangers: Strangers,
    issuer: Arc<EarIssuer>,
    verbose_token: bool,
    clock: Arc<dyn Clock>,
    /// As many as there are processors, so that a flood of evaluations leaves room for the rest.
    processors: Turns,
    explaining: Turns,
    audit: Audit,
}

/// The policy that is meant when none is named.
const DEFAULT_POLICY: &str = "default";

/// How often an evaluation may find that it needs another policy, or other reference values.
const MAX_ROUNDS: usize = 64;

/// How many evaluations may wait for their turn.
const MAX_WAITING: usize = 1024;

/// How long an evaluation waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

impl AttestationService {
    /// Opens the storage, reads keys and certificates, and begins to watch the reference values.
    ///
    /// # Errors
    /// A setting, or something that it names, cannot be used. An RVPS that does not answer yet is no error.
    pub async fn start(config: &Config, clock: Arc<dyn Clock>) -> Result<Arc<Self>, StartError> {
        let audit = Audit::off(Arc::clone(&clock));
        Self::with(config, clock, Registry::new(), audit).await
    }

    /// The same, with the audit log of `config`: for a service that is built into no other one.
    ///
    /// # Errors
    /// Those of [`AttestationService::start`]; or the log cannot be opened, continued or written.
    pub async fn start_with_audit(config: &Config, clock: Arc<dyn Clock>) -> Result<Arc<Self>, StartError> {
        let metrics = Registry::new();
        let lost = audit::lost(&metrics).map_err(|error| StartError::Config(error.to_string()))?;
        let audit = Audit::open(&config.audit, Arc::clone(&clock), Some(lost)).await?;
        Self::with(config, clock, metrics, audit).await
    }

    pub(crate) async fn with(
        config: &Config,
        clock: Arc<dyn Clock>,
        metrics: Registry,
        audit: Audit,
    ) -> Result<Arc<Self>, StartError> {
        let store = config.storage_backend.open(policies::NAMESPACE)?;
        let policy_map = PolicyMap::new(&config.policy_map).map_err(StartError::Config)?;
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        // Looked into once, before a guest waits for an explanation that needs them.
        policy::defaults::reference_ids();
        let (verifiers, storage) = (&config.verifier_config, &config.storage_backend);
        let endorser = Endorser::start(verifiers, storage, &metrics, Arc::clone(&clock))?;
        Ok(Arc::new(Self {
            verifiers: setup::verifiers(&config.verifier_config)?.into(),
            endorser,
            metrics,
            policies: PolicyStore::open(store, clock.now())
                .await
                .map_err(StartError::Policies)?,
            policy_map: Arc::new(policy_map),
            reference_values: reference_values::open(config, Arc::clone(&clock)).await?,
            strangers: Strangers::of(config),
            issuer: EarIssuer::new(&config.attestation_token_broker)?.into(),
            verbose_token: config.attestation_token_broker.verbose_token,
            clock,
            processors: Turns::new(processors, MAX_WAITING, PATIENCE),
            explaining: explanation::turns(),
            audit,
        }))
    }

    /// Verifies and appraises evidence; the token attests to the result, whatever it is.
    ///
    /// # Errors
    /// There is no result to attest to: see [`EvaluateError::fault`] for whose affair that is.
    pub async fn evaluate(&self, request: AttestationRequest) -> Result<IssuedToken, EvaluateError> {
        self.audited(request).await.map(|done| done.token)
    }

    /// The same, and why the result is what it is.
    ///
    /// # Errors
    /// Those of [`AttestationService::evaluate`]. That a result cannot be explained is none.
    pub async fn evaluate_explained(&self, request: AttestationRequest) -> Result<Explained, EvaluateError> {
        let done = self.audited(request).await?;
        let explanation = explanation::of(done.evaluation, done.submodules, &self.explaining).await;
        Ok(Explained {
            token: done.token,
            explanation,
        })
    }

    async fn audited(&self, request: AttestationRequest) -> Result<Evaluated, EvaluateError> {
        let tees: Vec<Tee> = request.items.iter().map(|item| item.tee).collect();
        let result = self.try_evaluate(request).await;
        let seen = result
            .as_ref()
            .map(|done| (&done.evaluation, done.submodules.as_slice()));
        audit::evaluated(&tees, seen);
        if !self.audit.is_on() {
            return result;
        }
        let line = Attestation::of(&tees, seen, self.clock.now());
        match &result {
            Ok(_) => {
                let written = self.audit.insist(line).await;
                written.map_err(|_| EvaluateError::NotWritten)?;
            }
            // Nothing is handed out.
            Err(_) => self.audit.note(line),
        }
        result
    }

    /// The audit log, for those who change something.
    pub(crate) fn audit(&self) -> &Audit {
        &self.audit
    }

    /// What an attester needs before it can make its evidence, besides a nonce; empty for every TEE that this
    /// version has a verifier for.
    ///
    /// # Errors
    /// The TEE makes its evidence over a challenge of its verifier, and there is no such verifier.
    pub async fn challenge(&self, tee: &str, _params: &str) -> Result<String, EvaluateError> {
        match tee.parse() {
            Ok(Tee::Se) => Err(EvaluateError::UnsupportedTee(Tee::Se)),
            Ok(_) => Ok(String::new()),
            Err(_) => Err(EvaluateError::unknown_tee(tee)),
        }
    }

    /// A reference value as JSON text.
    ///
    /// # Errors
    /// The RVPS does not answer.
    pub async fn query_reference_value(&self, id: &str) -> Result<Option<String>, ReferenceValueError> {
        self.reference_values.query(id).await
    }

    /// What callers over gRPC may do to reference values whom nobody asks who they are.
    pub(crate) fn strangers(&self) -> Strangers {
        self.strangers
    }

    /// Where reference values come from, for those who manage them.
    pub(crate) fn reference_value_source(&self) -> &dyn ReferenceValueSource {
        &*self.reference_values
    }

    /// Every reference value, by id.
    ///
    /// # Errors
    /// The RVPS does not answer, or does not offer it.
    pub async fn list_reference_values(&self) -> Result<Vec<ReferenceValue>, ReferenceValueError> {
        self.reference_values.list().await
    }

    /// Hands a register message (`{"version", "type", "payload"}`) to the RVPS. What it registers counts for the
    /// next evaluation. For whom it is done goes into the history. An RVPS of another kind does not say what the names of
    /// the values are.
    ///
    /// # Errors
    /// The RVPS does not take the message, or does not answer.
    pub async fn register_reference_value(
        &self,
        message: &str,
        on_behalf_of: Option<&str>,
    ) -> Result<ReferenceValueRegisterResponse, ReferenceValueError> {
        let registered = self.reference_values.register(message, on_behalf_of).await?;
        tracing::info!("reference values registered");
        Ok(registered)
    }

    /// The JWK Set (RFC 7517, section 5) with the key that verifies the tokens, as JSON text.
    #[must_use]
    pub fn jwks(&self) -> &str {
        self.issuer.jwks()
    }

    /// What the operator should know: sources of endorsements, and what is remembered of them.
    pub(crate) fn report(&self) -> Report {
        self.endorser.report()
    }

    /// What is counted, as of now.
    pub fn metrics(&self) -> &Registry {
        self.endorser.measure();
        &self.metrics
    }

    /// Whether evidence can be appraised now, and, where that is required, written down.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.reference_values.is_ready() && self.audit.is_ready() != Some(false)
    }

    async fn try_evaluate(&self, request: AttestationRequest) -> Result<Evaluated, EvaluateError> {
        let AttestationRequest { items, policy_ids } = request;
        let items: Vec<Arc<IndividualRequest>> = items.into_iter().map(Arc::new).collect();
        match items.len() {
            0 => return Err(EvaluateError::NoItems),
            1..=MAX_ITEMS => {}
            count => return Err(EvaluateError::TooManyItems(count)),
        }
        if policy_ids.len() > 1 {
            tracing::warn!(
                count = policy_ids.len(),
                "several policy ids are given: only the first one is used"
            );
        }
        let policy_id = policy_ids
            .into_iter()
            .next()
            .unwrap_or_else(|| DEFAULT_POLICY.to_owned());
        policies::check_id(&policy_id).map_err(EvaluateError::PolicyId)?;

        let mut prepared = Vec::with_capacity(items.len());
        let (mut wanted, mut on_trial) = (Vec::new(), Vec::new());
        for item in &items {
            let (item, trials) = self.prepare(item, &mut wanted).await?;
            prepared.push(item);
            on_trial.extend(trials);
        }
        let view = self
            .reference_values
            .view()
            .await
            .map_err(EvaluateError::ReferenceValues)?;
        let mut evaluation = Evaluation::new(policy_id, prepared, view, self.clock.now());
        evaluation.policy_map = Arc::clone(&self.policy_map);
        self.foresee_policies(&mut evaluation, &items).await;
        let result = self.complete(evaluation).await;
        match &result {
            Ok(_) => self.endorser.held(on_trial),
            Err(error) => error
                .doubted(&wanted)
                .into_iter()
                .for_each(|id| self.endorser.doubt(id)),
        }
        result
    }

    /// Parses one piece of evidence and gets together what its verification needs: what that is, is added to `wanted`.
    async fn prepare(
        &self,
        request: &Arc<IndividualRequest>,
        wanted: &mut Vec<EndorsementId>,
    ) -> Result<(Item, Vec<Trial>), EvaluateError> {
        let (verifiers, verbose) = (Arc::clone(&self.verifiers), self.verbose_token);
        let small = request.is_small();
        let request = Arc::clone(request);
        let parse = move || Item::parse(&verifiers, &request, verbose);
        let mut item = self.work(small, parse).await?;
        let ids = item.evidence.endorsements_for();
        let gathered = self.endorser.gather(&ids).await?;
        wanted.extend(ids);
        item.endorsements = gathered.endorsements;
        Ok((item, gathered.on_trial))
    }

    /// Gets the policies that will be needed, as far as the TEEs tell. If one is not there, and is needed, the
    /// evaluation says so after the evidence was found good.
    async fn foresee_policies(&self, evaluation: &mut Evaluation, items: &[Arc<IndividualRequest>]) {
        for item in items {
            let class = item.tee.usual_class();
            if !evaluation.policies.contains_key(&class)
                && let Ok(policy) = self.policies.compiled(&evaluation.full_policy_id(class)).await
            {
                evaluation.policies.insert(class, policy);
            }
        }
    }

    /// Takes turns with the evaluation until it is done: it computes, this side fetches.
    async fn complete(&self, mut evaluation: Evaluation) -> Result<Evaluated, EvaluateError> {
        for _ in 0..MAX_ROUNDS {
            let progress;
            (evaluation, progress) = self.compute(evaluation).await?;
            match progress {
                Progress::Done(submodules) => {
                    let (issuer, now) = (Arc::clone(&self.issuer), evaluation.now);
                    let issue = move || issuer.issue(&submodules, now).map(|token| (submodules, token));
                    let (submodules, token) = self.work(evaluation.is_small(), issue).await?;
                    return Ok(Evaluated {
                        evaluation,
                        submodules,
                        token,
                    });
                }
                Progress::NeedsPolicy(class) => {
                    let policy = self.policies.compiled(&evaluation.full_policy_id(class)).await;
                    evaluation
                        .policies
                        .insert(class, policy.map_err(EvaluateError::Policy)?);
                }
                Progress::NeedsReferenceValues(ids) => {
                    let view = self
                        .reference_values
                        .extend(evaluation.reference_values, ids)
                        .await;
                    evaluation.reference_values = view.map_err(EvaluateError::ReferenceValues)?;
                }
            }
        }
        Err(EvaluateError::Endless)
    }

    async fn compute(&self, mut evaluation: Evaluation) -> Result<(Evaluation, Progress), EvaluateError> {
        let light = evaluation.is_light();
        let advance = move || evaluation.advance().map(|progress| (evaluation, progress));
        self.work(light, advance).await
    }

    /// Does work on a thread of its own, when it is its turn: the threads that serve connections stay free. A caller
    /// who goes away does not make room for the next one before the work is done.
    ///
    /// Light work is done in place: two changes of thread and back take longer.
    async fn work<T: Send + 'static>(
        &self,
        light: bool,
        work: impl FnOnce() -> Result<T, EvaluateError> + Send + 'static,
    ) -> Result<T, EvaluateError> {
        if light {
            return work();
        }
        let turn = self.processors.take().await.ok_or(EvaluateError::Overloaded)?;
        let work = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        work.await.unwrap_or(Err(EvaluateError::Abandoned))
    }
}

/// An evaluation that came to its end.
struct Evaluated {
    evaluation: Evaluation,
    submodules: Vec<Submodule>,
    token: IssuedToken,
}

#[cfg(test)]
mod tests;
