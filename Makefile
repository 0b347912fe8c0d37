# Sets the machine up, builds, tests, measures. `make` alone lists what there is.
#   CUDA=auto   CUDA backend where nvcc is found (default);  off: CPU alone;  pypi: nvcc and headers from PyPI's wheels
#   JOBS=n      parallel jobs;  SETUP=no: install nothing

CUDA ?= auto
JOBS ?= $(shell nproc)
SETUP ?= yes
# What tools/setup is to bring beside the build's own needs.
extras :=
# With our own three and a half minutes and the build it stays below 15.
PEER_SECONDS ?= 420
export WAV

preset_auto = default
preset_off = cpu
preset_pypi = pypi
preset := $(preset_$(CUDA))
ifeq ($(preset),)
$(error CUDA is '$(CUDA)'; allowed are auto, off and pypi)
endif
# The demo and the measurements run here and now: without a GPU there is no reason to wait for nvcc.
has_gpu := $(wildcard /dev/nvidiactl /dev/dxg)
demo_preset := $(if $(has_gpu),$(preset),cpu)
demo_build := build/demo-$(demo_preset)
bench_preset := $(demo_preset)

ifeq ($(SETUP),no)
python := $(shell command -v python3)
else
python := $(CURDIR)/.venv/bin/python3
endif
configure = cmake --preset $(1) -DPython3_EXECUTABLE=$(python)

.PHONY: help setup build demo test bench format clean

help:
	@echo 'make demo [WAV=file.wav]        run all four neurons over a recording, write a PNG'
	@echo 'make test                       build everything and run every test'
	@echo 'make build                      build the library, tests, benchmarks and examples'
	@echo 'make bench                      measure every pass and the peers, write a record under bench/results/ and its report'
	@echo 'make format                     clang-format every source file'
	@echo 'make clean                      remove build/ and out/ (.venv stays)'
	@echo 'each sets up what it needs; CUDA=off or CUDA=pypi, JOBS=n and SETUP=no may be added'

setup:
ifneq ($(SETUP),no)
	@tools/setup $(CUDA) $(extras)
endif

build: setup
	$(call configure,$(preset))
	cmake --build --preset $(preset) -j $(JOBS)

demo: setup
	@echo 'demo: configuring and building in $(demo_build)'
	@mkdir -p $(demo_build)
	@$(call configure,$(demo_preset)) -B $(demo_build) -DSPIKESCAN_TESTS=OFF -DSPIKESCAN_BENCH=OFF \
	  >$(demo_build)/configure.log 2>&1 || { cat $(demo_build)/configure.log >&2; exit 1; }
	@cmake --build $(demo_build) -j $(JOBS) --target demo
	@$(demo_build)/examples/demo/demo --out out/demo $${WAV:+"$$WAV"}
	@$(python) examples/demo/plot.py out/demo

# Holds for what `test` needs first, too.
test: extras := tests
test: build
	ctest --preset $(preset)

bench: extras := frameworks
bench: setup
	$(call configure,$(bench_preset)) -DSPIKESCAN_TESTS=OFF -DSPIKESCAN_EXAMPLES=OFF -B build/bench
	cmake --build build/bench -j $(JOBS) --target spikescan-bench spikescan_python
	$(python) bench/run.py --build build/bench --seconds 210 --min-time 0.1 --peers $(PEER_SECONDS) --report $(BENCH_ARGS)

format:
	git ls-files '*.cpp' '*.h' '*.hpp' '*.cu' '*.cuh' '*.c' ':!include/spikescan/spikescan.h' | xargs clang-format -i

clean:
	rm -rf build out
