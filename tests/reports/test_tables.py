"""The summary against numbers recounted from the matrices that the tables were tallied from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robust_hypergan.base.errors import InputError
from robust_hypergan.reports.statistics.intervals import crossed_mean_interval
from robust_hypergan.reports.tables.files import read_table, write_table
from robust_hypergan.reports.tables.summary import SUMMARY_COLUMNS, summarise


def test_every_number_of_a_cell_is_recounted_from_its_matrix(fake: Any) -> None:
    summary = summarise(fake.examples, fake.networks, fake.info["cells"])
    assert summary.columns.tolist() == SUMMARY_COLUMNS
    for row, (key, truth) in zip(summary.to_dict("records"), fake.truths.items(), strict=True):
        assert (row["attack"], row["norm"], row["eps"]) == key
        wrong = (truth.answers != truth.labels)[:, truth.source_fooled]  # (M, fooling)
        right_before = (truth.clean == truth.labels)[:, truth.source_fooled]
        fractions = wrong.mean(0)
        assert row["examples"] == 60
        assert row["source_fooled"] == truth.source_fooled.sum()
        assert row["source_success"] == pytest.approx(truth.source_fooled.mean())
        assert row["fooled_mean"] == pytest.approx(wrong.mean())
        quantiles = [row[name] for name in ("q05", "q25", "fooled_median", "q75", "q95")]
        np.testing.assert_allclose(quantiles, np.quantile(fractions, [0.05, 0.25, 0.5, 0.75, 0.95]))
        assert row["fools_all"] == pytest.approx(wrong.all(0).mean())
        assert row["fools_none"] == pytest.approx((~wrong.any(0)).mean())
        assert row["fooled_mean_all"] == pytest.approx((truth.answers != truth.labels).mean())
        flipped = (wrong & right_before).sum(0) / right_before.sum(0)
        assert row["flipped_mean"] == pytest.approx(flipped.mean())
        assert (row["ci_low"], row["ci_high"]) == pytest.approx(
            crossed_mean_interval(wrong.mean(0), wrong.mean(1))
        )
        assert row["networks"] == 50
        assert (row["seconds"], row["status"], row["audit"]) == (3.2, "done", "ok")


def test_agreement_on_the_wrong_label_is_recounted(fake: Any) -> None:
    summary = summarise(fake.examples, fake.networks, fake.info["cells"])
    truth = fake.truths["fgsm", "linf", 0.2]
    shares = []
    for b in np.flatnonzero(truth.source_fooled):
        wrong = [label for label in truth.answers[:, b] if label != truth.labels[b]]
        if wrong:
            shares.append(max(wrong.count(label) for label in wrong) / len(wrong))
    assert summary["wrong_share_mean"][2] == pytest.approx(np.mean(shares))


def test_rows_follow_the_order_of_the_cells(fake: Any) -> None:
    cells = fake.info["cells"][::-1]
    summary = summarise(fake.examples, fake.networks, cells)
    assert summary["eps"].tolist() == [cell["eps"] for cell in cells]
    straight = summarise(fake.examples, fake.networks, fake.info["cells"])
    assert summary["fooled_mean"].tolist() == straight["fooled_mean"].tolist()[::-1]


def test_a_failed_cell_is_a_row_of_nan_with_its_error(fake: Any) -> None:
    fake.info["cells"][1] |= {"status": "failed", "error": "out of memory"}
    row = summarise(fake.examples, fake.networks, fake.info["cells"]).iloc[1]
    assert (row["status"], row["audit"]) == ("failed", "out of memory")
    assert row[["examples", "source_success", "fooled_mean", "ci_low", "fools_all"]].isna().all()


def test_a_cell_that_never_fooled_its_source_is_nan_but_counted(fake: Any) -> None:
    fake.examples["source_fooled"] = False
    fresh = fake.networks["role"] == "fresh"
    fake.networks.loc[fresh, ["examples", "fooled", "fooled_fraction"]] = [0, 0, np.nan]
    fake.networks.loc[~fresh, ["fooled", "fooled_fraction"]] = [0, 0.0]
    row = summarise(fake.examples, fake.networks, fake.info["cells"]).iloc[0]
    assert (row["examples"], row["source_success"], row["source_fooled"]) == (60, 0, 0)
    assert row[["fooled_mean", "ci_low", "ci_high", "fooled_median", "fools_all", "fools_none"]].isna().all()
    assert row["fooled_mean_all"] > 0


def test_the_audit_is_told(fake: Any) -> None:
    fake.info["cells"][0]["audit"] |= {"repaired": 3, "linf_max": 0.05}
    row = summarise(fake.examples, fake.networks, fake.info["cells"]).iloc[0]
    assert (row["audit"], row["repaired"], row["linf_max"]) == ("3 repaired", 3, 0.05)


def test_a_table_that_lost_rows_is_refused(fake: Any) -> None:
    cells, examples = fake.info["cells"], fake.examples
    spared = examples[examples["source_fooled"].astype(bool)]
    for left in (examples.iloc[:0], spared):
        with pytest.raises(InputError, match=r"do not fit for fgsm linf 0\.05: "):
            summarise(left, fake.networks, cells)


def test_one_fresh_network_has_no_interval(fabricate: Any) -> None:
    fake = fabricate(networks=1)
    row = summarise(fake.examples, fake.networks, fake.info["cells"]).iloc[0]
    assert row["fooled_mean"] >= 0
    assert row[["ci_low", "ci_high"]].isna().all()


def test_tables_of_different_runs_are_refused(fake: Any) -> None:
    fresh = fake.networks["role"] == "fresh"
    fake.networks.loc[fresh, "fooled_fraction"] /= 2
    with pytest.raises(InputError, match=r"do not fit for fgsm linf 0\.05: .*not one matrix"):
        summarise(fake.examples, fake.networks, fake.info["cells"])


def test_a_cell_without_its_fresh_networks_is_refused(fake: Any) -> None:
    source_only = fake.networks[fake.networks["role"] == "source"]
    with pytest.raises(InputError, match="every fresh network must have been tried"):
        summarise(fake.examples, source_only, fake.info["cells"])


def test_no_cells_give_an_empty_table(fake: Any) -> None:
    assert summarise(fake.examples, fake.networks, []).empty


def test_reading_the_csv_files_changes_no_number(fake: Any, tmp_path: Path) -> None:
    """An eps of 8 / 255 must still be found after a round trip through text."""
    write_table(fake.examples.replace({"eps": {0.1: 8 / 255}}), tmp_path / "examples.csv")
    examples = read_table(tmp_path / "examples.csv", ["attack"])
    networks = fake.networks.replace({"eps": {0.1: 8 / 255}})
    cells = [cell | {"eps": 8 / 255 if cell["eps"] == 0.1 else cell["eps"]} for cell in fake.info["cells"]]
    summary = summarise(examples, networks, cells)
    assert not math.isnan(summary["fooled_mean"][1])
