# Each target does all its own set-up in .venv on a fresh machine.
PYTHON ?= python3
BIN = .venv/bin
RUN ?= runs/demo

.PHONY: demo test nightly oldest newest fuzz audit lint types wheel bench-speed clean

demo: .venv/ready  ## train a HyperGAN, attack one network, try 500 fresh ones, and an ordinary ensemble beside; write the report
	rm -rf $(RUN)
	$(BIN)/robust-hypergan bench --out $(RUN) --preset quick --networks 500 --examples 300 \
		--attack fgsm --attack pgd --attack noise --eps 0.05 --eps 0.1 --eps 0.15 --eps 0.2 --eps 0.3 \
		--beside ordinary --beside deep-ensemble

test: .venv/ready  ## every test, a process with one thread for each core; warnings are errors
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadfile

nightly: .venv/ready  ## kill runs at a hundred random moments, and ranks of others, to end in the same bits; every bad value
	EVERYWHERE=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q tests/bad_inputs
	KILLS=100 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -s tests/test_killing.py tests/base/test_distributed.py \
		tests/runs/test_cell_array.py

oldest: .venv/ready  ## every test with the oldest versions that pyproject.toml allows
	$(PYTHON) -m venv .oldest
	$(BIN)/python tools/oldest_versions.py > .oldest/constraints.txt
	.oldest/bin/pip install --quiet --constraint .oldest/constraints.txt --editable ".[cluster,dev]"
	OMP_NUM_THREADS=1 .oldest/bin/python -m pytest --numprocesses auto --dist loadfile

newest:  ## every test with the newest versions that there are, whatever constraints.txt holds
	$(PYTHON) -m venv .newest
	.newest/bin/pip install --quiet --upgrade --editable ".[torchattacks,foolbox,art,browser,cluster,dev]"
	OMP_NUM_THREADS=1 .newest/bin/python -m pytest --numprocesses auto --dist loadfile

fuzz: .venv/ready  ## ten minutes of random bytes for each reader of a stranger's files
	$(BIN)/pip install --quiet "atheris==3.0.0"
	$(BIN)/python tests/fuzz/toml_file.py -max_total_time=600 -timeout=60
	$(BIN)/python tests/fuzz/checkpoint_file.py -max_total_time=600 -timeout=60 -rss_limit_mb=4096

audit: .venv/ready  ## known vulnerabilities of the pinned versions; asks an advisory service
	$(BIN)/pip install --quiet "pip-audit>=2.9"
	$(BIN)/pip-audit --no-deps --disable-pip --requirement constraints.txt

lint: .venv/ready  ## style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/ready  ## mypy, strict; the scripts less so
	$(BIN)/mypy
	MYPYPATH=typings $(BIN)/mypy --config-file= --ignore-missing-imports \
		--disable-error-code assignment --disable-error-code method-assign benchmarks tools

wheel: .venv/ready  ## build the wheel, install it into a clean environment, use it once
	rm -rf build dist
	$(BIN)/python -m build --no-isolation
	.ci/use-wheel

bench-speed: .venv/ready  ## ensemble forward, crafting: ours beside what a user would use instead
	$(BIN)/python benchmarks/speed

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[torchattacks,foolbox,art,browser,cluster,dev]"
	touch $@

clean:
	rm -rf .venv build dist *.egg-info
