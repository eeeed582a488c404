PYTHON ?= python3
CONFIG ?= configs/demo.toml
JOBS ?= 2
export OMP_NUM_THREADS ?= 1
BIN := .venv/bin
RUN := $(BIN)/ichset

.PHONY: help install release pacs test stress bench check clean
help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 12
install: .venv/.installed ## set up .venv with the locked dependencies
.venv/.installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv && $(BIN)/pip install -q --require-hashes -r requirements.lock && $(BIN)/pip install -q --no-deps --no-build-isolation -e . && { $(BIN)/python -m compileall -q -j 0 .venv/lib >/dev/null || true; } && touch $@
data/demo: | install
	$(RUN) demo init data/demo --if-absent
release: install $(if $(filter configs/demo.toml,$(CONFIG)),data/demo) ## run the pipeline into data/release (CONFIG=configs/mine.toml for your own)
	$(RUN) run --config $(CONFIG)
pacs: install data/demo ## serve the demo hospital by a real PACS (Orthanc from Debian), for configs/pacs-demo.toml
	$(BIN)/python scripts/pacs.py data/demo/archive
test: install ## all tests that this machine can run
	$(BIN)/pytest -q -n $(JOBS) --dist loadfile -m "not stress"
stress: install ## the large counts of fault and property tests
	$(BIN)/pytest -q -n $(JOBS) -m stress
bench: install ## benchmarks beside the peers and the floor
	for script in scripts/bench_*.py; do $(BIN)/python $$script || exit 1; done
check: install ## style, types and import floors
	$(BIN)/ruff check src tests scripts && $(BIN)/mypy && $(BIN)/lint-imports
clean: ## remove what runs have written (data/work and data/release), never the demo's key
	rm -rf data/work data/release
