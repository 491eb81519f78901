//! `decisions`: what the KBS decided about guests, and why.

mod explanation;
mod gone;
mod show;
mod words;

use std::iter;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::credential::CredentialArgs;
use super::output::Printer;
use super::{CliError, Target};
use crate::admin::AdminClient;
use crate::decisions::{Decision, DecisionFilter};
use crate::error::ClientError;

/// `decisions`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DecisionsArgs {
    /// Who administers.
    #[command(flatten)]
    pub credential: CredentialArgs,

    /// What to do.
    #[command(subcommand)]
    pub command: DecisionsCommand,
}

/// What can be asked about decisions.
#[derive(Debug, Subcommand)]
pub enum DecisionsCommand {
    /// List decisions, the newest last.
    List(FilterArgs),
    /// Show one decision: what was expected, what came, what to do.
    #[command(arg_required_else_help = true)]
    Show {
        /// Id of the decision, as the guest was told it; or the id of the request, as the logs have it.
        #[arg(value_name = "ID")]
        id: String,
        /// Print the claims of the guest's token, too.
        #[arg(long)]
        claims: bool,
        /// Show the rules and conditions that give each trust claim, also the affirming ones: by the attestation policies
        /// and the reference values that are in force now.
        #[arg(long)]
        explain: bool,
    },
    /// Show the last decisions, and each new one as it is made, until interrupted.
    Follow(FilterArgs),
}

/// Which decisions.
#[derive(Debug, Default, Args)]
pub struct FilterArgs {
    /// Of the last so long: `90s`, `30m`, `2h`, `7d`.
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub since: Option<u64>,
    /// `attestation` or `release`.
    #[arg(long, value_name = "KIND", value_parser = ["attestation", "release"])]
    pub kind: Option<String>,
    /// That ended so.
    #[arg(long, value_name = "VERDICT", value_parser = words::VERDICTS)]
    pub verdict: Option<String>,
    /// Of this kind of attester, such as `snp`.
    #[arg(long, value_name = "TEE")]
    pub tee: Option<String>,
    /// Of this resource, or those below it: `default/key/1`, `default`.
    #[arg(long, value_name = "PATH")]
    pub resource: Option<String>,
    /// Of this request, by the id that the logs have.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
    /// So many at most.
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<usize>,
}

/// How many are shown before the new ones.
const BEFORE: usize = 10;
/// How long the KBS is asked to wait for a new one, in seconds.
const WAIT: u64 = 20;
/// How long to wait for a KBS that is away.
const RETRY: Duration = Duration::from_secs(2);

pub(super) async fn decisions(
    target: &Target,
    arguments: DecisionsArgs,
    printer: &mut Printer<'_>,
) -> Result<(), CliError> {
    let client = AdminClient::new(&target.url, &target.roots, arguments.credential.read()?)?;
    match arguments.command {
        DecisionsCommand::List(filter) => list(&client, &filter.read(), printer).await,
        DecisionsCommand::Show { id, claims, explain } => {
            show(&client, &id, (claims, explain), printer).await
        }
        DecisionsCommand::Follow(filter) => follow(&client, filter.read(), printer).await,
    }
}

async fn list(
    client: &AdminClient,
    filter: &DecisionFilter,
    printer: &mut Printer<'_>,
) -> Result<(), CliError> {
    let page = client.list_decisions(filter, 0).await?;
    let lines = page.items.iter().map(line).collect::<Result<Vec<_>, _>>()?;
    let text = match lines.is_empty() {
        true => "no decisions match".to_owned(),
        false => lines.join("\n"),
    };
    printer.result(&text, &json!({"items": page.items}))
}

async fn show(
    client: &AdminClient,
    id: &str,
    (claims, explain): (bool, bool),
    printer: &mut Printer<'_>,
) -> Result<(), CliError> {
    let id = match looks_like_decision(id) {
        true => id.to_owned(),
        false => of_request(client, id).await?,
    };
    let mut shown = client.show_decision(&id, claims || explain).await?;
    let mut text = show::describe(&shown.decision, shown.attestation.as_ref());
    let decisions: Vec<_> = iter::once(&shown.decision).chain(&shown.attestation).collect();
    let gone = gone::look_up(client, &decisions).await;
    if !gone.json.is_empty() {
        text.push_str(&format!("\n\nReference values\n{}", gone.text.trim_end()));
        if let Some(members) = shown.json.as_object_mut() {
            members.insert("reference_values_gone".to_owned(), gone.json.into());
        }
    }
    if explain {
        let grounds = explained(client, &id, &shown.json).await?;
        text.push_str(&explanation::grounds(
            shown.attestation.as_ref().unwrap_or(&shown.decision),
            &grounds,
        ));
        if let Some(members) = shown.json.as_object_mut() {
            members.insert("explained_now".to_owned(), grounds);
        }
    }
    if let Some(claims) = shown.json.get("claims").filter(|_| claims) {
        text.push_str(&format!("\nClaims\n{claims:#}\n"));
    }
    printer.result(text.trim_end(), &shown.json)
}

/// What the attestation policies and the reference values in force make of the claims of a decision.
async fn explained(client: &AdminClient, id: &str, shown: &Value) -> Result<Value, CliError> {
    let Some(claims) = shown.get("claims").filter(|claims| claims.is_object()) else {
        return Err(CliError::Usage(format!(
            "the KBS has no claims of {id} any more, or never had: try the claims of a token with `policy test \
             --explain --claims FILE`"
        )));
    };
    let trial = json!({"explain": true, "guests": [{"name": id, "claims": claims}]});
    let mut report = client.test_policy(&trial).await?;
    let guest = report.pointer_mut("/guests/0/devices").map(Value::take);
    guest.ok_or_else(|| ClientError::BadAnswer("it says nothing about the guest").into())
}

/// The last decision about a request.
async fn of_request(client: &AdminClient, request_id: &str) -> Result<String, CliError> {
    let filter = DecisionFilter {
        request_id: Some(request_id.to_owned()),
        limit: Some(1),
        ..DecisionFilter::default()
    };
    let page = client.list_decisions(&filter, 0).await?;
    match page.items.last() {
        Some(found) => Ok(Decision::read(found)?.id),
        None => Err(CliError::Usage(format!(
            "{request_id:?} is neither the id of a decision nor that of a request about which one is kept"
        ))),
    }
}

async fn follow(
    client: &AdminClient,
    mut filter: DecisionFilter,
    printer: &mut Printer<'_>,
) -> Result<(), CliError> {
    filter.limit = filter.limit.or(Some(BEFORE));
    let mut wait = 0;
    loop {
        let page = match client.list_decisions(&filter, wait).await {
            Ok(page) => page,
            Err(error) if wait > 0 && error.is_temporary() => {
                tracing::warn!("{error}; trying again");
                tokio::time::sleep(RETRY).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        for item in &page.items {
            printer.result(&line(item)?, item)?;
        }
        if page.next.is_some() {
            (filter.after, filter.limit) = (page.next, None);
        }
        wait = WAIT;
    }
}

/// A decision in a line.
fn line(item: &Value) -> Result<String, CliError> {
    let decision = Decision::read(item)?;
    let when = words::time(decision.at);
    let about = match &decision.resource {
        Some(resource) => resource.clone(),
        None => decision.tee.clone().unwrap_or_else(|| "a guest".to_owned()),
    };
    let mut why = words::statuses(&decision);
    if let Some(reason) = &decision.reason {
        why = reason.clone();
    }
    let line = format!(
        "{when}  {}  {:<11} {:<15} {about}  {why}",
        decision.id, decision.kind, decision.verdict
    );
    Ok(crate::error::printable(line.trim_end()).replace('\n', " "))
}

impl FilterArgs {
    fn read(self) -> DecisionFilter {
        DecisionFilter {
            after: None,
            last_seconds: self.since,
            kind: self.kind,
            verdict: self.verdict,
            tee: self.tee,
            // Resources are what is asked about nearly always.
            resource: self
                .resource
                .map(|path| match path.starts_with("resource/") || path == "resource" {
                    true => path,
                    false => format!("resource/{path}"),
                }),
            request_id: self.request_id,
            limit: self.limit,
        }
    }
}

/// Eight or more hexadecimal digits, a dash, and sixteen.
fn looks_like_decision(id: &str) -> bool {
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    id.split_once('-')
        .is_some_and(|(at, number)| at.len() >= 8 && number.len() == 16 && hex(at) && hex(number))
}

/// `90s`, `30m`, `2h`, `7d`, in seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no time: say `90s`, `30m`, `2h` or `7d`");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => 24 * 3600,
        _ => return Err(wrong()),
    };
    let digits = text.get(..text.len() - 1).unwrap_or_default();
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let seconds = number.checked_mul(unit).filter(|seconds| *seconds < 1 << 40);
    seconds.ok_or_else(wrong)
}

const EXAMPLES: &str = "\
Examples:
  Why a guest was refused; the id is in what it was answered, or take the request id from a log:
    kbs-client decisions --auth-private-key admin.key show 6921aabc-3f9c2e81d04b7a55

  Why a guest is affirming: which rules said so, and what they saw:
    kbs-client decisions --auth-private-key admin.key show 6921aab0-0000000000000001 --explain

  What was not released today:
    kbs-client decisions --auth-private-key admin.key list --kind release --verdict denied --since 24h

  Watch guests arrive, one JSON object a line:
    kbs-client --output json decisions --auth-private-key admin.key follow";

#[cfg(test)]
mod tests;
