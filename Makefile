# setup, reproduce and test work on a fresh machine with Python 3.11 or newer: no Docker, no GPU.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
# A file of tests is one process's, so that what its tests share is made once; torch gets one thread
# in each, since the processes fill the cores.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder
CORES := --numprocesses auto --maxprocesses 4
# Some tests wait for most of their time: one process more than there are cores.
MORE = --numprocesses $(shell $(BIN)/python -c 'import os; print(min(4, 1 + (os.cpu_count() or 1)))')

# Python 3.12 has a way to watch lines that costs next to nothing.
CORE = $(shell $(BIN)/python -c 'import sys; print("sysmon" if sys.version_info >= (3, 12) else "ctrace")')

# What most commands import is compiled at once, on all cores; the rest when it is first imported, as
# far as Python may keep it. pip would compile all of it, on one core. Some files are for other Pythons.
COMPILED := torch numpy scipy click rich msgspec

# Where Python is told to keep no compiled modules, every process of the tests compiles all of them.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup hooks reproduce images lint quick quick-tests test all-tests coverage times numbers pins docs test-containers clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade pip || true # old ones are slower
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e '.[docs,test]'
	cd $(VENV)/lib/python*/site-packages && ../../../bin/python -m compileall -qq -j 0 $(COMPILED) || true
	touch $@

hooks: setup
	$(BIN)/pre-commit install

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

# Under two minutes on two cores; tests/slow.txt lists what it leaves out.
quick: setup
	$(MAKE) --jobs 2 --output-sync lint quick-tests

quick-tests: setup
	$(PYTEST) $(CORES) -m "not slow"

# The checks take one core, and a part of the tests waits.
test: setup
	$(MAKE) --jobs 2 lint all-tests

all-tests: setup
	$(PYTEST) $(MORE)

# The tests, and how much of the kit they run, without what runs in processes of its own.
coverage: lint
	COVERAGE_CORE=$(CORE) $(PYTEST) $(MORE) --cov --cov-report term:skip-covered

# Measures every test, lists the slow ones and tells where the time goes.
times: setup
	$(PYTEST) $(CORES) -o junit_family=xunit1 --junitxml build/times.xml
	$(BIN)/python -m tests.times build/times.xml

# The tables of runs in README, docs/study.md, docs/search.md and docs/own-data.md, from the results
# in docs/results.
numbers: setup
	$(BIN)/python -m tests.readme_numbers
	$(BIN)/python -m tests.study_numbers
	$(BIN)/python -m tests.own_numbers

# Hashes for docker/requirements.lock, at the versions of constraints.txt.
pins: setup
	$(PYTHON) -m venv build/uv
	build/uv/bin/pip install --quiet --disable-pip-version-check uv
	$(BIN)/python -m tests.pins build/uv/bin/uv

# Warnings are errors. What is written lies in build/site.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

# Gets itself a Docker engine where there is none, on Debian and as root.
test-containers: setup
	.ci/run -m docker

clean:
	rm -rf $(VENV) build *.egg-info
