"""What a notebook shows of a result by itself: the summary table, and the main figure inside the page."""

from __future__ import annotations

import base64
from html import escape

import pandas as pd

from robust_hypergan.reports.figures.style import render
from robust_hypergan.reports.figures.transfer import draw_transfer
from robust_hypergan.reports.page.tables import summary_table
from robust_hypergan.reports.section import Table


def summary_html(summary: pd.DataFrame) -> str:
    """The summary as an HTML table and the transfer figure as an inline image, with everything escaped.

    Nothing is drawn through pyplot, so that whatever the notebook draws itself is left alone.

    Args:
        summary: rows as in ``summary.csv``.
    """
    table = _html(summary_table(summary))
    if not summary["fooled_mean"].notna().any():
        return table
    svg = base64.b64encode(render(draw_transfer(summary), "svg")).decode()
    alt = "Mean fooled fraction of the fresh networks against eps; the table has its numbers."
    return f'{table}<img src="data:image/svg+xml;base64,{svg}" alt="{alt}" style="background: #fff">'


def _html(table: Table) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in table.headings)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    return (
        f"<table><caption>{escape(table.caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )
