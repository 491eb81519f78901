//! The paths of devices, which have claims of several kinds: sorted.

use super::{ClaimPaths, NONE, nvidia};

/// NVIDIA's devices: judged here, by NVIDIA's service (whose token's claims are given as they are, those of its own
/// under names of its own), and the system that several of them make. None of them is in every result.
pub(super) const NVIDIA: ClaimPaths = ClaimPaths {
    always: &[],
    sometimes: &[
        "arch",
        "config/board_id",
        "config/cert_authority_key_identifier",
        "config/cert_issuer_name",
        "config/chip_info",
        "config/chip_sku",
        "config/chip_sku_mod",
        "config/cpr_info",
        "config/driver_version",
        "config/feature_flag",
        "config/floorswept_ports",
        "config/fwid",
        "config/gpu_info",
        "config/gpu_link_conn",
        "config/id_sku",
        "config/lock_switch_status",
        "config/manufacturer_id",
        "config/measurement_count/*",
        "config/nvdec0_status",
        "config/opaque_*",
        "config/opaque_data_version",
        "config/position_id",
        "config/project",
        "config/project_sku",
        "config/project_sku_mod",
        "config/protected_pcie_status",
        "config/smc",
        "config/switch_pdi/*",
        "config/sys_enable_status",
        "config/tamper_detection",
        "config/vbios_version",
        "config/vpr",
        "dbgstat",
        "eat_nonce",
        "exp",
        "gpu_count",
        "hwmodel",
        "iat",
        "iss",
        "jti",
        "measres",
        "measurements/*",
        "nbf",
        "oemid",
        "secboot",
        "sub",
        "switch_count",
        "ueid",
        "uuid",
    ],
    groups: &[nvidia::GPU, nvidia::SWITCH, nvidia::EITHER],
    ..NONE
};

/// Hygon's accelerator, by another service's verifier.
pub(super) const HYGON_DCU: ClaimPaths = ClaimPaths {
    always: &[
        "body/chip_id",
        "body/measure",
        "body/reserved",
        "body/sig_algo",
        "body/sig_usage",
        "body/user_data",
        "body/version",
    ],
    elsewhere: Some("Hygon's DCU"),
    ..NONE
};

/// NVIDIA's BlueField, by another service's verifier.
pub(super) const NVIDIA_DPU: ClaimPaths = ClaimPaths {
    always: &[
        "accumulated_fwid",
        "alias_timestamp",
        "device_class",
        "device_serial",
        "firmware_layers_count",
        "session_nonce",
    ],
    elsewhere: Some("NVIDIA's BlueField DPU"),
    ..NONE
};
