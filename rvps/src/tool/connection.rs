//! How to reach the RVPS, and how to show what it says.

use std::{net::IpAddr, path::PathBuf};

use clap::Args;
use tonic::{Request, Status, metadata::MetadataValue, service::Interceptor};

use super::{Format, ToolError};

/// How to reach the RVPS, and how to show what it says.
#[derive(Debug, Args)]
pub(super) struct Connection {
    /// Address of the RVPS. Without a scheme it is https if --ca-cert is given, else http.
    #[arg(short, long, value_name = "ADDRESS", default_value = "http://127.0.0.1:50003")]
    pub(super) addr: String,

    /// PEM file with the authorities of the RVPS's certificate, for https.
    #[arg(long, value_name = "FILE")]
    pub(super) ca_cert: Option<PathBuf>,

    /// PEM file with the certificate to present, where the RVPS asks for one.
    #[arg(long, value_name = "FILE", requires_all = ["client_key", "ca_cert"])]
    pub(super) client_cert: Option<PathBuf>,

    /// PEM file with the private key of --client-cert.
    #[arg(long, value_name = "FILE", requires = "client_cert")]
    pub(super) client_key: Option<PathBuf>,

    /// File with the bearer token to present, where the RVPS asks for one.
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,

    /// Send the token to another machine without TLS, where everybody on the way can read it.
    #[arg(long, requires = "token_file")]
    pub(super) insecure_plain_token: bool,

    /// What the result looks like.
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    pub(super) output: Format,
}

impl Connection {
    /// The address with its scheme.
    pub(super) fn address(&self) -> String {
        match (self.addr.contains("://"), &self.ca_cert) {
            (true, _) => self.addr.clone(),
            (false, None) => format!("http://{}", self.addr),
            (false, Some(_)) => format!("https://{}", self.addr),
        }
    }

    /// What to present with each call.
    pub(super) fn credential(&self) -> Result<Credential, ToolError> {
        let Some(path) = &self.token_file else {
            return Ok(Credential(None));
        };
        if !self.address().starts_with("https://") && !self.is_local() && !self.insecure_plain_token {
            return Err(ToolError::Usage(
                "the token would go over the network in the clear: use https:// with --ca-cert, or say \
                 --insecure-plain-token"
                    .to_owned(),
            ));
        }
        let token = std::fs::read_to_string(path).map_err(|source| ToolError::File {
            path: path.clone(),
            source,
        })?;
        let header = format!("Bearer {}", token.trim());
        let mut value: MetadataValue<_> = header
            .parse()
            .map_err(|_| ToolError::Usage(format!("{} holds no bearer token", path.display())))?;
        value.set_sensitive(true);
        Ok(Credential(Some(value)))
    }

    fn is_local(&self) -> bool {
        let address = self.address();
        let authority = address
            .split("://")
            .nth(1)
            .and_then(|rest| rest.split('/').next())
            .unwrap_or_default();
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// A bearer token for every call, or nothing.
#[derive(Clone)]
pub(super) struct Credential(Option<MetadataValue<tonic::metadata::Ascii>>);

impl Interceptor for Credential {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}
