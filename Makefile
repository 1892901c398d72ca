# `make mnist` and `make test` do all that is needed on a fresh machine: they make a virtual environment
# in .venv, install minnet and what the command needs into it, and run. `make help` lists the rest.

# The newest Python in PATH that is new enough; or say which: make PYTHON=/path/to/python3 test
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
VENV ?= .venv
RUN = $(VENV)/bin/python

# The matrices of the example and of the tests are small: a second BLAS thread costs more than it brings, and ten times as
# much where other programs, or other processes of the tests, use the same processors.
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: help mnist demo test test-all lint docs notebooks release-check clean

help:
	@echo "make mnist          run examples/mnist_logreg.py"
	@echo "                    (options: make mnist ARGS='--help')"
	@echo "make demo           draw a digit on a page, and see one matrix read it"
	@echo "                    (options: make demo ARGS='--help')"
	@echo "make test           run the tests in a minute or two, without the slow ones"
	@echo "                    (options: make test ARGS='-x tests/layers'; in one process: ARGS=-n0)"
	@echo "make test-all       run all tests of what is installed, slow ones included"
	@echo "make lint           ruff and mypy"
	@echo "make docs           build docs/_build/html"
	@echo "make notebooks      build docs/notebooks/*.ipynb from their sources, *.md"
	@echo "                    (with solutions: make notebooks ARGS='--solutions FOLDER')"
	@echo "make release-check  build what would be uploaded into dist/, check it, and try"
	@echo "                    it in clean environments"
	@echo "make clean          remove $(VENV) and what was built"

mnist: $(VENV)/extras-data-plots
	$(RUN) examples/mnist_logreg.py $(ARGS)

demo: $(VENV)/extras-data
	$(RUN) -m minnet.demo $(ARGS)

# One process a processor, at most four: each collects all tests by itself. The tests of a file, and the blocks of a page,
# stay together in one process.
PYTEST = $(RUN) -m pytest -n auto --maxprocesses 4 --dist loadfile

test: $(VENV)/extras-test
	$(PYTEST) -m 'not slow' $(ARGS)

test-all: $(VENV)/extras-test
	$(PYTEST) $(ARGS)

lint: $(VENV)/extras-lint-test
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy --strict minnet

docs: $(VENV)/extras-docs-plots-sklearn-onnx
	$(RUN) -m sphinx -W -q -b html docs docs/_build/html
	@echo "open docs/_build/html/index.html"

notebooks: $(VENV)/extras-notebooks
	$(RUN) docs/notebooks/build.py $(ARGS)

# Builds both distributions, checks them, and installs each into an environment of its own, to try it with the core's
# packages alone. Uploads nothing. CONTRIBUTING.md has the rest of the list.
release-check: $(VENV)/extras-release
	rm -rf dist build
	$(RUN) -m build
	$(RUN) -m twine check --strict dist/*
	$(VENV)/bin/cffconvert --validate
	@for file in dist/*; do \
		echo "$$file, in a clean environment:" && \
		rm -rf build/clean && $(PYTHON) -m venv build/clean && \
		build/clean/bin/python -m pip install --quiet --disable-pip-version-check "$$file" && \
		build/clean/bin/python -I tests/release/smoke.py README.md || exit 1; \
	done

# A stamp a set of extras: $(VENV)/extras-data-plots says that minnet is installed with "data" and "plots".
$(VENV)/extras-%: setup.cfg pyproject.toml | $(VENV)/bin/python
	@echo "installing minnet and what it needs into $(VENV) ..."
	@$(RUN) -m pip install --quiet --disable-pip-version-check -e '.[$(subst -,$(comma),$*)]' || { \
		echo "Could not install: this needs the Python package index (is there a network?)." >&2; exit 1; }
	@touch $@

comma := ,

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "minnet needs Python 3.11 or newer, and found none in PATH:" \
		"install one, or say where it is: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Could not make a virtual environment:" \
		"on Debian or Ubuntu, install the package python3-venv." >&2; exit 1; }

clean:
	rm -rf $(VENV) build dist *.egg-info docs/_build .pytest_cache .mypy_cache .ruff_cache
