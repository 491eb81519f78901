//! `attest` and `get-resource`.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jose::TeePrivateKey;
use serde_json::json;

use super::args::{AttestArgs, AttesterArgs, AttesterKind, DeviceKind, GetResourceArgs};
use super::output::Printer;
use super::{CliError, Target, read_file, read_text};
#[cfg(feature = "simulated-tees")]
use crate::attester::simulated::SimulatedAttester;
use crate::attester::tsm::TsmAttester;
use crate::attester::{Attester, AttesterError, SampleAttester, SampleDeviceAttester};
use crate::error::ClientError;
use crate::rcar::{Builder, RcarClient};
use crate::uri::ResourceUri;

pub(super) async fn attest(
    target: &Target,
    arguments: AttestArgs,
    evidence: &AttesterArgs,
    printer: &mut Printer<'_>,
) -> Result<(), CliError> {
    let (mut builder, _) = attested(builder(target), evidence)?;
    if let Some(path) = arguments.tee_key_file {
        builder = builder.tee_key(tee_key(&read_file(&path)?)?);
    }
    if let Some(text) = arguments.init_data {
        builder = builder.init_data(text.parse().map_err(ClientError::InitData)?);
    }
    if let Some(id) = arguments.policy_id {
        builder = builder.policy_id(id);
    }
    let mut client = keeping(builder, arguments.save_evidence.as_deref()).build()?;
    let token = client.attest().await;
    save_evidence(&client, arguments.save_evidence.as_deref())?;
    let token = token?;
    printer.result(&token, &json!({"token": token}))
}

pub(super) async fn get_resource(
    target: &Target,
    arguments: GetResourceArgs,
    evidence: &AttesterArgs,
    printer: &mut Printer<'_>,
) -> Result<(), CliError> {
    let uri: ResourceUri = arguments.path.parse().map_err(ClientError::Uri)?;
    let mut builder = builder(target);
    let mut sample = false;
    match (arguments.attestation_token, &arguments.tee_key_file) {
        (Some(_), None) => return Err(CliError::Usage(TOKEN_WITHOUT_KEY.to_owned())),
        (Some(path), Some(_)) => builder = builder.token(read_text(&path)?),
        (None, _) => {
            (builder, sample) = attested(builder, evidence)?;
            if let Some(text) = arguments.init_data {
                builder = builder.init_data(text.parse().map_err(ClientError::InitData)?);
            }
        }
    }
    if let Some(path) = arguments.tee_key_file {
        builder = builder.tee_key(tee_key(&read_file(&path)?)?);
    }
    if let Some(id) = arguments.policy_id {
        builder = builder.policy_id(id);
    }
    let mut client = keeping(builder, arguments.save_evidence.as_deref()).build()?;
    let secret = client.get_resource(&uri).await;
    save_evidence(&client, arguments.save_evidence.as_deref())?;
    let secret = secret.map_err(|error| match error {
        ClientError::Denied(_) if sample => CliError::SampleDenied(error),
        error => error.into(),
    })?;
    let content = STANDARD.encode(secret.expose());
    printer.result(&content, &json!({"uri": uri.to_string(), "resource": content}))
}

fn keeping(builder: Builder, file: Option<&Path>) -> Builder {
    match file {
        Some(_) => builder.keep_evidence(),
        None => builder,
    }
}

/// Writes the evidence that was sent, whatever came of it. There is none if the KBS gave no challenge.
fn save_evidence(client: &RcarClient, file: Option<&Path>) -> Result<(), CliError> {
    let (Some(path), Some(evidence)) = (file, client.evidence()) else {
        return Ok(());
    };
    std::fs::write(path, evidence).map_err(|cause| CliError::NotSaved {
        path: path.display().to_string(),
        cause,
    })
}

fn builder(target: &Target) -> Builder {
    let builder = RcarClient::builder(&target.url);
    target
        .roots
        .iter()
        .fold(builder, |builder, root| builder.root_cert(root.clone()))
}

fn tee_key(pem: &[u8]) -> Result<TeePrivateKey, CliError> {
    let key = TeePrivateKey::from_pem(pem);
    key.map_err(|error| CliError::Usage(format!("the TEE key cannot be used: {error}")))
}

/// With everything that makes evidence, and whether that is no more than a sample.
fn attested(builder: Builder, arguments: &AttesterArgs) -> Result<(Builder, bool), CliError> {
    let attester = attester(arguments)?;
    let sample = attester.tee() == SampleAttester.tee();
    let mut builder = builder.attester(attester);
    for device in &arguments.devices {
        builder = builder.devices(match device {
            DeviceKind::Sample => Box::new(SampleDeviceAttester),
            #[cfg(feature = "simulated-tees")]
            DeviceKind::Simulated(tee, count) => {
                Box::new(SimulatedAttester::devices(tee, *count).map_err(ClientError::Attester)?)
            }
        });
    }
    Ok((builder, sample))
}

fn attester(arguments: &AttesterArgs) -> Result<Box<dyn Attester>, CliError> {
    #[cfg(feature = "simulated-tees")]
    if arguments.attester != AttesterKind::Simulated("snp")
        && let Some(flag) = arguments.simulated.given()
    {
        return Err(CliError::Usage(format!(
            "{flag} is about the simulated SEV-SNP platform: it needs `--attester simulated-snp`"
        )));
    }
    Ok(match arguments.attester {
        AttesterKind::Auto => match real()? {
            Some(attester) => Box::new(attester),
            None => {
                tracing::warn!("this is no SEV-SNP or TDX guest: using the sample attester");
                Box::new(SampleAttester)
            }
        },
        AttesterKind::Tsm => match real()? {
            Some(attester) => Box::new(attester),
            None => {
                let text = format!("no TEE is behind {}", TsmAttester::ROOT);
                return Err(ClientError::Attester(AttesterError(text)).into());
            }
        },
        AttesterKind::Sample => Box::new(SampleAttester),
        #[cfg(feature = "simulated-tees")]
        AttesterKind::Simulated("snp") => Box::new(simulated_snp(&arguments.simulated)?),
        #[cfg(feature = "simulated-tees")]
        AttesterKind::Simulated(tee) => Box::new(SimulatedAttester::new(tee).map_err(ClientError::Attester)?),
    })
}

/// The TEE that this runs in. One that is there and cannot be used is an error, never a reason for weaker evidence.
fn real() -> Result<Option<TsmAttester>, CliError> {
    let found = TsmAttester::open(TsmAttester::ROOT);
    let found = found.map_err(|error| ClientError::Attester(AttesterError(error.to_string())))?;
    if let Some(attester) = &found {
        tracing::info!(tee = attester.tee(), "this is a confidential guest");
    }
    Ok(found)
}

#[cfg(feature = "simulated-tees")]
fn simulated_snp(
    arguments: &super::args::SimulatedSnpArgs,
) -> Result<crate::attester::simulated_snp::SimulatedSnpAttester, CliError> {
    use super::args::SnpGeneration;
    use crate::attester::simulated_snp::{Generation, SimulatedSnpAttester};
    let generation = match arguments.snp_generation {
        None | Some(SnpGeneration::Milan) => Generation::Milan,
        Some(SnpGeneration::Genoa) => Generation::Genoa,
        Some(SnpGeneration::Turin) => Generation::Turin,
    };
    let attester = SimulatedSnpAttester::new(generation).map_err(ClientError::Attester)?;
    let attester = attester.debug(arguments.snp_debug);
    let Some(text) = &arguments.snp_measurement else {
        return Ok(attester);
    };
    let measurement = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    let measurement =
        measurement.ok_or_else(|| CliError::Usage("--snp-measurement is 48 bytes in hex".to_owned()))?;
    Ok(attester.measurement(measurement))
}

const TOKEN_WITHOUT_KEY: &str = "if `--attestation-token` is set, `--tee_key_file` argument should also be set: the \
    secret is sealed for the key that the token names";
