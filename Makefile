# Needs make and a Python >= 3.11, nothing else.
# PYTHON= chooses the Python for a new environment, VENV= another environment, ARGS= goes to the program.
PYTHON ?=
VENV ?= .venv
BIN := $(VENV)/bin
CANDIDATES := $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11 python3.14 python)
.DEFAULT_GOAL := help
.PHONY: help install demo test lint bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
	@echo "  PYTHON=/path/to/python chooses the Python for a new $(VENV)"

install: ## make .venv with graphrec and its tools; nothing to do while pyproject.toml stays as it was
	@set -eu; \
	if cmp -s pyproject.toml "$(VENV)/installed-pyproject.toml"; then exit 0; fi; \
	if [ ! -x "$(BIN)/python" ]; then \
		found=; \
		for python in $(CANDIDATES); do \
			if "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
				found=$$python; break; \
			fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo "graphrec needs a Python >= 3.11 that has the module venv. Tried:" $(CANDIDATES) >&2; \
			echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv) or name it: PYTHON=/path/to/python" >&2; \
			exit 1; \
		fi; \
		echo "Making $(VENV) with $$("$$found" --version)"; \
		"$$found" -m venv "$(VENV)"; \
	fi; \
	echo "Installing graphrec and its tools. The first time brings PyTorch: some minutes, some gigabytes."; \
	"$(BIN)/python" -m pip install --quiet --upgrade "pip>=25.1"; \
	"$(BIN)/python" -m pip install --editable ".[analysis,baselines,fast,friends,mlflow,report,sentences,tensorboard,tune]" --group dev; \
	cp pyproject.toml "$(VENV)/installed-pyproject.toml"

demo: install ## MovieLens from files to recommendations, Cypher and an HTML report
	@"$(BIN)/graphrec" demo $(ARGS)

# One thread each: two runs whose threads spin while they wait for each other take twice the processor's time.
test: export OMP_NUM_THREADS ?= 1
test: export OPENBLAS_NUM_THREADS ?= 1
test: install lint ## lint, types, import rules, then all tests: those that ask a Neo4j server beside the others
	@mkdir -p .neo4j; \
	"$(BIN)/python" -m pytest -m neo4j -o cache_dir=.pytest_cache/neo4j $(ARGS) > .neo4j/tests.log 2>&1 & server=$$!; \
	trap 'kill $$server 2> /dev/null' INT TERM; \
	"$(BIN)/python" -m pytest -m "not neo4j" $(ARGS); others=$$?; \
	echo "The tests that ask a Neo4j server:"; wait $$server; asked=$$?; \
	cat .neo4j/tests.log; \
	[ $$others -eq 0 -o $$others -eq 5 ] && [ $$asked -eq 0 -o $$asked -eq 5 ]

lint: install ## ruff, mypy and the import rules
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/mypy"
	"$(BIN)/lint-imports"

bench: install ## the figures of benchmarks/, as a table and JSON
	@"$(BIN)/python" -m benchmarks $(ARGS)

clean: ## remove caches, builds and what the demo made; .venv and .neo4j stay
	@rm -rf dist build demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	@find . \( -path ./.venv -o -path ./.neo4j \) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
