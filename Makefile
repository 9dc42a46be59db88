# Everything a fresh clone needs: `make demo` to see it run, `make test` to check it, `make help` for the rest.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := help

# The first of these that is new enough and can make a virtual environment; `make PYTHON=...` names another.
PYTHON ?= python3.13 python3.12 python3.11 python3
VENV := .venv
RELEASE := .venv-release
BIN := $(VENV)/bin
KAFKA_VERSION := $(shell sed -n 's|.*<kafka.version>\(.*\)</kafka.version>.*|\1|p' deploy/kafka/pom.xml)
KAFKA_JARS := $(HOME)/.cache/touchline/kafka/$(KAFKA_VERSION)
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo test chaos fuzz kafka axe servers lint format types docs bench sample lock audit sbom pins clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.embedded ## Run everything on this machine on sample data, and print the report
	@$(BIN)/touchline demo

test: $(VENV)/.test servers ## Check everything: style, types, tests against real servers
	@$(MAKE) --no-print-directory kafka || { \
	  [ -z "$${CI:-}" ] && echo "Tests that need Kafka will skip." >&2; }
	@$(MAKE) --no-print-directory axe || { \
	  [ -z "$${CI:-}" ] && echo "Tests that need axe-core will skip." >&2; }
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target types fuzz
	SEEDS=$${SEEDS:-30} $(BIN)/pytest --numprocesses auto --dist loadfile tests/unit tests/contract tests/simulation
	$(BIN)/pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder tests/chaos tests/integration

# How long Kafka is away each time, in seconds: twenty times in all.
OUTAGES_S := 5 25 90 5 25 90 5 25 90 5 25 90 5 25 5 25 5 25 5 25

chaos: $(VENV)/.test servers kafka ## Kill processes and stop Kafka under load; fire every alert (over an hour)
	CHAOS_SAMPLE=1 CHAOS_ALERTS=1 CHAOS_OUTAGES_S="$(OUTAGES_S)" $(BIN)/pytest tests/chaos

SECONDS := 60
SEED := 1

fuzz: $(VENV)/.test ## Send random bytes wherever others' come in (make fuzz SECONDS=600 SEED=7)
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) --seed $(SEED)

lint: $(VENV)/.test ## Check style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.test ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.test ## Check types
	$(BIN)/mypy

docs: $(VENV)/.test ## Write what the documents take from the code: tables, docs/asyncapi.yaml
	$(BIN)/python docs/tables.py
	$(BIN)/python docs/asyncapi.py

bench: $(VENV)/.test kafka ## Measure speed
	$(BIN)/python -m bench

sample: $(VENV)/.embedded ## Regenerate the sample data
	$(BIN)/python -m examples.sample

# What the image is built for. Only wheels: a package of source runs code of its own when it is installed.
LOCK := $(RELEASE)/bin/uv pip compile --quiet --no-header --generate-hashes --only-binary :all: \
  --python-version 3.11 --python-platform x86_64-manylinux_2_36

lock: $(RELEASE)/.made ## Choose the newest packages for the image anew, with their hashes
	$(LOCK) --upgrade pyproject.toml --output-file deploy/image/requirements.txt
	$(LOCK) --upgrade deploy/image/build.in --output-file deploy/image/build.txt
	$(LOCK) --upgrade deploy/image/tools.in --output-file deploy/image/tools.txt

audit: $(RELEASE)/.made ## Ask whether a package of the image is known to be vulnerable
	$(RELEASE)/bin/pip-audit --strict --require-hashes --disable-pip \
	  --requirement deploy/image/requirements.txt --requirement deploy/image/build.txt

sbom: $(RELEASE)/.made ## List what is in the image, in the format CycloneDX: build/sbom.json
	@mkdir -p build
	$(RELEASE)/bin/cyclonedx-py requirements deploy/image/requirements.txt --pyproject pyproject.toml \
	  --mc-type application --output-format JSON --output-reproducible --output-file build/sbom.json

pins: ## Ask the registries about every pinned image (needs Docker)
	deploy/pins.sh

kafka: $(KAFKA_JARS) ## Fetch Apache Kafka's jars for the tests (needs Java 17 and Maven)

axe: tests/axe/node_modules ## Fetch axe-core, which looks at the page (needs Node 18, npm)

servers: ## Install ClickHouse, Prometheus and Chromium for the tests (Debian, as root)
	@servers/install.sh

clean: ## Remove all build products; keep the user's cache
	rm -rf $(VENV) $(RELEASE) tests/axe/node_modules build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp file marks each installed part of the environment; a change of pyproject.toml makes it out of date.

# Each is tried by running it: a version manager's shim may be on PATH without its Python, and Debian's Python
# makes no environment without its package python3-venv.
$(VENV)/bin/python:
	@for python in $(PYTHON); do \
	  if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "$$python -m venv $(VENV)"; exec "$$python" -m venv $(VENV); fi; done; \
	echo "make: found no Python from 3.11 on that can make a virtual environment (looked for: $(PYTHON))." \
	  "Install one (on Debian with python3-venv), or name another: make PYTHON=/path/to/python" >&2; exit 1

$(VENV)/.embedded: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --editable '.[embedded]'
	@touch $@

# The tests take a data set from lifetimes; its own pins are too old for the other packages.
$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --editable '.[embedded,test]'
	$(PIP) install --no-deps lifetimes==0.11.3
	@touch $@ $(VENV)/.embedded

# Apart from the project's own packages, which need older releases of some.
$(RELEASE)/.made: deploy/image/tools.txt | $(VENV)/bin/python
	$(BIN)/python -m venv $(RELEASE)
	$(RELEASE)/bin/python -m pip --disable-pip-version-check --quiet install --require-hashes --only-binary :all: \
	  --requirement $<
	@touch $@

# What its lockfile names, with its hash; no package runs code of its own when it is installed.
tests/axe/node_modules: tests/axe/package-lock.json
	@command -v npm >/dev/null || { echo "make: npm was not found; axe-core for the tests needs Node 18 and npm" >&2; exit 1; }
	npm ci --prefix tests/axe --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(KAFKA_JARS):
	@for program in java mvn; do command -v $$program >/dev/null || { \
	  echo "make: $$program was not found; Apache Kafka for the tests needs Java 17 and Maven" >&2; exit 1; }; done
	rm -rf $@.part
	mvn --quiet --batch-mode --no-transfer-progress -Dstyle.color=never --file deploy/kafka/pom.xml \
	  dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=$@.part
	mv -T $@.part $@
