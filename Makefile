# The developer's targets. CI calls `check` and `test` and nothing else.
.DEFAULT_GOAL := help
.PHONY: help check test demo bench fuzz fuzz-smoke

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

check: ## Formatting and lints, warnings denied
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

test: ## All tests
	cargo test --workspace --locked
