# The two commands: `make lab` (try it) and `make test` (prove it). Both make what they need in .venv.
SHELL := /bin/sh
VENV ?= .venv
BIN := $(VENV)/bin
CONSTRAINTS := .ci/constraints.txt
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint $(CONSTRAINTS)
# The first of these that is 3.11 or newer makes the environment; PYTHON=... names another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$python" && break; done)

.PHONY: lab test check bench clean

lab: $(VENV)/lab ## self-check, then JupyterLab on the first lab; ARGS=--headless runs it and ends
	$(BIN)/lambdalab lab $(ARGS)

test: $(VENV)/test ## the whole test suite; ARGS are pytest's
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/test ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/test ## measure, and compare with MiniStack in an environment of its own; ARGS=--peers with SAM, moto, LocalStack too
	$(BIN)/python -m tests.benchmarks $(ARGS)

clean: ## remove what the other targets made
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "LambdaLab needs Python 3.11 or newer; none was found. PYTHON=/path/to/python names one." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "The venv module is missing: on Debian and Ubuntu, apt install python3-venv." >&2; exit 1; }

$(VENV)/lab: $(BIN)/python pyproject.toml $(CONSTRAINTS)
	@echo "Installing JupyterLab and LambdaLab into $(VENV): about a minute, once."
	@$(PIP) --editable '.[lab]'
	@touch $@

$(VENV)/test: $(BIN)/python pyproject.toml $(CONSTRAINTS)
	$(PIP) --editable '.[all,test]'
	@touch $@ $(VENV)/lab
