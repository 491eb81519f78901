//! One log line for each evaluation, for whoever has to account for it: which TEE, which result, under which
//! policy. Never nonces, keys, tokens or report data. The request id is added to every line by the logger.
//!
//! With `[audit]` there is a line of the audit log, too, and one for each change: [`Line`].

mod line;

use daemon::causes::causes;
use daemon::metrics::Registry;
use prometheus::IntCounter;
use verifier::Tee;

use crate::appraisal::Submodule;
use crate::error::{EvaluateError, Fault};
use crate::evaluation::Evaluation;

pub(crate) use self::line::{Attestation, Line};

/// How many ids of missing reference values one line names.
const MAX_NAMED: usize = 16;

/// How an evaluation ended.
pub(crate) type Seen<'a> = Result<(&'a Evaluation, &'a [Submodule]), &'a EvaluateError>;

/// The audit log.
pub(crate) type Audit = daemon::audit::Audit<Line>;

/// Logs how an evaluation ended.
pub(crate) fn evaluated(tees: &[Tee], result: Seen<'_>) {
    let tee = joined(tees.iter().map(|tee| tee.as_str()));
    match result {
        Ok((evaluation, submodules)) => {
            for submodule in submodules {
                appraised(&tee, evaluation, submodule);
            }
        }
        Err(error) => match error.fault() {
            Fault::Request | Fault::Attester => {
                tracing::info!(
                    tee,
                    result = "refused",
                    reason = causes(error),
                    "evidence refused"
                );
            }
            Fault::Operator | Fault::Dependency | Fault::Internal => {
                tracing::error!(
                    tee,
                    result = "failed",
                    reason = causes(error),
                    "evidence not evaluated"
                );
            }
        },
    }
}

/// Counts the lines of the audit log that find no room, or are required and not written.
pub(crate) fn lost(metrics: &Registry) -> Result<IntCounter, prometheus::Error> {
    let help = "Lines of the audit log that found no room, or were required and not written.";
    metrics.add(IntCounter::new("attestation_service_audit_lost_total", help)?)
}

fn appraised(tee: &str, evaluation: &Evaluation, submodule: &Submodule) {
    let unknown = submodule.appraisal.asked.iter().filter(|asked| !asked.known);
    let digest = evaluation
        .policies
        .get(&submodule.class)
        .map_or("", |policy| policy.digest());
    tracing::info!(
        tee,
        class = submodule.class.as_str(),
        result = submodule.appraisal.vector.status().as_str(),
        policy = evaluation.full_policy_id(submodule.class),
        policy_digest = digest,
        unknown_reference_values = joined(unknown.map(|asked| asked.id.as_str()).take(MAX_NAMED)),
        "evidence appraised"
    );
}

fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(",")
}
