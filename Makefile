# Two commands to begin with: `make demo` and `make test`. Each sets up .venv by itself.
PYTHON ?= python3
VENV := .venv
# For example `make test VENV=.venv-stable SLICER_CORE===5.12.4.0`: the MRML library of stable Slicer.
SLICER_CORE :=
# One thread for BLAS: small matrices gain nothing from more, and the last digit of an eigenvalue depends on the number.
RUN := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 QT_QPA_PLATFORM=offscreen MPLBACKEND=agg $(VENV)/bin/python
REQUIREMENTS := pyproject.toml MammoRadiomics/MammoRadiomicsLib/requirements.txt

.PHONY: venv demo test bench screenshots clean check-venv

demo: venv
	$(RUN) Testing/Demo/demo.py --output demo-output

test: venv
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m pytest

bench: venv
	$(RUN) Testing/Benchmarks/bench_features.py

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
