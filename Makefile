# Two commands do everything on a fresh machine with Python 3.11+, make and git: `make demo` and `make test`.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$p; break; }; done)
# Where the environment says to keep no bytecode, as containers do, each command would compile the package anew.
unexport PYTHONDONTWRITEBYTECODE
BIN := .venv/bin
INSTALLED := .venv/.installed
OUT ?= data/demo

.PHONY: demo test install check lint types lock clean bench preuve pannes semaine docs addok captures

demo: install ## run the main job on the embedded territory, through Prefect
	@$(BIN)/python -m flows.demonstration --out $(OUT)

test: install ## the whole suite, in under 10 minutes on 2 cores
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

install: $(INSTALLED)

$(INSTALLED): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Installing into .venv with $(PYTHON) (about a minute, once)…"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install -q --disable-pip-version-check -U "pip>=25,<27"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	@touch $@

check: lint types

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy src

lock: ## resolve the dependencies again; addresses never enter the lock
	uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --all-extras \
		-o requirements.lock pyproject.toml

semaine: install ## a week simulated in minutes: 30 feeds, failures drawn at random, 4 releases
	PYTHONPATH=tests:tests/sources:. $(BIN)/python -m semaine $(SEMAINE)

docs: install ## write the generated pages again
	$(BIN)/python -m qpv_data.clause.schema > referentiels/clause.schema.json
	$(BIN)/python -m qpv_data.documentation clause > docs/clause.md
	$(BIN)/python -m qpv_data.documentation dictionnaire > docs/dictionnaire.md
	$(BIN)/python -m qpv_data.documentation catalogue > docs/catalogue.md
	$(BIN)/python -m qpv_data.exports.schema > docs/schema-parquet.json
	$(BIN)/python -m flows.deploiements

captures: install ## screenshots of the demonstration's site for docs/, by Chromium: make demo first
	PYTHONPATH=tests:tests/navigateur $(BIN)/python -m captures $(OUT) docs/captures

addok: install ## an on-premises geocoder, until Ctrl-C: make addok BAN="chemin/adresses-31.csv.gz …"
	@$(BIN)/python outils/addok/servir.py --dossier data/addok --port $(or $(ADDOK_PORT),7878) --ban $(BAN)

bench: install
	$(BIN)/python benchmarks/stages.py

preuve: install ## the index against shapely on the real perimeters (QPV_DATA_REAL or ../shared/data), minutes
	$(BIN)/python benchmarks/preuve.py

pannes: install ## kill runs some hundreds of times and judge what is left, in an hour or so
	PYTHONPATH=tests:. $(BIN)/python -m pannes $(PANNES)

clean:
	rm -rf .venv data/demo .pytest_cache .mypy_cache .ruff_cache .hypothesis
