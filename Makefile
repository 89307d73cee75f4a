# Everything that people and CI do; `make` alone prints this help.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
DATASET ?= digits
PROBLEM ?=
RUN_DIR ?=
RECIPE ?= full
MODALITY ?=
BACKBONE ?= auto
SEED ?= 0
RUNNER ?= local
CUDA ?= cu13
MODEL ?=
CANDIDATE ?=
LOG ?=
START ?=
END ?=
SETTINGS ?=
SEARCH ?=
START_LABELS ?= 200
BUDGET ?= 2000
BATCH ?= 100
SEEDS ?= 10
STRATEGIES ?=
PACKAGE ?= build/training-gpu.yaml
ARGUMENTS ?=
NAMESPACE ?=
VERSION ?=
REHEARSAL ?=

# Passed on by the environment, whatever characters they hold.
export CANDIDATE DATASET PROBLEM RUN_DIR RECIPE BACKBONE SEED RUNNER CUDA MODEL LOG START END SETTINGS SEARCH
export START_LABELS BUDGET BATCH SEEDS STRATEGIES PACKAGE ARGUMENTS NAMESPACE REHEARSAL
export NO_ALBUMENTATIONS_UPDATE := 1
export DO_NOT_TRACK := 1
export MLFLOW_DISABLE_TELEMETRY := true
# Threads that wait for each other sleep: spinning ones take the cores from whoever works beside them.
export OMP_WAIT_POLICY ?= PASSIVE

VENV := .venv/bin/python
VALIDATION := .venv-validation/bin/python
EVERYWHERE := not gpu and not containers and not cluster
TAGGED := PLUSZERO_IMAGE_TAG="$${PLUSZERO_IMAGE_TAG:-$$(tools/image_tag)}"

.PHONY: help setup run search smoke monitor serve release-rehearsal labelling images push-images compile submit release docs test test-slow coverage test-gpu test-containers test-cluster test-kueue cluster cluster-down cluster-programs lint format types contracts licences lock check clean

help: ## Print this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-16s %s\n", $$1, $$2}'
	@echo
	@echo "  make run takes DATASET= (digits, pets, a path or URI), PROBLEM=problem.yaml, RUN_DIR=, RECIPE=, BACKBONE=, SEED=, RUNNER= (local, docker)"
	@echo "  make search takes DATASET=, PROBLEM=, SEARCH=search.yaml (policies, repeats, epochs), RUN_DIR=, BACKBONE=, SEED=, RUNNER="
	@echo "  make smoke takes MODALITY= (image, text, tabular; all by default)"
	@echo "  make labelling takes DATASET=, PROBLEM=, START_LABELS=, BUDGET=, BATCH=, SEEDS=, STRATEGIES= (margin=0.8,random=0.2), RUN_DIR=, SEED="
	@echo "  make serve takes MODEL= (a bundle), LOG= (a folder for the serving log)"
	@echo "  make monitor takes MODEL= (a published bundle), LOG= (a serving log), START=, END= (ISO 8601), SETTINGS=drift.yaml, RUN_DIR=, RUNNER="

setup: ## Create or update .venv, .venv-validation and the command .venv/bin/pluszero
	@$(PYTHON) tools/setup_environments.py

run: setup $(if $(filter docker,$(RUNNER)),images) ## Run the training pipeline on DATASET and print where the report is
	@$(TAGGED) $(VENV) -m pipelines run --runner "$$RUNNER" --dataset "$$DATASET" --recipe "$$RECIPE" --backbone "$$BACKBONE" --seed "$$SEED" \
	  $${PROBLEM:+--problem "$$PROBLEM"} $${RUN_DIR:+--run-dir "$$RUN_DIR"}

search: setup $(if $(filter docker,$(RUNNER)),images) ## Find the augmentation policy that images of DATASET are learnt best with
	@$(TAGGED) $(VENV) -m pipelines search --runner "$$RUNNER" --dataset "$$DATASET" --backbone "$$BACKBONE" --seed "$$SEED" \
	  $${PROBLEM:+--problem "$$PROBLEM"} $${SEARCH:+--search "$$SEARCH"} $${RUN_DIR:+--run-dir "$$RUN_DIR"}

smoke: setup ## Run the training pipeline on mock data: images, text and a table, with no real data
	@$(TAGGED) $(VENV) -m pipelines smoke $(foreach modality,$(MODALITY),--modality $(modality))

monitor: setup $(if $(filter docker,$(RUNNER)),images) ## Hold the serving log LOG against what MODEL was trained on
	@$(TAGGED) $(VENV) -m pipelines monitor --runner "$$RUNNER" --model "$$MODEL" --log "$$LOG" --start "$$START" --end "$$END" \
	  $${SETTINGS:+--settings "$$SETTINGS"} $${RUN_DIR:+--run-dir "$$RUN_DIR"}

serve: setup ## Serve MODEL (a bundle or a local release) with a page to try it; LOG= writes the serving log that make monitor reads
	@$(VENV) -m components.serving --model-dir "$$MODEL" $${LOG:+--log-dir "$$LOG"}

release-rehearsal: setup ## Rehearse a release beside that of the run in RUN_DIR (runs/digits): CANDIDATE= (a bundle), or a good and a bad one
	@$(VENV) -m components.deployment rehearse-run "$${RUN_DIR:-runs/digits}" $${CANDIDATE:+--candidate "$$CANDIDATE"} --seed "$$SEED"

labelling: setup ## Buy labels of DATASET in rounds from an oracle, and draw the learning curves
	@folder="$${RUN_DIR:-runs/labelling-$$(basename "$$DATASET")}" && \
	$(VENV) -m components.data_ingestion ingest --source "$$DATASET" --output "$$folder/data" $${PROBLEM:+--problem "$$PROBLEM"} && \
	$(VENV) -m components.active_learning simulate --examples "$$folder/data/examples" --output "$$folder" --start-labels "$$START_LABELS" \
	  --budget "$$BUDGET" --batch "$$BATCH" --num-seeds "$$SEEDS" --strategies "$$STRATEGIES" --seed "$$SEED"

images: setup ## Build the container images with docker, podman or buildah; CUDA= picks the variant
	@$(TAGGED) $(VENV) -m tools.build_images --cuda "$$CUDA"

push-images: setup ## Push the built images to PLUSZERO_IMAGE_REGISTRY, and list them by digest in build/images.txt
	@$(TAGGED) $(VENV) -m tools.push_images

compile: setup ## Compile the pipelines to YAML under build/, images tagged with the commit
	@$(TAGGED) $(VENV) -m pipelines compile --output build

# Arguments are words; a value with spaces goes through `pluszero submit` itself.
submit: setup ## Upload PACKAGE to Kubeflow Pipelines at KF_PIPELINES_ENDPOINT, run it with ARGUMENTS, and print where to look
	@$(VENV) -m pipelines submit "$$PACKAGE" $$ARGUMENTS $${NAMESPACE:+--namespace "$$NAMESPACE"}

release: export VERSION := $(VERSION)
release: setup ## Write dist/pluszero-mlops-VERSION, what a release publishes, from the pushed images; REHEARSAL=1 names them by tag
	@$(TAGGED) $(VENV) -m tools.release "$$VERSION" --cuda "$$CUDA" $${REHEARSAL:+--images-by-tag}

docs: setup ## Write what of docs/ is made from the code: JSON Schemas of what people write, sentences of the bias suite
	@$(VENV) -m tools.settings_schemas
	@$(VENV) -m tools.language_bias_sentences

# Files are shared out whole, in this order, the longest folders first, so that the cores end together.
SHARED_OUT := -n 2 --dist loadfile --no-loadscope-reorder
IN_VENV := $(VENV) -m pytest -q $(SHARED_OUT) --ignore=tests/components/data_validation \
	tests/pipelines $(filter-out tests/pipelines/,$(wildcard tests/*/)) $(wildcard tests/test_*.py)
# Of what is shared, .venv-validation tests what jobs of its image import: these modules are none of it.
NOT_IN_VALIDATION := contracts/test_champion.py contracts/test_inference_service.py contracts/test_predictions_table.py contracts/test_releases.py \
	contracts/test_split_record.py feature_store lineage/test_mlflow.py runtime/test_cluster_versions.py runtime/test_container_images.py \
	runtime/test_folder_lock.py runtime/test_freed_memory.py tables/test_photo_labels.py tables/test_row_reservoir.py
IN_VALIDATION := $(VALIDATION) -m pytest -q $(SHARED_OUT) $(NOT_IN_VALIDATION:%=--ignore=tests/components/shared/%) \
	tests/components/data_validation tests/components/drift tests/components/shared

test: setup ## Run the tests, in both environments
	@echo "Tests in .venv"
	@$(IN_VENV)
	@echo "Tests in .venv-validation"
	@$(IN_VALIDATION)

test-slow: setup ## Run the soaks: kill and resume, several processes, long streams
	@echo "Slow tests in .venv"
	@$(IN_VENV) -m "slow and $(EVERYWHERE)"
	@echo "Slow tests in .venv-validation"
	@$(IN_VALIDATION) -m "slow and $(EVERYWHERE)"

coverage: setup ## Run all tests but those of containers and clusters, and print which lines of which module they reach
	@rm -f .coverage .coverage.*
	@COVERAGE_FILE=.coverage.desk $(IN_VENV) -m "$(EVERYWHERE)" --cov --cov-report=
	@COVERAGE_FILE=.coverage.validation $(IN_VALIDATION) -m "$(EVERYWHERE)" --cov --cov-report=
	@$(VENV) -m coverage combine -q
	@$(VENV) -m coverage report

test-gpu: setup ## Run the tests that need a CUDA device
	@$(VENV) -m pytest -q -m gpu --ignore=tests/components/data_validation

test-containers: images ## Build the images, and run the tests that run them
	@$(TAGGED) $(VENV) -m pytest -q -m containers tests/containers

test-cluster: cluster-programs ## Start a one-node Kubernetes, run the tests that need one on the built images, and end it (Linux, root, Go)
	@$(TAGGED) $(VENV) -m pytest -q -m "cluster and not kueue" tests/cluster

test-kueue: cluster-programs ## Build Kueue's own controller (a quarter of an hour of CPU), and run the tests before it (Linux, root, Go)
	@$(TAGGED) $(VENV) -m pytest -q -m kueue tests/cluster

cluster-programs: setup ## Build the programs of a one-node Kubernetes, where they are not kept yet
	@$(VENV) -m tests.cluster build

cluster: setup ## Start a one-node Kubernetes to try things on, and print how to enter it (Linux, root, Go)
	@$(VENV) -m tests.cluster up

cluster-down: setup ## End what `make cluster` started, without a trace
	@$(VENV) -m tests.cluster down

lint: setup ## Check style
	@$(VENV) -m ruff check . && $(VENV) -m ruff format --check .

format: setup ## Mend style
	@$(VENV) -m ruff check --fix . && $(VENV) -m ruff format .

types: setup ## Check types
	@$(VENV) -m mypy

contracts: setup ## Check who imports whom
	@.venv/bin/lint-imports

licences: setup ## Check what the images hold: licences, known-bad versions, locks
	@$(VENV) -m tools.licences

lock: setup ## Lock what environments and images hold; pins that still hold stay
	@$(VENV) -m tools.lock

check: lint types contracts licences ## Lint, types, import contracts and licences

clean: ## Remove environments, runs and caches
	rm -rf .venv .venv-validation build dist runs .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage .coverage.*
