use jose::tee_key::{TeeKeyKind, TeePrivateKey};
use serde_json::json;
use storage::Memory;

use super::*;
use crate::token::AttestationResult;

pub(super) fn resource_path(text: &str) -> ResourcePath {
    text.parse().unwrap()
}

pub(super) fn secret(text: &str) -> Secret {
    Secret::from(text.as_bytes().to_vec())
}

/// Reads with a permit for `resource/<path>`.
pub(super) async fn read_as_guest(
    backend: &dyn ResourceBackend,
    path: &str,
) -> Result<Vec<u8>, BackendError> {
    read_plugin(backend, "resource", path).await
}

async fn read_plugin(
    backend: &dyn ResourceBackend,
    plugin: &str,
    path: &str,
) -> Result<Vec<u8>, BackendError> {
    let tee_key = TeePrivateKey::generate(TeeKeyKind::P256)
        .unwrap()
        .public_key()
        .unwrap();
    let result = AttestationResult::for_tests(&json!({}), tee_key, 0);
    let segments: Vec<String> = path.split('/').map(str::to_owned).collect();
    let permit = ReleasePermit::for_tests(&result, plugin, &segments);
    backend.read(&permit).await.map(|secret| secret.expose().to_vec())
}

fn config(json: serde_json::Value) -> ResourceConfig {
    serde_json::from_value(json).unwrap()
}

fn storage_in(dir: &Path, storage_type: StorageType) -> StorageConfig {
    StorageConfig {
        storage_type,
        backends: storage::Backends {
            local_fs: Some(storage::LocalFsConfig {
                dir_path: dir.to_path_buf(),
            }),
            ..Default::default()
        },
    }
}

/// Small, and not the usual one.
pub(super) const LIMIT: usize = 1 << 20;

#[tokio::test]
async fn a_store_keeps_lists_and_forgets_resources() {
    let backend = KvBackend::new(Arc::new(Memory::new()), LIMIT);
    let grant = AdminGrant::for_tests();
    let (one, two) = (resource_path("a/b/1"), resource_path("a/b/2"));
    backend.write(&grant, &two, &secret("second")).await.unwrap();
    backend.write(&grant, &one, &secret("first")).await.unwrap();
    backend.write(&grant, &one, &secret("replaced")).await.unwrap();
    assert_eq!(read_as_guest(&backend, "a/b/1").await.unwrap(), b"replaced");
    assert_eq!(backend.list(&grant).await.unwrap(), [one.clone(), two]);
    backend.delete(&grant, &one).await.unwrap();
    assert!(matches!(
        backend.delete(&grant, &one).await,
        Err(BackendError::NotFound)
    ));
    assert!(matches!(
        read_as_guest(&backend, "a/b/1").await,
        Err(BackendError::NotFound)
    ));
    let too_large = Secret::from(vec![0; LIMIT + 1]);
    let refused = backend.write(&grant, &one, &too_large).await;
    assert!(matches!(refused, Err(BackendError::TooLarge { .. })));
}

#[tokio::test]
async fn a_permit_for_something_else_reads_no_resource() {
    let dir = tempfile::tempdir().unwrap();
    let grant = AdminGrant::for_tests();
    let backends: [Arc<dyn ResourceBackend>; 2] = [
        Arc::new(KvBackend::new(Arc::new(Memory::new()), LIMIT)),
        Arc::new(LocalFsBackend::open(dir.path(), Form::Nested, LIMIT).unwrap()),
    ];
    for backend in backends {
        backend
            .write(&grant, &resource_path("a/b/c"), &secret("canary"))
            .await
            .unwrap();
        for (plugin, path) in [
            ("sample", "a/b/c"),
            ("resource", "a/b"),
            ("resource", "a/b/../b/c"),
        ] {
            let refused = read_plugin(backend.as_ref(), plugin, path).await;
            assert!(matches!(refused, Err(BackendError::Path(_))), "{plugin} {path}");
        }
    }
}

#[tokio::test]
async fn with_local_fs_storage_resources_are_flat_files_below_repository() {
    let dir = tempfile::tempdir().unwrap();
    let storage = storage_in(dir.path(), StorageType::LocalFs);
    let backend = open(
        &config(json!({"storage_backend_type": "kvstorage"})),
        &storage,
        LIMIT,
    )
    .unwrap();
    let grant = AdminGrant::for_tests();
    backend
        .write(&grant, &resource_path("default/key/1"), &secret("v"))
        .await
        .unwrap();
    assert_eq!(
        std::fs::read(dir.path().join(r"repository/default\x2Fkey\x2F1")).unwrap(),
        b"v"
    );
}

#[tokio::test]
async fn with_other_storage_resources_are_in_its_repository_namespace() {
    let dir = tempfile::tempdir().unwrap();
    let storage = storage_in(dir.path(), StorageType::Memory);
    let backend = open(
        &config(json!({"storage_backend_type": "KvStorage"})),
        &storage,
        LIMIT,
    )
    .unwrap();
    let grant = AdminGrant::for_tests();
    backend
        .write(&grant, &resource_path("default/key/1"), &secret("v"))
        .await
        .unwrap();
    assert_eq!(
        read_as_guest(backend.as_ref(), "default/key/1").await.unwrap(),
        b"v"
    );
    assert!(!dir.path().join("repository").exists());
}

#[tokio::test]
async fn the_older_form_names_its_directory() {
    let dir = tempfile::tempdir().unwrap();
    let table = json!({"type": "LocalFs", "dir_path": dir.path()});
    let backend = open(&config(table), &StorageConfig::default(), LIMIT).unwrap();
    std::fs::create_dir_all(dir.path().join("a/b")).unwrap();
    std::fs::write(dir.path().join("a/b/c"), "by hand").unwrap();
    assert_eq!(
        read_as_guest(backend.as_ref(), "a/b/c").await.unwrap(),
        b"by hand"
    );
}

#[test]
fn backends_of_later_versions_are_read_and_named() {
    let tables = [
        json!({"storage_backend_type": "aliyun", "client_key": "k", "kms_instance_id": "i", "password": "p", "cert_pem": "c"}),
        json!({"storage_backend_type": "Aws", "region": "r", "endpoint_url": "u"}),
        json!({"storage_backend_type": "gcp", "project_id": "p"}),
        json!({"storage_backend_type": "Vault", "vault_url": "u", "token": "t", "mount_path": "m", "verify_ssl": true, "ca_certs": []}),
    ];
    for table in tables {
        let refused = open(&config(table.clone()), &StorageConfig::default(), LIMIT);
        assert!(
            matches!(refused, Err(BackendSetupError::NotInThisVersion(_))),
            "{table}"
        );
    }
}

#[test]
fn keys_that_do_not_belong_are_refused() {
    let misspelt = serde_json::from_value::<ResourceConfig>(
        json!({"storage_backend_type": "kvstorage", "dirpath": "/x"}),
    );
    assert!(misspelt.unwrap_err().to_string().contains("dir_path"));
    let of_another_type = config(json!({"storage_backend_type": "kvstorage", "dir_path": "/x"}));
    let refused = open(&of_another_type, &StorageConfig::default(), LIMIT);
    assert!(matches!(
        refused,
        Err(BackendSetupError::NotForThisType("dir_path"))
    ));
}

#[test]
fn credentials_of_the_table_are_not_shown() {
    let table = json!({"storage_backend_type": "Vault", "vault_url": "u", "token": "canary"});
    assert!(!format!("{:#?}", config(table)).contains("canary"));
}
