# `make help` lists what there is to do.
SHELL := /bin/bash
PYTHON ?= python3
SOURCE ?= live
OUT ?= digests
REPORT ?= evaluation-report
export SOURCE OUT
export PYTHONPATH := layers/common:.
export SAM_CLI_TELEMETRY := 0
# What the environments import once is compiled once, whatever the shell says of other programs.
unexport PYTHONDONTWRITEBYTECODE

PY := .venv/bin/python
UV := .local/uv/bin/uv
ENVIRONMENTS := .venv/.done .local/emulator/.done .local/sam/.done

.PHONY: help digest backfill profile open gallery up down logs test test-llm chaos load bench eval check format lock clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'
	@echo
	@echo '  make digest takes SOURCE=live|sample|DIR  OUT=DIR  PROFILE=FILE  CATEGORIES="cs.CV cs.LG"'
	@echo '  make backfill takes DATE=YYYY-MM-DD  MAIL=true  EXPORT_API_URL=URL  OUT PROFILE CATEGORIES as well; both take'
	@echo '  RECIPIENTS=a@b.org,c@d.org  SENDER=e@f.org  LLM_BASE_URL=URL  LLM_MODEL=NAME  LLM_API_KEY=KEY  PATIENCE=SECONDS'
	@echo '  make profile takes NEW=FILE FROM="library.bib 2601.14327"  CATEGORIES EXPORT_API_URL, or CHECK=FILE, or'
	@echo '  PREVIEW=FILE  SOURCE OUT CATEGORIES EXPORT_API_URL; ARGS="--force" is for the rest of python -m local profile new --help'
	@echo '  make open takes OUT=DIR  PORT=NUMBER'
	@echo '  make eval takes LABELS="FILE …"  SCORER=local|triage|language-model  RETEST=1  VOTES=1  REPORT=DIR  EVAL="--days 7 …"'

digest: $(ENVIRONMENTS) ## one day's digest on this machine, from feeds to mail
	@$(PY) -m local digest

backfill: $(ENVIRONMENTS) ## rebuild the digest of a past day, DATE=2026-01-22
	@$(PY) -m local backfill

profile: .venv/.done ## propose a profile from your papers, check one, or preview its digest
	@$(PY) -m local profile $(if $(NEW),new,$(if $(CHECK),check,$(if $(PREVIEW),preview,--help))) $(ARGS)

open: .venv/.done ## read the archive in OUT in the browser, until Ctrl-C
	@$(PY) -m local open

gallery: .venv/.done ## pictures of mail, page and archive into docs/gallery
	@$(PY) -m local.gallery

up: $(ENVIRONMENTS) ## start the emulator and deploy the stack; it stays until make down
	@$(PY) -m local up

down: .venv/.done ## stop the emulator that make up started
	@$(PY) -m local down

logs: .venv/.done ## what the functions logged, of the running emulator or of the last one
	@$(PY) -m local logs

test: $(ENVIRONMENTS) .local/browser/.done ## all tests: unit, integration, infrastructure, e2e
	@# What the SAM CLI builds and deploys mostly waits, so the other tests run beside it.
	@$(PY) -m pytest tests/e2e tests/infrastructure > .local/e2e.log 2>&1 & e2e=$$!; \
	$(PY) -m pytest --ignore tests/e2e --ignore tests/infrastructure --ignore tests/llm; failed=$$?; \
	wait $$e2e || failed=1; cat .local/e2e.log; exit $$failed

test-llm: $(ENVIRONMENTS) .local/llm/.done ## a small real language model scores a day; builds llama.cpp the first time
	@$(PY) -m pytest -s tests/llm

chaos: $(ENVIRONMENTS) ## every fault at every hop, then 200 random schedules; SEED=7 for one of them
	@$(PY) -m tests.chaos

load: $(ENVIRONMENTS) ## a month of large days, then a day of 50 profiles, with faults on; DAYS=30 PROFILES=50
	@$(PY) -m tests.chaos.load
	@echo
	@$(PY) -m tests.chaos.many

bench: $(ENVIRONMENTS) .local/tokenizer/.done ## tokens, sizes, times, requests, cost, and one table of bounds
	@$(PY) -m benchmarks

eval: .venv/.done ## how well the scorers rank labelled days: those in DIGEST_DATA, or the sample day
	@$(PY) -m evaluation --out $(REPORT) $(addprefix --labels ,$(LABELS)) $(EVAL)

check: $(ENVIRONMENTS) ## ruff, mypy, bandit, pip-audit, cfn-lint, sam validate
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/bandit -q -c pyproject.toml -r layers/common functions local evaluation
	@# Found vulnerabilities fail the check; no registry that could be asked about them does not.
	@.venv/bin/pip-audit --progress-spinner off --no-deps --disable-pip \
	  -r layers/dependencies/requirements.txt -r layers/ranking/requirements.txt \
	  > .local/audit.log 2>&1 || ! grep "^Found .* known vulnerabilit" .local/audit.log \
	  || { cat .local/audit.log; exit 1; }
	@tail -1 .local/audit.log | cut -c1-120
	.venv/bin/cfn-lint --append-rules cfn_lint_serverless.rules -- template.yaml
	AWS_DEFAULT_REGION=us-east-1 .local/sam/bin/sam validate --lint

format: .venv/.done ## mend what ruff can mend
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

lock: $(UV) ## pin the newest releases of every dependency
	@for list in layers/dependencies/requirements layers/ranking/requirements requirements/dev \
	  requirements/emulator requirements/sam requirements/llm requirements/tokenizer; do \
	  case $$list in \
	    requirements/dev) more="-c layers/dependencies/requirements.txt -c layers/ranking/requirements.txt" ;; \
	    requirements/tokenizer) more="--no-deps" ;; \
	    *) more="" ;; \
	  esac; \
	  $(UV) pip compile --quiet --upgrade --universal --python-version 3.11 \
	    --custom-compile-command "make lock" $$more $$list.in -o $$list.txt; done

clean: ## remove every environment, build and digest
	@if [ -x $(PY) ]; then $(PY) -m local down; fi
	rm -rf .venv .local .aws-sam digests evaluation-report

$(UV): requirements/uv.txt
	@echo "installing uv"
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; set PYTHON=")'
	@$(PYTHON) -m venv .local/uv
	@.local/uv/bin/pip install --quiet --requirement requirements/uv.txt
	@touch $@

.venv/.done: requirements/dev.txt $(UV)
	@echo "installing the development environment"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .venv
	@$(UV) pip sync --quiet --python .venv/bin/python requirements/dev.txt
	@touch $@

# Only the tests of pages use it, and they say what they skip without it.
.local/browser/.done: tests/browser/package.json
	@mkdir -p .local/browser && cp $< .local/browser/
	@echo "installing what checks pages"
	@npm install --prefix .local/browser --no-audit --no-fund --silent && touch $@ \
	  || echo "npm installs nothing here, so pages are checked without axe-core and vnu"

# Environments of their own: the SAM CLI pins what others need newer, and the functions on the
# emulator see what stands beside it, which would hide a dependency that a layer lacks.
.local/%/.done: requirements/%.txt $(UV)
	@echo "installing the environment of $*"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) .local/$*
	@$(UV) pip sync --quiet --python .local/$*/bin/python requirements/$*.txt
	@touch $@
