//! `policy`: what a policy would change, before it is set.

pub(super) mod print;

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::credential::CredentialArgs;
use super::output::Printer;
use super::{CliError, Target, read_text};
use crate::admin::AdminClient;

/// `policy`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PolicyArgs {
    /// Who administers.
    #[command(flatten)]
    pub credential: CredentialArgs,

    /// What to do.
    #[command(subcommand)]
    pub command: PolicyCommand,
}

/// What can be done with policies that are not in force.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Try a policy, or reference values, on guests that were attested, and show what would change. Stores nothing.
    #[command(arg_required_else_help = true, after_help = EXAMPLES)]
    Test(TestArgs),
}

/// What is tried, and on whom.
#[derive(Debug, Default, Args)]
pub struct TestArgs {
    /// File with the policy, in Rego.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// The policy it would replace: an attestation policy such as `default_cpu`, `resource-policy`, or a resource policy
    /// with a scope. Without it: the resource policy if the text has a rule `allow`, and `default_cpu` if it has
    /// `trust_claims`.
    #[arg(long, value_name = "ID", requires = "policy")]
    pub id: Option<String>,
    /// The policy would be asked only about resources that begin so, beside all others that are in force; with the id of a
    /// new policy. One that is in force keeps its scope.
    #[arg(long, value_name = "PREFIX", requires = "id")]
    pub scope: Option<String>,
    /// Try it without the resource policy of this id, which has a scope. May be given several times.
    #[arg(long, value_name = "ID")]
    pub without: Vec<String>,
    /// JSON file with reference values by id that would count instead of the registered ones; null where there would be
    /// none.
    #[arg(long, value_name = "FILE")]
    pub reference_values: Option<PathBuf>,
    /// Try it on so many of the guests that were attested last. 100, unless other guests are given.
    #[arg(long, value_name = "N")]
    pub last: Option<usize>,
    /// Try it on the claims in this file: a token, or the JSON of one. May be given several times.
    #[arg(long, value_name = "FILE")]
    pub claims: Vec<PathBuf>,
    /// Try it on the evidence in this file: {"tee": …, "attestation": what a guest sends to `attest`}. May be given several
    /// times.
    #[arg(long, value_name = "FILE")]
    pub evidence: Vec<PathBuf>,
    /// Ask for this resource for each guest, too: `default/key/1`. May be given several times.
    #[arg(long, value_name = "PATH")]
    pub resource: Vec<String>,
    /// Show for each guest the rules and conditions that give each trust claim, also the affirming ones. With nothing to
    /// try: by what is in force.
    #[arg(long)]
    pub explain: bool,
    /// Exit with 1 if anything would change.
    #[arg(long)]
    pub fail_on_change: bool,
}

const EXAMPLES: &str = "Examples:
  kbs-client policy test --policy new.rego --admin-token-file token
      which of the last 100 guests would be appraised otherwise, or gain or lose secrets, and why
  kbs-client policy test --reference-values values.json --last 500 --fail-on-change --output json
      in CI: is anybody locked out by the new measurements?
  kbs-client policy test --policy release.rego --id resource-policy --claims token.jwt --resource default/key/1
      would the guest of this token get that key?
  kbs-client policy test --policy shop.rego --id shop-keys --scope shop/key --resource shop/key/1
      who would lose what below shop/key if this policy had a say, too?
  kbs-client policy test --explain --claims token.jwt
      which rules gave this guest its trust vector, and what did they see?";

/// The policy that is asked about everything.
const MAIN: &str = "resource-policy";

/// Runs the command.
pub(super) async fn policy(
    target: &Target,
    arguments: PolicyArgs,
    printer: &mut Printer<'_>,
) -> Result<(), CliError> {
    let client = AdminClient::new(&target.url, &target.roots, arguments.credential.read()?)?;
    let PolicyCommand::Test(arguments) = arguments.command;
    let body = arguments.body()?;
    let report = client.test_policy(&body).await?;
    printer.result(&print::report(&report, arguments.explain), &report)?;
    if !arguments.fail_on_change {
        return Ok(());
    }
    let tried_values = body
        .get("reference_values")
        .and_then(Value::as_object)
        .map_or(0, Map::len);
    unchanged(&report, tried_values)
}

/// Nothing would change, as far as that was found out. `values`: how many reference values were tried.
fn unchanged(report: &Value, values: usize) -> Result<(), CliError> {
    let count = |name: &str| report.get(name).and_then(Value::as_u64).unwrap_or_default();
    let first = |list: &str| report.pointer(list).and_then(Value::as_str).map(print::printable);
    match (first("/judges_nobody/0"), first("/covers_nothing/0")) {
        _ if count("changed") > 0 => Err(CliError::Changed(count("changed"))),
        _ if count("tried") == 0 => Err(CliError::NobodyTried),
        (Some(id), _) => Err(CliError::JudgesNobody(id)),
        (None, Some(id)) => Err(CliError::CoversNothing(id)),
        (None, None) => match meant_otherwise(report, values) {
            Some((id, meant)) => Err(CliError::AskedByNobody(id, meant)),
            None => Ok(()),
        },
    }
}

/// A reference value whose name looks like a slip of the pen, or any if nobody asks for any of them. A file with the
/// values of several TEEs has some that nobody asks for.
fn meant_otherwise(report: &Value, values: usize) -> Option<(String, String)> {
    let unasked = report.get("asked_by_nobody")?.as_array()?;
    let near = unasked.iter().find(|each| each.get("nearest").is_some());
    let one = near.or_else(|| unasked.first().filter(|_| unasked.len() == values))?;
    let id = print::printable(one.get("id")?.as_str()?);
    let meant = one.get("nearest").and_then(Value::as_str);
    Some((
        id,
        meant.map_or_else(String::new, |id| format!(" (`{}`?)", print::printable(id))),
    ))
}

impl TestArgs {
    /// What is sent to the KBS.
    fn body(&self) -> Result<Value, CliError> {
        let mut body = Map::new();
        let mut scoped: Map<String, Value> =
            self.without.iter().map(|id| (id.clone(), Value::Null)).collect();
        if let Some(path) = &self.policy {
            let rego = read_text(path)?;
            let encoded = URL_SAFE_NO_PAD.encode(&rego);
            let meant = replaced(&rego);
            match self.id.as_deref().or(meant) {
                Some(MAIN) => body.insert("resource_policy".to_owned(), encoded.into()),
                Some(id) if self.scope.is_some() || meant == Some(MAIN) => {
                    let mut policy = json!({ "policy": encoded });
                    if let (Some(scope), Some(members)) = (&self.scope, policy.as_object_mut()) {
                        members.insert("scope".to_owned(), scope.clone().into());
                    }
                    scoped.insert(id.to_owned(), policy)
                }
                Some(id) => body.insert("attestation_policies".to_owned(), json!({ id: encoded })),
                None => {
                    return Err(CliError::Usage(
                        "the policy has neither a rule `trust_claims` nor a rule `allow`: say with --id which policy it \
                         would replace"
                            .to_owned(),
                    ));
                }
            };
        }
        if !scoped.is_empty() {
            body.insert("scoped_resource_policies".to_owned(), scoped.into());
        }
        if let Some(path) = &self.reference_values {
            let values: Map<String, Value> = read_json(path)?;
            body.insert("reference_values".to_owned(), values.into());
        }
        if body.is_empty() && !self.explain {
            return Err(CliError::Usage(
                "nothing is tried: give --policy FILE, --reference-values FILE or --without ID; or --explain, to see what \
                 is in force"
                    .to_owned(),
            ));
        }
        let mut guests = Vec::new();
        for path in &self.claims {
            let text = read_text(path)?;
            let claims = claims(text.trim()).ok_or_else(|| {
                CliError::Usage(format!(
                    "{} has neither a token nor the claims of one",
                    path.display()
                ))
            })?;
            guests.push(json!({"name": path.display().to_string(), "claims": claims}));
        }
        for path in &self.evidence {
            let evidence: Value = read_json(path)?;
            guests.push(json!({"name": path.display().to_string(), "evidence": evidence}));
        }
        if !guests.is_empty() {
            body.insert("guests".to_owned(), guests.into());
        }
        if let Some(last) = self.last {
            body.insert("last".to_owned(), last.into());
        }
        if !self.resource.is_empty() {
            body.insert("resources".to_owned(), self.resource.clone().into());
        }
        if self.explain {
            body.insert("explain".to_owned(), true.into());
        }
        Ok(body.into())
    }
}

/// The policy that a text was meant to replace, by the rules that it has.
fn replaced(rego: &str) -> Option<&'static str> {
    let begins = |rule: &str| {
        let code = rego.lines().map(str::trim_start);
        code.map(|line| line.strip_prefix("default ").unwrap_or(line))
            .any(|line| {
                line.strip_prefix(rule)
                    .is_some_and(|rest| rest.starts_with([' ', ':', '=', '{', '.', '[']))
            })
    };
    match (begins("trust_claims"), begins("allow") || begins("allowed")) {
        (true, false) => Some("default_cpu"),
        (false, true) => Some(MAIN),
        _ => None,
    }
}

/// The claims of a token, which is not verified, or the claims themselves. A file of `attest` has the token in `token`.
fn claims(text: &str) -> Option<Value> {
    match serde_json::from_str(text) {
        Ok(Value::Object(members)) => match members.get("token").and_then(Value::as_str) {
            Some(token) => claims(token),
            None => Some(Value::Object(members)),
        },
        Ok(_) => None,
        Err(_) => {
            let payload = URL_SAFE_NO_PAD.decode(text.split('.').nth(1)?).ok()?;
            serde_json::from_slice(&payload).ok()
        }
    }
}

fn read_json<T: serde::de::DeserializeOwned>(path: &std::path::Path) -> Result<T, CliError> {
    serde_json::from_str(&read_text(path)?).map_err(|error| {
        CliError::Usage(format!(
            "{} is not the JSON that is wanted: {error}",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests;
