# The only interface: `make help` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check -q
GO_TAGS := duckdb_arrow

# DuckDB's extensions come as wheels; Go's tests read them from a folder.
EXTENSIONS := build/extensions
export DDCORE_EXTENSION_DIR ?= $(abspath $(EXTENSIONS))
export GOFLAGS := -tags=$(GO_TAGS)
# Real samples for the tests, where they are; the demo and the tests that need
# them use made data elsewhere, and say so.
export DDCORE_DATA ?= $(abspath ../shared/data)

# The S3 server of the tests of shared lakes; their PostgreSQL is the machine's.
S3_SERVER := build/tools/versitygw

# The server of the tests of downloads, as a process of its own.
HUB_SERVER := build/tools/hubserver

include build.mk

.PHONY: help demo build test test-go test-python golden docs fuzz bench lint fmt clean
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

demo: $(VENV)/.installed ## build all, ingest, curate, print a table and write a chart
	$(VENV)/bin/python bench/demo.py

build: $(EXTENSIONS)/.installed ## build the CLI into build/ddcore
	go build -o build/ddcore ./cmd/ddcore

test: test-go test-python ## build and test everything

test-go: $(EXTENSIONS)/.installed $(S3_SERVER) ## the Go tests
	go vet ./...
	go test -timeout 39m ./...

test-python: $(VENV)/.installed $(S3_SERVER) $(HUB_SERVER) ## the Python tests, through the installed wheel
	$(VENV)/bin/python -m pytest

golden: $(EXTENSIONS)/.installed ## rewrite testdata/golden and the generated docs
	go test ./cmd/ddcore -run TestDocs -count=1 -args -update
	go test ./core -run 'TestGolden|TestDocs|TestIndex' -count=1 -args -update

docs: $(VENV)/.tools ## build the documentation site into build/site; any warning fails (generated pages: make golden)
	$(PIP) install --group docs
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python -m mkdocs build --quiet

fuzz: ## fuzz every parser, a minute each
	go test ./core/source/pydict -fuzz FuzzScan -fuzztime 60s
	go test ./core/decimal -fuzz FuzzRead -fuzztime 60s
	go test ./core/tablefile -fuzz FuzzTextReader -fuzztime 60s
	go test ./core/feature -fuzz FuzzWindow -fuzztime 60s
	go test ./core/curate/runtypes -fuzz FuzzClassify -fuzztime 60s
	go test ./core/curate/runtypes -fuzz FuzzLoad -fuzztime 60s
	go test ./core/jsontext -fuzz FuzzWhole -fuzztime 60s
	go test ./core/jsontext -fuzz FuzzOnce -fuzztime 60s
	go test ./core/redact -fuzz FuzzJSON -fuzztime 60s
	go test ./core/source/wandb -fuzz FuzzEntry -fuzztime 60s
	go test ./core/source/wandb -fuzz FuzzRun -fuzztime 60s
	go test ./core/source/wandb -fuzz FuzzOffline -fuzztime 60s -fuzzminimizetime 1s
	go test ./core/source/olmes -fuzz FuzzLine -fuzztime 60s
	go test ./core/source/instances -fuzz FuzzLine -fuzztime 60s
	go test ./core/inflate -fuzz FuzzDeflate -fuzztime 60s
	go test ./core/inflate -fuzz FuzzGzip -fuzztime 60s
	go test ./core/hub -fuzz FuzzTree -fuzztime 60s
	go test ./core/hub -fuzz FuzzMatch -fuzztime 60s
	go test ./core/source/ladder -fuzz FuzzConvert -fuzztime 60s
	go test ./cmd/ddcore/dashboard -fuzz FuzzSlug -fuzztime 60s

WEB := cmd/ddcore/dashboard/web
web: $(WEB)/node_modules/.installed ## check and build the dashboard's page into cmd/ddcore/dashboard/dist
	cd $(WEB) && npx tsc --noEmit && node build.mjs

$(WEB)/node_modules/.installed: $(WEB)/package-lock.json
	cd $(WEB) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

bench: $(VENV)/.installed ## measure against datadec, DuckDB and Polars
	$(PYTHON) bench/run.py

lint: $(VENV)/.tools ## formatters, linters and type checkers, without changing anything
	@test -z "$$(go run mvdan.cc/gofumpt@v0.9.2 -l $$(git ls-files '*.go'))" || { echo 'gofumpt: run make fmt'; go run mvdan.cc/gofumpt@v0.9.2 -l .; exit 1; }
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.7.0 ./...
	$(VENV)/bin/ruff format --check python bench notebooks
	$(VENV)/bin/ruff check python bench notebooks
	$(VENV)/bin/mypy
	@if command -v npm >/dev/null; then $(MAKE) web-check; else echo 'no npm: the committed page is not compared with its sources'; fi

.PHONY: web web-check
web-check: $(WEB)/node_modules/.installed # is the committed page that of its sources?
	cd $(WEB) && npx tsc --noEmit && node build.mjs $(abspath build/web)
	diff -r build/web cmd/ddcore/dashboard/dist >/dev/null || { echo 'the committed page is not that of its sources: run make web'; exit 1; }

fmt: $(VENV)/.tools ## format Go and Python
	go run mvdan.cc/gofumpt@v0.9.2 -w $$(git ls-files '*.go')
	$(VENV)/bin/ruff format python bench notebooks
	$(VENV)/bin/ruff check --fix python bench notebooks

$(EXTENSIONS)/.installed:
	$(PYTHON) -m pip --disable-pip-version-check -q install --target $(EXTENSIONS) --no-deps $(addprefix duckdb-extension-,$(addsuffix ==1.5.5,ducklake sqlite-scanner postgres-scanner httpfs))
	@touch $@

$(S3_SERVER):
	GOFLAGS= GOBIN=$(abspath $(dir $@)) go install github.com/versity/versitygw/cmd/versitygw@v1.8.0

$(HUB_SERVER): $(wildcard core/hub/hubtest/*.go core/hub/hubtest/serve/*.go)
	go build -o $@ ./core/hub/hubtest/serve

$(VENV)/.tools:
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade pip
	$(PIP) install --group dev
	@touch $@

# The wheel is built again when any source is newer.
SOURCES := $(shell git ls-files core capi cmd python/ddcore python/build notebooks go.mod go.sum pyproject.toml 2>/dev/null)
$(VENV)/.installed: $(VENV)/.tools $(SOURCES)
	rm -rf dist/*.whl
	$(VENV)/bin/python -m build --wheel --outdir dist .
	$(PIP) install --force-reinstall --no-deps dist/*.whl
	$(PIP) install "$$(ls dist/*.whl)[all]" --group test
	@touch $@

clean: ## remove what was built
	rm -rf build dist $(VENV) demo
