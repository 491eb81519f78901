use serde::Deserialize;
use serde_json::{Map, Value};

use super::{MAX_GUESTS, Trial};
use crate::admin::AdminGrant;
use crate::decisions::Kind;
use crate::error::KbsError;
use crate::rcar::Attestation;
use crate::resource::ResourcePath;
use crate::state::Kbs;

/// A guest that is not from the records.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenGuest {
    /// What it is called in the report.
    pub name: String,
    /// The claims of its token.
    #[serde(default)]
    pub claims: Option<Value>,
    /// Its evidence: what it sends to `attest`, with the `tee` that it began with. It is verified as it stands, against
    /// the nonce that it has itself, and no token leaves.
    #[serde(default)]
    pub evidence: Option<GivenEvidence>,
}

/// Evidence that is not from a handshake.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenEvidence {
    tee: kbs_types::Tee,
    attestation: Value,
}

/// A guest of a trial.
pub(super) struct Guest {
    pub(super) name: String,
    /// Seconds since the Unix epoch.
    pub(super) at: Option<i64>,
    pub(super) tee: Option<String>,
    /// Those of its token.
    pub(super) claims: Value,
    /// Whether it attests before it asks. If not, its token is what it comes with.
    pub(super) attests_again: bool,
    /// Plugin and path of what it asked for, or is to be asked for.
    pub(super) resources: Vec<Vec<String>>,
}

impl Trial {
    /// Everybody that the trial is about.
    pub(super) async fn guests(&self, kbs: &Kbs, grant: &AdminGrant) -> Result<Vec<Guest>, KbsError> {
        let asked: Vec<Vec<String>> = self
            .resources
            .iter()
            .map(|text| resource(text))
            .collect::<Result<_, _>>()?;
        let mut guests = Vec::new();
        for given in &self.guests {
            guests.push(Guest {
                name: given.name.clone(),
                at: None,
                tee: given.evidence.as_ref().map(|evidence| evidence.tee.to_string()),
                claims: given.claims(kbs).await?,
                attests_again: false,
                resources: asked.clone(),
            });
        }
        let last = self
            .last
            .unwrap_or(if guests.is_empty() { DEFAULT_LAST } else { 0 });
        if guests.len() > MAX_GUESTS || last > MAX_GUESTS {
            return Err(KbsError::BadTrial(format!("more than {MAX_GUESTS} guests")));
        }
        for recorded in kbs.decisions.recorded(grant, last) {
            let claims =
                serde_json::from_str(&recorded.claims).map_err(|error| KbsError::Internal(error.into()))?;
            let mut resources = asked.clone();
            for release in &recorded.releases {
                let path: Vec<String> = release
                    .resource
                    .iter()
                    .flat_map(|text| text.split('/'))
                    .map(str::to_owned)
                    .collect();
                if path.len() > 1 && !resources.contains(&path) {
                    resources.push(path);
                }
            }
            guests.push(Guest {
                name: recorded.decision.id.to_string(),
                at: Some(recorded.decision.at),
                tee: recorded.decision.tee.clone(),
                claims,
                attests_again: recorded.decision.kind == Kind::Attestation,
                resources,
            });
        }
        Ok(guests)
    }
}

impl GivenGuest {
    async fn claims(&self, kbs: &Kbs) -> Result<Value, KbsError> {
        let bad = |what: &str| KbsError::BadTrial(format!("guest `{}`: {what}", self.name));
        match (&self.claims, &self.evidence) {
            (Some(claims @ Value::Object(members)), None) => match is_token(members) {
                true => Ok(claims.clone()),
                false => Err(bad(
                    "its claims are not those of a token: they have neither `submods` nor `exp`",
                )),
            },
            (None, Some(evidence)) => evidence.claims(kbs).await,
            _ => Err(bad("give either `claims` or `evidence`")),
        }
    }
}

impl GivenEvidence {
    async fn claims(&self, kbs: &Kbs) -> Result<Value, KbsError> {
        let body = self.attestation.to_string();
        let attestation = Attestation::parse(body.as_bytes())?;
        let evaluation = attestation.evaluation(self.tee, None)?;
        let evaluated = kbs.attestation.evaluate(evaluation).await;
        let evaluated = evaluated.map_err(|error| {
            error.into_kbs_error(|reason| KbsError::BadTrial(format!("the evidence does not hold: {reason}")))
        })?;
        let result = kbs.tokens.believe(evaluated.token, kbs.clock.now()).await;
        let result = result.map_err(|error| KbsError::AttestationFailed(error.into()))?;
        serde_json::from_str(result.claims_json()).map_err(|error| KbsError::Internal(error.into()))
    }
}

/// An EAR has `submods`, and every token says when it ends.
fn is_token(claims: &Map<String, Value>) -> bool {
    claims.get("submods").is_some_and(Value::is_object) || claims.contains_key("exp")
}

/// `repository/type/tag`, below the plugin `resource`.
fn resource(text: &str) -> Result<Vec<String>, KbsError> {
    let path: ResourcePath = text
        .parse()
        .map_err(|error| KbsError::BadTrial(format!("resource `{text}`: {error}")))?;
    let segments = path.segments().map(str::to_owned);
    Ok(std::iter::once("resource".to_owned()).chain(segments).collect())
}

/// The guests from the records, if none are given and it is not said how many.
const DEFAULT_LAST: usize = 100;
