# make run      set up, run one round of the starter
# make test     set up, run every test (three quarters of an hour on two cores)
# make unit     the quick tests      make lint    ruff and mypy
# make bench    the benchmarks       make lock    resolve requirements/ again (needs uv)

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
BIN := $(VENV)/bin
KIND ?= $(shell nvidia-smi -L >/dev/null 2>&1 && echo gpu || echo cpu)
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check
TORCH := $(shell grep '^torch==' requirements/$(KIND).txt)
TORCH_CPU := https://download.pytorch.org/whl/cpu

.PHONY: setup run test unit lint bench lock

setup: $(VENV)/.ready

run: setup
	@echo "one round of the starter; the first lines come after some seconds"
	$(BIN)/prefloop run examples/starter.yaml

test: setup
	$(BIN)/python -m pytest -m "not slow" -n $(WORKERS)
	$(BIN)/python -m pytest -m slow -n 3 --dist loadfile --no-loadscope-reorder

unit: setup
	$(BIN)/python -m pytest -m "not slow and not long" -n $(WORKERS)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python benchmarks/throughput.py
	$(BIN)/python benchmarks/endpoint_faults.py
	$(BIN)/python benchmarks/label_price.py

$(VENV)/.ready: requirements/$(KIND).txt requirements/dev.txt pyproject.toml Makefile
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(f"{sys.executable} is Python {v[0]}.{v[1]}; prefloop needs 3.11 or 3.12: make PYTHON=python3.11") if v not in ((3, 11), (3, 12)) else None'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "this Python cannot make virtual environments: install python3-venv"; exit 1; }
	@command -v g++ >/dev/null || { echo "no C compiler: install g++ (vLLM compiles kernels for this CPU)"; exit 1; }
	@$(PYTHON) -c 'import pathlib, sys, sysconfig; sys.exit(0 if pathlib.Path(sysconfig.get_paths()["include"], "Python.h").exists() else "Python.h is missing: install python3-dev")'
	@echo "setting up $(VENV) with the $(KIND) packages; this takes some minutes and 5 GB, and says nothing meanwhile"
	$(PYTHON) -m venv $(VENV)
	$(PIP) --no-deps "$(TORCH)" || $(PIP) --no-deps "$(TORCH)" --index-url $(TORCH_CPU)
	$(PIP) --no-deps -r requirements/$(KIND).txt -r requirements/dev.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

# uv resolves, pip installs. TORCH_FROM says where uv finds the CPU build of torch.
TORCH_FROM ?= --extra-index-url $(TORCH_CPU) --index-strategy unsafe-best-match
COMPILE = uv pip compile pyproject.toml -q --no-header --no-annotate --no-emit-index-url \
	--python-version 3.11 --python-platform x86_64-manylinux_2_28
CPU = --extra cpu --overrides requirements/overrides.txt $(TORCH_FROM)

lock:
	$(COMPILE) $(CPU) -o requirements/cpu.txt
	$(COMPILE) --extra gpu -o requirements/gpu.txt
	$(COMPILE) $(CPU) --extra dev -c requirements/cpu.txt -o requirements/all.txt
	grep -vxFf requirements/cpu.txt requirements/all.txt > requirements/dev.txt
	rm requirements/all.txt
