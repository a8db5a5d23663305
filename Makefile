# Every target has one line of help after `##`; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

# The number of tests that run side by side. Most start a tree of nine processes, and dozens of them only slow a machine
# down. This is an experimental switch of Swift Testing; without it all tests would start at once.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH ?= 4

# An import of a target that is not declared as a dependency is an error, in every build.
SWIFT_FLAGS := --explicit-target-dependency-import-check error
RELEASE_DIR := .build-release
EXECUTABLES := supervisor stage-download stage-process stage-upload stage-cleanup
SOURCES := Package.swift Sources Tests Benchmarks/Sources

.PHONY: help bootstrap bootstrap-tests build demo run test crash-test fault-test fuzz check format bench \
    bench-media bench-tempfiles bench-supervision bench-pipeline bench-transfer clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

bootstrap: ## Install missing Debian packages
	@scripts/bootstrap

bootstrap-tests: ## Install those that the tests need as well
	@scripts/bootstrap tests

# Without a product, swift build makes the tests' library and tools of the dependencies as well, and it takes one
# product at a time. So it first compiles all libraries side by side, and then links one executable after the other.
RELEASE := swift build -c release --scratch-path $(RELEASE_DIR) $(SWIFT_FLAGS) -Xlinker '-rpath=$$ORIGIN/lib'
build: bootstrap ## Build the release executables into bin/
	$(RELEASE) --target AllLibraries
	for name in $(EXECUTABLES); do $(RELEASE) --product $$name || exit; done
	@mkdir -p bin
	@for name in $(EXECUTABLES); do install -m 755 $(RELEASE_DIR)/release/$$name bin/$$name; done
	@scripts/bundle-runtime bin
	@echo "built: $(addprefix bin/,$(EXECUTABLES))"

demo: build ## Run a video and an image (or INPUT=FILE) through the whole tree, outputs in media-output/ (STORE=s3)
	@$(if $(filter s3,$(STORE)),scripts/bootstrap store)
	@STORE=$(STORE) scripts/demo $(if $(INPUT),"$(INPUT)")

run: build ## Run the tree in the foreground; a private broker if RABBITMQ_URL is unset
	@bin/supervisor run

test: bootstrap-tests ## Build and run all tests
	swift build --build-tests $(SWIFT_FLAGS)
	@scripts/run-tests --skip-build $(SWIFT_FLAGS) $(if $(FILTER),--filter "$(FILTER)")
	@scripts/check-leftovers

crash-test: bootstrap-tests ## Kill, attack and fail everything, N times as long as in `make test` (N=10)
	swift build --build-tests $(SWIFT_FLAGS)
	CRASH_TEST_ROUNDS=$(or $(N),10) scripts/run-tests --skip-build $(SWIFT_FLAGS) --filter CrashTests
	@scripts/check-leftovers

fault-test: bootstrap-tests ## Kill, stop and poison workers, fail network and broker, N times as long as `make test`
	swift build --build-tests $(SWIFT_FLAGS)
	CRASH_TEST_ROUNDS=$(or $(N),20) scripts/run-tests --skip-build $(SWIFT_FLAGS) \
		--filter 'KillEverything|ProxyFault|StoppedWorker|Poison|BrokerFailure|BrokerTLS|LongWork'
	@scripts/check-leftovers

fuzz: bootstrap-tests ## Send messages made by chance to a tree (SECONDS=600, SEED=n to have them again, FROM=number)
	swift build --build-tests $(SWIFT_FLAGS)
	FUZZ_SECONDS=$(or $(SECONDS),600) $(if $(SEED),CRASH_TEST_SEED=$(SEED)) $(if $(FROM),FUZZ_FROM=$(FROM)) \
		scripts/run-tests --skip-build $(SWIFT_FLAGS) --filter FuzzTests
	@scripts/check-leftovers

check: bootstrap-tests ## Check format, shell scripts, generated documents and the systemd unit
	swift format lint --strict --configuration .swift-format --recursive --parallel $(SOURCES)
	@for script in $$(grep -l '^#!.*bash' scripts/*) .ci/run; do bash -n "$$script" || exit 1; done
	@for script in $$(grep -l '^#!.*python' scripts/*); do \
	    python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' "$$script" || exit 1; done
	@scripts/check-columns
	@scripts/check-sources
	@scripts/check-documents
	@scripts/check-packaging

format: ## Format the sources in place
	swift format --configuration .swift-format --in-place --recursive --parallel $(SOURCES)

bench: bootstrap ## Compare the demo video with ffmpeg doing the same, side by side
	@scripts/bench-video

bench-media: bootstrap ## Compare videos and an image with ffmpeg and pyvips, and with the bound (ROUNDS=5)
	@scripts/bench-media $(or $(ROUNDS),5)

bench-tempfiles: bootstrap ## Measure tracking, scanning and cleaning a million temp files (FILES=N)
	@scripts/bench-tempfiles $(FILES)

bench-supervision: build ## Measure deaths, starts, scaling and memory of a tree (KILLS=200 DEATHS=100 CYCLES=100)
	@scripts/bench-supervision $(or $(KILLS),200) $(or $(DEATHS),100) $(or $(CYCLES),100)

bench-pipeline: build ## Compare tiny image jobs end to end with Celery and pyvips (JOBS=1000 ROUNDS=3)
	@scripts/bench-pipeline $(or $(JOBS),1000) $(or $(ROUNDS),3)

bench-transfer: bootstrap-tests ## Compare moving files with curl, s5cmd and awscli (MIB=1024 OBJECTS=1000 ROUNDS=3)
	@scripts/bench-transfer $(or $(MIB),1024) $(or $(OBJECTS),1000) $(or $(ROUNDS),3)

clean: ## Remove everything that was built or left by runs in this folder
	rm -rf .build .build-bench $(RELEASE_DIR) bin logs state media-output
