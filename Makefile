# partcheck: `make demo` shows the product, `make test` proves it, `make check` is the gate for every change.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST ?= $(BIN)/pytest
unexport PYTHONDONTWRITEBYTECODE # else each of the many processes that tests start compiles what it imports

.DEFAULT_GOAL := help
.PHONY: help setup demo up test check lint types contracts format lock clean forget browser

help: ## Show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(VENV)/ready ## Create .venv from the lock file

$(VENV)/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "partcheck needs Python 3.11 or newer; name one with: make PYTHON=python3.12 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what requirements.lock pins into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements.lock
	@PYTHONWARNINGS='ignore:Editable installation' $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## Train a model, inspect 40 photos, show the verdicts (KEEP=1 leaves the line running)
	@$(BIN)/partcheck demo $(if $(KEEP),--keep)

up: setup ## Run the line here until Ctrl-C
	@$(BIN)/partcheck up

test: setup browser ## Run every test
	$(PYTEST)

browser: ## See to the browser that the tests drive
	@.ci/browser

check: lint types contracts test ## Everything a change must pass

lint: setup ## Style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## Static types
	$(BIN)/mypy

contracts: setup ## Imports point one way
	$(BIN)/lint-imports

format: setup ## Rewrite the code in the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: setup ## Resolve the dependencies again
	$(BIN)/pip-compile --quiet --upgrade --all-extras --allow-unsafe --strip-extras --generate-hashes \
	  --no-header --no-emit-index-url --no-emit-find-links --output-file requirements.lock pyproject.toml

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build cdk.out *.egg-info

forget: ## Delete the photos, ledger and models of the line on this machine
	rm -rf .partcheck
