# Every command of the project. CI runs `make check`; the same words work on a desk.
#
# Set-up makes .venv from the hash-pinned lock (requirements/) and is repeated only when the lock, pyproject.toml or
# python3 changes. `make test` and `make demo` need Debian's python3, python3-venv, make and git: no compiler.

PYTHON ?= python3
UV ?= uv
VENV := .venv
PY := $(VENV)/bin/python

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
SHELL := /bin/sh

# Settings of the caller's pip that say where packages come from are kept; those that would send them past .venv, or
# ask for something else than the lock says, are not. A Python that may not keep what it has compiled compiles it anew in
# each of the hundreds of processes that the tests start.
unexport PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE PIP_TARGET PIP_PREFIX PIP_ROOT PIP_NO_BINARY PIP_ONLY_BINARY PIP_CONSTRAINT
unexport PIP_BUILD_CONSTRAINT PIP_REQUIREMENT PIP_EDITABLE PIP_DRY_RUN PIP_PYTHON PIP_IGNORE_INSTALLED PIP_PRE
export PIP_USER := 0
export PIP_REQUIRE_HASHES := 0
export PIP_DISABLE_PIP_VERSION_CHECK := 1

PIP := $(PY) -m pip --quiet --quiet --no-input
LOCKED := --require-hashes --only-binary :all:
# pip says "no matching distribution" where no index answered at all.
SAY_WHY := { echo "The packages did not come; pip's reason is above. Where it found no version at all, no package index was"; \
  echo "reached: look at the network, the proxy and '$(PY) -m pip config list'. Then give the same command again."; exit 1; } >&2
BROKEN := $(shell $(PY) -c '' 2>/dev/null || echo always)
OUTSIDE := interop browser mutants    # parts of tests/ that need more than Python

.PHONY: help demo test check others peers lint tidy coverage interop browser bench campaign lock warm clean always

help:
	@echo "make demo             set up and run the demo plant: simulators, controller, live view"
	@echo "make test             set up and run every test that needs only Python"
	@echo "make check            all of CI: test, lint, coverage, interop, browser"
	@echo "make lint             formatting, lint, types, floors (change nothing)"
	@echo "make tidy             the house rules alone"
	@echo "make bench            the benchmarks, each beside its peers"
	@echo "make campaign NAME=x  a long run that CI has no time for (ARGS: its arguments)"
	@echo "make lock             write requirements/ anew from pyproject.toml (UPGRADE=--upgrade for newer versions)"

# ---- set-up

$(VENV)/.made: $(BROKEN)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "plantctl needs Python 3.11 or newer, and '$(PYTHON)' is: $$($(PYTHON) --version 2>&1 | tail -1)"; \
	  echo "On Debian 12: apt install python3 python3-venv. Another one: make PYTHON=python3.12 ..."; exit 1; } >&2
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments. On Debian: apt install python3-venv"; exit 1; } >&2
	@test ! -e $(VENV) -o -e $@ || { \
	  echo "'$(VENV)' is there, and make did not finish it or did not make it. Remove it, or: make VENV=..."; exit 1; } >&2
	@echo "set-up: $(VENV)"
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.made requirements/run.txt pyproject.toml
	@echo "set-up: what a plant needs (requirements/run.txt), about half a minute"
	@$(PIP) install $(LOCKED) --requirement requirements/run.txt || $(SAY_WHY)
	@$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.made requirements/dev.txt pyproject.toml
	@echo "set-up: what developers need (requirements/dev.txt), about half a minute"
	@$(PIP) install $(LOCKED) --requirement requirements/dev.txt || $(SAY_WHY)
	@$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@touch $(VENV)/.run $@

# Function blocks and simulated plants are compiled once a machine; done here, so that the first scan of the demo has
# nothing to wait for, and so that no two processes of the tests compile the same.
.PHONY: warm-blocks warm-plants
warm: warm-blocks warm-plants
warm-blocks: $(VENV)/.run
	@$(PY) -m plantctl.plan.load --warm
	@$(PY) -m plantctl.scan.warm
warm-plants: $(VENV)/.run
	@$(PY) -m simulators.warm

# ---- commands

demo: $(VENV)/.run warm
	@$(PY) -m plantctl demo $(ARGS)

# What computes goes on all processors. Plants in processes come after it, two files at a time: they wait more than they
# compute, and their deadlines are real.
test: $(VENV)/.dev
	@$(MAKE) --jobs 2 warm
	@$(PY) -m pytest --numprocesses auto --dist worksteal $(addprefix --ignore=tests/,$(OUTSIDE) process)
	@$(PY) -m pytest --numprocesses 2 --dist loadfile tests/process

check:
	@$(MAKE) test
	@$(MAKE) --jobs 1 peers
	@$(MAKE) --jobs 2 --output-sync=target browser others

# A browser leaves half of two processors to what computes beside it. What both need was installed before, since apt
# lets nobody in beside it.
others:
	@$(MAKE) --jobs 1 coverage lint interop

lint: $(VENV)/.dev
	@$(PY) -m ruff format --check --quiet . || { echo "not formatted: run '$(PY) -m ruff format'" >&2; exit 1; }
	@$(PY) -m ruff check --quiet .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports --no-logo

tidy: $(VENV)/.dev
	@$(PY) -m pytest tests/arch

# Every branch of the blocks (the arbiter is one) and of linking, taken interpreted by the tests that are about them:
# the whole suite would take as long again, and blocks reached by chance are not tested.
BLOCK_TESTS := pid pid_equations out cascade cause effect vote limit_alarm signal_blocks
COVERING := tests/cases tests/properties/test_blocks_hostile.py $(BLOCK_TESTS:%=tests/unit/test_%.py) \
  $(wildcard tests/unit/test_plan_*.py tests/unit/test_link*.py)
STEPS := network resolve units_of_block order graph tasks rows compile build explain
GATED := plantctl/blocks/* plantctl/plan/link* $(STEPS:%=plantctl/plan/%.py)
coverage: $(VENV)/.dev
	@$(PY) -m coverage run -m pytest $(COVERING)
	@$(PY) -m coverage report --include "$$(echo '$(GATED)' | tr ' ' ,)"

interop: systemd-analyze
.PHONY: systemd-analyze
systemd-analyze:
	@command -v $@ >/dev/null || apt-get install --yes --quiet systemd || { \
	  echo "interop reads the service units with systemd-analyze: apt install systemd" >&2; exit 1; }

# A broker; it is in /usr/sbin, which is not on everybody's path.
.PHONY: mosquitto
mosquitto:
	@PATH="$$PATH:/usr/sbin" command -v $@ >/dev/null || apt-get install --yes --quiet mosquitto || { \
	  echo "interop feeds Debian's broker: apt install mosquitto" >&2; exit 1; }

# Peers in JavaScript, exactly as locked; scripts of packages are not run.
.PHONY: node
node:
	@{ command -v node && command -v npm; } >/dev/null || apt-get install --yes --quiet nodejs npm || { \
	  echo "interop talks to peers in JavaScript: apt install nodejs npm" >&2; exit 1; }

# Databases as Debian packages them. Where systemd runs, their packages start them as services too; ours are others.
.PHONY: victoria-metrics influxd
victoria-metrics influxd:
	@command -v $@ >/dev/null || apt-get install --yes --quiet --no-install-recommends $(@:influxd=influxdb) || { \
	  echo "interop writes to Debian's databases: apt install victoria-metrics influxdb" >&2; exit 1; }
interop: victoria-metrics influxd

.PHONY: prometheus
prometheus:
	@command -v $@ >/dev/null || apt-get install --yes --quiet --no-install-recommends prometheus || { \
	  echo "interop is measured by Debian's Prometheus: apt install prometheus" >&2; exit 1; }
interop: prometheus

PEERS := tests/interop/node_modules
$(PEERS)/.made: tests/interop/package.json tests/interop/package-lock.json | node
	@echo "set-up: the peers of the interoperability tests (tests/interop/package-lock.json)"
	@npm ci --prefix tests/interop --ignore-scripts --no-audit --no-fund --loglevel=error || { echo "The peers did not \
	come; npm's reason is above. Look at the network, the proxy and 'npm config list'; then again." >&2; exit 1; }
	@touch $@

$(VENV)/.data: $(VENV)/.dev requirements/data.txt
	@echo "set-up: libraries of data frames, the users' own (requirements/data.txt)"
	@$(PIP) install $(LOCKED) --requirement requirements/data.txt || $(SAY_WHY)
	@touch $@

interop: $(VENV)/.dev $(VENV)/.data $(PEERS)/.made mosquitto
	@$(PY) -m pytest tests/$@

peers: systemd-analyze victoria-metrics influxd prometheus mosquitto $(PEERS)/.made chromium $(VENV)/.data $(VENV)/.browser

$(VENV)/.browser: $(VENV)/.dev requirements/browser.txt
	@echo "set-up: what drives a browser (requirements/browser.txt)"
	@$(PIP) install $(LOCKED) --requirement requirements/browser.txt || $(SAY_WHY)
	@touch $@

.PHONY: chromium
chromium:
	@command -v $@ >/dev/null || apt-get install --yes --quiet --no-install-recommends chromium || { \
	  echo "the browser tests drive Debian's chromium: apt install chromium" >&2; exit 1; }

browser: $(VENV)/.browser chromium
	@$(PY) -m pytest tests/$@

$(VENV)/.bench: $(VENV)/.dev requirements/bench.txt
	@echo "set-up: peers of the benchmarks (requirements/bench.txt)"
	@$(PIP) install $(LOCKED) --requirement requirements/bench.txt || $(SAY_WHY)
	@touch $@

# A peer that is not there is left out, with a word; so nothing is installed but by request.
bench: $(VENV)/.bench
	@command -v victoria-metrics >/dev/null || echo "bench: without VictoriaMetrics (apt install victoria-metrics)"
	@if ls benchmarks/[a-z]*.py >/dev/null 2>&1; then \
	  for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(PY) $$script || exit 1; done; \
	else echo "bench: nothing there yet"; fi

CAMPAIGN = $(subst -,_,$(NAME))
campaign: $(VENV)/.dev
	@if [ -f "benchmarks/campaigns/$(CAMPAIGN).py" ]; then $(PY) -m benchmarks.campaigns.$(CAMPAIGN) $(ARGS); \
	else echo "make campaign NAME=...; there are:" \
	  $$(ls benchmarks/campaigns 2>/dev/null | sed -n 's/\.py$$//p' | tr _ -) >&2; exit 2; fi

COMPILE := pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header $(UPGRADE)
lock:
	@command -v $(UV) >/dev/null || { echo "make lock needs uv (a Python package): make lock UV=/path/to/uv" >&2; exit 1; }
	@$(UV) $(COMPILE) --group build pyproject.toml --output-file requirements/run.txt
	@$(UV) $(COMPILE) --group build --extra dev --constraint requirements/run.txt pyproject.toml \
	  --output-file requirements/dev.txt
	@$(UV) $(COMPILE) --group browser --constraint requirements/dev.txt --output-file requirements/browser.txt
	@$(UV) $(COMPILE) --group data --constraint requirements/dev.txt --output-file requirements/data.txt
	@$(UV) $(COMPILE) --group bench --constraint requirements/dev.txt --output-file requirements/bench.txt

clean:
	rm -rf $(VENV) build dist .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
