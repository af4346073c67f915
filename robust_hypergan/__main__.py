"""``robust-hypergan`` and ``python -m robust_hypergan``: the command line and its exit code."""

from __future__ import annotations

import sys

import click

from robust_hypergan.cli import cli
from robust_hypergan.errors import InputError
from robust_hypergan.interruption import end_on_signals


def main() -> None:
    """Exit 0 done; 2 bad input, usage or place, in one line that says what to do; 130 and 143 interrupted."""
    end_on_signals()
    try:
        cli.main(prog_name="robust-hypergan", standalone_mode=False)
    except click.ClickException as error:
        _refuse(error.format_message())
    except InputError as error:
        _refuse(str(error))
    except OSError as error:  # a disk that is full or gone where no more could be said about it
        _refuse(str(error))
    except MemoryError:
        _refuse("out of memory: ask for fewer networks, images or units at once")


def _refuse(message: str) -> None:
    print(f"robust-hypergan: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
