//! The list of sources. Adding one is a file, a line here, and its settings in `config`.

use std::path::Path;

use super::collateral_file::CollateralFile;
use super::hygon::{Hygon, HygonFiles};
use super::kds::Kds;
use super::nras::Nras;
use super::offline::OfflineStore;
use super::pcs::{INTEL, Pcs};
use super::source::EndorsementSource;
use crate::config::{
    CollateralServiceConfig, DcapVerifierConfig, HskCekSource, NvidiaVerifierConfig, VcekSource,
    VerifierConfig,
};
use crate::error::StartError;

/// Every source that `config` names. For each id, those that serve it are asked in this order.
pub(super) fn sources(config: &VerifierConfig) -> Result<Vec<Box<dyn EndorsementSource>>, StartError> {
    let mut sources: Vec<Box<dyn EndorsementSource>> = Vec::new();
    for source in &config.snp_verifier.vcek_sources {
        sources.push(match source {
            VcekSource::Kds(config) => Box::new(Kds::new(config)?),
            VcekSource::OfflineStore(config) => Box::new(OfflineStore::new(&config.path)),
        });
    }
    let dcap = &config.dcap_verifier;
    for service in collateral_services(dcap)? {
        sources.push(match service.url.strip_prefix("file://") {
            Some(path) => Box::new(CollateralFile::new(file_path(path)?, dcap.tcb_update_type)),
            None => Box::new(Pcs::new(&service, dcap.tcb_update_type)?),
        });
    }
    if let NvidiaVerifierConfig::Remote(config) = &config.nvidia_verifier {
        sources.push(Box::new(Nras::new(config)?));
    }
    for source in &config.csv_verifier.hsk_cek_sources {
        sources.push(match source {
            HskCekSource::OfflineStore(config) => Box::new(HygonFiles::new(&config.path)),
            HskCekSource::Hygon(config) => Box::new(Hygon::new(config)?),
        });
    }
    Ok(sources)
}

/// The list, or the one service, or Intel's own.
fn collateral_services(config: &DcapVerifierConfig) -> Result<Vec<CollateralServiceConfig>, StartError> {
    if config.use_secure_cert == Some(false) {
        tracing::warn!(
            "`dcap_verifier.use_secure_cert` has no effect: name the authority of a PCCS of your own with `ca` in \
             `collateral_services`"
        );
    }
    match (&config.collateral_service, &config.collateral_services) {
        (Some(_), Some(_)) => Err(StartError::Config(
            "verifier_config.dcap_verifier has `collateral_service` and `collateral_services`: use one of them".to_owned(),
        )),
        (Some(url), None) => Ok(vec![CollateralServiceConfig::new(url)]),
        (None, Some(services)) => Ok(services.clone()),
        (None, None) => Ok(vec![CollateralServiceConfig::new(INTEL)]),
    }
}

/// An absolute path: of another host's files nothing is known here.
fn file_path(path: &str) -> Result<&Path, StartError> {
    let path = Path::new(path);
    match path.is_absolute() {
        true => Ok(path),
        false => Err(StartError::Config(format!(
            "`file://{}` is not the URL of a file on this machine: it has three slashes",
            path.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services(json: &str) -> Result<Vec<String>, StartError> {
        daemon::init();
        let config = VerifierConfig {
            dcap_verifier: serde_json::from_str(json).unwrap(),
            ..VerifierConfig::default()
        };
        let sources = sources(&config)?;
        Ok(sources
            .iter()
            .map(|source| source.name().to_owned())
            .skip(1)
            .filter(|name| !name.contains("hygon"))
            .collect())
    }

    #[test]
    fn without_a_word_intel_is_asked() {
        assert_eq!(services("{}").unwrap(), ["https://api.trustedservices.intel.com"]);
    }

    #[test]
    fn of_a_url_scheme_host_and_port_count() {
        let url = r#"{"collateral_service": "https://pccs.example:8081/sgx/certification/v4/"}"#;
        assert_eq!(services(url).unwrap(), ["https://pccs.example:8081"]);
    }

    #[test]
    fn several_are_asked_in_their_order_files_among_them() {
        let list = r#"{"collateral_services": [{"url": "file:///a/b.json"}, {"url": "http://pccs", "timeout_seconds": 2}],
            "tcb_update_type": "standard", "use_secure_cert": false}"#;
        assert_eq!(services(list).unwrap(), ["file:///a/b.json", "http://pccs"]);
        assert!(services(r#"{"collateral_services": []}"#).unwrap().is_empty());
    }

    #[test]
    fn what_cannot_be_asked_stops_the_start() {
        for json in [
            r#"{"collateral_service": "pccs.example"}"#,
            r#"{"collateral_service": "file://host/b.json"}"#,
            r#"{"collateral_service": "file://b.json"}"#,
            r#"{"collateral_service": "https://user:secret@pccs"}"#,
            r#"{"collateral_service": "https://a", "collateral_services": []}"#,
            r#"{"collateral_services": [{"url": "https://a", "ca": "/nowhere"}]}"#,
        ] {
            let error = services(json).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
