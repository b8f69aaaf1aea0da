# Everything happens in .venv and build/; nothing global, no sudo.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STATE ?= build/demo

.PHONY: demo test pure check lint bench crash clean

demo: $(VENV)/.installed
	$(BIN)/autodialer demo --state $(STATE)

test: $(VENV)/.developer
	$(BIN)/python -m pytest

# Only the tests without ptys and processes: seconds.
pure: $(VENV)/.developer
	$(BIN)/python -m pytest -m "not pty and not process"

lint: $(VENV)/.developer
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: lint test

bench: $(VENV)/.developer
	$(BIN)/python -m bench

# Cuts the power at every system call of the storage: minutes.
crash: $(VENV)/.developer
	$(BIN)/python -m bench.crash

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# python-gsmmodem-new 0.13.0 has invalid escapes: byte-compiling it here keeps 28 warnings off every first start.
$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	-@$(BIN)/python -W ignore -m compileall -q $(VENV)/lib > /dev/null 2>&1
	touch $@

$(VENV)/.developer: pyproject.toml $(VENV)/.installed | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
