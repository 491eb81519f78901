# Appraises CPU TEEs. A TEE without rules here is contraindicated, because nothing vouches for its hardware.
#
# A guest in debug mode, or one that does not say that it is not, gets no affirming claim whatever else it has.
# `matches_reference_value` is true for a claim that is the reference value or one of a list of them; a claim or
# a reference value that is absent or null matches nothing. Of each chain of rules the first that holds counts.
#
# Each TEE has its own section, and only that of the guest's TEE is evaluated. What the numbers mean:
#
# executables    3 the recognised boot components and nothing else, 4 the recognised boot components,
#                33 not recognised
# hardware       2 genuine and up to date, 97 not
# configuration  2 approved, 3 no known vulnerability, 36 not approved, 96 a debug mode
package policy

import rego.v1

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

executables := verdict[0]

hardware := verdict[1]

configuration := verdict[2]

verdict := [snp_executables, snp_hardware, snp_configuration] if {
	input.snp
} else := [tdx_executables, tdx_hardware, tdx_configuration] if {
	input.tdx
} else := [az_snp_executables, az_snp_hardware, az_snp_configuration] if {
	input["az-snp-vtpm"]
} else := [az_tdx_executables, az_tdx_hardware, az_tdx_configuration] if {
	input["az-tdx-vtpm"]
} else := [tpm_executables, tpm_hardware, tpm_configuration] if {
	input.tpm
} else := [sgx_executables, sgx_hardware, sgx_configuration] if {
	input.sgx
} else := [cca_executables, cca_hardware, cca_configuration] if {
	input.cca
} else := [csv_executables, csv_hardware, csv_configuration] if {
	input.csv
} else := [3, 2, 2] if {
	input.se
	se_measured
} else := [sample_executables, sample_hardware, sample_configuration] if {
	input.sample
} else := [33, 97, 36]

##### AMD SEV-SNP

snp_executables := 3 if {
	snp_accepted
	matches_reference_value(input.snp.measurement, "snp_launch_measurement")
} else := 33

snp_hardware := 2 if {
	snp_accepted
	matches_reference_value(input.snp.reported_tcb_bootloader, "snp_bootloader")
	matches_reference_value(input.snp.reported_tcb_microcode, "snp_microcode")
	matches_reference_value(input.snp.reported_tcb_snp, "snp_snp_svn")
	matches_reference_value(input.snp.reported_tcb_tee, "snp_tee_svn")
} else := 97

snp_configuration := 2 if {
	snp_may_not_migrate
	matches_reference_value(input.snp.platform_smt_enabled, "snp_smt_enabled")
	matches_reference_value(input.snp.platform_tsme_enabled, "snp_tsme_enabled")
	matches_reference_value(input.snp.policy_abi_major, "snp_guest_abi_major")
	matches_reference_value(input.snp.policy_abi_minor, "snp_guest_abi_minor")
	matches_reference_value(input.snp.policy_single_socket, "snp_single_socket")
	matches_reference_value(input.snp.policy_smt_allowed, "snp_smt_allowed")
} else := 3 if {
	snp_may_not_migrate
} else := 96 if {
	input.snp.policy_debug_allowed == true
} else := 36

# The report is of a guest without debugging, at VMPL 0. The verifier insists on the latter too.
snp_accepted if {
	input.snp.policy_debug_allowed == false
	not snp_at_another_vmpl
}

snp_at_another_vmpl if input.snp.vmpl != 0

snp_may_not_migrate if {
	snp_accepted
	input.snp.policy_migrate_ma == false
}

##### Intel TDX

tdx_executables := 3 if {
	tdx_boot_accepted
	tdx_kernel_accepted
	tdx_kernel_parameters_accepted
} else := 4 if {
	tdx_boot_accepted
} else := 33

tdx_hardware := 2 if {
	input.tdx.td_attributes.debug == false
	input.tdx.quote.header.tee_type == "81000000"
	input.tdx.quote.header.vendor_id == "939a7233f79c4ca9940a0db3957f0607"
	input.tdx.tcb_status == "UpToDate"
	input.tdx.collateral_expiration_status == "0"
	matches_reference_value(input.tdx.quote.body.mr_td, "mr_td")
} else := 97

tdx_configuration := 2 if {
	input.tdx.td_attributes.debug == false
	matches_reference_value(input.tdx.quote.body.xfam, "xfam")
} else := 96 if {
	input.tdx.td_attributes.debug == true
} else := 36

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

##### Intel SGX

sgx_executables := 3 if {
	input.sgx.debug == false
	matches_reference_value(input.sgx.body.mr_enclave, "sgx_mr_enclave")
} else := 33

sgx_hardware := 2 if {
	input.sgx.debug == false
	input.sgx.header.vendor_id == "939a7233f79c4ca9940a0db3957f0607"
	input.sgx.tcb_status == "UpToDate"
	input.sgx.collateral_expiration_status == "0"
	matches_reference_value(input.sgx.body.mr_enclave, "sgx_mr_enclave")
} else := 97

sgx_configuration := 2 if {
	input.sgx.debug == false
	matches_reference_value(input.sgx.body["attributes.xfrm"], "sgx_xfrm")
} else := 3 if {
	input.sgx.debug == false
} else := 96 if {
	input.sgx.debug == true
} else := 36

##### Registers of a TPM
#
# Whatever was booted can extend a register, and so give it the value of something else that was booted. So 11, in
# which systemd-stub says what it starts, counts beside 4 alone, in which the firmware says that it starts this stub.
# Command lines and add-ons that were not in the image are in 12, system extensions in 13: there are none, or they
# are known. On Azure the launch measurement vouches for the firmware; on another machine register 0 names it.

never_extended := "0000000000000000000000000000000000000000000000000000000000000000"

##### Azure: AMD SEV-SNP below a virtual TPM

az_snp_executables := 3 if {
	az_snp_without_debugging
	matches_reference_value(input["az-snp-vtpm"].measurement, "measurement")
	az_snp_boot_accepted
} else := 33

az_snp_hardware := 2 if {
	az_snp_without_debugging
	matches_reference_value(input["az-snp-vtpm"].reported_tcb_bootloader, "tcb_bootloader")
	matches_reference_value(input["az-snp-vtpm"].reported_tcb_microcode, "tcb_microcode")
	matches_reference_value(input["az-snp-vtpm"].reported_tcb_snp, "tcb_snp")
	matches_reference_value(input["az-snp-vtpm"].reported_tcb_tee, "tcb_tee")
} else := 97

az_snp_configuration := 2 if {
	az_snp_without_debugging
	input["az-snp-vtpm"].policy_migrate_ma in {false, "false"}
	matches_reference_value(input["az-snp-vtpm"].platform_smt_enabled, "smt_enabled")
	matches_reference_value(input["az-snp-vtpm"].platform_tsme_enabled, "tsme_enabled")
	matches_reference_value(input["az-snp-vtpm"].policy_abi_major, "abi_major")
	matches_reference_value(input["az-snp-vtpm"].policy_abi_minor, "abi_minor")
	matches_reference_value(input["az-snp-vtpm"].policy_single_socket, "single_socket")
	matches_reference_value(input["az-snp-vtpm"].policy_smt_allowed, "smt_allowed")
} else := 96 if {
	input["az-snp-vtpm"].policy_debug_allowed in {true, "true"}
} else := 36

az_snp_boot_accepted if {
	matches_reference_value(input["az-snp-vtpm"].tpm.pcr04, "snp_pcr04")
	matches_reference_value(input["az-snp-vtpm"].tpm.pcr11, "snp_pcr11")
	az_snp_command_line_accepted
	az_snp_extensions_accepted
}

az_snp_command_line_accepted if {
	input["az-snp-vtpm"].tpm.pcr12 == never_extended
} else if {
	matches_reference_value(input["az-snp-vtpm"].tpm.pcr12, "snp_pcr12")
}

az_snp_extensions_accepted if {
	input["az-snp-vtpm"].tpm.pcr13 == never_extended
} else if {
	matches_reference_value(input["az-snp-vtpm"].tpm.pcr13, "snp_pcr13")
}

az_snp_without_debugging if {
	input["az-snp-vtpm"].policy_debug_allowed in {false, "false"}
}

##### Azure: Intel TDX below a virtual TPM

az_tdx_executables := 3 if {
	input["az-tdx-vtpm"].td_attributes.debug == false
	az_tdx_boot_accepted
} else := 33

az_tdx_hardware := 2 if {
	input["az-tdx-vtpm"].td_attributes.debug == false
	input["az-tdx-vtpm"].quote.header.tee_type == "81000000"
	input["az-tdx-vtpm"].quote.header.vendor_id == "939a7233f79c4ca9940a0db3957f0607"
	input["az-tdx-vtpm"].tcb_status == "UpToDate"
	input["az-tdx-vtpm"].collateral_expiration_status == "0"
	matches_reference_value(input["az-tdx-vtpm"].quote.body.mr_td, "mr_td")
} else := 97

az_tdx_configuration := 2 if {
	input["az-tdx-vtpm"].td_attributes.debug == false
	matches_reference_value(input["az-tdx-vtpm"].quote.body.xfam, "xfam")
} else := 96 if {
	input["az-tdx-vtpm"].td_attributes.debug == true
} else := 36

az_tdx_boot_accepted if {
	matches_reference_value(input["az-tdx-vtpm"].tpm.pcr04, "tdx_pcr04")
	matches_reference_value(input["az-tdx-vtpm"].tpm.pcr11, "tdx_pcr11")
	az_tdx_command_line_accepted
	az_tdx_extensions_accepted
}

az_tdx_command_line_accepted if {
	input["az-tdx-vtpm"].tpm.pcr12 == never_extended
} else if {
	matches_reference_value(input["az-tdx-vtpm"].tpm.pcr12, "tdx_pcr12")
}

az_tdx_extensions_accepted if {
	input["az-tdx-vtpm"].tpm.pcr13 == never_extended
} else if {
	matches_reference_value(input["az-tdx-vtpm"].tpm.pcr13, "tdx_pcr13")
}

##### A TPM alone: its attestation key comes with the evidence, and only a known one means anything

tpm_executables := 3 if {
	tpm_known
	matches_reference_value(input.tpm.pcr00, "tpm_pcr00")
	tpm_boot_accepted
} else := 33

tpm_hardware := 2 if {
	tpm_known
} else := 97

tpm_configuration := 0 if {
	tpm_known
} else := 36

tpm_known if {
	matches_reference_value(input.tpm.ak_public, "trusted_aks")
}

tpm_boot_accepted if {
	matches_reference_value(input.tpm.pcr04, "tpm_pcr04")
	matches_reference_value(input.tpm.pcr11, "tpm_pcr11")
	tpm_command_line_accepted
	tpm_extensions_accepted
}

tpm_command_line_accepted if {
	input.tpm.pcr12 == never_extended
} else if {
	matches_reference_value(input.tpm.pcr12, "tpm_pcr12")
}

tpm_extensions_accepted if {
	input.tpm.pcr13 == never_extended
} else if {
	matches_reference_value(input.tpm.pcr13, "tpm_pcr13")
}

##### Arm CCA

cca_executables := 3 if {
	cca_accepted
	matches_reference_value(input.cca.realm["cca-realm-initial-measurement"], "cca_realm_initial_measurement")
} else := 33

# Firmware and configuration are among the reference values of the verifier, or there would be no claims.
cca_hardware := 2 if {
	cca_accepted
	matches_reference_value(input.cca.platform["cca-platform-implementation-id"], "cca_platform_implementation_id")
} else := 97

cca_configuration := 2 if {
	cca_accepted
	matches_reference_value(input.cca.platform["cca-platform-config"], "cca_platform_config")
} else := 96 if {
	input.cca.platform["cca-platform-lifecycle-state"] in {
		"non-platform-rot-debug",
		"recoverable-platform-rot-debug",
	}
} else := 36

# The platform is past its making and not being debugged, and the realm is not known to have been changed.
cca_accepted if {
	input.cca.platform["cca-platform-lifecycle-state"] == "secured"
	input.cca.appraisal.realm.executables in {2, 3, -97}
}

##### Hygon CSV

csv_executables := 3 if {
	csv_accepted
} else := 33

csv_hardware := 2 if {
	csv_accepted
} else := 97

csv_configuration := 2 if {
	csv_accepted
	input.csv.policy.es == 1
	input.csv.policy.nosend == 1
} else := 96 if {
	input.csv.policy.nodbg == 0
} else := 36

# In reports of version 1 the other fields are worth something only beside the right measurement (docs/tees/csv.md).
csv_accepted if {
	input.csv.policy.nodbg == 1
	matches_reference_value(input.csv.measure, "csv_launch_measurement")
}

##### IBM Secure Execution: the verifier has compared the measurement with the image header it was given

se_measured if {
	every name in ["cuid", "tag", "image_phkh", "attestation_phkh"] {
		is_string(input.se[name])
		input.se[name] != ""
	}
}

##### The sample TEE, which vouches for nothing

sample_executables := 3 if {
	input.sample.debug == false
	matches_reference_value(input.sample.launch_digest, "launch_digest")
} else := 33

sample_hardware := 2 if {
	input.sample.debug == false
	matches_reference_value(input.sample.svn, "svn")
	matches_reference_value(input.sample.platform_version.major, "major_version")
	is_number(input.sample.platform_version.minor)
	is_number(minimum_minor_version)
	input.sample.platform_version.minor >= minimum_minor_version
} else := 97

sample_configuration := 2 if {
	input.sample.debug == false
} else := 96 if {
	input.sample.debug == true
} else := 36

# The value, or the one element of a list.
minimum_minor_version := minimum_minor_versions[0] if {
	minimum_minor_versions == [minimum_minor_versions[0]]
} else := minimum_minor_versions

minimum_minor_versions := query_reference_value("minimum_minor_version")

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
