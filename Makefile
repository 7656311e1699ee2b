# Everything starts from here: `make demo` to look, `make test` to be sure.
#
#   make demo [PORT=8001] [SIMULATION=0]   the living demo, http://127.0.0.1:8000
#   make test [ARGS="-k agenda"]           the whole suite, on throw-away servers, browser included
#   make check                             ruff, mypy --strict, layers
#   make load                              the race for one créneau, over HTTP
#   make bench                             the figures of the README
#
# A fresh machine needs Python ≥ 3.11 and make; PYTHON= names a Python that is not found by itself.

PORT ?= 8000
SIMULATION ?= 1
ARGS ?=
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin

.PHONY: help demo test check format load bench bootstrap-demo bootstrap-dev bootstrap-test clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#\( \{0,3\}\)/\1/p' Makefile

demo: bootstrap-demo
	@PORT='$(PORT)' SIMULATION='$(SIMULATION)' exec $(BIN)/accueil demo

test: bootstrap-test
	$(BIN)/python -m pytest $(ARGS)

check: bootstrap-dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/python -m pytest -q tests/test_layers.py

format: bootstrap-dev
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

load: bootstrap-dev
	$(BIN)/python -m loadtests.race $(ARGS)

bench: bootstrap-test
	$(BIN)/python -m loadtests.bench $(ARGS)

bootstrap-demo bootstrap-dev bootstrap-test:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found: install one (Debian, Ubuntu: sudo apt-get install python3 python3-venv), or name it by make PYTHON=/path/to/python3."; exit 1; }
	@$(PYTHON) outils/bootstrap.py $(STEPS)
bootstrap-demo: STEPS = demo
bootstrap-dev: STEPS = dev
bootstrap-test: STEPS = dev browser

clean:
	rm -rf .venv node_modules static/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
