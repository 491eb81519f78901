//! Setting attestation policies.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde::Serialize;

use super::{AdminClient, PolicyChanged};
use crate::error::ClientError;

impl AdminClient {
    /// Sets an attestation policy; `id` ends in the class of TEEs, as `default_cpu` does. With `strict`, a policy
    /// that reads what is not there is refused.
    pub async fn set_attestation_policy(
        &self,
        id: &str,
        kind: &str,
        rego: &[u8],
        strict: bool,
    ) -> Result<PolicyChanged, ClientError> {
        #[derive(Serialize)]
        struct Body<'a> {
            r#type: &'a str,
            policy_id: &'a str,
            policy: String,
        }
        let body = Body {
            r#type: kind,
            policy_id: id,
            policy: URL_SAFE_NO_PAD.encode(rego),
        };
        let path = match strict {
            true => "attestation-policy?strict=true",
            false => "attestation-policy",
        };
        let answer = self
            .send(self.http.request(Method::POST, path).json(&body))
            .await?;
        match answer.as_slice() {
            [] if strict => Err(ClientError::BadAnswer(
                "it does not say that the policy was checked: this KBS sets policies unchecked",
            )),
            [] => Ok(PolicyChanged::default()),
            json => serde_json::from_slice(json).map_err(|_| ClientError::BadAnswer("it is no policy")),
        }
    }
}
