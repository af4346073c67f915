"""Writes docs/results.md from finished runs: every number comes from their files.

python tools/results_page.py "Title=RUN" ...
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

COLUMNS = {
    "attack": "attack",
    "eps": "eps",
    "source_success": "fooled the source",
    "fooled_mean": "mean fooled fraction",
    "ci_low": "95 % from",
    "ci_high": "to",
    "fooled_median": "median",
    "fools_all": "fool all",
    "flipped_mean": "flipped",
    "fooled_mean_all": "of all initially correct",
}
BESIDE = {
    "kind": "networks",
    "attack": "attack",
    "eps": "eps",
    "source_success": "fooled the source",
    "fooled_mean": "mean fooled fraction",
    "ci_low": "95 % from",
    "ci_high": "to",
    "networks": "fresh networks",
    "single_mean": "clean accuracy, one",
    "vote_all": "vote of all",
}
HEAD = """# Results

Written by `tools/results_page.py` from finished runs; no number is typed by hand. Fractions, unless a unit
is given. The figures of the first run stand in [figures](figures/). Every figure and table of the paper
stands in [the reproduction](reproduction/README.md), which `reproduce` made, and where the checkpoint of
the run on CIFAR-10 comes from.
"""


def section(title: str, folder: Path) -> str:
    """One run as Markdown: what it was, its accuracy, its transfer table and the paper's two statements."""
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    accuracy, training = record["accuracy"], record["config"].get("training", {})
    lines = [f"## {title}", "", f"    {record['command']}", ""]
    lines += [_setting(record, training), "", _accuracy(accuracy), ""]
    if (folder / "summary.csv").exists():
        summary = pd.read_csv(folder / "summary.csv")
        table = summary[list(COLUMNS)].rename(columns=COLUMNS).astype(object)
        table = table.where(table.notna(), None)
        lines += [table.to_markdown(index=False, floatfmt=".3f", missingval=""), ""]
        lines += _statements(folder)
    if (folder / "beside.csv").exists():
        lines += ["Other kinds of networks, trained with the same budget and attacked in the same way:", ""]
        beside = pd.read_csv(folder / "beside.csv")
        beside = beside[beside["attack"].isin(("fgsm", "pgd"))]
        table = beside[list(BESIDE)].rename(columns=BESIDE).astype(object)
        lines += [
            table.where(table.notna(), None).to_markdown(index=False, floatfmt=".3f", missingval=""),
            "",
        ]
    return "\n".join(lines)


def _setting(record: dict[str, Any], training: dict[str, Any]) -> str:
    data, seconds = record["data"], record["seconds"]
    parts = [
        f"Data {data['name']} ({data['test_images']:,} test images), {record['machine']}, {record['device']}"
    ]
    if training:
        parts.append(f"{training['steps']:,} steps of {training['networks']} x {training['batch']}")
    parts += [f"{stage} {time:.0f} s" for stage, time in seconds.items()]
    return "; ".join(parts) + "."


def _accuracy(accuracy: dict[str, float]) -> str:
    singles = [f"{100 * accuracy[key]:.2f}" for key in ("single_mean", "single_min", "single_max")]
    votes = [f"{100 * accuracy[key]:.2f}" for key in ("vote_10", "vote_100")]
    return (
        f"Accuracy of {accuracy['networks']} networks on {accuracy['examples']:,} images: "
        f"single {singles[0]} % (least {singles[1]}, greatest {singles[2]}), "
        f"mean vote of 10 {votes[0]} %, of 100 {votes[1]} %."
    )


def _statements(folder: Path) -> list[str]:
    from robust_hypergan.reports import headline, load_run

    return [f"- {line}" for line in headline(load_run(folder)).splitlines()] + [""]


def main(arguments: list[str]) -> None:
    """Takes TITLE=RUN pairs."""
    pairs = [argument.split("=", 1) for argument in arguments]
    page = "\n".join([HEAD, *(section(title, Path(folder)) for title, folder in pairs)])
    (Path(__file__).parent.parent / "docs" / "results.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
