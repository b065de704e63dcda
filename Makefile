# make demo        opens the demo on http://127.0.0.1:7860
# make test        runs every test
# make test-fast   leaves out those that drive a browser, train a model or start programs: for the loop of writing code
# make test-task TASK=speech   runs the tests of one task, of all three packages
# make lint        ruff and mypy
# make docs        the documentation site, into build/site; make docs-serve shows it while you edit
# make bench       the measurements of benchmarks/
# make audit       known flaws of the packages that deploy/requirements.txt pins; asks the network
# make train-smoke trains a tiny model of every task end to end, in under two minutes on a CPU
#
# Each target makes .venv when it is missing and installs again only when pyproject.toml has changed.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN := runs/smoke
PORT ?= 7860
BENCHMARKS := $(subst /,.,$(patsubst benchmarks/%.py,%,$(filter-out %/__init__.py,$(wildcard benchmarks/backbone/*.py benchmarks/tasks/*.py benchmarks/demo/*.py))))

.PHONY: demo test test-fast test-task lint docs docs-serve bench audit train-smoke clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed
	$(BIN)/lstm-models demo --port $(PORT)

test: $(VENV)/.installed-test
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(PYTEST_OPTIONS)

test-fast: $(VENV)/.installed-test
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile -m "not browser and not slow" $(PYTEST_OPTIONS)

test-task: $(VENV)/.installed-test
	$(BIN)/python -m pytest $(wildcard tests/*/tasks/$(subst -,_,$(TASK)) tests/lstm_datasets/$(subst -,_,$(TASK)) tests/benchmarks/test_$(subst -,_,$(TASK)).py) $(PYTEST_OPTIONS)

lint: $(VENV)/.installed-lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-serve: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

bench: $(VENV)/.installed-bench
	failed=0; for name in $(BENCHMARKS); do echo "== $$name"; OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.$$name || failed=1; done; exit $$failed

audit: $(BIN)/python
	$(BIN)/python -m pip install pip-audit
	$(BIN)/pip-audit --requirement deploy/requirements.txt --no-deps --disable-pip

train-smoke: $(VENV)/.installed-test
	rm -rf $(RUN)
	$(BIN)/python -m tests.helpers.make_data $(RUN)/data
	OMP_NUM_THREADS=1 $(BIN)/lstm-models train handwriting --data $(RUN)/data/handwriting.jsonl --run $(RUN)/handwriting \
		--model.hidden_size 32 --training.steps 20 --training.batch_frames 1000 --training.validate_every 10 \
		--training.precision 32 --training.accelerator cpu
	OMP_NUM_THREADS=1 $(BIN)/lstm-models write "hello" --model $(RUN)/handwriting/model --seed 1 --out $(RUN)/hello.svg
	OMP_NUM_THREADS=1 $(BIN)/lstm-models train handwriting-reader --config tiny --data $(RUN)/data/handwriting.jsonl \
		--run $(RUN)/reader --training.accelerator cpu
	OMP_NUM_THREADS=1 $(BIN)/lstm-models read $(RUN)/hello.svg --model $(RUN)/reader/model
	OMP_NUM_THREADS=1 $(BIN)/lstm-models train captioning --config tiny --data $(RUN)/data/photos --run $(RUN)/captioning \
		--features $(RUN)/features --training.accelerator cpu
	OMP_NUM_THREADS=1 $(BIN)/lstm-models caption $(RUN)/data/photos/p00.jpg --model $(RUN)/captioning/model
	OMP_NUM_THREADS=1 $(BIN)/lstm-models train speech --config tiny --data $(RUN)/data/speech/lines.csv --run $(RUN)/speech \
		--training.accelerator cpu
	OMP_NUM_THREADS=1 $(BIN)/lstm-models transcribe $(RUN)/data/speech/000.wav --model $(RUN)/speech/model
	OMP_NUM_THREADS=1 $(BIN)/lstm-models train tagging --config tiny --data $(RUN)/data/tagging.conllu \
		--data $(RUN)/data/names.conll --run $(RUN)/tagging --training.accelerator cpu
	OMP_NUM_THREADS=1 $(BIN)/lstm-models tag "Anna saw Paris." --model $(RUN)/tagging/model
	OMP_NUM_THREADS=1 $(BIN)/lstm-models train punctuation --config tiny --data $(RUN)/data/texts.txt \
		--run $(RUN)/punctuation --training.accelerator cpu
	OMP_NUM_THREADS=1 $(BIN)/lstm-models punctuate "hello how are you" --model $(RUN)/punctuation/model
	OMP_NUM_THREADS=1 $(BIN)/lstm-models train language-modeling --config tiny --data $(RUN)/data/texts.txt \
		--validation $(RUN)/data/texts.txt --run $(RUN)/language-modeling --training.accelerator cpu
	OMP_NUM_THREADS=1 $(BIN)/lstm-models complete "Hello, how" --model $(RUN)/language-modeling/model
	OMP_NUM_THREADS=1 $(BIN)/lstm-models train translation --config tiny --data $(RUN)/data/pairs.tsv \
		--run $(RUN)/translation --training.accelerator cpu
	OMP_NUM_THREADS=1 $(BIN)/lstm-models translate "One two three." --model $(RUN)/translation/model
	OMP_NUM_THREADS=1 $(BIN)/lstm-models train question-answering --config tiny --data $(RUN)/data/questions.json \
		--validation $(RUN)/data/questions.json --run $(RUN)/question-answering --training.accelerator cpu
	OMP_NUM_THREADS=1 $(BIN)/lstm-models answer "Who came?" "Ann came." --model $(RUN)/question-answering/model
	OMP_NUM_THREADS=1 $(BIN)/lstm-models train video-captioning --config tiny --photos $(RUN)/data/photos \
		--model.captioner $(RUN)/captioning/model --run $(RUN)/video-captioning --features $(RUN)/features \
		--training.accelerator cpu
	OMP_NUM_THREADS=1 $(BIN)/lstm-models caption $(RUN)/data/film.gif --model $(RUN)/video-captioning/model
	OMP_NUM_THREADS=1 $(BIN)/lstm-models train video-prediction --config tiny --data $(RUN)/data/shapes-idx3-ubyte \
		--run $(RUN)/video-prediction --training.accelerator cpu
	OMP_NUM_THREADS=1 $(BIN)/lstm-models predict-video $(RUN)/data/digits.gif --model $(RUN)/video-prediction/model
	OMP_NUM_THREADS=1 $(BIN)/lstm-models train image-generation --config tiny --data $(RUN)/data/images \
		--run $(RUN)/image-generation --training.accelerator cpu
	OMP_NUM_THREADS=1 $(BIN)/lstm-models generate 1 --model $(RUN)/image-generation/model --out $(RUN)/one.gif

clean:
	rm -rf $(VENV) $(RUN) build dist .pytest_cache .ruff_cache .mypy_cache

# --- environments: a stamp a set of extras -------------------------------------------------------------------------

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --editable .
	touch $@

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --editable '.[train,export,test]'
	touch $@ $(VENV)/.installed

$(VENV)/.installed-lint: $(VENV)/.installed-test
	$(BIN)/python -m pip install --editable '.[train,export,test,lint]'
	touch $@

$(VENV)/.installed-docs: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --editable '.[docs]'
	touch $@

$(VENV)/.installed-bench: $(VENV)/.installed-test
	$(BIN)/python -m pip install --editable '.[train,export,test,bench]'
	touch $@
