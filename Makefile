# Every target brings what it needs by itself: `make run` on a machine with Rust and Node is enough.

.DEFAULT_GOAL := help
.PHONY: help setup run build dev test e2e lint format bench profile openapi settings screenshots clean

help: ## Show this list
	@sed -n 's/^\([a-z0-9]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## Install the compiler's WebAssembly target and the tools; at once when they are there
	@scripts/setup build

run: build ## Build, and serve the dashboard and the API on 127.0.0.1:8000
	@exec dist/campanile serve

build: setup ## Build dist/campanile, one executable with everything in it
	@scripts/build

dev: setup ## Serve on 127.0.0.1:8000, rebuild and reload whenever a file changes
	@scripts/dev

test: ## Build, and run every test, also those in a browser
	@scripts/setup test
	@scripts/build
	@scripts/test

e2e: ## Build, and run the tests in a browser; ONLY=delete for the files with this in their names
	@scripts/setup test
	@scripts/build
	@cd end2end && ../scripts/with-env playwright test $(ONLY)

lint: ## Check formatting, lints, documentation, spelling and the dependencies' licences
	@scripts/setup lint
	@scripts/lint

format: ## Format Rust and TOML
	@scripts/setup lint
	@scripts/with-env cargo fmt
	@scripts/with-env taplo format

bench: ## Measure the budgets of the design against a bare server on this machine
	@scripts/setup bench
	@scripts/build
	@scripts/bench

profile: ## Show where the time of a request goes; WHAT=unread-count, list or create
	@scripts/setup bench
	@scripts/profile $(WHAT)

openapi: setup ## Write openapi.json anew from the handlers
	@scripts/with-env cargo run --quiet --features ssr -- openapi > openapi.json.new
	@mv openapi.json.new openapi.json

settings: setup ## Write docs/settings.md anew from the code
	@scripts/with-env cargo run --quiet --features ssr -- settings > docs/settings.md.new
	@mv docs/settings.md.new docs/settings.md

screenshots: ## Build, and take the pictures of the dashboard in docs/screenshots anew
	@scripts/setup test
	@scripts/build
	@cd end2end && ../scripts/with-env playwright test --config screenshots

clean: ## Remove what the build left in this directory; compiled crates and tools stay in the cache
	rm -rf dist target end2end/test-results end2end/playwright-report
