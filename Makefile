# Every target installs what it needs first, asks nothing, and can be run again: what is there already
# is only looked at. `make help` lists them. Commands are printed before they run.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
export PUMICE_CACHE ?= $(CURDIR)/.cache
export PUMICE_LITERT ?= $(PUMICE_CACHE)/litert/libLiteRt.so

CMAKE_BUILD = cmake --preset $(1) >/dev/null && cmake --build --preset $(1) -j $(JOBS)
PUMICE := build/release/pumice
PEDESTRIAN := $(PUMICE_CACHE)/models/pedestrian/frozen_inference_graph.pb
SOURCES = $(shell git ls-files 'include/*.h' 'src/*.h' 'src/*.cc' 'fuzz/*.cc' 'tests/*.cc' 'bench/*.cc' 'python/*.cc')

.PHONY: help demo test test-full build bench fuzz format lint clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

demo:  ## convert a real, trained detector to .tflite, verify it, and run it on a picture
	scripts/install-deps build fetch
	$(call CMAKE_BUILD,release)
	scripts/fetch-models pedestrian pictures
	scripts/fetch-litert
	mkdir -p build/demo
	@echo "-- its raw heads: a picture of fixed size in, box encodings and class scores out"
	$(PUMICE) convert $(PEDESTRIAN) -o build/demo/heads.tflite \
	  --input-arrays Preprocessor/map/TensorArrayStack/TensorArrayGatherV3 \
	  --output-arrays Squeeze,Postprocessor/convert_scores --input-shapes 1,300,300,3
	$(PUMICE) verify $(PEDESTRIAN) build/demo/heads.tflite
	@echo "-- the whole detector: any picture in, boxes out"
	echo person >build/demo/labels.txt
	$(PUMICE) convert $(PEDESTRIAN) -o build/demo/person.tflite --labels build/demo/labels.txt
	$(PUMICE) verify $(PEDESTRIAN) build/demo/person.tflite
	$(PUMICE) detect build/demo/person.tflite $(PUMICE_CACHE)/models/pictures/astronaut.png \
	  -o build/demo/astronaut_boxes.png
	@echo "The model is build/demo/person.tflite; look at build/demo/astronaut_boxes.png"

test:  ## every test that CI runs
	scripts/run-tests

test-full:  ## the long differential runs too
	scripts/run-tests --full

build:  ## the release binary, build/release/pumice
	scripts/install-deps build
	$(call CMAKE_BUILD,release)

bench: build  ## pumice against TensorFlow's converter, as ratios
	scripts/install-deps test fetch
	scripts/make-venv
	scripts/make-doctor-envs
	scripts/fetch-models
	scripts/fetch-litert
	$(PUMICE_CACHE)/venv/bin/python bench/run.py

fuzz:  ## every reader's fuzzer, FUZZ_SECONDS each (60)
	scripts/install-deps build fuzz
	$(call CMAKE_BUILD,fuzz)
	scripts/run-fuzzers $(FUZZ_SECONDS)

format:  ## clang-format on every C++ file
	scripts/install-deps lint
	$(if $(SOURCES),clang-format -i $(SOURCES))

lint:  ## clang-format and clang-tidy, changing nothing
	scripts/install-deps build test lint
	$(if $(SOURCES),clang-format --dry-run --Werror $(SOURCES))
	scripts/check-includes
	cmake --preset dev >/dev/null
	# The database has g++'s warnings, not all of which clang knows. Tests may copy what they like.
	run-clang-tidy -quiet -p build/dev -j $(JOBS) -extra-arg=-Wno-unknown-warning-option '/src/(?!.*_test)'

clean:  ## away with build/ (downloads stay in .cache/)
	rm -rf build
