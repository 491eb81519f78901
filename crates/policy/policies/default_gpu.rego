# Appraises GPUs by the claims of NVIDIA's remote attestation service. Any other GPU is contraindicated.
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

no_debug if input.nvidia.dbgstat == "disabled"

hardware := 2 if {
	no_debug
	good_chain(input.nvidia["x-nvidia-gpu-attestation-report-cert-chain"])
	input.nvidia["x-nvidia-gpu-attestation-report-cert-chain-fwid-match"] == true
	input.nvidia["x-nvidia-gpu-attestation-report-parsed"] == true
	input.nvidia["x-nvidia-gpu-attestation-report-signature-verified"] == true
	input.nvidia["x-nvidia-gpu-arch-check"] == true
}

configuration := 2 if {
	no_debug
	input.nvidia.secboot == true
	matches_reference_value(input.nvidia["x-nvidia-gpu-vbios-version"], "allowed_vbios_versions")
	matches_reference_value(input.nvidia["x-nvidia-gpu-driver-version"], "allowed_driver_versions")
} else := 3 if {
	no_debug
	input.nvidia.secboot == true
} else := 96 if input.nvidia.dbgstat != "disabled"

executables := 3 if {
	no_debug
	good_manifest("driver")
	good_manifest("vbios")
	input.nvidia.measres == "success"
}

# The reference integrity manifest of a firmware or driver, and who signed it.
good_manifest("driver") if {
	good_chain(input.nvidia["x-nvidia-gpu-driver-rim-cert-chain"])
	input.nvidia["x-nvidia-gpu-driver-rim-fetched"] == true
	input.nvidia["x-nvidia-gpu-driver-rim-measurements-available"] == true
	input.nvidia["x-nvidia-gpu-driver-rim-schema-validated"] == true
	input.nvidia["x-nvidia-gpu-driver-rim-signature-verified"] == true
	input.nvidia["x-nvidia-gpu-driver-rim-version-match"] == true
}

good_manifest("vbios") if {
	good_chain(input.nvidia["x-nvidia-gpu-vbios-rim-cert-chain"])
	input.nvidia["x-nvidia-gpu-vbios-rim-fetched"] == true
	input.nvidia["x-nvidia-gpu-vbios-rim-measurements-available"] == true
	input.nvidia["x-nvidia-gpu-vbios-rim-schema-validated"] == true
	input.nvidia["x-nvidia-gpu-vbios-rim-signature-verified"] == true
	input.nvidia["x-nvidia-gpu-vbios-rim-version-match"] == true
}

good_chain(chain) if {
	chain["x-nvidia-cert-ocsp-status"] == "good"
	chain["x-nvidia-cert-status"] == "valid"
}
