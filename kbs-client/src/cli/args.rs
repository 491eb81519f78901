//! What can be said on the command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::audit::AuditArgs;
use super::credential::CredentialArgs;
use super::decisions::DecisionsArgs;
use super::examples;
use super::policy::PolicyArgs;
pub use super::reference_values::ReferenceValueCommand;
pub use super::resource_policies::{ResourcePolicyCommand, SetResourcePolicyArgs};

use super::history::HistoryCommand;
#[cfg(feature = "simulated-tees")]
use crate::attester::simulated::{DEVICES, TEES};

/// Gets secrets from a Key Broker Service as a guest, and sets one up as its administrator.
#[derive(Debug, Parser)]
#[command(name = "KBS client", bin_name = "kbs-client", version, after_help = EXAMPLES)]
pub struct Cli {
    /// Root URL of the KBS.
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:8080",
        global = true
    )]
    pub url: String,

    /// PEM file with a root certificate to trust, beside the system's.
    #[arg(long, value_name = "PEM", global = true)]
    pub cert_file: Option<PathBuf>,

    /// How results and errors are written.
    #[arg(long, value_enum, default_value_t = OutputFormat::Text, global = true)]
    pub output: OutputFormat,

    /// What makes a guest's evidence.
    #[command(flatten)]
    pub attester: AttesterArgs,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Text,
    /// One JSON object: the result on stdout, an error on stderr.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Administer the KBS: resources, policies, reference values.
    #[command(arg_required_else_help = true)]
    Config(ConfigArgs),
    /// See what the KBS decided about guests, and why.
    #[command(arg_required_else_help = true)]
    Decisions(DecisionsArgs),
    /// See what a policy would change before it is set.
    #[command(arg_required_else_help = true)]
    Policy(PolicyArgs),
    /// Prove that nothing was cut out of an audit log, or changed in it.
    #[command(arg_required_else_help = true)]
    Audit(AuditArgs),
    /// Attest if need be, get a resource and print it in base64.
    #[command(arg_required_else_help = true)]
    #[command(after_help = examples::GET_RESOURCE)]
    GetResource(GetResourceArgs),
    /// Attest, and print the attestation token.
    #[command(after_help = examples::ATTEST)]
    Attest(AttestArgs),
    /// Prepare init-data: what a guest is configured with, bound to its evidence.
    #[command(arg_required_else_help = true)]
    #[command(after_help = examples::INIT_DATA)]
    InitData(InitDataArgs),
}

/// `init-data`.
#[derive(Debug, Args)]
pub struct InitDataArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: InitDataCommand,
}

/// What can be done with init-data. No KBS is asked.
#[derive(Debug, Subcommand)]
pub enum InitDataCommand {
    /// Print the digest of a document, and what the register of each platform must hold to be bound to it.
    Digest {
        /// The document: TOML with `version`, `algorithm` and a table `data`.
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        /// Print the register's value of this TEE alone, in hex.
        #[arg(long, value_name = "TEE")]
        tee: Option<String>,
    },
}

/// `attest`.
#[derive(Debug, Args)]
#[command(after_help = ATTEST_EXAMPLES)]
pub struct AttestArgs {
    /// PEM private key to use as the TEE key, instead of a fresh one.
    #[arg(long, value_name = "PEM")]
    pub tee_key_file: Option<PathBuf>,

    /// Ask to be judged by this attestation policy, without the class suffix: one that the KBS's operator lets clients
    /// choose (`client_policy_ids`). What the operator says of the guest's init-data comes first.
    #[arg(long, value_name = "ID")]
    pub policy_id: Option<String>,

    /// Keep the evidence in this file, also if the KBS refuses it, for `policy test --evidence`. No secret is in it: it
    /// holds the TEE's evidence, the nonce and the public TEE key that it is bound to, and the init-data. It can name the
    /// chip.
    #[arg(long, value_name = "FILE")]
    pub save_evidence: Option<PathBuf>,

    /// Init-data: the TOML text itself, not a path.
    #[arg(value_name = "INIT_DATA")]
    pub init_data: Option<String>,
}

/// `get-resource`.
#[derive(Debug, Args)]
pub struct GetResourceArgs {
    /// `repository/type/tag`, `kbs:///repository/type/tag` or `kbs+<plugin>://…`; host and port are ignored.
    #[arg(long, value_name = "PATH|URI")]
    pub path: String,

    /// PEM private key to use as the TEE key, instead of a fresh one.
    #[arg(long, value_name = "PEM")]
    pub tee_key_file: Option<PathBuf>,

    /// File with an attestation token to show instead of attesting; needs the TEE key it was made with.
    #[arg(long, value_name = "FILE")]
    pub attestation_token: Option<PathBuf>,

    /// Ask to be judged by this attestation policy, without the class suffix: one that the KBS's operator lets clients
    /// choose (`client_policy_ids`). What the operator says of the guest's init-data comes first.
    #[arg(long, value_name = "ID", conflicts_with = "attestation_token")]
    pub policy_id: Option<String>,

    /// Keep the evidence in this file, also if the KBS refuses it, for `policy test --evidence`. No secret is in it: it
    /// holds the TEE's evidence, the nonce and the public TEE key that it is bound to, and the init-data. It can name the
    /// chip.
    #[arg(long, value_name = "FILE", conflicts_with = "attestation_token")]
    pub save_evidence: Option<PathBuf>,

    /// Init-data: the TOML text itself, not a path.
    #[arg(value_name = "INIT_DATA")]
    pub init_data: Option<String>,
}

/// What makes the evidence.
#[derive(Debug, Args)]
pub struct AttesterArgs {
    /// What makes the evidence: `auto` (`tsm` in a TEE that it knows, else `sample`), `tsm` (SEV-SNP or TDX, by
    /// /sys/kernel/config/tsm/report; takes root), `sample`, or, in builds for demonstrations, `simulated-TEE` (signed
    /// by keys that everybody knows).
    #[arg(long, default_value = "auto", global = true, value_name = "NAME")]
    pub attester: AttesterKind,

    /// Devices to attest beside it: `sampledevice`, or, in builds for demonstrations, `simulated-DEVICE` with how many
    /// of them, such as `simulated-nvidia:8`. May be repeated, once a kind.
    #[arg(long = "device", global = true, value_name = "NAME[:COUNT]")]
    pub devices: Vec<DeviceKind>,

    /// The simulated SEV-SNP platform.
    #[cfg(feature = "simulated-tees")]
    #[command(flatten)]
    pub simulated: SimulatedSnpArgs,
}

/// The attesters that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttesterKind {
    /// The TEE this runs in, or `sample`.
    Auto,
    /// The TEE this runs in.
    Tsm,
    /// Evidence with no hardware behind it.
    Sample,
    /// Evidence in the form of the named TEE, signed by keys that everybody knows.
    #[cfg(feature = "simulated-tees")]
    Simulated(&'static str),
}

impl FromStr for AttesterKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "auto" => return Ok(Self::Auto),
            "tsm" => return Ok(Self::Tsm),
            "sample" => return Ok(Self::Sample),
            _ => {}
        }
        #[cfg(feature = "simulated-tees")]
        if let Some(tee) = name.strip_prefix("simulated-")
            && let Some(tee) = TEES.into_iter().find(|known| *known == tee)
        {
            return Ok(Self::Simulated(tee));
        }
        Err(format!("there are these attesters: {}", Self::names().join(", ")))
    }
}

impl AttesterKind {
    fn names() -> Vec<String> {
        #[cfg(feature = "simulated-tees")]
        let simulated = TEES.into_iter().map(|tee| format!("simulated-{tee}"));
        #[cfg(not(feature = "simulated-tees"))]
        let simulated = std::iter::empty();
        ["auto", "tsm", "sample"]
            .map(str::to_owned)
            .into_iter()
            .chain(simulated)
            .collect()
    }
}

/// The attesters of devices that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// Evidence with no hardware behind it.
    Sample,
    /// Evidence of so many devices in the form of the named kind, signed by keys that everybody knows.
    #[cfg(feature = "simulated-tees")]
    Simulated(&'static str, usize),
}

impl FromStr for DeviceKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "sampledevice" {
            return Ok(Self::Sample);
        }
        #[cfg(feature = "simulated-tees")]
        if let Some(text) = text.strip_prefix("simulated-") {
            let (name, count) = text.split_once(':').unwrap_or((text, "1"));
            let device = DEVICES.into_iter().find(|known| *known == name);
            let count = count
                .parse()
                .ok()
                .filter(|count| (1..=MAX_DEVICES).contains(count));
            if let (Some(device), Some(count)) = (device, count) {
                return Ok(Self::Simulated(device, count));
            }
        }
        Err(format!("there are these devices: {}", Self::names().join(", ")))
    }
}

impl DeviceKind {
    fn names() -> Vec<String> {
        #[cfg(feature = "simulated-tees")]
        let simulated = DEVICES
            .into_iter()
            .map(|device| format!("simulated-{device}[:1…{MAX_DEVICES}]"));
        #[cfg(not(feature = "simulated-tees"))]
        let simulated = std::iter::empty();
        ["sampledevice".to_owned()].into_iter().chain(simulated).collect()
    }
}

/// More than any machine has.
#[cfg(feature = "simulated-tees")]
const MAX_DEVICES: usize = 32;

/// The simulated SEV-SNP platform.
#[cfg(feature = "simulated-tees")]
#[derive(Debug, Args)]
pub struct SimulatedSnpArgs {
    /// Generation of the simulated processor. Default: milan.
    #[arg(long, value_enum, value_name = "NAME", global = true)]
    pub snp_generation: Option<SnpGeneration>,

    /// Launch measurement of the simulated guest: 48 bytes in hex.
    #[arg(long, value_name = "HEX", global = true)]
    pub snp_measurement: Option<String>,

    /// Let the simulated guest's policy allow debugging.
    #[arg(long, global = true)]
    pub snp_debug: bool,
}

#[cfg(feature = "simulated-tees")]
impl SimulatedSnpArgs {
    /// The first of these flags that is given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let flags = [
            ("--snp-generation", self.snp_generation.is_some()),
            ("--snp-measurement", self.snp_measurement.is_some()),
            ("--snp-debug", self.snp_debug),
        ];
        flags.into_iter().find_map(|(flag, given)| given.then_some(flag))
    }
}

/// Processors that can be simulated.
#[cfg(feature = "simulated-tees")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SnpGeneration {
    /// EPYC 7003.
    Milan,
    /// EPYC 9004.
    Genoa,
    /// EPYC 9005.
    Turin,
}

/// `config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// Who administers.
    #[command(flatten)]
    pub credential: CredentialArgs,

    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What an administrator can do.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Set an attestation policy: how evidence is judged.
    #[command(after_help = examples::SET_ATTESTATION_POLICY)]
    SetAttestationPolicy {
        /// Rego file.
        #[arg(long, value_name = "FILE")]
        policy_file: PathBuf,
        /// Language of the policy.
        #[arg(long, value_name = "TYPE", default_value = "rego")]
        r#type: String,
        /// Id with the class of TEEs, such as `default_cpu` (the default) or `default_gpu`.
        #[arg(long, value_name = "ID")]
        id: Option<String>,
        /// Refuse a policy that reads a claim no verifier gives, or a reference value that is not registered. Without
        /// it, such a policy is set, with a warning.
        #[arg(long)]
        strict: bool,
    },
    /// Show an attestation policy.
    GetAttestationPolicy {
        /// Id with the class of TEEs.
        #[arg(long, value_name = "ID", default_value = "default_cpu")]
        id: String,
        /// Number of a version, instead of the one in force.
        #[arg(long, value_name = "N")]
        version: Option<u64>,
    },
    /// What became of policies.
    #[command(flatten)]
    History(HistoryCommand),
    /// List the attestation policies.
    ListAttestationPolicies,
    /// Set the resource policy: which guest gets which resource.
    SetResourcePolicy(SetResourcePolicyArgs),
    /// Show the resource policy in force.
    GetResourcePolicy {
        /// Id of the policy.
        #[arg(long, value_name = "ID", default_value = "resource-policy")]
        id: String,
        /// Show this version of it instead.
        #[arg(long, value_name = "NUMBER")]
        version: Option<u64>,
    },
    /// List the resource policies: the one for everything, and those with a scope.
    ListResourcePolicies,
    /// What else can be done with resource policies.
    #[command(flatten)]
    ResourcePolicies(ResourcePolicyCommand),
    /// Store a resource, in place of what was there.
    #[command(after_help = examples::SET_RESOURCE)]
    SetResource {
        /// `repository/type/tag` or `kbs:///repository/type/tag`.
        #[arg(long, value_name = "PATH|URI")]
        path: String,
        /// File with the content.
        #[arg(long, value_name = "FILE")]
        resource_file: PathBuf,
    },
    /// Delete a resource.
    DeleteResource {
        /// `repository/type/tag` or `kbs:///repository/type/tag`.
        #[arg(long, value_name = "PATH|URI")]
        path: String,
    },
    /// List the resources.
    ListResources,
    /// Show a reference value.
    GetReferenceValue {
        /// Its name.
        #[arg(long, value_name = "ID")]
        id: String,
    },
    /// List the reference values.
    ListReferenceValues,
    /// What else can be done with reference values.
    #[command(flatten)]
    ReferenceValues(ReferenceValueCommand),
    /// Register a reference value, in place of what was there: a string in a list, unless a flag says otherwise.
    #[command(after_help = examples::SET_SAMPLE_REFERENCE_VALUE)]
    SetSampleReferenceValue {
        /// Its name.
        name: String,
        /// Its value.
        #[arg(allow_negative_numbers = true)]
        value: String,
        /// The value is an integer.
        #[arg(long, conflicts_with = "as_bool")]
        as_integer: bool,
        /// The value is `true` or `false`.
        #[arg(long)]
        as_bool: bool,
        /// Register the value itself, not a list of it.
        #[arg(long)]
        as_single_value: bool,
        /// Add it to the list that is registered, instead of replacing that. The whole list is good for another year
        /// then.
        #[arg(long, conflicts_with = "as_single_value")]
        add: bool,
    },
}

/// `config set-resource-policy`: exactly one of these.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct ResourcePolicyArgs {
    /// Rego file.
    #[arg(long, value_name = "FILE")]
    pub policy_file: Option<PathBuf>,
    /// Release every resource to every guest that has attested, a sample one included.
    #[arg(long)]
    pub allow_all: bool,
    /// Release nothing.
    #[arg(long)]
    pub deny_all: bool,
    /// Release to guests all of whose parts are affirming.
    #[arg(long)]
    pub affirming: bool,
    /// The policy that a KBS starts with: any TEE but the sample one, and none in debug mode.
    #[arg(long)]
    pub default: bool,
}

const EXAMPLES: &str = "\
Examples:
  Store a secret, as the administrator:
    kbs-client --url https://kbs:8080 --cert-file ca.pem config --auth-private-key admin.key \\
      set-resource --path default/key/1 --resource-file key.bin

  Get it, as a guest:
    kbs-client --url https://kbs:8080 --cert-file ca.pem get-resource --path kbs:///default/key/1

  Attest once, and use the token and its key later:
    kbs-client attest --tee-key-file tee.pem > token
    kbs-client get-resource --tee-key-file tee.pem --attestation-token token --path default/key/1

  Ask to be judged by another attestation policy than `default`:
    kbs-client get-resource --policy-id strict --path default/key/1

  Start a guest with init-data: what the host has to put into the platform's register:
    kbs-client init-data digest --file initdata.toml --tee snp

  Vouch for a measurement, and release only to guests that are vouched for:
    kbs-client config --auth-private-key admin.key set-sample-reference-value snp_launch_measurement 7a61…
    kbs-client config --auth-private-key admin.key set-resource-policy --affirming

  See why a guest was refused; the id is in what the guest was answered:
    kbs-client decisions --auth-private-key admin.key show 6921aabc-3f9c2e81d04b7a55

Exit codes:
  0 done   1 other failure   2 wrong arguments   3 denied by policy   4 not found
  5 admin credential not accepted   6 KBS unreachable or unavailable   7 attestation refused
  8 an audit log that is not whole";

const ATTEST_EXAMPLES: &str = "\
Examples:
  Attest, and keep the token and the evidence:
    kbs-client attest --save-evidence evidence.json > token.jwt

  What would another policy make of that guest? (an administrator asks, anywhere)
    kbs-client policy test --admin-token-file token --evidence evidence.json --policy new.rego";
