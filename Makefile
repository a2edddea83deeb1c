# Two commands to begin with: `make demo` and `make test`. Each sets up .venv by itself.
PYTHON ?= python3
VENV := .venv
# For example `make test VENV=.venv-stable SLICER_CORE===5.12.4.0`: the MRML library of stable Slicer.
SLICER_CORE :=
TORCH := torch
# One thread for BLAS: small matrices gain nothing from more, and the last digit of an eigenvalue depends on the number.
RUN := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 QT_QPA_PLATFORM=offscreen MPLBACKEND=agg $(VENV)/bin/python
MUTMUT := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MPLBACKEND=agg nice $(abspath $(VENV))/bin/mutmut
# Tests run in as many processes as there are cores, a file in one of them.
PARALLEL := -n auto --dist loadfile
REQUIREMENTS := pyproject.toml MammoRadiomics/MammoRadiomicsLib/requirements.txt

.PHONY: venv demo test test-segmenter types coverage mutation docs bench bench-training screenshots clean check-venv

demo: venv
	$(RUN) Testing/Demo/demo.py --output demo-output

test: venv
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -m pytest $(PARALLEL)

types: venv
	$(RUN) -m mypy

# As `make test`, with what it covers: at least 90% of the library and 80% of the modules' files.
coverage: venv
	rm -rf build/coverage && mkdir -p build/coverage
	$(RUN) -m coverage run -m pytest $(PARALLEL)
	$(RUN) -m coverage combine --quiet
	$(RUN) -m coverage report --include="*/MammoRadiomicsLib/*" --fail-under=90
	$(RUN) -m coverage report --omit="*/MammoRadiomicsLib/*" --fail-under=80

# Faults put into model files, stability and evaluation one by one: which of them does no test notice? About an hour.
mutation: venv
	$(VENV)/bin/python -m pip install --quiet --group mutation
	rm -rf build/mutation && mkdir -p build/mutation
	cp -r MammoRadiomics/MammoRadiomicsLib Testing pyproject.toml build/mutation
	ln -s "$(abspath ../shared)" build/mutation/shared
	cd build/mutation && $(MUTMUT) run --max-children 1 && $(MUTMUT) results

docs: venv
	$(RUN) -m pdoc --docformat numpy --output-directory build/docs MammoRadiomicsLib '!MammoRadiomicsLib.segmenter'

# For example `make test-segmenter TORCH=torch==2.13.0`, where a build for the processor alone is at hand.
test-segmenter: venv
	$(VENV)/bin/python -m pip install --quiet $(TORCH) --editable ".[standalone,segmenter]"
	$(RUN) -m pytest -m segmenter

bench: venv
	$(RUN) Testing/Benchmarks/bench_features.py
	$(RUN) Testing/Benchmarks/bench_panel.py

# For example: make bench-training FEATURES=features.csv COHORT=cohort.csv OUTCOMES="slnm her2"
bench-training: venv
	$(RUN) Testing/Benchmarks/bench_training.py $(FEATURES) $(COHORT) $(OUTCOMES)

screenshots: venv
	$(RUN) Testing/Host/screenshots.py --output Resources/Screenshots
	$(RUN) Testing/Host/training_screenshots.py --output Resources/Screenshots

venv: check-venv $(VENV)/.ready

# An environment whose Python has gone since, or that was never finished, is made anew.
check-venv:
	@$(VENV)/bin/python -c "import MammoRadiomicsLib" 2>/dev/null || rm -f $(VENV)/.ready

$(VENV)/.ready: $(REQUIREMENTS)
	$(PYTHON) -c "import sys; sys.exit(None if sys.version_info[:2] in ((3, 11), (3, 12)) else \
	    'Python 3.11 or 3.12 is needed (slicer-core has no wheels for others): make PYTHON=python3.12')"
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(VENV)/bin/python -m pip install --quiet --group dev --editable ".[standalone]" "slicer-core$(SLICER_CORE)"
	@touch $@

clean:
	rm -rf $(VENV) build demo-output
