# make demo: set up and run the paper's example.  make test: set up and run every check and test.
# make quick: the checks and the tests of the pure rooms, for while you work: no process, no broker.
# make smoke: the wheel and the sdist, installed outside this folder with every Python there is.
# make foreign: the packages of the client in JavaScript, where there is npm; make test does it too.
# make browser: what the live page has from npm, and axe-core, to test it with; likewise. make vendor copies the former again.
# make bench, make fuzz: measure, and feed hostile input; see benchmarks/README.md and docs/protocol.md, section 4.
# Needs Python >= 3.11 and make; everything else goes into .venv, pinned with hashes.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install
PYTEST := $(BIN)/python -m pytest --durations=20
# The tests of rooms without processes, brokers and clocks; these rooms alone are held to a coverage.
PURE := tests/mechanism tests/strategy tests/protocol tests/trace tests/rounds
# Many of the others wait for brokers and processes: twice as many workers as cores.
WAITING_WORKERS ?= $(shell $(BIN)/python -c 'import os; print(2 * os.cpu_count())')

# The client in JavaScript among the tests; pinned with hashes too.
FOREIGN := tests/mqtt/foreign_js
# What the live page has from npm; pinned likewise.
LIVE := scenarios/live

.PHONY: demo quick test devices chaos smoke bench fuzz foreign browser vendor lock locks-hold check clean

demo: .venv/demo-ready
	$(BIN)/bidswarm run two-sellers
	@echo 'next: source $(BIN)/activate, after which bidswarm is a command of this shell; then bidswarm list'

check: .venv/test-ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

quick: check
	$(PYTEST) --numprocesses=auto --dist=worksteal $(PURE)

test: check foreign browser
	$(PYTEST) --numprocesses=auto --dist=worksteal --cov --cov-report= $(PURE)
	$(BIN)/coverage report --fail-under=98 --skip-covered
	$(PYTEST) --numprocesses=$(WAITING_WORKERS) --dist=worksteal $(PURE:%=--ignore=%)

# What takes too long for every run.
devices: .venv/test-ready
	$(BIN)/python -m pytest -m slow

# 2,000 simulated runs among faults, some minutes. make test has 60 of them.
chaos: .venv/test-ready
	$(BIN)/python -m tests.simulation.chaos --runs 2000

# A build and a Python at a time, on each worker.
smoke: .venv/test-ready
	$(PYTEST) --numprocesses=auto --dist=loadscope -m install

# A missed bound fails the whole, but keeps no other benchmark from running.
bench: .venv/bench-ready
	@status=0; for name in clearing equilibria study array_world simulation convergence random_markets shifts size live \
	  learning sweeps throughput; do \
	  $(BIN)/python benchmarks/$$name.py --short || status=1; done; exit $$status

# Hostile input to all that reads: 200,000 of them take a minute or two.
fuzz: .venv/test-ready
	$(BIN)/python -m tests.protocol.fuzz

# Without npm or a registry the tests of that client are skipped, which they say.
foreign: $(FOREIGN)/node_modules/.ready

$(FOREIGN)/node_modules/.ready: $(FOREIGN)/package-lock.json
	@if ! command -v npm >/dev/null; then \
	  echo 'NOT TESTED WITH A CLIENT IN JAVASCRIPT: npm is not installed (Debian, Ubuntu: apt install nodejs npm)'; \
	elif npm ci --prefix $(FOREIGN) --ignore-scripts --no-audit --no-fund --loglevel error --fetch-retries 1; then touch $@; \
	else rm -rf $(FOREIGN)/node_modules; \
	  echo 'NOT TESTED WITH A CLIENT IN JAVASCRIPT: npm could not fetch its packages, and says above why'; fi

# Without npm or a registry the page is not compared with what npm has, and not checked for accessibility, which the tests say.
browser: $(LIVE)/node_modules/.ready

$(LIVE)/node_modules/.ready: $(LIVE)/package-lock.json
	@if ! command -v npm >/dev/null; then \
	  echo 'LIVE PAGE NOT COMPARED WITH NPM: npm is not installed (Debian, Ubuntu: apt install nodejs npm)'; \
	elif npm ci --prefix $(LIVE) --ignore-scripts --no-audit --no-fund --loglevel error --fetch-retries 1; then touch $@; \
	else rm -rf $(LIVE)/node_modules; echo 'LIVE PAGE NOT COMPARED WITH NPM: npm says above why'; fi

# After another version of uPlot has been put into package.json, by npm install in $(LIVE).
vendor: browser
	cp $(LIVE)/node_modules/uplot/dist/uPlot.esm.js $(LIVE)/node_modules/uplot/dist/uPlot.min.css $(LIVE)/static/vendor/
	cp $(LIVE)/node_modules/uplot/LICENSE $(LIVE)/static/vendor/LICENSE.uPlot
	cd $(LIVE)/static/vendor && sha256sum LICENSE.uPlot uPlot.esm.js uPlot.min.css > SHA256SUMS

# What keeps an environment from being made is said in a line, with the remedy, before anything is written.
# The pip that comes with Python only fetches the pinned one.
.venv/pip-ready: requirements-pip.lock
	@test -w . || { echo "bidswarm sets itself up in $(CURDIR)/.venv, but $$(id -un) may not write there:" \
	  "clone it into a folder of your own"; exit 1; }
	@test -n "$(PYTHON)" && $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "bidswarm needs Python 3.11 or newer, and $(or $(PYTHON),python3) is $$($(or $(PYTHON),python3) --version 2>&1 | tail -n 1):" \
	  "install one, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make environments, since it lacks venv: install that" \
	  "(Debian, Ubuntu: apt install python3-venv), or name another: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(PIP) --require-hashes --requirement requirements-pip.lock
	@touch $@

.venv/demo-ready: requirements.lock pyproject.toml .venv/pip-ready
	@echo 'Setting up .venv; the first time this downloads about 150 MB ...'
	$(PIP) --require-hashes --requirement requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/test-ready: requirements-dev.lock .venv/demo-ready
	$(PIP) --require-hashes --requirement requirements-dev.lock
	@touch $@

.venv/bench-ready: requirements-bench.lock .venv/test-ready
	$(PIP) --require-hashes --requirement requirements-bench.lock
	@touch $@

# Needs uv; run it after changing dependencies in pyproject.toml. Extras stay in the locks: an old pip fails without them.
COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras --quiet
lock:
	$(COMPILE) pyproject.toml --extra all --extra build --output-file requirements.lock
	$(COMPILE) pyproject.toml --constraint requirements.lock --output-file requirements-base.lock
	$(COMPILE) pyproject.toml --extra dev --constraint requirements.lock --output-file requirements-dev.lock
	$(COMPILE) pyproject.toml --extra bench --constraint requirements-dev.lock --output-file requirements-bench.lock
	echo pip | $(COMPILE) - --output-file requirements-pip.lock

# Every lock, installed for show by the oldest pip that came with Python 3.11, and by the newest of today.
locks-hold: .venv/pip-ready
	for pip in pip==22.3 pip; do \
	  $(BIN)/python -m venv --clear .venv/locks && .venv/locks/bin/python -m pip --quiet install --upgrade $$pip && \
	  for lock in requirements*.lock; do \
	    echo "$$lock with $$(.venv/locks/bin/python -m pip --version | cut -d ' ' -f 1,2)" && \
	    .venv/locks/bin/python -m pip --quiet install --dry-run --ignore-installed --require-hashes --requirement $$lock || exit 1; \
	  done || exit 1; \
	done

clean:
	rm -rf .venv $(FOREIGN)/node_modules $(LIVE)/node_modules .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
