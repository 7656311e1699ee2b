# Everything starts from here: `make demo` to look, `make test` to be sure.
#
#   make demo [PORT=8001] [SIMULATION=0]   the living demo, http://127.0.0.1:8000
#   make test [ARGS="-k agenda"]           the whole suite, on throw-away servers, browser included; WORKERS=1: one file at a time
#   make check                             ruff, mypy --strict, layers
#   make load                              the race for one créneau, over HTTP
#   make storm [ARGS="p2 p7 --part 0.2"]   the storms, at the length promised: an hour and a half
#   make bench                             the figures of the README
#   make bench-recherche [ARGS=--plans]    search, lists and export over two million rendez-vous
#
# A fresh machine needs Python ≥ 3.11 and make; PYTHON= names a Python that is not found by itself.

PORT ?= 8000
SIMULATION ?= 1
ARGS ?=
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); [ "$$n" -gt 4 ] && n=4; [ "$$n" -lt 2 ] && n=2; echo $$n)
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := .venv/bin

.PHONY: help demo test check format load storm bench bench-recherche bootstrap-demo bootstrap-dev bootstrap-test clean
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#\( \{0,3\}\)/\1/p' Makefile

demo: bootstrap-demo
	@PORT='$(PORT)' SIMULATION='$(SIMULATION)' exec $(BIN)/accueil demo

test: bootstrap-test
	$(BIN)/python -m pytest $(if $(filter-out 1,$(WORKERS)),-n $(WORKERS) --dist loadfile) $(ARGS)

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

storm: bootstrap-test
	$(BIN)/python -m loadtests.storm $(ARGS)

bench: bootstrap-test
	$(BIN)/python -m loadtests.bench $(ARGS)

bench-recherche: bootstrap-dev
	$(BIN)/python -m loadtests.recherche $(ARGS)

bootstrap-demo bootstrap-dev bootstrap-test:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found: install one (Debian, Ubuntu: sudo apt-get install python3 python3-venv), or name it by make PYTHON=/path/to/python3."; exit 1; }
	@$(PYTHON) outils/bootstrap.py $(STEPS)
bootstrap-demo: STEPS = demo
bootstrap-dev: STEPS = dev
bootstrap-test: STEPS = dev browser

clean:
	rm -rf .venv node_modules static/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
