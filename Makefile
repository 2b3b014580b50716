# What CI runs is what you run. Needed: Python 3.11 or newer with venv, git, make. Nothing else.

PYTHON ?= python3
BIN := .venv/bin
# Byte code stays out of the tree, so that trying RosterHub leaves nothing but .venv behind. It is kept there, since each
# process of the hub would compile for half a second otherwise.
export PYTHONPYCACHEPREFIX := $(CURDIR)/.venv/bytecode
unexport PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: setup check format test demo run bench prove snapshots docs clean

.venv/program: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -c 'import pathlib, site; pathlib.Path(site.getsitepackages()[0], "rosterhub.pth").write_text("$(CURDIR)\n")'
	printf '#!/bin/sh\nunset PYTHONDONTWRITEBYTECODE\nexport PYTHONPYCACHEPREFIX="$(PYTHONPYCACHEPREFIX)"\nexec "$(CURDIR)/$(BIN)/python" -m daemon.cli "$$@"\n' > $(BIN)/rosterhub
	chmod +x $(BIN)/rosterhub
	touch $@

.venv/development: requirements-dev.txt .venv/program
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	touch $@

setup: .venv/development

# make demo: stays up until Ctrl-C, in ./var/demo. make demo ONCE=1: a temporary folder, leaves nothing.
demo: .venv/program
	@$(BIN)/rosterhub demo $(if $(ONCE),--once)

run: .venv/program
	$(BIN)/rosterhub run

check: .venv/development
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: .venv/development
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The whole suite on PostgreSQL 18 (embedded), then what touches the database on 15 where it is installed.
test: .venv/development
	$(BIN)/python tests/suite.py

bench: .venv/development
	$(BIN)/python -m bench

# make prove ONLY=R1,R3 SCALE=full SEED=7: a line for each promise of docs/promises.md, exit 1 when one fails.
prove: .venv/development
	@$(BIN)/python -m tests.proofs $(if $(ONLY),--only $(ONLY)) $(if $(SCALE),--scale $(SCALE)) $(if $(SEED),--seed $(SEED))

snapshots: .venv/development
	SNAPSHOTS=write $(BIN)/python -m pytest tests/tui -q

# What is written from the code; tests compare it.
docs: .venv/development
	$(BIN)/python -m oneroster.codes > docs/problems.md

clean:
	rm -rf .venv var build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
