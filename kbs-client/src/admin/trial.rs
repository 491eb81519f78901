use reqwest::Method;
use serde_json::Value;

use super::AdminClient;
use crate::error::ClientError;

impl AdminClient {
    /// What a policy or reference values would change: the report of the KBS (docs/policy.md). Only a KBS of this project
    /// offers it.
    pub async fn test_policy(&self, trial: &Value) -> Result<Value, ClientError> {
        let request = self.http.request(Method::POST, "policy-test").json(trial);
        let answer = self.send(request).await?;
        serde_json::from_slice(&answer).map_err(|_| ClientError::BadAnswer("it is no JSON"))
    }
}
