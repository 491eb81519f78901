//! What a policy gets to see. The tables in docs/tees/az-snp-vtpm.md and az-tdx-vtpm.md list the same names.

use super::runtime_data::RuntimeData;
use crate::tpm::VerifiedQuote;
use crate::{Tee, TeeClass, VerifiedClaims};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sev::firmware::guest::AttestationReport;

/// The claims of the processor with those of the vTPM beside them.
pub(super) fn with_vtpm(
    tee: Tee,
    mut claims: Map<String, Value>,
    quote: &VerifiedQuote<'_>,
    runtime_data: RuntimeData,
) -> VerifiedClaims {
    claims.insert("tpm".to_owned(), quote.pcrs().claims().into());
    claims.insert("tpm_quote".to_owned(), quote.claims());
    if let Some(configuration) = runtime_data.vm_configuration {
        claims.insert("vm_configuration".to_owned(), configuration.into());
    }
    VerifiedClaims::new(tee, TeeClass::Cpu, claims)
        .with_report_data(crate::digits::hex(quote.extra_data()))
        .with_init_data(crate::digits::hex(quote.pcrs().init_data()))
}

/// The claims of `az-snp-vtpm` that existing policies read: numbers and booleans are text, and the measurement is
/// base64.
pub(super) fn snp_texts(report: &AttestationReport) -> Map<String, Value> {
    let (policy, platform, tcb) = (&report.policy, &report.plat_info, &report.reported_tcb);
    let texts = [
        ("policy_abi_major", policy.abi_major().to_string()),
        ("policy_abi_minor", policy.abi_minor().to_string()),
        ("policy_smt_allowed", policy.smt_allowed().to_string()),
        ("policy_migrate_ma", policy.migrate_ma_allowed().to_string()),
        ("policy_debug_allowed", policy.debug_allowed().to_string()),
        (
            "policy_single_socket",
            policy.single_socket_required().to_string(),
        ),
        ("reported_tcb_bootloader", tcb.bootloader.to_string()),
        ("reported_tcb_tee", tcb.tee.to_string()),
        ("reported_tcb_snp", tcb.snp.to_string()),
        ("reported_tcb_microcode", tcb.microcode.to_string()),
        ("platform_tsme_enabled", platform.tsme_enabled().to_string()),
        ("platform_smt_enabled", platform.smt_enabled().to_string()),
        ("measurement", STANDARD.encode(report.measurement)),
    ];
    texts
        .into_iter()
        .map(|(name, text)| (name.to_owned(), Value::from(text)))
        .collect()
}
