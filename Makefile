# Two doors: `make run` (default pipelines, end to end) and `make test`. The rest is detail.
PYTHON ?= python3.11
EXTRA ?= cpu
VENV := .venv
BIN := $(VENV)/bin
# Stages run `throughline ...`; this makes it the environment's Python.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# No telemetry from any of the libraries.
export DVC_NO_ANALYTICS := true
export DO_NOT_TRACK := 1
export TF_CPP_MIN_LOG_LEVEL ?= 2

.PHONY: setup run flow test test-slow lint types check lock up down faults schedule clean

setup: $(VENV)/.complete-$(EXTRA)

# Bytecode is compiled at once: without it every stage would wait 10 s more for its imports.
$(VENV)/.complete-$(EXTRA): locks/$(EXTRA).txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --requirement locks/$(EXTRA).txt
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m compileall -q -j 0 $(VENV)/lib > /dev/null || true
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

check: setup
	throughline check

# Writes the locks anew: hashes of every file, no address of any index.
lock:
	for extra in cpu gpu; do \
	  uv pip compile pyproject.toml --extra $$extra --extra dev --python-version 3.11 \
	    --generate-hashes --no-emit-index-url --no-header --no-annotate --output-file locks/$$extra.txt; \
	done

# A Prefect server, a worker and the schedules of prefect.yaml on this machine.
up: setup
	throughline deploy up

down: setup
	throughline deploy down

# What killing, full disks and damaged files do to a run: a verdict for each.
faults: setup
	python -m pytest -m slow -s -vv tests/flows/test_faults.py

# A schedule of one minute on a real server: changed data release once and are refused once.
schedule: setup
	python -m pytest -m slow -s -vv tests/flows/test_schedule.py

clean:
	rm -rf data/raw data/clean data/bottleneck data/prepared models/*/ reports .cache
