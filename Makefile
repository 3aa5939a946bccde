# The project's commands, each defined once; CI calls `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_DOWNLOADS := never
unexport PYTHONDONTWRITEBYTECODE
PY := .venv/bin/python
WORKERS ?= 3

.PHONY: help demo dev test fault-matrix crash-matrix model-check lint format lock clean env env-dev
help:  ## the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

env: .venv/.runtime
env-dev: .venv/.dev

.boot/bin/uv: bootstrap.lock
	@./bootstrap

.venv/.runtime: requirements.lock pyproject.toml | .boot/bin/uv
	@./bootstrap runtime

.venv/.dev: requirements-dev.lock pyproject.toml | .boot/bin/uv
	@./bootstrap dev

demo: $(if $(AGENT),env-dev,env)  ## one issue to a merged, deployed, verified change (SCENARIO=red-first|needs-human|propose|bad-deploy AGENT=codex)
	@$(PY) -m oneshot_dagster.cli.main demo $(if $(SCENARIO),--scenario $(SCENARIO)) $(if $(AGENT),--agent $(AGENT)) $(if $(MODEL),--model $(MODEL))

dev: env  ## the same world left running, with the Dagster UI on 127.0.0.1:3000
	@$(PY) -m oneshot_dagster.cli.main dev

test: env-dev lint  ## lint and all tests, in parallel
	$(PY) -m pytest -n $(WORKERS) --dist worksteal -q

fault-matrix: env-dev  ## every HTTP call of a run and of a rollback with every fault of GitHub and Argo CD; FAULTS="PUT" takes a part
	PYTHONPATH=tests/steps $(PY) -m pytest -q -n $(WORKERS) --dist worksteal -p matrix_table tests/steps/every_fault.py

crash-matrix: env-dev  ## every boundary of every walk killed there, and the model check; CRASHES="merge" EVERY=10 take a part
	PYTHONPATH=tests/steps $(PY) -m pytest -q -n $(WORKERS) --dist worksteal -p matrix_table tests/steps/every_crash.py tests/steps/test_crash_agent.py tests/whole_run/every_kill.py tests/model/every_state.py

model-check: env-dev  ## every state of merge, revert, crash, stall at larger bounds; BOUND="two" takes a part
	PYTHONPATH=tests/steps $(PY) -m pytest -q -n $(WORKERS) --dist worksteal -p matrix_table tests/model/every_state.py

lint: env-dev  ## ruff, basedpyright (strict), import-linter
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	.venv/bin/basedpyright --warnings
	.venv/bin/lint-imports

format: env-dev  ## let ruff lay out the code
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

bench: env-dev  ## the benchmarks, as ratios against a baseline in the same run
	$(PY) -m benchmarks

lock: .boot/bin/uv  ## make the hashed lock files anew
	.boot/bin/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q -o requirements.lock
	.boot/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q -c requirements.lock -o requirements-dev.lock

clean:  ## forget the environments and the local world
	rm -rf .boot .venv .oneshot
