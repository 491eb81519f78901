//! What the help of the most used commands ends with. A test holds each line to what the commands take.

pub(super) const GET_RESOURCE: &str = "\
Examples:
  kbs-client get-resource --path default/key/1 | base64 -d
  kbs-client --url https://kbs.example:8080 --cert-file ca.pem get-resource --path kbs:///default/key/1
  kbs-client get-resource --path default/key/1 --tee-key-file tee.pem --attestation-token token
  kbs-client --output json --attester tsm get-resource --path default/key/1";

pub(super) const ATTEST: &str = "\
Examples:
  kbs-client attest
  kbs-client --url https://kbs.example:8080 --cert-file ca.pem attest --tee-key-file tee.pem > token
  kbs-client --attester tsm --device sampledevice attest --policy-id strict";

pub(super) const INIT_DATA: &str = "\
Examples:
  kbs-client init-data digest --file initdata.toml
  kbs-client init-data digest --file initdata.toml --tee snp";

pub(super) const SET_ATTESTATION_POLICY: &str = "\
Examples:
  kbs-client config --auth-private-key admin.key set-attestation-policy --policy-file cpu.rego
  kbs-client config --auth-private-key admin.key set-attestation-policy --policy-file gpu.rego --id default_gpu --strict";

pub(super) const SET_RESOURCE: &str = "\
Example:
  kbs-client config --auth-private-key admin.key set-resource --path default/key/1 --resource-file key.bin";

pub(super) const SET_SAMPLE_REFERENCE_VALUE: &str = "\
Examples:
  One measurement, in place of those that are registered, or beside them:
    kbs-client config --auth-private-key admin.key set-sample-reference-value snp_launch_measurement 7a61
    kbs-client config --auth-private-key admin.key set-sample-reference-value snp_launch_measurement 8d6f --add

  A number in a list, and a value that is no list:
    kbs-client config --auth-private-key admin.key set-sample-reference-value snp_snp_svn 23 --as-integer
    kbs-client config --auth-private-key admin.key set-sample-reference-value snp_smt_enabled true --as-bool --as-single-value";
