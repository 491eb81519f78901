//! Where the load goes.

use std::sync::Arc;

use anyhow::{Context, bail};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};

/// A server named by URL, with what is needed to connect to it.
#[derive(Clone)]
pub struct Target {
    /// `host:port`, as it goes into the `Host` header.
    pub authority: String,
    /// For `https`: the name to check and the roots to check it by.
    pub tls: Option<(ServerName<'static>, Arc<rustls::ClientConfig>)>,
}

impl Target {
    /// Reads `http://host:port` or `https://host:port`. `root_pem` is needed for `https`.
    pub fn parse(url: &str, root_pem: Option<&[u8]>) -> anyhow::Result<Self> {
        let (scheme, rest) = url
            .split_once("://")
            .context("the URL has no scheme: write http://host:port")?;
        let authority = rest.trim_end_matches('/');
        let Some((host, port)) = authority.rsplit_once(':') else {
            bail!("the URL {url} names no port")
        };
        port.parse::<u16>()
            .with_context(|| format!("the port in {url} is no number"))?;
        let tls = match scheme {
            "http" => None,
            "https" => Some((ServerName::try_from(host.to_owned())?, client_config(root_pem)?)),
            other => bail!("the scheme {other} is not http or https"),
        };
        Ok(Self {
            authority: authority.to_owned(),
            tls,
        })
    }
}

fn client_config(root_pem: Option<&[u8]>) -> anyhow::Result<Arc<rustls::ClientConfig>> {
    let mut roots = rustls::RootCertStore::empty();
    let pem = root_pem.context("an https target needs its root certificate: --cert-file PEM")?;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_scheme_host_and_port() {
        assert_eq!(
            Target::parse("http://127.0.0.1:8080/", None).unwrap().authority,
            "127.0.0.1:8080"
        );
        for bad in [
            "127.0.0.1:8080",
            "http://host",
            "http://host:x",
            "ftp://host:1",
            "https://host:1",
        ] {
            assert!(Target::parse(bad, None).is_err(), "{bad}");
        }
    }
}
