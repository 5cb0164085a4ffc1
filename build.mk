# The native libraries, the wheel and the sdist; the Makefile includes this.
PYTHON ?= python3
VENV ?= .venv

.PHONY: lib wheel sdist
lib: ## build the two libraries into build/native
	$(PYTHON) python/build/native.py --lib-only build/native

wheel: $(VENV)/.tools ## build the wheel into dist/
	$(VENV)/bin/python -m build --wheel --outdir dist .

sdist: $(VENV)/.tools ## build the source distribution into dist/
	$(VENV)/bin/python -m build --sdist --outdir dist .
