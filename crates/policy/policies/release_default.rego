# Releases resources to any TEE but the sample one, and never to a TEE in debug mode. It does not ask whether
# anything vouches for what runs in the TEE: for that, use the `affirming` policy.
package policy

import rego.v1

default allow := false

allow if {
	data.plugin == "resource"
	input.submods.cpu0
	every name, submod in input.submods {
		acceptable(name, submod["ear.veraison.annotated-evidence"], submod["ear.trustworthiness-vector"])
	}
}

# A CPU has to be a TEE that says, in a way known here, that it is not in debug mode.
acceptable(name, evidence, _) if {
	startswith(name, "cpu")
	not evidence.sample
	no_debug(evidence)
}

# A TPM is no TEE, and its evidence brings its own key: only the attestation policy
# knows whether that key is a known one.
acceptable(name, evidence, vector) if {
	startswith(name, "cpu")
	evidence.tpm
	vector.hardware == 2
}

acceptable(name, evidence, _) if {
	not startswith(name, "cpu")
	not evidence.sampledevice
	object.get(evidence, ["nvidia", "dbgstat"], "disabled") == "disabled"
}

no_debug(evidence) if evidence.snp.policy_debug_allowed == false

no_debug(evidence) if evidence["az-snp-vtpm"].policy_debug_allowed in {false, "false"}

no_debug(evidence) if evidence.tdx.td_attributes.debug == false

no_debug(evidence) if evidence["az-tdx-vtpm"].td_attributes.debug == false

# DEBUG is bit 1 of the attributes, which are eight bytes, the lowest first.
no_debug(evidence) if regex.match(`^[0-9a-f][014589cd][0-9a-f]{14}$`, evidence.sgx.body["attributes.flags"])

no_debug(evidence) if evidence.csv.policy.nodbg == 1

# These have no debug mode of the guest, or a verifier that accepts none.
no_debug(evidence) if is_object(evidence.cca.realm)

no_debug(evidence) if is_string(evidence.se.tag)
