# Two commands for a newcomer: `make demo` and `make test`. Everything happens inside this folder, without root.
# Windows has no make: README.md says what to type there.

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
GWB := $(BIN)/gwb
# `make lock` uses an environment of its own: the lock's tool is no part of what is locked.
LOCK_VENV := build/lock-venv

.DEFAULT_GOAL := help
.PHONY: help venv venv-dev venv-kerberos demo test quick check generate lanes jupyter bench lock clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)$$/  make \1|\2/' | column -t -s '|' 2>/dev/null \
	  || grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST)

venv: ## Set up .venv for running
	@$(PYTHON) tools/bootstrap.py

venv-dev: ## Set up .venv for testing
	@$(PYTHON) tools/bootstrap.py --dev

venv-kerberos: venv ## Add the extra for signing in by Kerberos to .venv
	@$(PYTHON) tools/bootstrap.py --kerberos

demo: venv ## Run the whole journey against the rehearsal (ARGS="--keep", ARGS="--records DIR")
	@$(GWB) demo $(ARGS)

test: venv-dev ## Run every test lane that this machine can run (CI=true: install and require all lanes)
	@$(BIN)/python -m tools.lanes test $(ARGS)

quick: venv-dev ## Run the unit tests that start no other process: an answer in two minutes
	@$(BIN)/python -m tools.lanes quick $(ARGS)

check: venv-dev ## Lint (ruff) and type-check (mypy, strict)
	@$(BIN)/ruff check
	@$(BIN)/mypy

generate: venv-dev ## Write anew what is generated from the code (example and demo file, parameters cells, reference tables)
	@$(BIN)/python -m tools.generate

lanes: venv-dev ## Install what the lanes browser and samba need (Debian and Ubuntu, as root)
	@$(BIN)/python -m tools.lanes install

jupyter: venv ## Start the rehearsal and JupyterLab on 00-start-here (as root: ARGS=--allow-root)
	@$(BIN)/python -m tools.jupyter $(ARGS)

bench: venv-dev ## Run the benchmarks and write benchmarks/RESULTS.md (ARGS=quick: a smaller tenant)
	@$(BIN)/python -m benchmarks $(ARGS)

lock: ## Write the locks anew from pyproject.toml
	@test -x $(LOCK_VENV)/bin/uv || { $(PYTHON) -m venv $(LOCK_VENV) && $(LOCK_VENV)/bin/pip install --quiet uv; }
	@$(PYTHON) tools/lock.py $(LOCK_VENV)/bin/uv $(ARGS)

clean: ## Remove what builds and tests left (never records/ or .venv)
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
