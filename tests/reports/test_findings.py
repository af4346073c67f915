"""What is said in words follows from the numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from robust_hypergan.reports.page.findings import find, headline
from robust_hypergan.reports.sections.paper_statements import compare
from robust_hypergan.reports.tables.run import load_run
from robust_hypergan.reports.tables.summary import SUMMARY_COLUMNS, summarise
from robust_hypergan.reports.wording import base


def summary_of(
    *rows: tuple[str, float, float, float, float], target: float = np.nan, attacker: str = "one network"
) -> pd.DataFrame:
    """Summary rows from (attack, eps, mean, low, high), other columns plausible."""
    table = pd.DataFrame(rows, columns=["attack", "eps", "fooled_mean", "ci_low", "ci_high"])
    rest = {"norm": "linf", "status": "done", "networks": 500.0, "source_fooled": 213.0, "examples": 400.0}
    rest |= {"target": target, "attacker": attacker}
    shares = {"q25": 0.2, "q75": 0.9, "fools_all": 0.12, "fools_none": 0.0}
    return table.assign(**rest, **shares).reindex(columns=SUMMARY_COLUMNS)


def examples_of(**fractions: list[float]) -> pd.DataFrame:
    """Example rows of cells at linf eps 0.1; NaN where the source was not fooled."""
    return pd.DataFrame(
        [
            {
                "attack": attack,
                "norm": "linf",
                "eps": 0.1,
                "example": index,
                "source_correct": True,
                "source_fooled": not np.isnan(value),
                "fooled_fraction": 0.0 if np.isnan(value) else value,
            }
            for attack, values in fractions.items()
            for index, value in enumerate(values)
        ]
    )


def test_one_cell_is_told_with_its_interval_and_counts() -> None:
    first, second = find(examples_of(fgsm=[0.5]), summary_of(("fgsm", 0.1, 0.593, 0.561, 0.624))).sentences
    assert (
        "59% (95% interval 56\u201362%; fgsm, L\u221e eps 0.1; 213 examples) of 500 fresh networks" in first
    )
    assert "12% of them fool every fresh network and 0% fool none" in second
    assert "from 20% to 90% of the networks." in second


def test_of_a_network_that_is_judged_itself_no_transfer_is_told() -> None:
    summary = summary_of(("fgsm", 0.1, 1.0, np.nan, np.nan), ("pgd", 0.1, 1.0, np.nan, np.nan))
    summary["source_success"] = [0.25, 0.75]
    found = find(examples_of(fgsm=[1.0], pgd=[1.0]), summary, itself=True)
    (only,) = found.sentences
    assert "between 25% (fgsm, L\u221e eps 0.1) and 75% (pgd, L\u221e eps 0.1)" in only
    assert "never saw" not in only
    assert {one.verdict for one in found.statements} == {"not tested"}
    first, *_ = find(examples_of(fgsm=[1.0]), summary).sentences  # one fresh network: no interval
    assert "100% (fgsm, L\u221e eps 0.1; 213 examples)" in first


def test_examples_are_said_to_lie_far_from_the_mean_only_where_they_do() -> None:
    summary = summary_of(("fgsm", 0.1, 0.06, 0.05, 0.07), ("pgd", 0.1, 0.06, 0.05, 0.07))
    near = find(examples_of(fgsm=[0.1]), summary.assign(q25=0.01, q75=0.2)).sentences[1]
    assert near.startswith(
        "Depending on the cell, 12% of the examples fool every fresh network and 0% fool none"
    )
    far = find(examples_of(fgsm=[0.1]), summary.assign(q25=0.01, q75=0.22)).sentences[1]
    assert far.startswith("Single examples lie far from that mean: depending on the cell, 12% of them fool")


def test_the_noise_baseline_is_no_attack() -> None:
    rows = [("noise", 0.3, 0.1, 0.0, 0.2), ("fgsm", 0.1, 0.6, 0.55, 0.65), ("pgd", 0.1, 0.55, 0.5, 0.6)]
    findings = find(examples_of(fgsm=[0.5], noise=[0.1]), summary_of(*rows))
    assert "noise" not in findings.sentences[0]
    assert "between 55%" in findings.sentences[0]
    assert "Inside in 2 of 2 cells" in findings.statements[0].detail


def test_an_attack_on_several_networks_is_told_apart_and_no_case_of_the_papers_statements() -> None:
    summary = pd.concat(
        [
            summary_of(("pgd", 0.1, 0.48, 0.4, 0.5)),
            summary_of(("ensemble-pgd", 0.1, 0.76, 0.7, 0.8), attacker="several networks"),
        ],
        ignore_index=True,
    )
    findings = find(examples_of(pgd=[0.5]), summary)
    first, second, _ = findings.sentences
    assert "the one network it was made against" in first
    assert "48%" in first
    assert "76%" not in first
    assert "several networks" in second
    assert "76%" in second
    assert findings.statements[0].detail.startswith("Inside in 0 of 1 cell")


def test_copies_of_an_attack_from_other_libraries_do_not_count_twice() -> None:
    rows = [("fgsm", 0.1, 0.6, 0.55, 0.65), ("torchattacks:FGSM", 0.1, 0.6, 0.55, 0.65)]
    assert "Inside in 1 of 1 cell" in find(examples_of(fgsm=[0.5]), summary_of(*rows)).statements[0].detail


def test_a_targeted_run_says_nothing_of_the_papers_statements() -> None:
    rows = [("fgsm", 0.1, 0.6, 0.55, 0.65), ("pgd", 0.1, 0.48, 0.4, 0.5)]
    findings = find(examples_of(fgsm=[0.5], pgd=[0.4]), summary_of(*rows, target=3))
    assert [one.verdict for one in findings.statements] == ["not tested", "not tested"]
    assert (
        "fgsm and pgd cells at the same norm and eps, towards any wrong class"
        in findings.statements[1].detail
    )
    assert "draws the target class from, on average, between 48%" in findings.sentences[0]


def test_several_cells_are_told_by_their_extremes() -> None:
    rows = [("fgsm", 0.1, 0.6, 0.55, 0.65), ("pgd", 0.1, 0.48, 0.4, 0.5), ("fgsm", 0.3, 0.96, 0.9, 0.98)]
    first, _ = find(examples_of(fgsm=[0.5]), summary_of(*rows)).sentences
    assert first.index("between 48%") < first.index("pgd, L\u221e eps 0.1")
    assert first.index("and 96%") < first.index("fgsm, L\u221e eps 0.3")


def test_a_run_that_fooled_nothing_says_so() -> None:
    findings = find(examples_of(fgsm=[np.nan]), summary_of(("fgsm", 0.1, np.nan, np.nan, np.nan)))
    assert "nothing to transfer" in findings.sentences[0]
    assert [one.verdict for one in findings.statements] == ["not tested", "not tested"]


@pytest.mark.parametrize(
    ("means", "verdict", "inside", "surely"),
    [
        ([(0.6, 0.55, 0.65), (0.52, 0.51, 0.6)], "holds", 2, 2),
        ([(0.6, 0.55, 0.65), (0.52, 0.45, 0.6)], "holds in part", 2, 1),
        ([(0.6, 0.55, 0.65), (0.8, 0.75, 0.85)], "holds in part", 1, 1),
        ([(0.3, 0.2, 0.4), (0.8, 0.75, 0.85)], "does not hold", 0, 0),
        ([(0.3, 0.2, 0.4), (0.48, 0.45, 0.52)], "undecided", 0, 0),
        ([(0.52, 0.45, 0.6), (0.6, 0.45, 0.75)], "undecided", 2, 0),
    ],
)
def test_the_band_statement_counts_cells(
    means: list[tuple[float, float, float]], verdict: str, inside: int, surely: int
) -> None:
    summary = summary_of(*[("fgsm", 0.1 * (index + 1), *mean) for index, mean in enumerate(means)])
    statement = find(examples_of(fgsm=[0.5]), summary).statements[0]
    assert statement.verdict == verdict
    assert f"Inside in {inside} of 2 cells, {surely} with the whole interval" in statement.detail


def test_the_comparison_is_paired_over_examples_that_fooled_the_source_under_both() -> None:
    rng = np.random.default_rng(0)
    fgsm, pgd = rng.uniform(0.4, 0.9, 30), rng.uniform(0.1, 0.6, 30)
    fgsm[:4], pgd[20:] = np.nan, np.nan
    both = (fgsm - pgd)[4:20]
    examples = examples_of(**{"fgsm": fgsm.tolist(), "pgd:steps=40": pgd.tolist()}).sample(
        frac=1, random_state=0
    )
    summary = summary_of(("fgsm", 0.1, 0.6, 0.5, 0.7), ("pgd:steps=40", 0.1, 0.3, 0.2, 0.4))
    (one,) = compare(examples, summary)
    expected = stats.ttest_1samp(both, 0).confidence_interval()
    assert one.pairs == 16
    found = (one.paired.value, one.paired.low, one.paired.high)
    assert found == pytest.approx((both.mean(), expected.low, expected.high))
    assert one.paired.verdict == "FGSM better"
    # the means are 0.3 apart; each interval reaches 0.1 from its mean
    assert (one.own.value, one.own.low) == pytest.approx((0.3, 0.3 - 0.1 * 2**0.5))


@pytest.mark.parametrize(
    ("fgsm", "pgd", "verdict"),
    [
        ((0.6, 0.55, 0.65), (0.3, 0.2, 0.4), "holds"),
        ((0.3, 0.2, 0.4), (0.6, 0.55, 0.65), "does not hold"),
        ((0.6, 0.5, 0.7), (0.55, 0.45, 0.65), "undecided"),
    ],
)
def test_the_order_statement_is_the_papers_and_says_what_equal_examples_say(
    fgsm: tuple[float, float, float], pgd: tuple[float, float, float], verdict: str
) -> None:
    same = examples_of(fgsm=3 * [0.1, 0.2, 0.1, 0.15], pgd=3 * [0.9, 0.8, 0.85, 0.9])
    statement = find(same, summary_of(("fgsm", 0.1, *fgsm), ("pgd", 0.1, *pgd))).statements[1]
    assert statement.verdict == verdict
    assert "under both: PGD better at L\u221e eps 0.1" in statement.detail


def test_a_few_pairs_that_agree_decide_nothing() -> None:
    summary = summary_of(("fgsm", 0.1, 0.6, 0.5, 0.7), ("pgd", 0.1, 0.55, 0.45, 0.65))
    (one,) = compare(examples_of(fgsm=9 * [1.0], pgd=9 * [0.0]), summary)
    assert (one.paired.value, one.paired.verdict) == (1.0, "undecided")


def test_cells_of_different_eps_or_other_attacks_are_not_compared() -> None:
    summary = summary_of(
        ("fgsm", 0.1, 0.6, 0.5, 0.7), ("pgd", 0.2, 0.3, 0.2, 0.4), ("pgd2", 0.1, 0.3, 0.2, 0.4)
    )
    findings = find(examples_of(fgsm=[0.5], pgd=[0.5], pgd2=[0.5]), summary)
    assert findings.comparisons == ()
    assert findings.statements[1].verdict == "not tested"


def test_a_base_name_has_no_settings() -> None:
    assert (base("pgd:steps=40:restarts=2"), base("fgsm")) == ("pgd", "fgsm")


def test_the_headline_is_plain_text_with_both_statements_and_what_is_missing(
    fake: Any, tmp_path: Path
) -> None:
    fake.info["cells"][5] |= {"status": "failed", "error": "out of memory"}
    run = load_run(fake.write(tmp_path / "run"))
    lines = headline(run).splitlines()
    assert len(lines) == 4
    mean = summarise(run.examples, run.networks, run.record.cells)["fooled_mean"].max()
    assert f"{round(100 * mean)}% (95% interval" in lines[0]
    assert lines[1].startswith('Paper: "the mean fooled fraction lies in 50\u201370%": undecided')
    assert lines[3] == "Left out because unfinished: 1 of 6 cells."


@pytest.mark.parametrize(
    ("fgsm", "pgd"), [((0.6, 0.5, 0.7), (0.55, 0.45, 0.65)), ((0.55, 0.45, 0.65), (0.6, 0.5, 0.7))]
)
def test_whichever_mean_is_greater_an_interval_that_holds_0_decides_nothing(
    fgsm: tuple[float, float, float], pgd: tuple[float, float, float]
) -> None:
    same = examples_of(fgsm=[0.1, 0.2], pgd=[0.2, 0.1])
    statement = find(same, summary_of(("fgsm", 0.1, *fgsm), ("pgd", 0.1, *pgd))).statements[1]
    assert statement.verdict == "undecided"
    assert "as in the paper: undecided at" in statement.detail


def test_cells_of_different_norms_are_not_compared() -> None:
    summary = summary_of(("fgsm", 0.1, 0.6, 0.5, 0.7), ("pgd", 0.1, 0.3, 0.2, 0.4)).assign(
        norm=["linf", "l2"]
    )
    assert find(examples_of(fgsm=[0.5], pgd=[0.5]), summary).comparisons == ()


def test_cells_outside_the_band_are_said_to_be_below_or_above_it() -> None:
    rows = [("fgsm", 0.1, 0.3, 0.2, 0.4), ("fgsm", 0.2, 0.4, 0.3, 0.45), ("fgsm", 0.3, 0.8, 0.75, 0.85)]
    detail = find(examples_of(fgsm=[0.5]), summary_of(*rows)).statements[0].detail
    assert detail.endswith("2 below and 1 above.")


def test_fgsm_that_is_better_in_one_cell_and_undecided_in_another_holds_in_part() -> None:
    rows = [("fgsm", 0.1, 0.6, 0.55, 0.65), ("pgd", 0.1, 0.3, 0.2, 0.4)]
    rows += [("fgsm", 0.2, 0.6, 0.5, 0.7), ("pgd", 0.2, 0.55, 0.45, 0.65)]
    statement = find(examples_of(fgsm=[0.5], pgd=[0.4]), summary_of(*rows)).statements[1]
    assert statement.verdict == "holds in part"


def test_noise_alone_is_told_as_what_was_measured() -> None:
    first, _ = find(examples_of(noise=[0.1]), summary_of(("noise", 0.3, 0.1, 0.05, 0.2))).sentences
    assert "10% (95% interval 5\u201320%; noise, L\u221e eps 0.3" in first


def test_the_widest_middle_half_is_told() -> None:
    cells = [(name, eps, 0.5, 0.4, 0.6) for name, eps in (("fgsm", 0.1), ("pgd", 0.1), ("pgd", 0.2))]
    summary = summary_of(*cells).assign(q25=[0.4, 0.1, 0.45], q75=[0.6, 0.8, 0.55])
    spread = find(examples_of(fgsm=[0.5]), summary).sentences[1]
    assert "from 10% to 80% of the networks where it is widest (pgd, L\u221e eps 0.1)" in spread


def test_a_network_that_is_judged_itself_is_told_by_its_own_success() -> None:
    summary = summary_of(("fgsm", 0.1, 1.0, np.nan, np.nan), ("pgd", 0.1, 1.0, np.nan, np.nan))
    (only,) = find(
        examples_of(fgsm=[1.0]), summary.assign(source_success=[0.75, 0.25]), itself=True
    ).sentences
    assert "between 25% (pgd, L\u221e eps 0.1) and 75% (fgsm, L\u221e eps 0.1)" in only
