"""The page of the trade-off: which state is chosen, what is claimed, that the figure shows every state."""

import json

import pandas as pd
import pytest

from robust_hypergan.reports import TRADEOFF_COLUMNS, write_report
from robust_hypergan.reports.figures.tradeoff import attacks_of, draw_tradeoff
from robust_hypergan.reports.studies.kinds import STUDIES
from robust_hypergan.reports.studies.tradeoff import claims
from robust_hypergan.reports.tables.study import load_study
from robust_hypergan.reports.tables.tradeoff import by_state, choose

NAN = float("nan")


def state(share, step, apart, *, vote=0.97, behind=(0.0, 0.0, 0.0), accuracy=0.95, transfer=0.6):
    """Rows of one state, with intervals of a percent and a half around everything."""
    key = {"name": f"share {share}", "noise_share": share, "step": step, "attack": "", "eps": NAN}
    measures = {
        "accuracy": accuracy,
        "vote": vote,
        "disagreement": 0.02,
        "error_iou": 1 - apart,
        "auroc": 0.9,
    }
    rows = [(name, (value, value - 0.015, value + 0.015)) for name, value in measures.items()]
    rows.append(("vote_loss", behind))
    attacked = {"source_success": 0.4, "transfer": transfer}
    found = [key | {"measure": name} | ends(values) for name, values in rows]
    for attack in ("fgsm", "pgd:steps=5"):
        for name, value in attacked.items():
            own = {"measure": name, "attack": attack, "eps": 0.1}
            found.append(key | own | ends((value, value - 0.015, value + 0.015)))
    return found


def ends(values):
    return dict(zip(("estimate", "ci_low", "ci_high"), values, strict=True))


def table(*states):
    rows = [row | {"networks": 20, "images": 100} for own in states for row in own]
    return pd.DataFrame(rows, columns=TRADEOFF_COLUMNS)


WORSE, EQUAL = (0.02, 0.005, 0.035), (0.005, -0.002, 0.012)


def test_the_most_diverse_is_chosen_of_those_whose_vote_is_as_good_as_the_best():
    best = state(0.2, 100, 0.01)
    rows = table(best, state(0.5, 50, 0.09, behind=WORSE), state(0.5, 100, 0.04, behind=EQUAL))
    assert choose(rows) == ("share 0.5", 100)


def test_a_vote_that_is_clearly_worse_is_never_chosen_however_diverse():
    assert choose(table(state(0.2, 100, 0.01), state(0.9, 100, 0.5, behind=WORSE))) == ("share 0.2", 100)


def test_where_the_overlap_cannot_be_told_apart_the_better_vote_decides():
    rows = table(state(0.5, 100, 0.405, vote=0.968, behind=EQUAL), state(0.8, 100, 0.4, vote=0.97))
    assert choose(rows) == ("share 0.8", 100)


def test_of_equals_the_first_is_chosen():
    rows = table(state(0.5, 50, 0.04), state(0.5, 100, 0.04), state(0.2, 100, 0.04))
    assert choose(rows) == ("share 0.5", 50)


def test_where_no_network_errs_the_vote_alone_decides():
    rows = table(state(0.2, 50, NAN, vote=0.99), state(0.5, 50, NAN, vote=1.0))
    assert choose(rows) == ("share 0.5", 50)


def test_states_stay_in_the_order_of_the_table():
    states = by_state(table(state(0.9, 100, 0.1), state(0.2, 50, 0.1), state(0.2, 10, 0.1)))
    assert list(states.index) == [("share 0.9", 0.9, 100), ("share 0.2", 0.2, 50), ("share 0.2", 0.2, 10)]
    assert attacks_of(states) == ["fgsm", "pgd:steps=5"]
    assert states["vote_low"].tolist() == pytest.approx([0.955] * 3)


def study_of(folder, rows):
    folder.mkdir()
    rows.to_csv(folder / "tradeoff.csv", index=False)
    record = {"format": 1, "study": "tradeoff", "status": "done", "data": {"name": "mnist-5k"}}
    (folder / "run.json").write_text(json.dumps(record))
    return load_study(folder, STUDIES)


def test_claims_compare_the_ends_of_the_least_and_the_greatest_share(tmp_path):
    rows = table(
        state(0.9, 50, 0.5, accuracy=0.5, transfer=0.1),
        state(0.9, 100, 0.2, accuracy=0.90, transfer=0.7),
        state(0.1, 100, 0.1, accuracy=0.95, transfer=0.69),
        state(0.5, 100, 0.01, transfer=0.99),
    )
    found = {claim.claim: claim for claim in claims(study_of(tmp_path / "study", rows))}
    verdicts = {name: claim.verdict for name, claim in found.items()}
    assert verdicts["Networks made from more noise share fewer of their errors"] == "holds"
    assert verdicts["A larger noise share costs the accuracy of one network"] == "holds"
    assert verdicts["fgsm carries less far at a larger noise share"] == "undecided"
    text = found["A larger noise share costs the accuracy of one network"].ours
    assert "95.00% at share 0.1, 90.00% at share 0.9: \u22125.00 points" in text


def test_the_opposite_is_said_too(tmp_path):
    rows = table(state(0.1, 100, 0.2), state(0.9, 100, 0.1, accuracy=0.99, transfer=0.9))
    verdicts = [claim.verdict for claim in claims(study_of(tmp_path / "study", rows))]
    assert verdicts[:4] == ["does not hold"] * 4


def test_where_no_share_differs_nothing_is_claimed_of_shares(tmp_path):
    assert claims(study_of(tmp_path / "one", table(state(0.5, 50, 0.1), state(0.5, 100, 0.05)))) == []
    other = [row | {"name": "another seed"} for row in state(0.5, 50, 0.05)]
    assert claims(study_of(tmp_path / "two", table(state(0.5, 50, 0.1), other))) == []


def test_the_page_shows_every_state_and_the_choice_with_its_rule(tmp_path):
    rows = table(
        state(0.2, 50, 0.09, behind=WORSE), state(0.2, 100, 0.01), state(0.8, 100, 0.08, behind=EQUAL)
    )
    folder = tmp_path / "study"
    study_of(folder, rows)
    write_report(folder)
    page = (folder / "report.md").read_text(encoding="utf-8")
    assert "Chosen: share 0.8 at step 100" in page
    assert "can't be told from the best vote" in page
    for name in ("share 0.2, step 50", "share 0.2, step 100", "share 0.8, step 100"):
        assert f"| {name}" in page
    assert (folder / "figures" / "tradeoff.png").exists()


def test_a_state_that_no_attack_fooled_is_drawn_too():
    states = by_state(table(state(0.2, 50, 0.09, transfer=NAN), state(0.2, 100, 0.01)))
    figure = draw_tradeoff(states, ("share 0.2", 100))
    marks = figure.axes[0].collections
    assert sum(len(each.get_offsets()) for each in marks if each.get_array() is not None) == 2
