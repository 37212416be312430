# `make demo` and `make test` start from nothing but Python: each makes .venv when it is needed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check
RUNTIME := $(VENV)/.stamp-runtime
DEV := $(VENV)/.stamp-dev
DOCS := $(VENV)/.stamp-docs
# processes that share the tests; each computes on one thread
WORKERS ?= 2

.PHONY: demo test slow lint types docs docs-clean bench clean

# records backward masking and draws what it shows; a second call continues what was left and redraws
demo: $(RUNTIME)
	$(BIN)/ventral demo

test: $(DEV)
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses $(WORKERS) --dist worksteal

slow: $(DEV)
	$(BIN)/pytest -m slow

lint: $(DEV)
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: $(DEV)
	$(BIN)/mypy

# the site, without a network; a warning is an error, and scripts of the gallery that have not changed are not run again;
# `make docs GALLERY=0` runs none of them
GALLERY ?= 1
docs: $(DOCS)
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -W --keep-going -q -b html -D plot_gallery=$(GALLERY) \
		-d docs/_build/doctrees docs docs/_build/html

docs-clean:
	rm -rf docs/_build docs/api docs/gallery docs/results docs/sg_execution_times.rst

bench: $(DEV)
	set -e; for script in benchmarks/*.py; do $(BIN)/python "$$script"; done

# a wheel and a source archive in dist/; made anew, as setuptools also takes what an earlier build has listed
.PHONY: dist
dist: $(DEV)
	rm -rf build dist *.egg-info
	$(BIN)/python -m build --no-isolation

# recordings in runs/ and the environment stay
clean:
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find ventral protocols analysis tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

$(RUNTIME): pyproject.toml
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	$(PIP) install --editable .
	touch $@

$(DEV): $(RUNTIME)
	$(PIP) install --quiet --editable ".[dev]"
	touch $@

$(DOCS): $(RUNTIME)
	$(PIP) install --quiet --editable ".[docs]"
	touch $@
