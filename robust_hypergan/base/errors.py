"""The one error that a user can cause, and its way of naming what was probably meant."""

from __future__ import annotations

import difflib
import math
import unicodedata
from collections.abc import Iterable

FOREIGN = (Exception, SystemExit)
"""What other people's code may raise: anything, and where it exits the command must not."""


class InputError(ValueError):
    """Bad input: the message is one line that says what was wrong and what to do.

    The command line prints the message and exits with 2; the Python API raises it.
    """


class LostRankError(InputError):
    """Another process of the run is gone."""


def check_range(what: str, value: float, least: float, most: float = math.inf) -> None:
    """Refuses a number outside ``[least, most]``, NaN included.

    Raises:
        InputError: says the range.
    """
    if not least <= value <= most or value == math.inf:
        upper = f" and at most {most:,}" if most < math.inf else ""
        raise InputError(f"{what} {value:,} is out of range: it must be at least {least:,}{upper}")


def check_text(what: str, text: str) -> None:
    """Refuses a text that can be neither a name nor a path, nor be printed on one line.

    Raises:
        InputError: it is empty, or holds a control character or what is no Unicode.
    """
    if not text.strip():
        raise InputError(f"{what} is empty: leave it out, or give it a value")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise InputError(f"{what} {text!r} holds a control character, or bytes that are not UTF-8")


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """An error for a name that does not exist, with the nearest ones that do.

    Args:
        kind: what was looked up, for example ``"data set"``.
        name: the name that was given.
        known: every name that exists.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3)
    advice = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(names)}"
    return InputError(f"unknown {kind} {name!r}: {advice}")
