# Appraises GPUs by the claims of NVIDIA's remote attestation service, or by those of a GPU that was judged here.
# Any other GPU is contraindicated.
#
# A GPU that was judged here does not say whether it is in debug mode or booted securely: its measurements do. So it
# gets nothing unless each of them is known, and its versions are.
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

# Who judged it here leaves no claim of the service's.
judged_here if {
	input.nvidia.arch == "Hopper"
	is_object(input.nvidia.measurements)
	count(input.nvidia.measurements) > 0
	object.get(input.nvidia, "measres", "none") == "none"
	object.get(input.nvidia, "x-nvidia-overall-att-result", "none") == "none"
	matches_reference_value(input.nvidia.config.driver_version, "allowed_driver_versions")
	matches_reference_value(input.nvidia.config.vbios_version, "allowed_vbios_versions")
}

# What nobody vouches for. All at once, so that every reference value is asked for in one go.
unknown_measurements contains index if {
	some index, value in input.nvidia.measurements
	not known_zeros(index, value)
	not matches_reference_value(value, measurement_id(index))
}

known_zeros(index, value) if {
	is_zero(value)
	zeros_do(value, measurement_id(index))
}

# Nothing is measured there, and nothing should be; or nothing need be.
zeros_do(value, id) if query_reference_value(id) == null

else if matches_reference_value(value, concat("", [id, "_zeros"]))

# The names under which the extractor `swid` registers NVIDIA's reference integrity manifests. Those count measurements
# from 0, and reports from 1: measurement 13 of a report is the manifests' `measurement_12`.
measurement_id(index) := concat("", ["NVIDIA_Corporation.GPU.measurement_", format_int(to_number(index) - 1, 10)])

measured_here if {
	judged_here
	count(unknown_measurements) == 0
	some _, value in input.nvidia.measurements
	not is_zero(value)
}

is_zero(value) if {
	is_string(value)
	trim(value, "0") == ""
}

hardware := 2 if {
	no_debug
	good_chain(input.nvidia["x-nvidia-gpu-attestation-report-cert-chain"])
	input.nvidia["x-nvidia-gpu-attestation-report-cert-chain-fwid-match"] == true
	input.nvidia["x-nvidia-gpu-attestation-report-parsed"] == true
	input.nvidia["x-nvidia-gpu-attestation-report-signature-verified"] == true
	input.nvidia["x-nvidia-gpu-arch-check"] == true
} else := 2 if {
	measured_here
}

configuration := 2 if {
	no_debug
	input.nvidia.secboot == true
	matches_reference_value(input.nvidia["x-nvidia-gpu-vbios-version"], "allowed_vbios_versions")
	matches_reference_value(input.nvidia["x-nvidia-gpu-driver-version"], "allowed_driver_versions")
} else := 3 if {
	no_debug
	input.nvidia.secboot == true
} else := 2 if {
	measured_here
} else := 96 if input.nvidia.dbgstat != "disabled"

executables := 3 if {
	no_debug
	good_manifest("driver")
	good_manifest("vbios")
	input.nvidia.measres == "success"
} else := 3 if {
	measured_here
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
