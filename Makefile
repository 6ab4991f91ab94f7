# The commands of the house. `make` alone lists them.
CONFIG ?= debug
SWIFT_BUILD = swift build -c $(CONFIG)
BUSBAR = .build/$(CONFIG)/busbar
# What is measured is what is given away: the flags and the folder of scripts/release, so that it is built once.
GIVEN_AWAY = -c release --static-swift-stdlib --scratch-path .build/static
export CONFIG

.DEFAULT_GOAL := help
.PHONY: help run build check format test e2e test-all bench venv openapi man release deb clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build, and start the demonstration in ./data
	@scripts/setup
	$(SWIFT_BUILD) --product busbar
	@$(BUSBAR) demo --data ./data

build: ## build everything (CONFIG=release for an optimised build)
	@scripts/setup
	$(SWIFT_BUILD)

check: ## format, syntax, borders, tidiness, messages (a few minutes at first, as it builds the tests)
	@scripts/setup
	@scripts/check

format: ## rewrite the Swift files in the format of the house
	swift format --in-place --parallel --recursive Sources Tests Package.swift

test: ## all tests and oracles (ONLY=regular expression over Target.Suite/test)
	@scripts/setup test
	swift build --build-tests -c $(CONFIG)
	@scripts/test --config $(CONFIG) --skip-build $(if $(ONLY),--only '$(ONLY)')

e2e: ## drive the pages of a demonstration in a real browser
	@scripts/setup test
	$(SWIFT_BUILD) --product busbar
	@scripts/e2e

test-all: ## what takes hours: the long suites, then check, test and e2e
	@scripts/setup test
	swift build --build-tests -c $(CONFIG)
	@SKIP_BUILD=1 scripts/check
	@BUSBAR_LONG=1 scripts/test --config $(CONFIG) --skip-build
	@scripts/e2e

bench: ## measure against peers, one JSON object a line (ONLY=name)
	@scripts/setup test >&2
	@swift build $(GIVEN_AWAY) --product busbar >&2
	@swift build $(GIVEN_AWAY) --product busbar-bench >&2
	@BUSBAR_BENCH="$(CURDIR)/.build/static/release/busbar-bench" PATH="$(CURDIR)/.venv/bin:$$PATH" benchmarks/run $(ONLY)

venv: ## the Python environment of the tests
	@scripts/setup test

openapi: ## write the description of the API to openapi/busbar.json and validate it
	@scripts/setup test
	$(SWIFT_BUILD) --product busbar
	@mkdir -p openapi
	@$(BUSBAR) openapi >openapi/busbar.json.new && mv openapi/busbar.json.new openapi/busbar.json
	@.venv/bin/openapi-spec-validator openapi/busbar.json

man: ## write the manual page to .build/busbar.1
	@scripts/setup
	$(SWIFT_BUILD) --product busbar
	@scripts/manual $(BUSBAR) >.build/busbar.1.new && mv .build/busbar.1.new .build/busbar.1
	@echo "man -l .build/busbar.1"

release: ## the program as it is given away, with checksums: dist/
	@scripts/setup
	@scripts/release

deb: ## the Debian package: dist/busbar_*.deb
	@scripts/setup
	@scripts/deb

clean: ## remove what was built; ./data stays
	rm -rf .build .venv e2e/out dist
