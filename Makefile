# A fresh machine needs Python 3.11 or newer and make; `make run` does the rest. `make help` lists all.

VENV     := .venv
BIN      := $(VENV)/bin
PIP      := $(BIN)/python -m pip --disable-pip-version-check --quiet
ARGS     ?=
PYTEST   ?=
REPORTS  ?= .make

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test check format bench soak lock screenshots clean

help: ## list what can be made
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 14

run: $(VENV)/.installed ## open the dashboard on the embedded stack; ARGS='--scenario act2' adds flags
	@$(BIN)/stressdash --stack embedded $(ARGS)

test: $(VENV)/.developed ## all tests: first in parallel, then those that need the machine for themselves
	@mkdir -p $(REPORTS); rm -f $(REPORTS)/*.xml; failed=0; \
	$(BIN)/python -m pytest -q -n logical -m "not serial and not soak" \
	  --junit-xml=$(REPORTS)/parallel.xml $(PYTEST) || failed=1; \
	$(BIN)/python -m pytest -q -m "serial and not soak" \
	  --junit-xml=$(REPORTS)/serial.xml $(PYTEST) || failed=1; \
	exit $$failed

check: $(VENV)/.developed ## style, types, layers and documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -p no:randomly tests/project/test_documents.py \
	  tests/project/test_architecture.py tests/project/test_reference.py

format: $(VENV)/.developed ## let ruff mend style and layout
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(VENV)/.developed ## measure everything and write docs/benchmarks.md (long; wants a quiet machine)
	$(BIN)/python -m benchmarks $(ARGS)

soak: $(VENV)/.developed ## ten minutes under load, watching memory, books and orphans; then the long tests
	$(BIN)/python -m benchmarks.soak $(ARGS)
	$(BIN)/python -m pytest -q -m soak

lock: $(VENV)/.developed ## resolve the dependencies anew, with hashes, for every platform and Python
	$(BIN)/uv pip compile pyproject.toml --group build --output-file requirements.lock $(COMPILE)
	$(BIN)/uv pip compile pyproject.toml --group dev --output-file requirements-dev.lock \
	  --constraint requirements.lock $(COMPILE)
	$(BIN)/uv pip compile --group service --output-file service/requirements.txt \
	  --constraint requirements.lock $(COMPILE)

COMPILE := --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

screenshots: $(VENV)/.developed ## draw the pictures of the README from the running program
	$(BIN)/python docs/screenshots.py

clean: ## remove what was made here
	rm -rf $(VENV) $(REPORTS) dist build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

# The environment holds exactly what the lock says, checked by hash; the project itself is linked, not copied.

$(VENV)/.installed: $(BIN)/python requirements.lock pyproject.toml
	@echo "Installing stressdash into $(VENV) ..."
	@$(PIP) install --require-hashes --requirement requirements.lock
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.developed: $(BIN)/python requirements-dev.lock pyproject.toml
	@echo "Installing stressdash and the tools of its developers into $(VENV) ..."
	@$(PIP) install --require-hashes --requirement requirements-dev.lock
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $(VENV)/.installed $@

$(BIN)/python:
	@found=; for name in $(PYTHON) python3.14 python3.13 python3.12 python3.11 python3; do \
	  "$$name" -c '' 2>/dev/null && found=$$name && break; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "stressdash needs Python 3.11 or newer, and no python3 is on the PATH." >&2; exit 1; \
	fi; \
	version=$$("$$found" -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	if ! "$$found" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
	  echo "stressdash needs Python 3.11 or newer; $$found is Python $$version." >&2; exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "Python $$version lacks venv here. This helps: apt-get install python$$version-venv" >&2; exit 1; \
	fi; \
	"$$found" -m venv $(VENV)
