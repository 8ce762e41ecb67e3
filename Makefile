# Everything a developer runs. `make` alone lists it.
#
# Needs Python 3.11 or later, make and a package registry: no container, no Java.
# All goes into .venv; PYTHON=/path/to/python chooses what it is made with.

VENV := .venv
BIN := $(VENV)/bin
EXTRAS_DEMO := local,evaluate
EXTRAS_DEV := dev
# Modules that write files from the code; with --check they only compare.
GENERATORS := grafana.generate infra.settings_reference infra.metrics_reference infra.prometheus.generate stream.schemas stream.serve.documents
ARGS ?=
# Tests wait more than they compute: for Kafka, for a session to time out, for a window to close.
JOBS ?= 3
SEED ?= 1

.DEFAULT_GOAL := help
.SUFFIXES:

##@ Use

.PHONY: demo
demo: $(VENV)/.installed-demo  ## Watch tweets go through a real Kafka and a real model (ARGS="--data FILE" for yours)
	@$(BIN)/barometer demo $(ARGS)

.PHONY: install
install: $(VENV)/.installed-demo  ## Install what the demo needs, no torch
	@echo "Ready: $(BIN)/barometer --help"

##@ Check

.PHONY: test
test: dev  ## Run the tests on a real Kafka (ARGS="-k words" for some; JOBS=1 one after the other)
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --max-worker-restart 0 $(ARGS)

.PHONY: chaos
chaos: dev  ## Break everything while a backlog lasts, and count every tweet (SEED=7; 10 minutes)
	@set -e; \
	$(BIN)/python -m tests.chaos.fuzz_decode --seconds 30 --seed $(SEED); \
	$(BIN)/python -m pytest -m chaos; \
	$(BIN)/python -m tests.chaos --scenario bundled --seed $(SEED); \
	$(BIN)/python -m tests.chaos --seed $(SEED) $(ARGS)

.PHONY: chaos-million
chaos-million: dev  ## Measure a worker's memory over a backlog of a million tweets
	@$(BIN)/python -m tests.chaos.million $(ARGS)

.PHONY: compose-test
compose-test: dev  ## Start the compose stack for real, scale it, kill a worker, restart Kafka (15 minutes; needs Docker)
	@$(BIN)/python -m tests.compose $(ARGS)

.PHONY: bench
bench: dev  ## Measure on this machine
	@$(BIN)/python -m pytest -m bench --capture=no $(ARGS)

.PHONY: lint
lint: dev  ## Look for mistakes and odd formatting
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: types
types: dev  ## Check the types
	@$(BIN)/mypy

.PHONY: layers
layers: dev  ## Check that no layer or stage imports what it must not
	@$(BIN)/lint-imports --no-logo

.PHONY: check
check: dev  ## Check that generated files are current
	@stale=0; for module in $(GENERATORS); do $(BIN)/python -m $$module --check || stale=1; done; exit $$stale

.PHONY: wheel-check
wheel-check: wheel  ## Install the wheel outside this folder, on every Python 3.11 to 3.13 found, and use it
	@$(BIN)/python tools/wheel_check.py dist/*.whl

##@ Change

.PHONY: dev
dev: $(VENV)/.installed-dev  ## Install everything, torch included (several GB on Linux)

.PHONY: format
format: dev  ## Format the code, and repair what can be repaired without thought
	@$(BIN)/ruff check --fix --quiet --exit-zero .
	@$(BIN)/ruff format .

.PHONY: docs
docs: dev  ## Write the generated files again
	@set -e; for module in $(GENERATORS); do $(BIN)/python -m $$module; done

.PHONY: wheel
wheel: $(VENV)/.made  ## Build the wheel in dist/
	@rm -rf dist
	@$(BIN)/python -m pip --disable-pip-version-check wheel --quiet --no-deps --wheel-dir dist .
	@ls dist/*.whl

# Only what dependencies demand changes; UPGRADE="torch rich" also takes the newest of these, UPGRADE=all of all.
.PHONY: constraints
constraints: $(VENV)/.made  ## Write constraints.txt again (UPGRADE="names" or UPGRADE=all for newer versions)
	@$(BIN)/python tools/constraints.py $(UPGRADE)

.PHONY: clean
clean:  ## Remove what was built and cached here, but not .venv
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find infra model stream tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: clean-all
clean-all: clean  ## Remove .venv too
	rm -rf $(VENV)

.PHONY: help
help:
	@awk 'BEGIN { FS = ":.*## " } \
	    /^##@/ { printf "\n%s\n", substr($$0, 5) } \
	    /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo

# --- The virtual environment ---------------------------------------------
# Stamps say what is in it: .made (Python), .installed-demo (no torch),
# .installed-dev (everything, hence the demo's part too).

$(VENV)/.made:
	@set -e; \
	for python in $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11); do \
	    if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	        "$$python" -m venv $(VENV) || { \
	            echo "make: $$python cannot make a virtual environment (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; }; \
	        touch $@; exit 0; \
	    fi; \
	done; \
	echo "make: Barometer needs Python 3.11 or later; $(if $(PYTHON),$(PYTHON),python3 here) is $$($(or $(PYTHON),python3) -V 2>&1 | head -n 1)." >&2; \
	echo "      Install one, or say which: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; \
	exit 1

$(VENV)/.installed-demo: pyproject.toml constraints.txt tools/install.py | $(VENV)/.made
	@$(BIN)/python tools/install.py $(EXTRAS_DEMO)
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt tools/install.py | $(VENV)/.made
	@$(BIN)/python tools/install.py $(EXTRAS_DEV)
	@touch $(VENV)/.installed-demo $@
