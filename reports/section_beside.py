"""The kinds of networks that were measured beside those of the run."""

from __future__ import annotations

import pandas as pd

from robust_hypergan.reports.run import Run
from robust_hypergan.reports.section import Section
from robust_hypergan.reports.section_comparison import comparison_section
from robust_hypergan.reports.wording import printable


def beside_section(run: Run, summary: pd.DataFrame) -> Section | None:
    """The comparison with the other kinds; None if there were none."""
    del summary  # the comparison's own table has the same numbers for every kind
    table = run.evidence.get("beside")
    if table is None or table.empty:
        return None
    notes = (
        "Every kind trained here saw as many training images, has the same classifier (with dropout for"
        " mc-dropout), and met the same test images, attacks, eps and seed, each attack made against a source"
        " network of its own kind. The complete report of each lies beside this page, in beside/KIND.",
        *(
            f"Not measured: {printable(name)} ({printable(outcome)})."
            for name, outcome in run.record.beside.items()
            if outcome != "done"
        ),
    )
    return comparison_section(table, name="beside", title="Beside other kinds of networks", notes=notes)
