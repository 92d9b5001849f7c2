# A virtual environment in .venv with the pinned requirements, and what is done in it. All that is needed: Python 3.11 to 3.14, make,
# and access to pip's registry. With 3.14 a C compiler and Python's headers too, for immutables, which has no wheel there; so 3.14
# comes last. The pinned torch, numpy and scipy have no wheels for 3.15.
SUPPORTED := -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))'
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python3.14; do \
	$$python $(SUPPORTED) 2>/dev/null && echo $$python && break; done)
CORES ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)
STUDY ?= studies/digits.yaml
NAME = $(shell sed -n 's/^study: *\([A-Za-z0-9_-]*\).*/\1/p' $(STUDY))
BIN := .venv/bin

.PHONY: help run test quick status report explorer docs rulegraph lint format

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/run.done  ## set up and run the default study (another: STUDY=studies/NAME.yaml)
	$(BIN)/snakemake --cores $(CORES) --configfile $(STUDY)

test: .venv/dev.done  ## set up and run the tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(CORES)

quick: .venv/dev.done  ## run the library's quick tests, under a minute
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(CORES) tests/unit -m "not slow"

status:  ## how far the newest run is (another: STUDY=studies/NAME.yaml)
	@PYTHONPATH=workflow_scripts $(BIN)/python -m manyseeds.progress $(if $(filter file,$(origin STUDY)),,results/$(NAME))

report: .venv/run.done  ## write results/NAME/report.html of a finished study
	$(BIN)/snakemake --report results/$(NAME)/report.html --configfile $(STUDY)

explorer: .venv/run.done  ## write results/NAME/explorer.html, a page to look at networks, and all it needs
	$(BIN)/snakemake explorer --cores $(CORES) --configfile $(STUDY)

docs: .venv/dev.done  ## write the generated pages of docs/, and build the site in site/
	$(BIN)/python docs/generate.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "The site is site/index.html. With search: python3 -m http.server --directory site"

rulegraph: .venv/run.done  ## draw docs/figures/rulegraph.svg again (needs Graphviz)
	$(BIN)/python docs/rulegraph.py

lint: .venv/dev.done  ## check the workflow, the formatting, the code and its types
	$(BIN)/snakemake --lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/pyright

format: .venv/dev.done  ## format all code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/snakefmt Snakefile rules

.venv/run.done: requirements.txt
	@$(or $(PYTHON),false) $(SUPPORTED) 2>/dev/null || { \
		echo "manyseeds needs Python 3.11 to 3.14; found $$($(or $(PYTHON),python3) --version 2>&1). Is it elsewhere? make PYTHON=/path/to/python" >&2; \
		exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -r requirements.txt
	@touch $@

# Plugins for clusters lie apart, for their tests alone: with the one for Slurm, and no Slurm, Snakemake starts more slowly.
CLUSTERS = requirements-slurm.txt requirements-lsf.txt requirements-sge.txt
.venv/dev.done: requirements-dev.txt $(CLUSTERS) .venv/run.done
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target .venv/clusters $(CLUSTERS:%=-r %)
	@touch $@
