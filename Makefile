# The Alchemiser on Dagster. `make help` lists what there is.
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help run ui test simulate campaign bench lint format revision lock clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: $(VENV)/.installed-run ## replay the last 20 sessions on the embedded market and broker
	@$(BIN)/alchemiser run

ui: $(VENV)/.installed-run ## Dagster's web UI on 127.0.0.1:3000, with the replayed history
	@$(BIN)/alchemiser ui

test: $(VENV)/.installed-dev ## the test suite
	@$(BIN)/python -m pytest -q -n 2

simulate: $(VENV)/.installed-dev ## sessions on a broker that misbehaves: SEEDS=300
	@$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),300)

campaign: $(VENV)/.installed-dev ## what the suite leaves out: kills at every moment of a session
	@$(BIN)/python -m pytest -q -m campaign

bench: $(VENV)/.installed-bench ## measure, and compare with other engines (some minutes)
	@$(BIN)/python -m pytest -q benchmarks --benchmark-disable-gc
	@$(BIN)/python -m benchmarks.symphony.bench
	@$(BIN)/python -m benchmarks.history.compare
	@$(BIN)/python -m benchmarks.ledger.compare
	@$(BIN)/python -m benchmarks.execution.session_200_orders
	@$(BIN)/python -m benchmarks.market.snapshot
	@$(BIN)/python -m benchmarks.performance.backfill
	@$(BIN)/python benchmarks/embedded/latency.py

lint: $(VENV)/.installed-dev ## formatting, lint rules, strict types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: $(VENV)/.installed-dev ## put the code in the project's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

revision: $(VENV)/.installed-dev ## after changing the ledger's tables: MESSAGE="what changes"
	@$(BIN)/python -m alchemiser_dagster.ledger.migrations "$(MESSAGE)"

lock: ## resolve the dependencies anew (needs uv)
	uv pip compile pyproject.toml --group build --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --no-strip-extras --upgrade -q -o requirements/run.txt
	uv pip compile pyproject.toml --group build --group dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --no-strip-extras -q -c requirements/run.txt -o requirements/dev.txt
	uv pip compile pyproject.toml --group build --group dev --group bench --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --no-strip-extras -q -c requirements/dev.txt -o requirements/bench.txt

clean: ## remove the virtual environment and caches (never the account in var/)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.installed-run: requirements/run.txt pyproject.toml
	@echo "Installing the locked dependencies (once) ..."
	@tools/install $(VENV) requirements/run.txt
	@touch $@

$(VENV)/.installed-bench: requirements/bench.txt pyproject.toml
	@echo "Installing the locked dependencies for benchmarks (once) ..."
	@tools/install $(VENV) requirements/bench.txt
	@touch $@ $(VENV)/.installed-dev $(VENV)/.installed-run

$(VENV)/.installed-dev: requirements/dev.txt pyproject.toml
	@echo "Installing the locked dependencies for development (once) ..."
	@tools/install $(VENV) requirements/dev.txt
	@touch $@ $(VENV)/.installed-run
