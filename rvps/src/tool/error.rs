//! What can go wrong, said so that its reader knows what to do.

use std::{io, path::PathBuf};

use daemon::grpc::GrpcClientError;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The arguments do not fit together, or name unusable TLS files.
    #[error("{0}")]
    Usage(String),

    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },

    /// The message or the file is not what it should be.
    #[error("{0}")]
    Message(String),

    /// Nobody answers.
    #[error(
        "the RVPS at {address} cannot be reached: {cause}\nIs it running, and is the address right? Where it \
         serves TLS, use https:// and --ca-cert; where it asks for a certificate, --client-cert and --client-key."
    )]
    Unreachable {
        /// The address.
        address: String,
        /// What the connection says.
        cause: String,
    },

    /// The RVPS does not know the caller.
    #[error(
        "the RVPS does not know who you are: {0}\nUse --token-file, or --client-cert and --client-key, as its operator \
         has configured."
    )]
    Unauthenticated(String),

    /// There is no such value.
    #[error("there is no reference value {id:?}{}", did_you_mean(nearest.as_deref()))]
    NotFound {
        /// The name.
        id: String,
        /// One that looks almost the same and is there.
        nearest: Option<String>,
    },

    /// There is no such version any more.
    #[error("{id:?} has no version {number} that is remembered")]
    NoVersion {
        /// The name.
        id: String,
        /// The version.
        number: u64,
    },

    /// The RVPS said no.
    #[error("the RVPS refused: {0}")]
    Refused(String),

    /// Not one of ours.
    #[error(
        "this RVPS cannot list its reference values: it is another implementation. Ask for one by name: \
         rvps-tool query --reference-value-id ID"
    )]
    NoList,

    /// Not one of ours, either.
    #[error("this RVPS does not offer this: it is another implementation, or an older one")]
    NotOffered,

    /// The answer is no JSON.
    #[error("the RVPS answered with something that is not JSON: {0}")]
    Answer(String),

    /// The result cannot be written.
    #[error("cannot write the result: {0}")]
    Output(io::Error),
}

impl ToolError {
    /// The exit status of the process.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Unreachable { .. } => 6,
            _ => 1,
        }
    }
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || ": see `rvps-tool list` for those that there are".to_owned(),
        |nearest| format!("; did you mean {nearest:?}?"),
    )
}

impl From<GrpcClientError> for ToolError {
    fn from(error: GrpcClientError) -> Self {
        Self::Usage(match error {
            GrpcClientError::TlsMissing(address) => {
                format!("{address} needs --ca-cert FILE with the authorities of the RVPS's certificate")
            }
            GrpcClientError::TlsUnused(address) => {
                format!("--ca-cert is given, but {address} is not an https address")
            }
            other => other.to_string(),
        })
    }
}
