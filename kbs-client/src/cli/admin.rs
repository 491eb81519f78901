//! `config`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::args::{ConfigArgs, ConfigCommand, ResourcePolicyArgs};
use super::output::Printer;
use super::{CliError, Target, history, read_file, reference_values, resource_policies};
use crate::admin::{AdminClient, ListEntry, Policy, PolicyKind};
use crate::error::ClientError;
use crate::policies;
use crate::uri::ResourceUri;

pub(super) async fn config(
    target: &Target,
    arguments: ConfigArgs,
    printer: &mut Printer<'_>,
) -> Result<(), CliError> {
    use ConfigCommand as C;
    let client = AdminClient::new(&target.url, &target.roots, arguments.credential.read()?)?;
    match arguments.command {
        C::SetAttestationPolicy {
            policy_file,
            r#type,
            id,
            strict,
        } => {
            let policy = read_file(&policy_file)?;
            let id = id.unwrap_or_else(|| {
                tracing::warn!("no --id given: setting the policy of CPU TEEs, `default_cpu`");
                "default_cpu".to_owned()
            });
            let set = client
                .set_attestation_policy(&id, &r#type, &policy, strict)
                .await?;
            resource_policies::warn(&set);
            let text = format!(
                "Set attestation policy success \n policy: {}",
                STANDARD.encode(policy)
            );
            let mut value = json!({"set": "attestation-policy", "id": id});
            if let (Some(members), Ok(Value::Object(set))) =
                (value.as_object_mut(), serde_json::to_value(&set))
            {
                members.extend(set);
            }
            printer.result(&text, &value)
        }
        C::GetAttestationPolicy { id, version } => {
            let policy = match version {
                None => client.get_attestation_policy(&id).await?,
                Some(number) => {
                    client
                        .policy_version(PolicyKind::Attestation, &id, number)
                        .await?
                }
            };
            print_policy(&policy, &id, printer)
        }
        C::History(command) => history::run(&client, command, printer).await,
        C::ListAttestationPolicies => print_list(&client.list_attestation_policies().await?, printer),
        C::SetResourcePolicy(arguments) => resource_policies::set(&client, &arguments, printer).await,
        C::GetResourcePolicy { id, version } => resource_policies::get(&client, &id, version, printer).await,
        C::ListResourcePolicies => resource_policies::list(&client, printer).await,
        C::ResourcePolicies(command) => resource_policies::run(&client, command, printer).await,
        C::SetResource { path, resource_file } => {
            let (uri, content) = (uri(&path)?, read_file(&resource_file)?);
            // The existing client's output, on which scripts rely.
            let text = format!("Set resource success \n resource: {}", STANDARD.encode(&content));
            let value = json!({"set": "resource", "uri": uri.to_string(), "bytes": content.len()});
            client.set_resource(&uri, content).await?;
            printer.result(&text, &value)
        }
        C::DeleteResource { path } => {
            let uri = uri(&path)?;
            client.delete_resource(&uri).await?;
            printer.result("Delete resource success", &json!({"deleted": uri.to_string()}))
        }
        C::ListResources => print_list(&client.list_resources().await?, printer),
        C::GetReferenceValue { id } => {
            let text = client.get_reference_value(&id).await?;
            let value: Value = serde_json::from_str(&text).unwrap_or_else(|_| Value::from(text.as_str()));
            // Quoted as the existing client does it.
            printer.result(&format!("{text:?}"), &json!({"id": id, "value": value}))
        }
        C::ListReferenceValues => {
            let values = client.list_reference_values().await?;
            let lines: Vec<_> = values
                .iter()
                .map(|(id, value)| format!("{id} = {value}"))
                .collect();
            printer.result(&lines.join("\n"), &json!({"items": values}))
        }
        C::ReferenceValues(command) => reference_values::run(&client, command, printer).await,
        C::SetSampleReferenceValue {
            name,
            value,
            as_integer,
            as_bool,
            as_single_value,
            add,
        } => {
            let value = reference_value(value, as_integer, as_bool)?;
            let value = if as_single_value { value } else { json!([value]) };
            let before = registered(&client, &name).await;
            let (value, replaced) = match (add, before) {
                (true, before) => (reference_values::added(&name, before?, value)?, None),
                (false, before) => (value, before.ok().flatten()),
            };
            client.set_sample_reference_value(&name, &value).await?;
            reference_values::warn_replaced(&name, replaced.as_ref(), &value);
            printer.result(
                "Reference Values Updated",
                &json!({"set": "reference-value", "id": name, "value": value}),
            )
        }
    }
}

/// The value that counts now, if there is one.
async fn registered(client: &AdminClient, name: &str) -> Result<Option<Value>, ClientError> {
    match client.get_reference_value(name).await {
        Ok(text) => Ok(Some(serde_json::from_str(&text).unwrap_or(Value::String(text)))),
        Err(ClientError::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn uri(text: &str) -> Result<ResourceUri, CliError> {
    Ok(text.parse().map_err(ClientError::Uri)?)
}

pub(super) fn resource_policy(which: &ResourcePolicyArgs) -> Result<Vec<u8>, CliError> {
    let named = [
        (which.allow_all, policies::ALLOW_ALL),
        (which.deny_all, policies::DENY_ALL),
        (which.affirming, policies::AFFIRMING),
        (which.default, policies::DEFAULT),
    ];
    match (&which.policy_file, named.into_iter().find(|(chosen, _)| *chosen)) {
        (Some(path), _) => read_file(path),
        (None, Some((_, text))) => Ok(text.as_bytes().to_vec()),
        (None, None) => Err(CliError::Usage(
            "No policy specified: one of --policy-file, --allow-all, --deny-all, --affirming, --default"
                .to_owned(),
        )),
    }
}

fn reference_value(text: String, as_integer: bool, as_bool: bool) -> Result<Value, CliError> {
    let wrong = |kind: &str| CliError::Usage(format!("{text:?} is not {kind}"));
    match (as_integer, as_bool) {
        (true, _) => Ok(text.parse::<i64>().map_err(|_| wrong("an integer"))?.into()),
        (_, true) => Ok(text.parse::<bool>().map_err(|_| wrong("true or false"))?.into()),
        _ => Ok(text.into()),
    }
}

pub(super) fn print_policy(policy: &Policy, id: &str, printer: &mut Printer<'_>) -> Result<(), CliError> {
    let text = policy.text()?;
    if let (Some(dialect), Some(digest)) = (&policy.dialect, &policy.digest) {
        tracing::info!(id, %dialect, digest, "the policy in force");
    }
    if policy.asks_for_affirming == Some(false) {
        tracing::warn!("this policy does not ask for an affirming result");
    }
    let value = json!({
        "id": id,
        "policy": text,
        "dialect": policy.dialect,
        "digest": policy.digest,
        "asks_for_affirming": policy.asks_for_affirming,
    });
    printer.result(text.trim_end_matches('\n'), &value)
}

fn print_list(entries: &[ListEntry], printer: &mut Printer<'_>) -> Result<(), CliError> {
    let ids: Vec<_> = entries.iter().map(|entry| entry.id.as_str()).collect();
    printer.result(&ids.join("\n"), &json!({"items": entries}))
}
