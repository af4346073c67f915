"""The kinds of networks that were measured beside those of the run."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from robust_hypergan.reports.figures.networks import draw_networks_of_kinds
from robust_hypergan.reports.section import Picture, Section
from robust_hypergan.reports.sections.comparison import comparison_section
from robust_hypergan.reports.tables.run import Run
from robust_hypergan.reports.wording import percent, printable


def beside_section(run: Run) -> Section | None:
    """The comparison with the other kinds; None if there were none."""
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
    section = comparison_section(table, name="beside", title="Beside other kinds of networks", notes=notes)
    return replace(section, pictures=(*section.pictures, _networks(run))) if run.beside else section


def _networks(run: Run) -> Picture:
    """The fresh networks of every kind one by one."""
    networks = pd.concat([own.networks.assign(name=name) for name, own in run.kinds.items()])
    fresh = networks[networks["role"] == "fresh"]
    ranges = [
        f"{printable(str(name))} {percent(own.min())} to {percent(own.max())}"
        for name, own in fresh.groupby("name", sort=False)["fooled_fraction"]
    ]
    return Picture(
        "beside_networks",
        "Network by network, kind by kind",
        "Each point is one fresh network: the share of the examples that fooled the source network of its"
        " kind which fool this one too. The line is the median. A tall strip means networks that differ in"
        " how easily they are fooled.",
        f"Strips of points, one for each kind and eps, a row per attack. Over all: {'; '.join(ranges)}.",
        draw_networks_of_kinds(networks, list(run.kinds)),
    )
