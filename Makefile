# make demo: set up and run the paper's example.  make test: set up and run every check and test.
# make bench, make fuzz: measure, and feed hostile input; see benchmarks/README.md and docs/protocol.md, section 4.
# Needs Python >= 3.11 and make; everything else goes into .venv, pinned with hashes.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --require-hashes

.PHONY: demo test devices chaos bench fuzz lock clean

demo: .venv/demo-ready
	$(BIN)/bidswarm run two-sellers

test: .venv/test-ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest --numprocesses=auto --dist=worksteal --cov --cov-report=term:skip-covered
	$(BIN)/coverage report --include='node/mechanism/*,node/strategy/*,node/protocol/*' --fail-under=98 --skip-covered

# What takes too long for every run.
devices: .venv/test-ready
	$(BIN)/python -m pytest -m slow

# 2,000 simulated runs among faults, some minutes. make test has 60 of them.
chaos: .venv/test-ready
	$(BIN)/python -m tests.simulation.chaos --runs 2000

# A missed bound fails the whole, but keeps no other benchmark from running.
bench: .venv/bench-ready
	@status=0; for name in clearing equilibria study array_world simulation convergence shifts size throughput; do \
	  $(BIN)/python benchmarks/$$name.py --short || status=1; done; exit $$status

# Hostile input to all that reads: 200,000 of them take a minute or two.
fuzz: .venv/test-ready
	$(BIN)/python -m tests.protocol.fuzz

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "bidswarm needs Python 3.11 or newer; none was found"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/demo-ready: requirements.lock pyproject.toml | .venv/bin/python
	@echo 'Setting up .venv; the first time this downloads about 150 MB ...'
	$(PIP) --requirement requirements.lock
	$(BIN)/python -m pip --disable-pip-version-check --quiet install --no-deps --no-build-isolation --editable .
	@touch $@

.venv/test-ready: requirements-dev.lock .venv/demo-ready
	$(PIP) --requirement requirements-dev.lock
	@touch $@

.venv/bench-ready: requirements-bench.lock .venv/test-ready
	$(PIP) --requirement requirements-bench.lock
	@touch $@

# Needs uv; run it after changing dependencies in pyproject.toml.
lock:
	uv pip compile pyproject.toml --extra all --extra build --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --quiet --output-file requirements.lock
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --quiet --constraint requirements.lock --output-file requirements-dev.lock
	uv pip compile pyproject.toml --extra bench --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --quiet --constraint requirements-dev.lock --output-file requirements-bench.lock

clean:
	rm -rf .venv .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
