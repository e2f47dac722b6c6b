# setup, reproduce and test work on a fresh machine with Python 3.11 or newer: no Docker, no GPU.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.PHONY: setup reproduce images test test-containers lint clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

reproduce: setup
	$(BIN)/kit reproduce --table 5 --task darcy-flow --profile lite

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

images: setup
	$(BIN)/kit images build
	$(BIN)/kit images lock

test: lint
	$(BIN)/python -m pytest

# Gets itself a Docker engine where there is none, on Debian and as root.
test-containers: setup
	.ci/run -m docker

clean:
	rm -rf $(VENV) build *.egg-info
