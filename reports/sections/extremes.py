"""The section that shows the inliers that networks are least sure of and the outliers they are surest of."""

from __future__ import annotations

import numpy as np

from robust_hypergan.base.errors import InputError
from robust_hypergan.reports.figures.extremes import draw_extremes
from robust_hypergan.reports.section import Picture, Section
from robust_hypergan.reports.tables.files import read_arrays
from robust_hypergan.reports.tables.study import Study
from robust_hypergan.reports.wording import number, plural, printable


def extremes_section(study: Study) -> Section | None:
    """None where no pictures were kept."""
    table = study.tables["gallery"]
    if not len(table):
        return None
    path = study.folder / "gallery.safetensors"
    (images,) = read_arrays(path, ["images"])
    if images.ndim != 4 or len(images) != len(table) or images.dtype != np.uint8:
        raise InputError(f"{path} does not fit gallery.csv: repeat the study")
    first = table.iloc[0]
    networks = f"{plural(int(first['networks']), 'network')} of {printable(str(first['name']))}"
    ends = [
        f"{printable(str(data))} {number(rows['entropy'].iloc[0])}"
        for data, rows in table.groupby("data", sort=False)
    ]
    return Section(
        "extremes",
        "The most uncertain inliers and the surest outliers",
        (),
        (),
        (
            Picture(
                "extremes",
                "Highest entropy of inliers, lowest of outliers (the paper's Figure 7)",
                f"Under each image its true class, the class that the mean vote of {networks} says, and its"
                " predictive entropy in nats. Chosen by their rank alone.",
                f"A line of images for each data set. Entropy of the first, in nats: {', '.join(ends)}.",
                draw_extremes(table, images),
            ),
        ),
    )
