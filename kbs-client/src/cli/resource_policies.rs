//! `config`: resource policies with a scope, and the versions of each.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use serde_json::json;

use super::CliError;
use super::admin::{print_policy, resource_policy};
use super::args::ResourcePolicyArgs;
use super::output::{Printer, time};
use crate::admin::{AdminClient, ListEntry, PolicyChanged, PolicyKind, PolicyVersion};
use crate::error::printable;

/// The policy that is asked about everything.
const MAIN: &str = "resource-policy";

/// What can be done with the versions of a resource policy.
#[derive(Debug, Subcommand)]
pub enum ResourcePolicyCommand {
    /// Show the versions of a resource policy: who set them, and when.
    #[command(after_help = "Example:\n  kbs-client config resource-policy-history")]
    ResourcePolicyHistory {
        /// Id of the policy.
        #[arg(long, value_name = "ID", default_value = MAIN)]
        id: String,
    },
    /// Put an earlier version of a resource policy in force again.
    #[command(after_help = "Example:\n  kbs-client config roll-back-resource-policy --version 3")]
    RollBackResourcePolicy {
        /// Id of the policy.
        #[arg(long, value_name = "ID", default_value = MAIN)]
        id: String,
        /// Number of the version.
        #[arg(long, value_name = "NUMBER")]
        version: u64,
    },
    /// Delete a resource policy that has a scope. Its versions stay, and one can be put in force again.
    #[command(after_help = "Example:\n  kbs-client config delete-resource-policy --id shop-keys")]
    DeleteResourcePolicy {
        /// Id of the policy.
        #[arg(long, value_name = "ID")]
        id: String,
    },
}

/// `config set-resource-policy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  Release to guests that are vouched for:
    kbs-client config set-resource-policy --affirming

  And of what lies below shop/key, only to the shop: both policies must allow:
    kbs-client config set-resource-policy --policy-file shop.rego --id shop-keys --scope shop/key")]
pub struct SetResourcePolicyArgs {
    /// Which policy.
    #[command(flatten)]
    pub policy: ResourcePolicyArgs,
    /// Id of a policy with a scope, beside the one that is asked about everything.
    #[arg(long, value_name = "ID", requires = "scope")]
    pub id: Option<String>,
    /// Ask the policy only about resources that begin so: repository, repository/type or repository/type/tag.
    #[arg(long, value_name = "PREFIX", requires = "id")]
    pub scope: Option<String>,
    /// Refuse a policy that reads what no token has, or never says yes. Without it, such a policy is set, with a
    /// warning.
    #[arg(long)]
    pub strict: bool,
}

pub(super) async fn set(
    client: &AdminClient,
    arguments: &SetResourcePolicyArgs,
    printer: &mut Printer<'_>,
) -> Result<(), CliError> {
    let policy = resource_policy(&arguments.policy)?;
    let (Some(id), Some(scope)) = (&arguments.id, &arguments.scope) else {
        let set = client.set_resource_policy(&policy, arguments.strict).await?;
        warn(&set);
        // The existing client's output, on which scripts rely.
        let text = format!(
            "Set resource policy success \n policy: {}",
            STANDARD.encode(policy)
        );
        let value =
            json!({"set": "resource-policy", "id": MAIN, "version": set.version, "warnings": set.warnings});
        return printer.result(&text, &value);
    };
    let set = client
        .set_scoped_resource_policy(id, scope, &policy, arguments.strict)
        .await?;
    warn(&set);
    let text = format!("{} is set for {}.", printable(id), printable(scope));
    let value = json!({
        "set": "resource-policy",
        "id": id,
        "scope": scope,
        "version": set.version,
        "warnings": set.warnings,
    });
    printer.result(&text, &value)
}

/// Says what the KBS has found in a policy.
pub(super) fn warn(set: &PolicyChanged) {
    for warning in &set.warnings {
        tracing::warn!("{}", printable(warning));
    }
    for note in &set.notes {
        tracing::info!("{}", printable(note));
    }
}

pub(super) async fn list(client: &AdminClient, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let policies = client.describe_resource_policies().await?;
    let lines: Vec<_> = policies.iter().map(line).collect();
    printer.result(&lines.join("\n"), &json!({"items": policies}))
}

fn line(policy: &ListEntry) -> String {
    let mut line = printable(&policy.id);
    if let Some(scope) = &policy.scope {
        line.push_str(&format!("  for {}", printable(scope)));
    }
    if let Some(version) = policy.version {
        line.push_str(&format!("  version {version}"));
    }
    if let Some(reason) = &policy.broken {
        line.push_str(&format!(
            "  denies all: it does not compile: {}",
            printable(reason)
        ));
    }
    line
}

pub(super) async fn get(
    client: &AdminClient,
    id: &str,
    version: Option<u64>,
    printer: &mut Printer<'_>,
) -> Result<(), CliError> {
    let policy = match version {
        Some(number) => client.policy_version(PolicyKind::Resource, id, number).await?,
        None => client.get_resource_policy(id).await?,
    };
    print_policy(&policy, id, printer)
}

pub(super) async fn run(
    client: &AdminClient,
    command: ResourcePolicyCommand,
    printer: &mut Printer<'_>,
) -> Result<(), CliError> {
    use ResourcePolicyCommand as C;
    let kind = PolicyKind::Resource;
    match command {
        C::ResourcePolicyHistory { id } => super::history::history(client, kind, &id, printer).await,
        C::RollBackResourcePolicy { id, version } => {
            super::history::roll_back(client, kind, &id, version, printer).await
        }
        C::DeleteResourcePolicy { id } => {
            client.delete_policy(kind, &id).await?;
            printer.result(
                &format!("{} is deleted.", printable(&id)),
                &json!({"deleted": id}),
            )
        }
    }
}

/// One version, as in `  version 3: rolled back to 1 2026-11-22T08:00:00Z by admin (role)  5f3c…`.
pub(super) fn told(version: &PolicyVersion) -> String {
    let event = match (version.event.as_str(), version.to) {
        ("rolled-back", Some(to)) => format!("rolled back to {to}"),
        ("found", _) => "found changed in the storage".to_owned(),
        (event, _) => printable(event),
    };
    let by = match version.by.name.as_str() {
        "" => printable(&version.by.how),
        name => format!("{} ({})", printable(name), printable(&version.by.how)),
    };
    let scope = version.labels.get("scope").and_then(|scope| scope.as_str());
    let scope = scope.map(|scope| format!("  for {}", printable(scope)));
    let digest = version.digest.as_deref().unwrap_or("no policy");
    let digest: String = digest.chars().take(16).collect();
    format!(
        "  version {}: {event} {} by {by}{}  {}",
        version.number,
        time(version.at),
        scope.unwrap_or_default(),
        printable(&digest)
    )
}

#[cfg(test)]
mod tests;
