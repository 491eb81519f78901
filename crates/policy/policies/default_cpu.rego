# Appraises CPU TEEs. A TEE without rules here is contraindicated, because nothing vouches for its hardware.
#
# A guest in debug mode, or one that does not say that it is not, gets no affirming claim whatever else it has.
# `matches_reference_value` is true for a claim that is the reference value or one of a list of them; a claim or
# a reference value that is absent or null matches nothing. Of each chain of rules the first that holds counts.
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

##### Executables: 3, the recognised boot components and nothing else

executables := 3 if {
	snp_accepted
	matches_reference_value(input.snp.measurement, "snp_launch_measurement")
} else := 3 if {
	tdx_boot_accepted
	tdx_kernel_accepted
	tdx_kernel_parameters_accepted
} else := 4 if {
	tdx_boot_accepted
} else := 3 if {
	input["az-snp-vtpm"].policy_debug_allowed in {false, "false"}
	matches_reference_value(input["az-snp-vtpm"].measurement, "measurement")
	matches_reference_value(input["az-snp-vtpm"].tpm.pcr11, "snp_pcr11")
} else := 3 if {
	input["az-tdx-vtpm"].td_attributes.debug == false
	matches_reference_value(input["az-tdx-vtpm"].tpm.pcr11, "tdx_pcr11")
} else := 3 if {
	matches_reference_value(input.tpm.ak_public, "trusted_aks")
	matches_reference_value(input.tpm.pcr11, "tpm_pcr11")
} else := 3 if {
	se_measured
} else := 3 if {
	input.sample.debug == false
	matches_reference_value(input.sample.launch_digest, "launch_digest")
} else := 3 if {
	cca_accepted
	matches_reference_value(input.cca.realm["cca-realm-initial-measurement"], "cca_realm_initial_measurement")
} else := 3 if {
	csv_accepted
} else := 3 if {
	input.sgx.debug == false
	matches_reference_value(input.sgx.body.mr_enclave, "sgx_mr_enclave")
}

##### Hardware: 2, genuine and up to date

hardware := 2 if {
	snp_accepted
	matches_reference_value(input.snp.reported_tcb_bootloader, "snp_bootloader")
	matches_reference_value(input.snp.reported_tcb_microcode, "snp_microcode")
	matches_reference_value(input.snp.reported_tcb_snp, "snp_snp_svn")
	matches_reference_value(input.snp.reported_tcb_tee, "snp_tee_svn")
} else := 2 if {
	input.tdx.td_attributes.debug == false
	input.tdx.quote.header.tee_type == "81000000"
	input.tdx.quote.header.vendor_id == "939a7233f79c4ca9940a0db3957f0607"
	input.tdx.tcb_status == "UpToDate"
	input.tdx.collateral_expiration_status == "0"
	matches_reference_value(input.tdx.quote.body.mr_td, "mr_td")
} else := 2 if {
	input["az-snp-vtpm"].policy_debug_allowed in {false, "false"}
	matches_reference_value(input["az-snp-vtpm"].reported_tcb_bootloader, "tcb_bootloader")
	matches_reference_value(input["az-snp-vtpm"].reported_tcb_microcode, "tcb_microcode")
	matches_reference_value(input["az-snp-vtpm"].reported_tcb_snp, "tcb_snp")
	matches_reference_value(input["az-snp-vtpm"].reported_tcb_tee, "tcb_tee")
} else := 2 if {
	input["az-tdx-vtpm"].td_attributes.debug == false
	input["az-tdx-vtpm"].quote.header.tee_type == "81000000"
	input["az-tdx-vtpm"].quote.header.vendor_id == "939a7233f79c4ca9940a0db3957f0607"
	input["az-tdx-vtpm"].tcb_status == "UpToDate"
	input["az-tdx-vtpm"].collateral_expiration_status == "0"
	matches_reference_value(input["az-tdx-vtpm"].quote.body.mr_td, "mr_td")
} else := 2 if {
	# The attestation key of a TPM comes with the evidence: only a known one means anything.
	matches_reference_value(input.tpm.ak_public, "trusted_aks")
} else := 2 if {
	se_measured
} else := 2 if {
	input.sample.debug == false
	matches_reference_value(input.sample.svn, "svn")
	matches_reference_value(input.sample.platform_version.major, "major_version")
	is_number(input.sample.platform_version.minor)
	is_number(minimum_minor_version)
	input.sample.platform_version.minor >= minimum_minor_version
} else := 2 if {
	# Firmware and configuration are among the reference values of the verifier, or there would be no claims.
	cca_accepted
	matches_reference_value(input.cca.platform["cca-platform-implementation-id"], "cca_platform_implementation_id")
} else := 2 if {
	csv_accepted
} else := 2 if {
	input.sgx.debug == false
	input.sgx.header.vendor_id == "939a7233f79c4ca9940a0db3957f0607"
	input.sgx.tcb_status == "UpToDate"
	input.sgx.collateral_expiration_status == "0"
	matches_reference_value(input.sgx.body.mr_enclave, "sgx_mr_enclave")
}

##### Configuration: 2, approved; 3, no known vulnerability; 96, a debug mode

configuration := 2 if {
	snp_accepted
	input.snp.policy_migrate_ma == false
	matches_reference_value(input.snp.platform_smt_enabled, "snp_smt_enabled")
	matches_reference_value(input.snp.platform_tsme_enabled, "snp_tsme_enabled")
	matches_reference_value(input.snp.policy_abi_major, "snp_guest_abi_major")
	matches_reference_value(input.snp.policy_abi_minor, "snp_guest_abi_minor")
	matches_reference_value(input.snp.policy_single_socket, "snp_single_socket")
	matches_reference_value(input.snp.policy_smt_allowed, "snp_smt_allowed")
} else := 3 if {
	snp_accepted
	input.snp.policy_migrate_ma == false
} else := 2 if {
	input.tdx.td_attributes.debug == false
	matches_reference_value(input.tdx.quote.body.xfam, "xfam")
} else := 2 if {
	input["az-snp-vtpm"].policy_debug_allowed in {false, "false"}
	input["az-snp-vtpm"].policy_migrate_ma in {false, "false"}
	matches_reference_value(input["az-snp-vtpm"].platform_smt_enabled, "smt_enabled")
	matches_reference_value(input["az-snp-vtpm"].platform_tsme_enabled, "tsme_enabled")
	matches_reference_value(input["az-snp-vtpm"].policy_abi_major, "abi_major")
	matches_reference_value(input["az-snp-vtpm"].policy_abi_minor, "abi_minor")
	matches_reference_value(input["az-snp-vtpm"].policy_single_socket, "single_socket")
	matches_reference_value(input["az-snp-vtpm"].policy_smt_allowed, "smt_allowed")
} else := 2 if {
	input["az-tdx-vtpm"].td_attributes.debug == false
	matches_reference_value(input["az-tdx-vtpm"].quote.body.xfam, "xfam")
} else := 0 if {
	matches_reference_value(input.tpm.ak_public, "trusted_aks")
} else := 2 if {
	se_measured
} else := 2 if {
	input.sample.debug == false
} else := 2 if {
	cca_accepted
	matches_reference_value(input.cca.platform["cca-platform-config"], "cca_platform_config")
} else := 2 if {
	csv_accepted
} else := 2 if {
	input.sgx.debug == false
	matches_reference_value(input.sgx.body["attributes.xfrm"], "sgx_xfrm")
} else := 3 if {
	input.sgx.debug == false
} else := 96 if {
	input.snp.policy_debug_allowed == true
} else := 96 if {
	input.tdx.td_attributes.debug == true
} else := 96 if {
	input["az-snp-vtpm"].policy_debug_allowed in {true, "true"}
} else := 96 if {
	input["az-tdx-vtpm"].td_attributes.debug == true
} else := 96 if {
	input.sample.debug == true
} else := 96 if {
	input.cca.platform["cca-platform-lifecycle-state"] in {
		"non-platform-rot-debug",
		"recoverable-platform-rot-debug",
	}
} else := 96 if {
	input.csv.policy.nodbg == 0
} else := 96 if {
	input.sgx.debug == true
}

##### What the chains share

# The report is of a guest without debugging, at VMPL 0. The verifier insists on the latter too.
snp_accepted if {
	input.snp.policy_debug_allowed == false
	object.get(input.snp, "vmpl", 0) == 0
}

tdx_boot_accepted if {
	input.tdx.td_attributes.debug == false
	matches_reference_value(input.tdx.quote.body.rtmr_1, "rtmr_1")
	matches_reference_value(input.tdx.quote.body.rtmr_2, "rtmr_2")
}

tdx_kernel_accepted if {
	some event in input.tdx.uefi_event_logs
	event.type_name == "EV_EFI_BOOT_SERVICES_APPLICATION"
	"File(kernel)" in event.details.device_paths
	some entry in event.digests
	matches_reference_value(entry.digest, "tdvfkernel")
}

tdx_kernel_parameters_accepted if {
	some event in input.tdx.uefi_event_logs
	event.type_name == "EV_EVENT_TAG"
	event.details.string == "LOADED_IMAGE::LoadOptions"
	some entry in event.digests
	matches_reference_value(entry.digest, "tdvfkernelparams")
}

# The verifier of IBM Secure Execution has compared the measurement with the image header it was given.
se_measured if {
	input.se
	every name in ["cuid", "tag", "image_phkh", "attestation_phkh"] {
		is_string(input.se[name])
		input.se[name] != ""
	}
}

# The platform is past its making and not being debugged, and the realm is not known to have been changed.
cca_accepted if {
	input.cca.platform["cca-platform-lifecycle-state"] == "secured"
	input.cca.appraisal.realm.executables in {2, 3, -97}
}

# In reports of version 1 the other fields are worth something only beside the right measurement (docs/tees/csv.md).
csv_accepted if {
	input.csv.policy.nodbg == 1
	matches_reference_value(input.csv.measure, "csv_launch_measurement")
}

minimum_minor_version := version if {
	[version] := query_reference_value("minimum_minor_version")
} else := query_reference_value("minimum_minor_version")

##### Identifiers that the measured init-data gives the guest

extensions := [{
	"name": "ear.trustee.identifiers",
	"key": -18,
	"value": {"validated": validated},
}]

validated := {name: values |
	some name, values in {"container_images": container_images, "container_uids": container_uids}
	count(values) > 0
} if {
	input.init_data_claims.agent_policy_claims.containers
} else := {}

container_images := [image |
	some container in input.init_data_claims.agent_policy_claims.containers
	image := container.OCI.Annotations["io.kubernetes.cri.image-name"]
]

container_uids := [uid |
	some container in input.init_data_claims.agent_policy_claims.containers
	uid := container.OCI.Process.User.UID
]
