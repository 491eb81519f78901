use std::path::PathBuf;

use serde::Deserialize;

use super::BackendSetupError;

/// Where the documents put resources that are files.
pub(super) const DEFAULT_REPOSITORY: &str = "/opt/confidential-containers/kbs/repository";

/// The table of the plugin `resource`, without its `name` (wire facts,
/// kbs-config section 7).
///
/// One flat table, so that a misspelt key is named whatever the type.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceConfig {
    /// Where resources are kept.
    #[serde(alias = "type", default)]
    pub storage_backend_type: ResourceBackendType,

    /// `LocalFs`: the repository. Default
    /// `/opt/confidential-containers/kbs/repository`.
    pub dir_path: Option<PathBuf>,

    /// `Aliyun`: the client key.
    pub client_key: Option<String>,
    /// `Aliyun`: the KMS instance.
    pub kms_instance_id: Option<String>,
    /// `Aliyun`: the client key's password.
    pub password: Option<String>,
    /// `Aliyun`: the instance's certificate.
    pub cert_pem: Option<String>,

    /// `Aws`: the region.
    pub region: Option<String>,
    /// `Aws` and `Gcp`: another address of the service.
    pub endpoint_url: Option<String>,
    /// `Gcp`: the project.
    pub project_id: Option<String>,

    /// `Vault`: its address.
    pub vault_url: Option<String>,
    /// `Vault`: the token to log in with.
    pub token: Option<String>,
    /// `Vault`: where the KV engine is mounted.
    pub mount_path: Option<String>,
    /// `Vault`: whether its certificate is checked.
    pub verify_ssl: Option<bool>,
    /// `Vault`: certificate authorities to trust.
    pub ca_certs: Option<Vec<PathBuf>>,
}

/// The kinds of place for resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum ResourceBackendType {
    /// The KBS's own storage backend. Where that is `LocalFs`, the resources
    /// are files as in the type of that name.
    #[serde(alias = "kvstorage")]
    KvStorage,
    /// A directory tree `<dir_path>/<repository>/<type>/<tag>`.
    #[serde(alias = "localfs", alias = "local_fs")]
    #[default]
    LocalFs,
    /// Alibaba Cloud KMS.
    #[serde(alias = "aliyun")]
    Aliyun,
    /// AWS Secrets Manager.
    #[serde(alias = "aws")]
    Aws,
    /// Google Cloud Secret Manager.
    #[serde(alias = "gcp")]
    Gcp,
    /// HashiCorp Vault or OpenBao, KV version 1.
    #[serde(alias = "vault")]
    Vault,
}

impl ResourceBackendType {
    /// The name as in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::KvStorage => "kvstorage",
            Self::LocalFs => "LocalFs",
            Self::Aliyun => "Aliyun",
            Self::Aws => "Aws",
            Self::Gcp => "Gcp",
            Self::Vault => "Vault",
        }
    }
}

impl ResourceConfig {
    /// Refuses keys that the chosen type does not read.
    pub(super) fn check(&self) -> Result<(), BackendSetupError> {
        use ResourceBackendType as Type;
        let keys = [
            ("dir_path", self.dir_path.is_some(), &[Type::LocalFs][..]),
            ("client_key", self.client_key.is_some(), &[Type::Aliyun]),
            ("kms_instance_id", self.kms_instance_id.is_some(), &[Type::Aliyun]),
            ("password", self.password.is_some(), &[Type::Aliyun]),
            ("cert_pem", self.cert_pem.is_some(), &[Type::Aliyun]),
            ("region", self.region.is_some(), &[Type::Aws]),
            (
                "endpoint_url",
                self.endpoint_url.is_some(),
                &[Type::Aws, Type::Gcp],
            ),
            ("project_id", self.project_id.is_some(), &[Type::Gcp]),
            ("vault_url", self.vault_url.is_some(), &[Type::Vault]),
            ("token", self.token.is_some(), &[Type::Vault]),
            ("mount_path", self.mount_path.is_some(), &[Type::Vault]),
            ("verify_ssl", self.verify_ssl.is_some(), &[Type::Vault]),
            ("ca_certs", self.ca_certs.is_some(), &[Type::Vault]),
        ];
        let odd = keys
            .iter()
            .find(|(_, given, types)| *given && !types.contains(&self.storage_backend_type));
        match odd {
            Some((key, _, _)) => Err(BackendSetupError::NotForThisType(key)),
            None => Ok(()),
        }
    }
}

// Some of the fields are credentials.
impl std::fmt::Debug for ResourceConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResourceConfig")
            .field("storage_backend_type", &self.storage_backend_type)
            .field("dir_path", &self.dir_path)
            .finish_non_exhaustive()
    }
}
