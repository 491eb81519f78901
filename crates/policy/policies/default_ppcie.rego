# Appraises a protected PCIe group: eight GPUs and four switches that name each other. Each of them has an
# appraisal of its own; this one only says that the group is complete.
package policy

import rego.v1

default hardware := 97

default configuration := 36

hardware := 0 if complete

configuration := 2 if complete

complete if {
	input.nvidia.gpu_count == 8
	input.nvidia.switch_count == 4
}

trust_claims := {
	"executables": 0,
	"hardware": hardware,
	"configuration": configuration,
	"instance-identity": 0,
	"file-system": 0,
	"runtime-opaque": 0,
	"storage-opaque": 0,
	"sourced-data": 0,
}
