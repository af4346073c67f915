"""Fuzzes the reader of configuration files: whatever the bytes, settings or one line.

make fuzz runs it; by hand: python tests/fuzz/toml_file.py -max_total_time=600
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["robust_hypergan", "tomllib"]):
    import click

    from robust_hypergan.base.errors import InputError
    from robust_hypergan.cli.main import cli

FOLDER = Path(tempfile.mkdtemp())
PATH = FOLDER / "c.toml"
SEEDS = [
    b'data = "mnist"\nattack = ["fgsm", "pgd:steps=100"]\neps = [0.1, 2e-1]\nnetworks = 2000\nquiet = true\n',
    b'[[attack]]\nname = "pgd"\nsteps = 40\nrandom_start = false\n[[attack]]\nname = "noise"\n',
    b'out = "../r"\ncheckpoint = "a/b.safetensors"\nuntil-ci-width = nan\nseed = 0x10\nbeside = ["a=/etc"]\n',
]


def try_one(content: bytes) -> None:
    """One file, read for a bench."""
    PATH.write_bytes(content)
    try:
        cli.commands["bench"].make_context("bench", ["--config", str(PATH), "--out", "r"])
    except InputError as error:
        assert "\n" not in str(error)
        assert "c.toml" in str(error)
    except click.ClickException as error:
        assert error.format_message()


if __name__ == "__main__":
    corpus = FOLDER / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(SEEDS):
        (corpus / str(number)).write_bytes(seed)
    atheris.Setup([*sys.argv, str(corpus)], try_one)
    atheris.Fuzz()
