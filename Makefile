# `make demo` and `make test` need nothing but Python 3.11+ and a package index.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
# Each file in one process, at most four of them: they all import torch.
PARALLEL := -n auto --maxprocesses 4 --dist loadfile

.PHONY: demo test test-slow test-lowest lint format docs bench clean

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/d2t quickstart

test: $(STAMP)
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

test-slow: $(STAMP)
	$(BIN)/python -m pytest -m 'slow or not slow' --timeout 3600 $(PYTEST_ARGS)

# The suite with every run-time dependency at the lower bound that pyproject.toml gives.
test-lowest: pyproject.toml
	test -x $(VENV)-lowest/bin/python || $(PYTHON) -m venv $(VENV)-lowest
	$(PYTHON) .ci/lowest.py > $(VENV)-lowest/constraints.txt
	$(VENV)-lowest/bin/python -m pip install --quiet -e '.[dev]' -c $(VENV)-lowest/constraints.txt
	$(VENV)-lowest/bin/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell d2t experiments README.md CHANGELOG.md data/README.md d2t/README.md d2t/guides

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The reference of all commands, written again from their help texts.
docs: $(STAMP)
	PYTHONPATH=. $(BIN)/python tests/support/command_reference.py

bench: $(STAMP)
	$(BIN)/python -m experiments.bench

clean:
	rm -rf $(VENV) $(VENV)-lowest .pytest_cache .mypy_cache .ruff_cache .hypothesis
