# Proofkeep. `make` lists the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help

# Servers of demo and tests have CAs of their own; pip and apt, in the set-up, keep the site's.
OWN_CA := env -u AWS_CA_BUNDLE -u REQUESTS_CA_BUNDLE -u CURL_CA_BUNDLE -u SSL_CERT_FILE -u SSL_CERT_DIR
PYTHON_QUIET := $(OWN_CA) PREFECT_SERVER_ANALYTICS_ENABLED=false DO_NOT_TRACK=1 .venv/bin/python
LOCK := .venv/bin/uv pip compile --no-config --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-annotate $(UPGRADE)

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 18

demo: setup-demo .venv/prefect.db  ## run the main job on embedded servers; SOURCE=/path backs up a tree of yours
	@$(PYTHON_QUIET) -m infra.demo run $(if $(SOURCE),--source "$(SOURCE)")

ui: setup-demo  ## open the Prefect UI on the demo's runs
	@$(PYTHON_QUIET) -m infra.demo ui

down: setup-demo  ## stop the demo's servers; its repository ends with them
	@$(PYTHON_QUIET) -m infra.demo down

up: setup-demo  ## run a whole installation in the foreground to try out; SOURCE=/path backs up a tree of yours
	@$(PYTHON_QUIET) -m infra.up $(if $(SOURCE),--source "$(SOURCE)") $(ARGS)

blocks: setup-demo  ## register the blocks at the Prefect server that PREFECT_API_URL names
	@$(PYTHON_QUIET) -m infra.register_blocks

automations: setup-demo  ## create or update notifications at PREFECT_API_URL; ARGS="--notify TYPE/NAME" or "--webhook URL"
	@$(PYTHON_QUIET) -m infra.automations $(ARGS)

test: setup-dev .venv/prefect.db  ## run every check and every test, against real servers
	@infra/test_packages.sh
	@$(MAKE) --no-print-directory check
	@$(PYTHON_QUIET) -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

soak: setup-dev .venv/prefect.db  ## run every exhaustive grid of faults, for some hours; ARGS="-k alone" runs a part
	@infra/test_packages.sh
	@$(PYTHON_QUIET) -m pytest -m soak $(ARGS)

check: setup-dev  ## lint, format, types, import contracts
	@.venv/bin/ruff check --quiet .
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/mypy --no-error-summary
	@.venv/bin/lint-imports >.venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }

vectors: setup-dev  ## write the golden vectors of docs/format.md anew
	@$(PYTHON_QUIET) -m tests.vectors.generate

docs-screenshots: setup-dev  ## take the screenshots of the docs with headless Chromium
	@infra/test_packages.sh
	@$(PYTHON_QUIET) -m infra.screenshots
	@$(PYTHON_QUIET) -m pytest -q tests/flows/test_browser.py
	@cp .test-artifacts/browser/*.png docs/images/

memory: setup-dev  ## back up and restore 10 GiB; fails if peak memory passes its limit
	@$(PYTHON_QUIET) -m benchmarks.memory

bench: setup-bench  ## run the benchmark against the peers; ARGS="--data A --work first --rounds 1 --scale 0.25" runs a part
	@infra/bench_packages.sh
	@$(PYTHON_QUIET) -m benchmarks $(ARGS)

flame: setup-bench  ## record flame graphs of backup and restore of A and a backup of B
	@$(PYTHON_QUIET) -m benchmarks.flame $(ARGS)

growth: setup-bench  ## plot time and memory against source size, files and snapshots
	@$(PYTHON_QUIET) -m benchmarks.growth $(ARGS)

lock: setup-dev  ## lock requirements/*.in with hashes; UPGRADE=--upgrade takes newer versions
	@cd requirements && ../$(LOCK) ../pyproject.toml runtime.in -o runtime.txt
	@cd requirements && ../$(LOCK) ../pyproject.toml demo.in -c runtime.txt -o demo.txt
	@cd requirements && ../$(LOCK) ../pyproject.toml dev.in -c demo.txt -o dev.txt
	@cd requirements && ../$(LOCK) ../pyproject.toml bench.in -c dev.txt -o bench.txt
	@cd requirements && ../$(LOCK) borg.in -o borg.txt

clean:  ## remove .venv and everything that tools left behind
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info

setup-demo:  ## set up .venv for the command line, flows and the demo
	@infra/setup.sh demo

setup-dev:  ## set up .venv for the tests too
	@infra/setup.sh dev

setup-bench:
	@infra/setup.sh bench

.venv/prefect.db: requirements/runtime.txt | setup-demo
	@$(PYTHON_QUIET) -m infra.demo.database $@

.PHONY: help demo ui down up blocks automations test soak check vectors docs-screenshots memory bench flame growth lock clean setup-demo setup-dev setup-bench
