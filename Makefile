# Two commands are enough on a machine with Python 3.11 and make:
#   make analysis   the main job on the synthetic register, without and with an audit; says where the reports lie
#   make test       lint, types, import contract, all tests, notebooks, paper, wheel

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
WORLD ?= mixed
OUT ?= out

# Small matrices are several times slower on many BLAS threads than on one.
export OMP_NUM_THREADS = 1
export OPENBLAS_NUM_THREADS = 1
export MKL_NUM_THREADS = 1
export MPLBACKEND = Agg

.PHONY: help analysis test lint types contract unit notebooks paper wheel synthetic clean

help:
	@echo "make analysis    main job on data/synthetic/$(WORLD) (about a minute the first time)"
	@echo "make test        everything that must hold (about a quarter of an hour the first time)"
	@echo "make synthetic   remake data/synthetic byte for byte"
	@echo "make paper       execute the notebook, then build paper/paper.pdf"
	@echo "make clean       remove the environment and everything that is built"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "dwangstats needs Python 3.11 or newer; '$(PYTHON)' is older. Set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --quiet --upgrade "pip>=25.1"

$(VENV)/run.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --quiet --editable ".[all]"
	@touch $@

$(VENV)/dev.stamp: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --quiet --editable ".[all]" --group dev
	@touch $(VENV)/run.stamp $@

analysis: $(VENV)/run.stamp
	$(BIN)/dwangstats analyse data/synthetic/$(WORLD)/dwangstats.toml --out $(OUT)/$(WORLD)
	$(BIN)/dwangstats analyse data/synthetic/$(WORLD)/audit.toml --out $(OUT)/$(WORLD)-audit

test: lint types contract unit notebooks paper wheel
	@echo "All parts of 'make test' passed: lint, types, contract, tests, notebooks, paper, wheel."

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp
	$(BIN)/mypy

contract: $(VENV)/dev.stamp
	$(BIN)/lint-imports

unit: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -n 2 --dist worksteal

notebooks: $(VENV)/dev.stamp
	$(BIN)/python notebooks/execute.py

paper: notebooks
	$(BIN)/python paper/build.py
	$(BIN)/python tests/paper.py

wheel: $(VENV)/dev.stamp
	$(BIN)/python tests/wheel.py

synthetic: $(VENV)/run.stamp
	$(BIN)/dwangstats simulate --all --out data/synthetic

clean:
	rm -rf $(VENV) out dist build paper/results paper/paper.pdf .pytest_cache .mypy_cache .ruff_cache .hypothesis
