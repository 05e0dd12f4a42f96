# Two commands do it all on a fresh machine: `make run` and `make test`. The rest helps people.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
STORE ?= ./image-index

.PHONY: help run test lint types unit fast bench docs constraints clean

help:  ## Say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.installed  ## Set up, run the whole chain on the bundled sample and write report.html
	$(BIN)/image-indexer demo --store $(STORE)

test: $(VENV)/.developer lint types unit  ## Set up and run everything CI runs

lint: $(VENV)/.developer  ## Style, format and import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: $(VENV)/.developer  ## mypy, strict
	$(BIN)/mypy

unit: $(VENV)/.developer  ## All tests, fast ones first
	$(BIN)/python -m pytest --numprocesses auto --dist loadgroup

fast: $(VENV)/.developer  ## Only the fast tests
	$(BIN)/python -m pytest --numprocesses auto --dist loadgroup -m "not slow"

bench: $(VENV)/.developer  ## Time, memory and size beside peers; takes minutes, CI never asks; KEEP=name keeps the figures
	$(BIN)/python tests/benchmarks/pipeline.py $(if $(KEEP),--json $(KEEP)-pipeline.json)
	$(BIN)/python tests/benchmarks/queries.py $(if $(KEEP),--json $(KEEP)-queries.json)
	$(BIN)/python tests/benchmarks/export.py $(if $(KEEP),--json $(KEEP)-export.json)
	$(BIN)/python tests/benchmarks/startup.py $(if $(KEEP),--json $(KEEP)-startup.json)
	$(BIN)/python tests/benchmarks/memory.py $(if $(KEEP),--json $(KEEP)-memory.json)

docs: $(VENV)/.developer  ## Write the generated texts again
	$(BIN)/python -m indexer.cli.generated --write
	$(BIN)/python tests/fault_matrix.py

constraints: $(VENV)/.developer  ## Pin what is installed, exactly
	$(BIN)/python -m pip freeze --exclude-editable --exclude pip | grep -E '^[A-Za-z0-9._-]+==' > constraints.txt

clean:  ## Remove what the other targets made
	rm -rf $(VENV) dist build image-index report.html .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	.ci/packages
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[report]'
	touch $@

$(VENV)/.developer: $(VENV)/.installed
	.ci/packages test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --group dev
	touch $@
