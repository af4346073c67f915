"""``robust-hypergan`` and ``python -m robust_hypergan``: the command line and its exit code."""

from __future__ import annotations

import os
import sys

import click

from robust_hypergan.base.errors import InputError, LostRankError
from robust_hypergan.base.interruption import end_on_signals, is_follower
from robust_hypergan.cli.main import cli

OUT_OF_MEMORY = (
    "out of memory, even for little at once: give it more, or ask for less with --batch and --train-networks "
    "in training, --examples else"
)


def main() -> None:
    """Exit 0 done; 2 bad input, usage or place, in one line that says what to do; 130 and 143 interrupted.

    3 is done but for cells or kinds of networks that failed, which are named.
    """
    end_on_signals()
    try:
        code = cli.main(prog_name="robust-hypergan", standalone_mode=False)
    except click.ClickException as error:
        _refuse(error.format_message())
    except LostRankError as error:
        if is_follower():  # the leader says it, or is the one that is gone
            sys.exit(2)
        _refuse(str(error))
    except InputError as error:
        _refuse(str(error))
    except OSError as error:  # a disk that is full or gone where no more could be said about it
        _refuse(str(error))
    except (MemoryError, RuntimeError) as error:
        from robust_hypergan.base.memory import is_out_of_memory

        if not is_out_of_memory(error):
            raise
        _refuse(f"{OUT_OF_MEMORY} ({' '.join(str(error).split())[:200] or type(error).__name__})")
    if code:
        sys.exit(code)


def _refuse(message: str) -> None:
    who = f" (rank {os.environ['RANK']})" if is_follower() else ""
    print(f"robust-hypergan{who}: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
