"""Images that an ensemble is least or most sure of: the paper's Figure 7."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from robust_hypergan.reports.figures.gallery import draw_picture
from robust_hypergan.reports.figures.style import styled
from robust_hypergan.reports.wording import shorten


@styled
def draw_extremes(table: pd.DataFrame, images: NDArray[np.uint8]) -> Figure:
    """A line of pictures for each data set, with what was said of each and how surely.

    Args:
        table: rows as in ``gallery.csv``.
        images: (G, C, H, W), 0 to 255, in the order of the rows.
    """
    lines = [rows for _, rows in table.groupby("data", sort=False)]
    columns = max(len(rows) for rows in lines)
    figure = Figure(figsize=(0.98 * columns + 0.2, 1.76 * len(lines)), layout="constrained")
    blocks = np.asarray(figure.subfigures(len(lines), 1, squeeze=False), dtype=object).ravel()
    for block, rows in zip(blocks, lines, strict=True):
        first = rows.iloc[0]
        kind = (
            "inliers of the highest entropy"
            if first["role"] == "inlier"
            else "outliers of the lowest entropy"
        )
        block.suptitle(f"{shorten(str(first['data']))}: {kind}", x=0.01, ha="left", fontsize=9)
        panels = block.subplots(1, columns, squeeze=False)[0]
        for axes in panels:
            axes.set_axis_off()
        for axes, row in zip(panels, rows.to_dict("records"), strict=False):
            draw_picture(axes, (images[row["row"]] / 255).astype(np.float32))
            text = f"{shorten(row['label'], 12)}\nsays {shorten(row['predicted'], 12)}\n{row['entropy']:.2g}"
            axes.text(0.5, -0.06, text, transform=axes.transAxes, ha="center", va="top", fontsize=7)
    return figure
