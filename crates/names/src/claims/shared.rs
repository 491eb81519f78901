//! What several TEEs have alike, and not in every result.

/// The log of firmware and boot. Of `details` each record has those of its type; what the attestation agent wrote into
/// an entry is its own affair.
pub(super) const EVENT_LOG: &[&str] = &[
    "uefi_event_logs/*/details/data/content/**",
    "uefi_event_logs/*/details/data/domain",
    "uefi_event_logs/*/details/data/operation",
    "uefi_event_logs/*/details/device_paths/*",
    "uefi_event_logs/*/details/string",
    "uefi_event_logs/*/details/unicode_name",
    "uefi_event_logs/*/details/unicode_name_length",
    "uefi_event_logs/*/details/variable_data",
    "uefi_event_logs/*/details/variable_data_length",
    "uefi_event_logs/*/details/variable_name",
    "uefi_event_logs/*/digest_matches_event",
    "uefi_event_logs/*/digests/*/alg",
    "uefi_event_logs/*/digests/*/digest",
    "uefi_event_logs/*/event",
    "uefi_event_logs/*/index",
    "uefi_event_logs/*/type_name",
];

/// What Azure says of its machine, if it does; it may say more at any time.
pub(super) const VM_CONFIGURATION: &[&str] = &[
    "vm_configuration/**",
    "vm_configuration/console-enabled",
    "vm_configuration/current-time",
    "vm_configuration/root-cert-thumbprint",
    "vm_configuration/secure-boot",
    "vm_configuration/tpm-enabled",
    "vm_configuration/tpm-persisted",
    "vm_configuration/vmUniqueId",
];
