"""What the page is put together from: tables, pictures, and sections that hold both."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Table:
    """A caption, headings, and rows whose first cell names the row."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Picture:
    """A figure in its context. ``name`` is the file's stem."""

    name: str
    title: str
    caption: str
    alt: str
    figure: Figure


@dataclass(frozen=True)
class Section:
    """A part of the page: paragraphs that say what was found, then tables, then pictures.

    ``name`` is its anchor, a word of letters, digits and hyphens.
    """

    name: str
    title: str
    paragraphs: tuple[str, ...]
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
