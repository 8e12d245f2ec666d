# Everything a newcomer needs; `make help` lists it.  Needs only Python >= 3.11 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check bench format lint types contracts constraints docs clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.runtime ## set up, then analyze IWM on the embedded simulated market
	@$(BIN)/apex analyze IWM --source demo

test: $(VENV)/.dev ## set up, then run the tests (under five minutes on 2 cores)
	$(BIN)/pytest -n auto -q

test-all: $(VENV)/.dev ## the tests, slow ones and those on real data included
	$(BIN)/pytest -n auto -q -m ""

check: format lint types contracts test ## what CI wants: format, lint, types, import contracts, tests, doctests, docs

format: $(VENV)/.dev ## check the formatting
	$(BIN)/ruff format --check .

lint: $(VENV)/.dev ## check the style
	$(BIN)/ruff check .

types: $(VENV)/.dev ## check the types
	$(BIN)/mypy

contracts: $(VENV)/.dev ## check which way imports go
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## measure against the bars; fails when one is missed
	$(BIN)/python -m benchmarks

constraints: $(VENV)/.dev ## pin every dependency anew (host-free)
	$(BIN)/uv pip compile --universal --python-version 3.11 --extra dev --extra pandas --no-header --no-annotate -q pyproject.toml -o constraints.txt

docs: $(VENV)/.runtime ## make the generated pictures and tables of the docs anew
	$(BIN)/python -m docs.make_pictures
	$(BIN)/python -m docs.tables

clean: ## remove the environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/.python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "openapex needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: pyproject.toml constraints.txt | $(VENV)/.python
	$(BIN)/python -m pip install -q -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/.python
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.runtime
