# Two doors: `make run` (default pipelines, end to end) and `make test`. The rest is detail.
PYTHON ?= python3.11
EXTRA ?= cpu
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip
# Stages run `throughline ...`; this makes it the environment's Python.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# No telemetry from any of the libraries.
export DVC_NO_ANALYTICS := true
export DO_NOT_TRACK := 1
export TF_CPP_MIN_LOG_LEVEL ?= 2

# DVC's notes hold pickles; of itself it keeps them where every account may exchange them.
ifndef DVC_SITE_CACHE_DIR
export DVC_SITE_CACHE_DIR := $(shell notes="$${XDG_CACHE_HOME:-$$HOME/.cache}/throughline/dvc"; \
  mkdir -p "$$notes" 2>/dev/null && chmod 700 "$$notes" && echo "$$notes")
endif

.PHONY: setup run flow test test-slow lint types check screenshots docs lock up down faults attacks fuzz sbom \
  schedule clean

setup: $(VENV)/.complete-$(EXTRA)

# uv installs the lock in a tenth of pip's time. It reads no pip.conf, so it is told the index that
# pip asks; where it gets no answer all the same, pip installs the same files by the same hashes.
# Bytecode is compiled here only where no import may write it.
$(VENV)/.complete-$(EXTRA): locks/$(EXTRA).txt pyproject.toml $(BIN)/uv
	index=$$($(PIP) config list | sed -nE "s/^(global|install)\.index-url='(.*)'$$/\2/p" | tail -n 1); \
	index=$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$index}}; \
	env $${index:+UV_DEFAULT_INDEX=$$index} $(BIN)/uv pip install --quiet --python $(BIN)/python \
	    $(if $(PYTHONDONTWRITEBYTECODE),--compile-bytecode) \
	    --require-hashes --no-deps --requirement locks/$(EXTRA).txt \
	  || $(PIP) install --quiet --require-hashes --no-deps --requirement locks/$(EXTRA).txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --offline \
	  --no-deps --no-build-isolation --editable .
	touch $@

$(BIN)/uv: locks/installer/uv.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --require-hashes --no-deps --requirement locks/installer/uv.txt
	touch $@

run: setup
	throughline wire
	dvc repro
	throughline scoreboard

flow: setup
	throughline flow

test: setup
	python -m pytest -n auto --maxprocesses 4 --dist loadfile

test-slow: setup
	python -m pytest -m slow

lint: setup
	ruff check .
	ruff format --check .
	lint-imports

types: setup
	mypy

# Pictures of every kind of page of the pipelines that are built, into docs/pages.
screenshots: setup
	python -m benchmarks.pages

# The pages of docs/reference, and docs as a site in site/, by a builder in an environment of its own.
docs: setup .venv/docs/.complete
	throughline schema
	python -m tests.docs.reference
	.venv/docs/bin/zensical build --strict

.venv/docs/.complete: locks/installer/zensical.txt
	$(PYTHON) -m venv .venv/docs
	.venv/docs/bin/python -m pip install --quiet --require-hashes --no-deps --requirement $<
	touch $@

check: setup
	throughline check

# Writes the locks anew: hashes of every file, no address of any index.
# What a lock holds already keeps its version; `make lock UPGRADE=--upgrade` takes the newest.
lock: $(BIN)/uv
	for extra in cpu gpu; do \
	  $(BIN)/uv pip compile pyproject.toml --extra $$extra --extra dev --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-header --no-annotate $(UPGRADE) \
	    $$(test $$extra = cpu || echo --no-emit-package onnxruntime) \
	    --output-file locks/$$extra.txt; \
	done
	for tool in uv zensical; do \
	  echo $$tool | $(BIN)/uv pip compile - --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-header --no-annotate $(UPGRADE) \
	    --output-file locks/installer/$$tool.txt; \
	done

# A Prefect server, a worker and the schedules of prefect.yaml on this machine.
up: setup
	throughline deploy up

down: setup
	throughline deploy down

# What killing, full disks, hooks, remotes, proxies and other accounts do to runs, releases and
# schedules: a verdict for each.
faults: setup
	python -m pytest -m "slow or not slow" -s -vv tests/flows/test_faults.py \
	  tests/flows/test_surroundings.py tests/flows/deployments/test_access.py \
	  tests/flows/deployments/test_alerts.py tests/flows/deployments/test_deploy.py \
	  tests/flows/deployments/test_schedules.py tests/flows/deployments/test_webhook.py \
	  tests/flows/releases/test_collection.py tests/flows/releases/test_elsewhere.py \
	  tests/flows/releases/test_promotion.py tests/flows/releases/test_remote.py \
	  tests/flows/releases/test_retention.py tests/flows/releases/test_retrain.py \
	  tests/flows/releases/test_stages_of_releases.py

# What strangers' files, pipelines, addresses, queries and models try: a verdict for each.
# Besides tests/security the attacks on the server, the mirror, the draft, names and pages.
attacks: setup
	python -m pytest -vv -n auto --maxprocesses 4 --dist loadfile \
	  tests/security tests/names tests/profile/test_yaml_text.py \
	  tests/trial/test_page_of_try.py tests/sources/test_pickles.py tests/sources/test_ingest.py tests/sources/test_sql.py \
	  tests/serving/test_formats_of_rows.py tests/flows/deployments/test_access.py

# The installed libraries as CycloneDX, for scanners that know their holes.
sbom: setup
	mkdir -p reports
	python -c "import json; from throughline.releasing.lineage import bill; \
	  print(json.dumps(bill(), indent=1))" > reports/sbom.json

# Damaged files, projects and words through every reader and the command; `make fuzz FIRST=3000`
# goes on where a run was stopped.
FIRST ?= 0
COUNT ?= 5000
fuzz: setup
	python -m benchmarks.fuzzing --first $(FIRST) --count $(COUNT)

# A schedule of one minute on a real server: changed data release once and are refused once.
schedule: setup
	python -m pytest -m slow -s -vv tests/flows/deployments/test_schedule.py

clean:
	rm -rf data/raw data/clean data/bottleneck data/prepared models/*/ reports .cache
