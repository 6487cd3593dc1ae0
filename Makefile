# partcheck: `make demo` shows the product, `make test` runs all tests, `make check` runs every check of a change.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST ?= $(BIN)/pytest
# With this variable each of the many processes that tests start would compile its imports again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-fast unit coverage check lint types contracts format hooks lock clean clean-state browser

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/ready ## Create .venv from the lock file

$(VENV)/ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "partcheck needs Python 3.11 or newer; select one with: make PYTHON=python3.12 …")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the packages of requirements.lock into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## Train a model, inspect 44 photos, show the verdicts (KEEP=1 keeps the environment running)
	@$(BIN)/partcheck demo $(if $(KEEP),--keep)

up: setup ## Run the local environment until Ctrl-C
	@$(BIN)/partcheck up

test: setup browser ## Run all tests
	$(PYTEST)

browser: ## Find or install the browser for the tests
	@.ci/browser

test-fast: setup ## Check style, types and contracts, and run the unit tests, in a minute
	@$(MAKE) --no-print-directory -j2 types lint contracts unit

unit: setup
	$(PYTEST) tests/unit -n 2

coverage: setup ## Run the unit and state machine tests, show the uncovered lines
	$(PYTEST) tests/unit tests/state_machine --cov --cov-report=term-missing:skip-covered

check: lint types contracts test ## Run every check of a change

lint: setup ## Check style, formatting, spelling and templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/djlint --lint --quiet review_app

types: setup ## Check the types
	$(BIN)/mypy

contracts: setup ## Check the import contracts
	$(BIN)/lint-imports

format: setup ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

hooks: setup ## Install the git hooks: lint before a commit, test-fast before a push
	$(BIN)/pre-commit install

lock: setup ## Update the lock file
	$(BIN)/pip-compile --quiet --upgrade --all-extras --allow-unsafe --strip-extras --generate-hashes \
	  --no-header --no-emit-index-url --no-emit-find-links --output-file requirements.lock pyproject.toml

clean: ## Delete the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build cdk.out .coverage*

clean-state: ## Delete the local environment's state: photos, tables and models
	rm -rf .partcheck
