//! `config`: the history of attestation policies, and the way back.

use clap::Subcommand;
use serde_json::json;

use super::CliError;
use super::output::Printer;
use super::resource_policies::{told, warn};
use crate::admin::{AdminClient, PolicyKind};
use crate::error::printable;

/// What can be done with the versions of policies.
#[derive(Debug, Subcommand)]
pub enum HistoryCommand {
    /// Show every version of an attestation policy: who set it when, the newest first.
    #[command(after_help = "Example:\n  kbs-client config attestation-policy-history --id default_cpu")]
    AttestationPolicyHistory {
        /// Id with the class of TEEs.
        #[arg(long, value_name = "ID", default_value = "default_cpu")]
        id: String,
    },
    /// Put the text of an earlier version of an attestation policy in force again, as a new version.
    #[command(
        after_help = "Example:\n  kbs-client config roll-back-attestation-policy --id default_cpu --version 3"
    )]
    RollBackAttestationPolicy {
        /// Id with the class of TEEs.
        #[arg(long, value_name = "ID")]
        id: String,
        /// Number of the version, as the history shows it.
        #[arg(long, value_name = "N")]
        version: u64,
    },
    /// Delete an attestation policy. In the place of one that was set over a shipped policy, the shipped one returns.
    #[command(after_help = "Example:\n  kbs-client config delete-attestation-policy --id default_cpu")]
    DeleteAttestationPolicy {
        /// Id with the class of TEEs.
        #[arg(long, value_name = "ID")]
        id: String,
    },
}

pub(super) async fn run(
    client: &AdminClient,
    command: HistoryCommand,
    printer: &mut Printer<'_>,
) -> Result<(), CliError> {
    use HistoryCommand as C;
    let kind = PolicyKind::Attestation;
    match command {
        C::AttestationPolicyHistory { id } => history(client, kind, &id, printer).await,
        C::RollBackAttestationPolicy { id, version } => roll_back(client, kind, &id, version, printer).await,
        C::DeleteAttestationPolicy { id } => {
            let restored = client.delete_policy(kind, &id).await?;
            let text = match restored {
                true => format!("{} is as it was shipped again.", printable(&id)),
                false => format!("{} is deleted.", printable(&id)),
            };
            printer.result(&text, &json!({"deleted": id, "restored": restored}))
        }
    }
}

/// Prints the versions of a policy.
pub(super) async fn history(
    client: &AdminClient,
    kind: PolicyKind,
    id: &str,
    printer: &mut Printer<'_>,
) -> Result<(), CliError> {
    let versions = client.policy_history(kind, id).await?;
    let lines: Vec<String> = versions.iter().map(told).collect();
    let text = format!("{}\n{}", printable(id), lines.join("\n"));
    printer.result(&text, &json!({"id": id, "versions": versions}))
}

/// Puts an earlier version of a policy in force again.
pub(super) async fn roll_back(
    client: &AdminClient,
    kind: PolicyKind,
    id: &str,
    version: u64,
    printer: &mut Printer<'_>,
) -> Result<(), CliError> {
    let now = client.roll_back_policy(kind, id, version).await?;
    warn(&now);
    let number = now.version.map(|number| format!(", as version {number}"));
    let text = format!(
        "{}: version {version} is in force again{}.",
        printable(id),
        number.unwrap_or_default()
    );
    printer.result(
        &text,
        &json!({
            "rolled_back": id,
            "to": version,
            "version": now.version,
            "warnings": now.warnings,
            "notes": now.notes,
        }),
    )
}
