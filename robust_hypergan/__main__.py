"""``robust-hypergan`` and ``python -m robust_hypergan``: the command line and its exit code."""

from __future__ import annotations

import sys

import click

from robust_hypergan.cli import cli
from robust_hypergan.errors import InputError


def main() -> None:
    """Exit 0 done; 2 bad input or usage, in one line that says what to do; 130 interrupted."""
    try:
        cli.main(prog_name="robust-hypergan", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        print("\nrobust-hypergan: interrupted; give the same command again to go on", file=sys.stderr)
        sys.exit(130)
    except click.ClickException as error:
        print(f"robust-hypergan: {_one_line(error.format_message())}", file=sys.stderr)
        sys.exit(2)
    except InputError as error:
        print(f"robust-hypergan: {_one_line(str(error))}", file=sys.stderr)
        sys.exit(2)


def _one_line(message: str) -> str:
    return " ".join(message.split())


if __name__ == "__main__":
    main()
