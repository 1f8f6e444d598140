# make demo    trains on real flights, converts, checks, and times against scikit-learn (about three minutes)
# make test    runs every test
# make bench   measures it against scikit-learn, onnxruntime and whatever rival is installed, and writes docs/benchmarks.md
# make docs    builds the documentation site from docs/ and the docstrings into build/site, strictly
# make dev     compiles the kernels and installs the checkout into .venv, for work on the code
# make lint    style, types and import contracts alone        make format    mends the style
# make sanitize    the native tests under the address and undefined-behaviour sanitizers
# make stub    writes the type stub of the native module anew
# make clean   removes .venv, build and everything made here
#
# Needed: make, a C++20 compiler and Python 3.10 or later with venv. `make demo PYTHON=python3.12` chooses another Python.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input -qq
# pyproject.toml's [build-system] requires, and the two programs it runs; tests/rules compares them.
BUILD_TOOLS := "scikit-build-core>=0.10" "nanobind~=3.1.0" "numpy>=2.0" cmake ninja
NATIVE := $(shell find runtime -type f \( -name '*.cpp' -o -name '*.h' -o -name CMakeLists.txt \))
NATIVE_TESTS := tests/ops tests/providers tests/native tests/session tests/cuda

# A compiler's new warning must not stop a user: it stops the tests run by a machine.
ifdef CI
export SKLORT_WERROR ?= ON
endif
ifneq ($(shell command -v ccache),)
export CMAKE_CXX_COMPILER_LAUNCHER ?= ccache
endif

.PHONY: help demo test bench docs dev lint format sanitize stub clean
.DELETE_ON_ERROR:

help:
	@sed -n '/^#/!q;s/^# \{0,1\}//p' Makefile

demo: $(VENV)/.kernels $(VENV)/.with-demo
	@$(BIN)/python -m examples.flights_demo

test: $(VENV)/.kernels $(VENV)/.with-dev
	@$(BIN)/python -m pytest -q -n auto --maxprocesses 8 $(TESTS)

# The first run fits the models, which takes about a quarter of an hour on two cores; so does measuring them.
# `pip install 'sklort[rivals]'` into the environment brings the rivals; BENCH="--family gb3" and the like go to the program.
bench: $(VENV)/.kernels $(VENV)/.with-bench
	@$(BIN)/python -m benchmarks.run --page docs $(BENCH)

docs: $(VENV)/.kernels $(VENV)/.with-docs
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "sklort: the site is build/site/index.html"

dev: $(VENV)/.kernels $(VENV)/.with-dev

lint: dev
	@$(BIN)/python -m pytest -q tests/rules/test_style.py tests/rules/test_imports.py

format: dev
	@$(BIN)/ruff check --fix sklort tests examples benchmarks
	@$(BIN)/ruff format sklort tests examples benchmarks
	@find runtime -name '*.cpp' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' | xargs $(BIN)/clang-format -i

sanitize: dev
	@echo "sklort: compiling the kernels with the sanitizers (build/sanitize)"
	@$(BIN)/cmake -S runtime -B build/sanitize -G Ninja -DCMAKE_MAKE_PROGRAM=$(abspath $(BIN))/ninja \
	  -DPython_EXECUTABLE=$(abspath $(BIN))/python -DCMAKE_BUILD_TYPE=RelWithDebInfo -DSKLORT_SANITIZE=ON > build/sanitize.log \
	  || { cat build/sanitize.log; exit 1; }
	@$(BIN)/cmake --build build/sanitize -- --quiet
	@LD_PRELOAD="$$(g++ -print-file-name=libasan.so) $$(g++ -print-file-name=libubsan.so)" \
	  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 \
	  $(BIN)/python -m pytest -q -s -p no:xdist --native build/sanitize $(wildcard $(NATIVE_TESTS))

stub: dev
	@$(BIN)/python -m nanobind.stubgen -m sklort._native._core -o sklort/_native/_core.pyi

clean:
	@rm -rf $(VENV) build demo-output .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/pyvenv.cfg:
	@echo "sklort: making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.build-tools: $(VENV)/pyvenv.cfg
	@echo "sklort: fetching what the build needs"
	@$(PIP) install $(BUILD_TOOLS)
	@touch $@

# An editable installation: Python files are used where they lie, so only native sources need this again.
$(VENV)/.kernels: $(VENV)/.build-tools $(NATIVE) pyproject.toml
	@echo "sklort: compiling the kernels (a minute or two the first time)"
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

# sklort itself is there already: this fetches what its extra names, each built, where it must be, with its own tools.
$(VENV)/.with-%: pyproject.toml | $(VENV)/.kernels
	@echo "sklort: installing what is needed to run (scikit-learn, onnx, skl2onnx, ...)"
	@$(PIP) install 'sklort[$*]'
	@touch $@
