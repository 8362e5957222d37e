# Every target sets up what it needs: a virtual environment with the exact versions of
# constraints.txt. `make bench DATA=fer2013:PATH` runs on real faces. `make landmarks DATA=SPEC
# OUT=FILE.npz` finds landmarks, in an environment of its own (constraints-landmarks.txt; Python 3.11
# or 3.12).

PYTHON ?= python3
VENV   ?= .venv
DATA   ?= heads:n=1000
HEADS  := $(filter heads%,$(DATA))
MODELS ?= $(if $(HEADS),iram-heads$(,)none-heads$(,)se-heads$(,)cbam-heads,iram$(,)none$(,)cbam)
CONDITIONS ?= $(if $(HEADS),heads,default)
OUT    ?= runs/$(firstword $(subst :, ,$(DATA)))
ARGS   ?=
SPEED  ?=
PRESET ?= default
, := ,
READY  := $(VENV)/.ready
LANDMARKS_VENV  := $(VENV)-landmarks
LANDMARKS_READY := $(LANDMARKS_VENV)/.ready

.PHONY: bench study figures numbers docs notebooks paper test test-all benchmarks landmarks faults clean

bench: $(READY)
	$(VENV)/bin/iram bench --data "$(DATA)" --models $(MODELS) --conditions $(CONDITIONS) \
		--out $(OUT) $(ARGS)

study: $(READY)
	$(VENV)/bin/iram study --data "$(DATA)" --preset $(PRESET) --out $(OUT)-study $(ARGS)

notebooks: $(VENV)/.notebooks
	cd notebooks && $(abspath $(VENV))/bin/jupyter lab $(ARGS)

test: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/pytest -n auto --dist loadscope -m "not exhaustive"

test-all: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/pytest -n auto --dist loadscope -rs

benchmarks: $(READY)
	$(VENV)/bin/python tests/benchmarks/speed.py $(SPEED)

faults: $(READY)
	cd tests && ../$(VENV)/bin/python -m faults $(ARGS)

# README.md and docs/findings.md: every number from the tables of results/.
numbers: $(READY)
	for text in $(patsubst docs/templates/%.j2,%,$(shell find docs/templates -name '*.j2')); do \
		$(VENV)/bin/iram report --template docs/templates/$$text.j2 --out $$text || exit 1; done

# The site, in build/site: documents, gallery, API. A warning is an error.
docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/python docs/site.py build

# The paper, in build/paper.pdf.
paper: $(READY) paper/paper.typ
	mkdir -p build
	$(VENV)/bin/python -c "import typst; typst.compile('paper/paper.typ', 'build/paper.pdf', root='.')"

figures: $(READY)
	$(VENV)/bin/iram figures $(ARGS)

landmarks: $(LANDMARKS_READY)
	$(LANDMARKS_VENV)/bin/iram landmarks --data "$(DATA)" --out $(OUT) $(ARGS)

$(READY): constraints.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	touch $(READY)

$(VENV)/.notebooks: $(READY)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[notebooks]"
	touch $@

$(LANDMARKS_READY): constraints-landmarks.txt pyproject.toml
	$(PYTHON) -m venv $(LANDMARKS_VENV)
	$(LANDMARKS_VENV)/bin/pip install --quiet --disable-pip-version-check \
		-c constraints-landmarks.txt -e ".[landmarks]"
	touch $(LANDMARKS_READY)

clean:
	rm -rf $(VENV) $(LANDMARKS_VENV)
