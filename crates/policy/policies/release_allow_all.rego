# Releases every resource to every attested guest, the sample one included. For tests only.
package policy

import rego.v1

default allow := false

allow if data.plugin == "resource"
