# Everything runs in a virtual environment of the checkout; it is made when it is needed first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# What needs nothing but the runtime dependencies, and touches each of them.
SMALL := tests/core tests/models tests/weights tests/inference tests/hub tests/generation/test_streamers.py
# One thread per test process: two processes on two cores do more than one process with two threads.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

.PHONY: test slow check lowest names bench

# torch is named with its version so that pip takes the build for the CPU where there is one.
$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	touch $@

test: $(VENV)/ready  ## the fast tests
	$(PYTEST) -m "not slow"

slow: $(VENV)/ready  ## the slow ones
	$(PYTEST) -m slow

check: $(VENV)/ready  ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# An environment of its own, with the oldest version of each dependency that pyproject.toml allows. In half
# precision older versions of torch round differently, so the bars of test_half hold for current ones.
LOWEST := $(VENV)-lowest
$(LOWEST)/ready: pyproject.toml scripts/lowest_versions.py
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet pytest==8.3.0 $$($(PYTHON) scripts/lowest_versions.py)
	touch $@

lowest: $(LOWEST)/ready  ## a small suite with the lowest versions allowed
	PYTHONPATH=src OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest -m "not slow" --ignore tests/core/test_half.py $(SMALL)

names: $(VENV)/ready  ## public names and type stub, after a family or a task was added
	$(BIN)/python scripts/write_names.py
	$(BIN)/python scripts/write_models.py

bench: $(VENV)/ready  ## against transformers
	$(BIN)/python scripts/bench.py
