# Appraises NVSwitches by the claims of NVIDIA's remote attestation service. Any other switch is contraindicated.
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

no_debug if {
	input.nvidia.dbgstat == "disabled"
	not input.nvidia["x-nvidia-overall-att-result"] == false
}

hardware := 2 if {
	no_debug
	good_chain(input.nvidia["x-nvidia-switch-attestation-report-cert-chain"])
	input.nvidia["x-nvidia-switch-attestation-report-cert-chain-fwid-match"] == true
	input.nvidia["x-nvidia-switch-attestation-report-parsed"] == true
	input.nvidia["x-nvidia-switch-attestation-report-signature-verified"] == true
	input.nvidia["x-nvidia-switch-arch-check"] == true
}

configuration := 2 if {
	no_debug
	input.nvidia.secboot == true
	matches_reference_value(input.nvidia["x-nvidia-switch-bios-version"], "allowed_switch_bios_versions")
} else := 3 if {
	no_debug
	input.nvidia.secboot == true
} else := 96 if input.nvidia.dbgstat != "disabled"

executables := 3 if {
	no_debug
	good_manifest("bios")
	input.nvidia.measres == "success"
}

# The reference integrity manifest of the firmware, and who signed it.
good_manifest("bios") if {
	good_chain(input.nvidia["x-nvidia-switch-bios-rim-cert-chain"])
	input.nvidia["x-nvidia-switch-bios-rim-fetched"] == true
	input.nvidia["x-nvidia-switch-bios-rim-measurements-available"] == true
	input.nvidia["x-nvidia-switch-bios-rim-schema-validated"] == true
	input.nvidia["x-nvidia-switch-bios-rim-signature-verified"] == true
	input.nvidia["x-nvidia-switch-bios-rim-version-match"] == true
}

good_chain(chain) if {
	chain["x-nvidia-cert-ocsp-status"] == "good"
	chain["x-nvidia-cert-status"] == "valid"
}
