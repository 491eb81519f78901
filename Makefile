# The developer's targets. CI calls `check` and `test` and nothing else.

.DEFAULT_GOAL := help
.PHONY: help demo test check bench fuzz fuzz-smoke

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
# The tools of the demonstration include a simulated guest.
BINARIES := --workspace --bins --features kbs-client/simulated-tees

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## The whole story on real servers; TEE=tdx for another guest, KEEP=1 leaves them running
	cargo build --locked $(BINARIES)
	$(TARGET_DIR)/debug/trustee-demo $(if $(TEE),--tee $(TEE)) $(if $(KEEP),--keep)

test: ## All tests, every fuzz target for a moment, and the demonstration
	cargo test --locked --workspace
	$(MAKE) --no-print-directory fuzz-smoke
	$(MAKE) --no-print-directory demo KEEP=

check: ## Formatting and lints; warnings are errors
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings

bench: ## Speed and memory beside their floors (two cores, five minutes)
	cargo build --locked --release $(BINARIES)
	$(TARGET_DIR)/release/trustee-bench

fuzz-smoke: ## Every fuzz target for a few seconds
	cargo run --locked --manifest-path fuzz/Cargo.toml --target-dir $(TARGET_DIR) --bin smoke

fuzz: ## One fuzz target until stopped: make fuzz TARGET=snp_report (nightly Rust, cargo-fuzz)
	cd fuzz && cargo +nightly fuzz run --features libfuzzer $(TARGET)
