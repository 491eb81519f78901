# The developer's targets. CI calls `check` and `test` and nothing else.

.DEFAULT_GOAL := help
.PHONY: help demo test tee-table evidence emulated-tpm test-azure-upstream check bench fuzz fuzz-smoke

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
# The tools of the demonstration include a simulated guest.
BINARIES := --workspace --bins --features kbs-client/simulated-tees

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## The whole story on real servers; TEE=tdx for another guest, KEEP=1 leaves them running
	cargo build --locked $(BINARIES)
	$(TARGET_DIR)/debug/trustee-demo $(if $(TEE),--tee $(TEE)) $(if $(KEEP),--keep)

# Packages whose source carries evidence of real machines. Tests read it where cargo unpacks it; nothing of them is
# built.
EVIDENCE := bitrouter-attestation@1.0.0-alpha.25 ccatoken@0.1.0 csv-rs@0.1.0 dcap-rs@0.1.0 \
	mc-attestation-verifier@0.4.4 sev_attest_tool@0.1.0

evidence:
	@for package in $(EVIDENCE); do \
		ls -d $${CARGO_HOME:-$$HOME/.cargo}/registry/src/*/$$(echo $$package | tr @ -) >/dev/null 2>&1 || \
		cargo info --quiet $$package >/dev/null 2>&1 || \
		echo "$$package cannot be had: the tests with its evidence are skipped"; \
	done

test: evidence emulated-tpm ## All tests, every fuzz target for a moment, and the demonstration
	rm -rf $(TARGET_DIR)/proofs
	cargo test --locked --workspace
	$(MAKE) --no-print-directory fuzz-smoke
	$(MAKE) --no-print-directory demo TEE= KEEP=
	for tee in az-snp-vtpm az-tdx-vtpm cca sgx tdx tpm; do \
		$(TARGET_DIR)/debug/trustee-demo --tee $$tee >$(TARGET_DIR)/demo.log || { cat $(TARGET_DIR)/demo.log; exit 1; }; \
		echo "demonstration of $$tee: done"; \
	done
	cargo test --locked --workspace --test it --quiet -- an_interrupted_demonstration
	$(TARGET_DIR)/debug/trustee-tee-table docs/tees/README.md

tee-table: ## Write what the last `make test` proved of each TEE into docs/tees/README.md
	$(TARGET_DIR)/debug/trustee-tee-table --write docs/tees/README.md

# The tests with an emulated TPM say so where it is missing, and pass.
emulated-tpm:
	@if command -v swtpm >/dev/null && command -v tpm2_quote >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -q swtpm tpm2-tools || { apt-get update -q && apt-get install -y -q swtpm tpm2-tools; } || \
		echo "swtpm and tpm2-tools cannot be installed: the tests with an emulated TPM are skipped"; \
	else echo "swtpm and tpm2-tools are not installed and this is not root: the tests with an emulated TPM are skipped"; fi

test-azure-upstream: ## Azure's evidence, judged beside Microsoft's packages (libtss2-dev, libssl-dev, pkg-config)
	cargo test --locked -p verifier --features azure-upstream upstream

check: ## Formatting and lints; warnings are errors
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

bench: ## Speed and memory beside their floors (two cores, ten minutes)
	cargo build --locked --release $(BINARIES)
	$(TARGET_DIR)/release/trustee-bench

fuzz-smoke: ## Every fuzz target for a few seconds
	cargo run --locked --manifest-path fuzz/Cargo.toml --target-dir $(TARGET_DIR) --bin smoke

fuzz: ## One fuzz target until stopped: make fuzz TARGET=snp_report (nightly Rust, cargo-fuzz)
	cd fuzz && cargo +nightly fuzz run --features libfuzzer $(TARGET)
