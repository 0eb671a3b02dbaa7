# make demo | test | test-fast | test-upstream | smoke | bench | lint | format | clean
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --disable-pip-version-check \
       --progress-bar off --no-warn-script-location
# Worker processes of the tests; each runs torch on one thread.
JOBS ?= 2
# Two workers on two cores: more threads would only wait for each other.
THREADS := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: demo test test-fast test-upstream smoke bench lint format clean

demo: $(STAMP)
	$(BIN)/python tools/demo.py

test: $(STAMP)
	$(THREADS) $(BIN)/python -m pytest -n $(JOBS)

test-fast: $(STAMP)
	$(THREADS) $(BIN)/python -m pytest -n $(JOBS) -m "not slow"

# The core tests against OpenMMLab's last own releases, in .venv-upstream.
test-upstream:
	PYTHON="$(PYTHON)" bash tools/test_upstream.sh

# Every config builds, steps and tests here: half an hour on two cores. What needs a
# package that is not installed is counted. CONFIGS="configs/scl/a.py" takes these alone.
CONFIGS := $(wildcard configs/scl/*.py configs/baseline/*.py configs/comparators/*.py)
smoke: $(STAMP)
	@passed=0; left=0; for config in $(CONFIGS); do \
	  if $(BIN)/python tools/train.py $$config --smoke > .smoke.log 2>&1; then \
	    tail -n 1 .smoke.log; passed=$$((passed + 1)); \
	  elif grep -q "not installed: pip install" .smoke.log; then \
	    echo "$$config: not run, $$(grep -m 1 "not installed" .smoke.log)"; \
	    left=$$((left + 1)); \
	  else \
	    tail -n 30 .smoke.log; echo "$$config: failed" >&2; exit 1; \
	  fi; \
	done; rm -f .smoke.log; \
	echo "$$passed configs build, step and test; $$left not run"

# Writes docs/benchmarks.md: about 20 minutes on two idle cores. PARTS="loss step"
# measures these again and keeps the other results.
PARTS ?=
bench: $(STAMP)
	@$(PIP) -e ".[bench]" | sed -u "/already satisfied/d"
	$(BIN)/python -m benchmarks.run $(PARTS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# mmcv-lite goes in without its dependencies: it would bring a second mmengine.
$(STAMP): setup.py mmscl/version.py
	@test -n "$(PYTHON)" || { echo "No python3 found: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c "import sys; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 13))" || \
	  { echo "$(PYTHON) is not Python 3.10-3.12: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Installing into $(VENV): about 5.5 GB and some minutes the first time."
	"$(PYTHON)" -m venv $(VENV)
	@$(PIP) -e ".[all]" | sed -u "/already satisfied/d"
	@$(PIP) --no-deps "mmcv-lite>=2.2,<2.4" | sed -u "/already satisfied/d"
	$(BIN)/python -c "import mmscl"
	@touch $@

clean:
	rm -rf $(VENV) .venv-upstream build *.egg-info .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
