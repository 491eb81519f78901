# Releases anything to a guest all of whose parts are as their reference values say.
package policy

import rego.v1

default allow := false

allow if {
	input.submods.cpu0
	every submod in input.submods {
		submod["ear.status"] == "affirming"
	}
}
