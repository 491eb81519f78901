# Appraises CPU TEEs. A TEE without rules here is contraindicated, because nothing vouches for its hardware.
#
# A guest in debug mode, or one that does not say that it is not, gets no affirming claim whatever else it has.
# A reference value may be one value or a list of accepted ones. A claim or reference value that is absent or
# null equals nothing.
package policy

import rego.v1

default executables := 33

default hardware := 97

default configuration := 36

trust_claims := {
	"executables": executables,
	"hardware": hardware,
	"configuration": configuration,
	"instance-identity": 0,
	"file-system": 0,
	"runtime-opaque": 0,
	"storage-opaque": 0,
	"sourced-data": 0,
}

vouched(claim, id) if {
	claim != null
	claim in as_list(query_reference_value(id))
}

as_list(value) := value if is_array(value)

as_list(value) := [value] if not is_array(value)

##### Debug

no_debug if input.sample.debug == false

no_debug if input.snp.policy_debug_allowed == false

no_debug if input.tdx.td_attributes.debug == false

no_debug if input["az-snp-vtpm"].policy_debug_allowed in {false, "false"}

no_debug if input["az-tdx-vtpm"].td_attributes.debug == false

configuration := 96 if debug

debug if input.sample.debug == true

debug if input.snp.policy_debug_allowed == true

debug if input.tdx.td_attributes.debug == true

debug if input["az-snp-vtpm"].policy_debug_allowed in {true, "true"}

debug if input["az-tdx-vtpm"].td_attributes.debug == true

##### Sample

executables := 3 if {
	no_debug
	vouched(input.sample.launch_digest, "launch_digest")
}

hardware := 2 if {
	no_debug
	vouched(input.sample.svn, "svn")
	vouched(input.sample.platform_version.major, "major_version")
	is_number(input.sample.platform_version.minor)
	some minimum in as_list(query_reference_value("minimum_minor_version"))
	is_number(minimum)
	input.sample.platform_version.minor >= minimum
}

configuration := 2 if {
	input.sample
	no_debug
}

##### AMD SEV-SNP

executables := 3 if {
	snp_accepted
	vouched(input.snp.measurement, "snp_launch_measurement")
}

hardware := 2 if {
	snp_accepted
	vouched(input.snp.reported_tcb_bootloader, "snp_bootloader")
	vouched(input.snp.reported_tcb_microcode, "snp_microcode")
	vouched(input.snp.reported_tcb_snp, "snp_snp_svn")
	vouched(input.snp.reported_tcb_tee, "snp_tee_svn")
}

configuration := 2 if {
	snp_accepted
	input.snp.policy_migrate_ma == false
	vouched(input.snp.platform_smt_enabled, "snp_smt_enabled")
	vouched(input.snp.platform_tsme_enabled, "snp_tsme_enabled")
	vouched(input.snp.policy_abi_major, "snp_guest_abi_major")
	vouched(input.snp.policy_abi_minor, "snp_guest_abi_minor")
	vouched(input.snp.policy_single_socket, "snp_single_socket")
	vouched(input.snp.policy_smt_allowed, "snp_smt_allowed")
} else := 3 if {
	snp_accepted
	input.snp.policy_migrate_ma == false
}

# The report of a guest at VMPL 0. The verifier insists on that too.
snp_accepted if {
	input.snp
	no_debug
	object.get(input.snp, "vmpl", 0) == 0
}

##### Intel TDX

executables := 3 if {
	tdx_rtmrs_vouched
	tdx_kernel_vouched
	tdx_kernel_parameters_vouched
} else := 4 if tdx_rtmrs_vouched

hardware := 2 if {
	no_debug
	genuine_tdx(input.tdx)
	vouched(input.tdx.quote.body.mr_td, "mr_td")
}

configuration := 2 if {
	input.tdx
	no_debug
	vouched(input.tdx.quote.body.xfam, "xfam")
}

genuine_tdx(claims) if {
	claims.quote.header.tee_type == "81000000"
	claims.quote.header.vendor_id == "939a7233f79c4ca9940a0db3957f0607"
	claims.tcb_status == "UpToDate"
	claims.collateral_expiration_status == "0"
}

tdx_rtmrs_vouched if {
	input.tdx
	no_debug
	vouched(input.tdx.quote.body.rtmr_1, "rtmr_1")
	vouched(input.tdx.quote.body.rtmr_2, "rtmr_2")
}

tdx_kernel_vouched if {
	some event in input.tdx.uefi_event_logs
	event.type_name == "EV_EFI_BOOT_SERVICES_APPLICATION"
	"File(kernel)" in event.details.device_paths
	some entry in event.digests
	vouched(entry.digest, "tdvfkernel")
}

tdx_kernel_parameters_vouched if {
	some event in input.tdx.uefi_event_logs
	event.type_name == "EV_EVENT_TAG"
	event.details.string == "LOADED_IMAGE::LoadOptions"
	some entry in event.digests
	vouched(entry.digest, "tdvfkernelparams")
}

##### Azure vTPM on SEV-SNP. Its claims are strings.

executables := 3 if {
	no_debug
	vouched(input["az-snp-vtpm"].measurement, "measurement")
	vouched(input["az-snp-vtpm"].tpm.pcr11, "snp_pcr11")
}

hardware := 2 if {
	no_debug
	vouched(input["az-snp-vtpm"].reported_tcb_bootloader, "tcb_bootloader")
	vouched(input["az-snp-vtpm"].reported_tcb_microcode, "tcb_microcode")
	vouched(input["az-snp-vtpm"].reported_tcb_snp, "tcb_snp")
	vouched(input["az-snp-vtpm"].reported_tcb_tee, "tcb_tee")
}

configuration := 2 if {
	no_debug
	input["az-snp-vtpm"].policy_migrate_ma in {false, "false"}
	vouched(input["az-snp-vtpm"].platform_smt_enabled, "smt_enabled")
	vouched(input["az-snp-vtpm"].platform_tsme_enabled, "tsme_enabled")
	vouched(input["az-snp-vtpm"].policy_abi_major, "abi_major")
	vouched(input["az-snp-vtpm"].policy_abi_minor, "abi_minor")
	vouched(input["az-snp-vtpm"].policy_single_socket, "single_socket")
	vouched(input["az-snp-vtpm"].policy_smt_allowed, "smt_allowed")
}

##### Azure vTPM on TDX

executables := 3 if {
	no_debug
	vouched(input["az-tdx-vtpm"].tpm.pcr11, "tdx_pcr11")
}

hardware := 2 if {
	no_debug
	genuine_tdx(input["az-tdx-vtpm"])
	vouched(input["az-tdx-vtpm"].quote.body.mr_td, "mr_td")
}

configuration := 2 if {
	input["az-tdx-vtpm"]
	no_debug
	vouched(input["az-tdx-vtpm"].quote.body.xfam, "xfam")
}

##### TPM. The attestation key comes with the evidence: only a known one means anything.

executables := 3 if {
	vouched(input.tpm.ak_public, "trusted_aks")
	vouched(input.tpm.pcr11, "tpm_pcr11")
}

hardware := 2 if vouched(input.tpm.ak_public, "trusted_aks")

configuration := 0 if vouched(input.tpm.ak_public, "trusted_aks")

##### IBM Secure Execution. The verifier has compared the measurement with the image header it was given.

executables := 3 if se_measured

hardware := 2 if se_measured

configuration := 2 if se_measured

se_measured if {
	every name in ["cuid", "tag", "image_phkh", "attestation_phkh"] {
		is_string(input.se[name])
		input.se[name] != ""
	}
}

##### Identifiers that the measured init-data gives the guest

extensions := [{
	"name": "ear.trustee.identifiers",
	"key": -18,
	"value": {"validated": validated},
}]

validated[name] := values if {
	some name, values in {"container_images": container_images, "container_uids": container_uids}
	count(values) > 0
}

container_images := [image |
	some container in input.init_data_claims.agent_policy_claims.containers
	image := container.OCI.Annotations["io.kubernetes.cri.image-name"]
]

container_uids := [uid |
	some container in input.init_data_claims.agent_policy_claims.containers
	uid := container.OCI.Process.User.UID
]
