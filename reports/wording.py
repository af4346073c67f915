"""How numbers and names are written: in figures, pages and the terminal alike."""

from __future__ import annotations

import math

NORMS = {"linf": "L∞", "l2": "L2", "l1": "L1", "l0": "L0"}
DASH, MINUS, TIMES = "\u2013", "\u2212", "\u00d7"
"""Typographic characters, by name because they look like others."""

UNKNOWN = DASH


def percent(fraction: float, digits: int = 0) -> str:
    """``0.593 -> "59%"``; never "100%" or "0%" for what is not exactly that; an en dash for NaN."""
    if math.isnan(fraction):
        return UNKNOWN
    step = 10.0**-digits
    value = round(100 * fraction, digits)
    if value >= 100 and fraction < 1:
        return f">{100 - step:.{digits}f}%"
    if value <= 0 and fraction > 0:
        return f"<{step:.{digits}f}%"
    return f"{value:.{digits}f}%"


def interval(low: float, high: float, digits: int = 0) -> str:
    """``(0.561, 0.624) -> "56-62%"``, with an en dash; a dash alone for NaN."""
    if math.isnan(low) or math.isnan(high):
        return UNKNOWN
    return f"{100 * low:.{digits}f}{DASH}{100 * high:.{digits}f}%"


def points(difference: float, digits: int = 1) -> str:
    """A signed difference of fractions in percentage points: ``0.062 -> "+6.2"``."""
    return UNKNOWN if math.isnan(difference) else f"{100 * difference:+.{digits}f}".replace("-", MINUS)


def number(value: float, digits: int = 3) -> str:
    """A number with ``digits`` significant digits; an en dash for NaN."""
    return UNKNOWN if math.isnan(value) else f"{value:.{digits}g}"


def count(value: float | None) -> str:
    """A whole number with thousands separators; an en dash when it is not known."""
    return UNKNOWN if value is None or math.isnan(value) else f"{int(value):,}"


def duration(seconds: float) -> str:
    """``74.2 -> "1 min 14 s"``; an en dash for NaN."""
    if math.isnan(seconds):
        return UNKNOWN
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def eps_text(eps: float) -> str:
    """An eps with up to four significant digits: ``8 / 255 -> "0.03137"``."""
    return f"{eps:.4g}"


def norm_text(norm: str) -> str:
    """A norm as it is written: ``linf -> "L∞"``; an unknown one as it stands."""
    return NORMS.get(norm, printable(norm))


def cell_text(attack: str, norm: str, eps: float) -> str:
    """``"fgsm, L∞ eps 0.1"``."""
    return f"{printable(attack)}, {norm_text(norm)} eps {eps_text(eps)}"


def printable(text: str) -> str:
    """The text on one line, with anything that cannot be printed replaced by U+FFFD."""
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


def shorten(text: str, width: int = 28) -> str:
    """At most ``width`` printable characters, an ellipsis marking a cut."""
    text = printable(text)
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def plural(amount: int, word: str) -> str:
    """``(1, "cell") -> "1 cell"``, ``(3, "cell") -> "3 cells"``."""
    return f"{amount:,} {word}{'' if amount == 1 else 's'}"
