# The commands anyone needs. Only python3 (3.11 or later) and make are assumed: all else is set up on first use, in
# .venv/, node_modules/ and static/dist/, and again only when what it comes from has changed.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
NODE := $(VENV)/node
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes
FRONT_END := $(shell find static -path static/dist -prune -o -type f -print 2>/dev/null)

export PATH := $(CURDIR)/$(NODE):$(PATH)
# Trust the certificates that this machine trusts, as pip does: networks with a proxy of their own need it.
export NODE_USE_SYSTEM_CA ?= 1

.DEFAULT_GOAL := help
.PHONY: help run restart test bench chaos lint format lock build dev clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

run: build ## set up what is missing, then run the arena until Ctrl-C
	@$(PY) manage.py arena --stop-with-parent

restart: build ## have the arena that runs here take on new code and settings, without losing a word
	@$(PY) manage.py arena restart

test: dev build ## the whole suite: on SQLite, on PostgreSQL, JavaScript
	@$(PY) -m tests.suite $(ARGS)

bench: dev build ## measure speed, cost, memory and recovery (ARGS=--help tells more)
	@$(PY) -m tests.bench $(ARGS)

chaos: dev build ## kill, stop and freeze what runs while people watch and vote (ARGS=--help tells more)
	@$(PY) -m tests.chaos $(ARGS)

lint: dev node_modules/.package-lock.json ## every formatter, linter and type check
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	find templates -name '*.html' -exec $(VENV)/bin/djade --target-version 5.2 --check {} +
	npm run --silent lint
	SECRET_KEY=lint DATABASE_URL=sqlite://:memory: $(PY) manage.py makemigrations --check --dry-run
	$(PY) tools/lock.py --check

format: dev node_modules/.package-lock.json ## let the formatters write
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .
	-find templates -name '*.html' -exec $(VENV)/bin/djade --target-version 5.2 {} +
	npm run --silent format

lock: dev ## resolve the dependencies again and write all lock files
	$(PY) tools/lock.py
	npm install --package-lock-only --ignore-scripts

build: $(VENV)/.runtime static/dist/main.css ## set up, without running anything

dev: $(VENV)/.dev ## set up what tests and tools need

clean: ## remove what was set up; your data in var/ stays
	rm -rf $(VENV) node_modules static/dist

$(PY): | tools/make_venv.py
	@echo "Making $(VENV) …"
	@$(PYTHON) tools/make_venv.py $(VENV)

$(VENV)/.runtime: requirements.txt $(PY)
	@echo "Installing Python packages …"
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip >/dev/null
	@$(PIP) -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	@echo "Installing test and lint tools …"
	@$(PIP) -r requirements-dev.txt
	@touch $@

$(VENV)/.node: requirements-node.txt tools/find_node.py $(VENV)/.runtime
	@$(PY) tools/find_node.py
	@touch $@

node_modules/.package-lock.json: package.json package-lock.json $(VENV)/.node
	@echo "Installing front-end packages …"
	@$(NODE)/npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

static/dist/main.css: node_modules/.package-lock.json $(FRONT_END)
	@echo "Building the front end …"
	@$(NODE)/npm run --silent build
	@touch $@
