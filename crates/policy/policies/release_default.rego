# Releases resources to any TEE but the sample one, and never to a TEE in debug mode. It does not ask whether
# anything vouches for what runs in the TEE: for that, use the `affirming` policy.
package policy

import rego.v1

default allow := false

allow if {
	data.plugin == "resource"
	not input.submods.cpu0["ear.veraison.annotated-evidence"].sample
	not_in_debug_mode
	not input.submods.cpu1
	every submod in input.submods {
		evidence := submod["ear.veraison.annotated-evidence"]
		not evidence.sampledevice
		not evidence.nvidia.dbgstat != "disabled"
	}
	count(nvidia_in_unknown_mode) == 0
}

# NVIDIA's service says whether a device is in debug mode. Evidence that the Attestation Service judges itself does not:
# then its attestation policy has to know every measurement, which debug mode changes.
nvidia_in_unknown_mode contains name if {
	some name, submod in input.submods
	submod["ear.veraison.annotated-evidence"].nvidia
	not submod["ear.veraison.annotated-evidence"].nvidia.dbgstat == "disabled"
	not submod["ear.trustworthiness-vector"].configuration == 2
}

# The CPU has to be a TEE that says, in a way known here, that it is not in debug mode.
not_in_debug_mode if {
	input.submods.cpu0["ear.veraison.annotated-evidence"].snp.policy_debug_allowed == false
} else if {
	input.submods.cpu0["ear.veraison.annotated-evidence"].tdx.td_attributes.debug == false
} else if {
	input.submods.cpu0["ear.veraison.annotated-evidence"]["az-snp-vtpm"].policy_debug_allowed in {false, "false"}
} else if {
	input.submods.cpu0["ear.veraison.annotated-evidence"]["az-tdx-vtpm"].td_attributes.debug == false
} else if {
	# DEBUG is bit 1 of the attributes, which are eight bytes, the lowest first.
	flags := input.submods.cpu0["ear.veraison.annotated-evidence"].sgx.body["attributes.flags"]
	is_string(flags)
	regex.match(`^[0-9a-f][014589cd][0-9a-f]{14}$`, flags)
} else if {
	input.submods.cpu0["ear.veraison.annotated-evidence"].csv.policy.nodbg == 1
	csv_policy_is_proved
} else if {
	# Lifecycles 0x3000 to 0x30ff: secured. Others are of platforms that are being made or debugged.
	lifecycle := input.submods.cpu0["ear.veraison.annotated-evidence"].cca.platform["cca-platform-lifecycle"]
	is_number(lifecycle)
	lifecycle >= 12288
	lifecycle < 12544
} else if {
	# Secure Execution has no debug mode.
	is_string(input.submods.cpu0["ear.veraison.annotated-evidence"].se.tag)
} else if {
	# A TPM is no TEE, and its evidence brings its own key: the attestation policy has to know that key.
	input.submods.cpu0["ear.veraison.annotated-evidence"].tpm
	input.submods.cpu0["ear.trustworthiness-vector"].hardware == 2
}

# The mask over the fields of a report of version 1 is not signed: they are worth something only beside the right
# measurement, which the attestation policy has to know.
csv_policy_is_proved if {
	input.submods.cpu0["ear.veraison.annotated-evidence"].csv.version == "2"
} else if {
	input.submods.cpu0["ear.trustworthiness-vector"].hardware == 2
}
