# The native libraries, the wheel and the sdist; the Makefile includes this.
PYTHON ?= python3

.PHONY: lib wheel sdist
lib: ## build the two libraries into build/native
	$(PYTHON) python/build/native.py --lib-only build/native

wheel: ## build the wheel into dist/
	$(PYTHON) -m build --wheel --outdir dist .

sdist: ## build the source distribution into dist/
	$(PYTHON) -m build --sdist --outdir dist .
