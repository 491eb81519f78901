//! What a policy gets to see of a verified report. The table in docs/tees/snp.md lists the same names.

use super::SnpTcb;
use super::chain::VerifiedVek;
use super::report::Report;
use super::revocation::Standing;
use serde_json::{Map, Value};
use sev::firmware::guest::Version;

/// The claims by name. Byte strings are lower-case hex, bits are booleans, the rest are integers.
pub(super) fn of(report: &Report, vek: &VerifiedVek, standing: Standing) -> Map<String, Value> {
    let mut claims = Claims(Map::new());
    identity(&mut claims, report);
    guest_policy(&mut claims, report);
    platform(&mut claims, report);
    firmware(&mut claims, report);
    processor(&mut claims, report, vek);
    claims.put("revocation_list", standing.as_str());
    claims.0
}

/// What runs, and who vouches for it.
fn identity(claims: &mut Claims, report: &Report) {
    let fields = &report.fields;
    claims.put("report_version", fields.version);
    claims.put("measurement", crate::digits::hex(fields.measurement));
    claims.put("guest_svn", fields.guest_svn);
    claims.put("vmpl", fields.vmpl);
    claims.put("family_id", crate::digits::hex(fields.family_id));
    claims.put("image_id", crate::digits::hex(fields.image_id));
    claims.put("id_key_digest", crate::digits::hex(fields.id_key_digest));
    claims.put("author_key_digest", crate::digits::hex(fields.author_key_digest));
    claims.put("author_key_en", fields.key_info.author_key_en());
    claims.put("report_id", crate::digits::hex(fields.report_id));
    claims.put("report_id_ma", crate::digits::hex(fields.report_id_ma));
}

/// GUEST_POLICY (AMD 56860, table 10).
fn guest_policy(claims: &mut Claims, report: &Report) {
    let policy = &report.fields.policy;
    claims.put("policy_abi_major", policy.abi_major());
    claims.put("policy_abi_minor", policy.abi_minor());
    claims.put("policy_smt_allowed", policy.smt_allowed());
    claims.put("policy_migrate_ma", policy.migrate_ma_allowed());
    claims.put("policy_debug_allowed", policy.debug_allowed());
    claims.put("policy_single_socket", policy.single_socket_required());
    claims.put("policy_cxl_allowed", policy.cxl_allowed());
    claims.put("policy_mem_aes_256_xts", policy.mem_aes_256_xts());
    claims.put("policy_rapl_disabled", policy.rapl_dis());
    claims.put("policy_ciphertext_hiding", policy.ciphertext_hiding());
    claims.put("policy_page_swap_disabled", policy.page_swap_disabled());
}

/// PLATFORM_INFO (AMD 56860, table 24).
fn platform(claims: &mut Claims, report: &Report) {
    let platform = &report.fields.plat_info;
    claims.put("platform_smt_enabled", platform.smt_enabled());
    claims.put("platform_tsme_enabled", platform.tsme_enabled());
    claims.put("platform_ecc_enabled", platform.ecc_enabled());
    claims.put("platform_rapl_disabled", platform.rapl_disabled());
    claims.put(
        "platform_ciphertext_hiding_enabled",
        platform.ciphertext_hiding_enabled(),
    );
    claims.put("platform_alias_check_complete", platform.alias_check_complete());
    claims.put("platform_tio_enabled", platform.tio_enabled());
}

fn firmware(claims: &mut Claims, report: &Report) {
    let fields = &report.fields;
    claims.put_tcb("reported_tcb", fields.reported_tcb.into());
    claims.put_tcb("current_tcb", fields.current_tcb.into());
    claims.put_tcb("committed_tcb", fields.committed_tcb.into());
    claims.put_tcb("launch_tcb", fields.launch_tcb.into());
    claims.put_version("current_version", fields.current);
    claims.put_version("committed_version", fields.committed);
    if fields.version >= 5 {
        claims.put("launch_mit_vector", fields.launch_mit_vector.unwrap_or_default());
        claims.put(
            "current_mit_vector",
            fields.current_mit_vector.unwrap_or_default(),
        );
    }
}

fn processor(claims: &mut Claims, report: &Report, vek: &VerifiedVek) {
    let fields = &report.fields;
    claims.put("chip_id", crate::digits::hex(fields.chip_id));
    claims.put("chip_family", vek.product.as_str());
    claims.put("signing_key", vek.kind.as_str().to_ascii_lowercase());
    claims.put("mask_chip_key", fields.key_info.mask_chip_key());
    let cpuid = [
        ("cpuid_family", fields.cpuid_fam_id),
        ("cpuid_model", fields.cpuid_mod_id),
        ("cpuid_stepping", fields.cpuid_step),
    ];
    for (name, value) in cpuid {
        if let Some(value) = value {
            claims.put(name, value);
        }
    }
    for (name, value) in [("csp_id", &vek.csp_id), ("product_name", &vek.product_name)] {
        if let Some(value) = value {
            claims.put(name, value.as_str());
        }
    }
}

struct Claims(Map<String, Value>);

impl Claims {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn put_tcb(&mut self, name: &str, tcb: SnpTcb) {
        let SnpTcb {
            fmc,
            bootloader,
            tee,
            snp,
            microcode,
        } = tcb;
        self.put(&format!("{name}_bootloader"), bootloader);
        self.put(&format!("{name}_tee"), tee);
        self.put(&format!("{name}_snp"), snp);
        self.put(&format!("{name}_microcode"), microcode);
        if let Some(fmc) = fmc {
            self.put(&format!("{name}_fmc"), fmc);
        }
    }

    fn put_version(&mut self, name: &str, version: Version) {
        self.put(&format!("{name}_major"), version.major);
        self.put(&format!("{name}_minor"), version.minor);
        self.put(&format!("{name}_build"), version.build);
    }
}
