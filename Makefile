# Luna's commands. `make` lists them; each recipe is what a person could type.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

ENV := source .ci/env.sh;
LUNA := target/release/luna

##@ Use
.PHONY: run
run: build ## Start Luna with a database of its own; installs and builds what is missing
	@$(ENV) exec $(LUNA) serve

.PHONY: setup
setup: ## Install what a build needs
	@.ci/setup.sh run

.PHONY: build
build: setup ## Build the pages and the release binary
	@.ci/frontend.sh
	@$(ENV) cargo build --release

.PHONY: migrate
migrate: build ## Bring the database to this version
	@$(ENV) $(LUNA) db migrate

.PHONY: seed
seed: build ## Load demo data: the simulated market, sample documents and their index
	@$(ENV) $(LUNA) simulate
	@$(ENV) $(LUNA) documents add docs/samples/waermepumpe.txt docs/samples/electricity-contract.pdf --tags sample

.PHONY: simulate
simulate: build ## Fill the simulated market SIM-CH now
	@$(ENV) $(LUNA) simulate

.PHONY: doctor
doctor: build ## Check everything a box needs, and say how to mend what is wrong
	@$(ENV) $(LUNA) doctor

.PHONY: bench
bench: build ## Measure the promised ratios
	@$(ENV) $(LUNA) bench

##@ Containers
COMPOSE = docker compose $$(python3 .ci/preflight.py --profiles)

.PHONY: preflight
preflight: ## Check Docker, ports, network, volumes and disk before `make up`
	@python3 .ci/preflight.py

.PHONY: up
up: preflight ## Build and start the containers, wait until they are healthy
	$(COMPOSE) up --build --detach --wait

.PHONY: down
down: ## Stop the containers; their volumes stay
	docker compose --profile='*' down

.PHONY: logs
logs: ## Follow the containers' logs
	$(COMPOSE) logs --follow --tail 100

.PHONY: testping
testping: ## Ask every group of endpoints of a running Luna once
	@python3 .ci/testping.py

##@ Develop
.PHONY: test
test: ## Every check and test; `make test T=market` runs the tests of that name
	@.ci/setup.sh test
	@.ci/test.sh $(T)

.PHONY: check
check: ## What a commit must pass at least: format, lints, source rules, documentation
	@.ci/setup.sh test
	@.ci/frontend.sh check
	@$(ENV) cargo fmt --check
	@$(ENV) cargo clippy --all-targets -- -D warnings
	@$(ENV) cargo test --test integration -- architecture:: deploy::
	@$(ENV) RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --document-private-items

.PHONY: test-faults
test-faults: CYCLES ?= 1000
test-faults: FILES ?= 100000
test-faults: ## Kill the server CYCLES times while it takes readings in, read FILES damaged files; nothing may be lost or harmed
	@.ci/setup.sh test
	@$(ENV) LUNA_FAULT_CYCLES=$(CYCLES) cargo test --test integration -- faults:: --nocapture
	@$(ENV) LUNA_FAULT_FILES=$(FILES) cargo test --lib -- extract::tests::faults:: --nocapture

.PHONY: fuzz
fuzz: setup ## Fuzz each parser of what comes from outside, ten minutes each (FUZZ_S=600)
	@tests/fuzz/run.sh

.PHONY: bless
bless: ## Write docs/openapi.json anew, after a change of the API that is meant
	@.ci/setup.sh test
	@.ci/frontend.sh
	@$(ENV) cargo build --quiet
	@$(ENV) target/debug/luna openapi >target/openapi.json
	@mv target/openapi.json docs/openapi.json

.PHONY: stop-test-db
stop-test-db: ## Stop the PostgreSQL that tests left running
	@.ci/stop-test-db.sh

.PHONY: help
help: ## List the targets
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
