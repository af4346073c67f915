"""Names from users, made fit for file names."""

from __future__ import annotations

import re


def file_name(text: str) -> str:
    """The text with everything but letters, digits and ``= . _ -`` replaced, at most 80 characters."""
    return re.sub(r"[^A-Za-z0-9=._-]+", "-", text).strip("-.")[:80] or "unnamed"
