//! The other machines.

use super::{ClaimPaths, NONE, shared};

/// Arm CCA.
pub(super) const CCA: ClaimPaths = ClaimPaths {
    always: &[
        "appraisal/platform/configuration",
        "appraisal/platform/executables",
        "appraisal/platform/hardware",
        "appraisal/platform/instance-identity",
        "appraisal/platform/runtime-opaque",
        "appraisal/realm/executables",
        "appraisal/realm/instance-identity",
        "platform/cca-platform-challenge",
        "platform/cca-platform-config",
        "platform/cca-platform-hash-algo-id",
        "platform/cca-platform-implementation-id",
        "platform/cca-platform-instance-id",
        "platform/cca-platform-lifecycle",
        "platform/cca-platform-lifecycle-state",
        "platform/cca-platform-profile",
        "platform/cca-platform-sw-components/*/measurement-value",
        "platform/cca-platform-sw-components/*/signer-id",
        "realm/cca-realm-challenge",
        "realm/cca-realm-extensible-measurements/*",
        "realm/cca-realm-hash-algo-id",
        "realm/cca-realm-initial-measurement",
        "realm/cca-realm-personalization-value",
        "realm/cca-realm-public-key",
        "realm/cca-realm-public-key-hash-algo-id",
    ],
    sometimes: &[
        "platform/cca-platform-service-indicator",
        "platform/cca-platform-sw-components/*/measurement-description",
        "platform/cca-platform-sw-components/*/measurement-type",
        "platform/cca-platform-sw-components/*/version",
        "realm/cca-realm-instance-id",
        "realm/cca-realm-mec-policy",
        "realm/cca-realm-profile",
    ],
    ..NONE
};

/// Hygon CSV.
pub(super) const CSV: ClaimPaths = ClaimPaths {
    always: &[
        "measure",
        "mnonce",
        "policy/api_major",
        "policy/api_minor",
        "policy/asid_reuse",
        "policy/cek_version",
        "policy/csv",
        "policy/csv3",
        "policy/domain",
        "policy/es",
        "policy/hsk_version",
        "policy/nodbg",
        "policy/noks",
        "policy/nosend",
        "serial_number",
        "sig_algo",
        "sig_usage",
        "user_pubkey_digest",
        "version",
        "vm_id",
        "vm_version",
    ],
    sometimes: &[
        "anonce",
        "build",
        "reserved0",
        "reserved1",
        "rtmr0",
        "rtmr1",
        "rtmr2",
        "rtmr3",
        "rtmr4",
        "rtmr_version",
    ],
    groups: &[shared::EVENT_LOG],
    ..NONE
};

/// The sample TEE.
pub(super) const SAMPLE: ClaimPaths = ClaimPaths {
    always: &[
        "debug",
        "launch_digest",
        "platform_version/major",
        "platform_version/minor",
        "svn",
    ],
    ..NONE
};

/// The sample device.
pub(super) const SAMPLE_DEVICE: ClaimPaths = ClaimPaths {
    always: &["svn"],
    ..NONE
};

/// IBM Secure Execution, by another service's verifier.
pub(super) const SE: ClaimPaths = ClaimPaths {
    always: &["attestation_phkh", "cuid", "image_phkh", "tag", "version"],
    elsewhere: Some("IBM Secure Execution"),
    ..NONE
};

/// A bare TPM.
pub(super) const TPM: ClaimPaths = ClaimPaths {
    always: &[
        "ak_public",
        "ak_vouched_by",
        "pcr00",
        "pcr01",
        "pcr02",
        "pcr03",
        "pcr04",
        "pcr05",
        "pcr06",
        "pcr07",
        "pcr08",
        "pcr09",
        "pcr10",
        "pcr11",
        "pcr12",
        "pcr13",
        "pcr14",
        "pcr15",
        "pcr16",
        "pcr17",
        "pcr18",
        "pcr19",
        "pcr20",
        "pcr21",
        "pcr22",
        "pcr23",
        "tpm_quote/clock",
        "tpm_quote/firmware_version",
        "tpm_quote/qualified_signer",
        "tpm_quote/reset_count",
        "tpm_quote/restart_count",
        "tpm_quote/safe",
    ],
    sometimes: &["ak_certificate_serial", "ak_root"],
    ..NONE
};
