"""Drawing until sure: the rounds, why they end, and the same tables as one round of as many networks."""

from dataclasses import replace

import pandas as pd
import pytest
import torch

from robust_hypergan.models.deep_ensemble import DeepEnsemble
from robust_hypergan.reports import crossed_mean_interval, unlimited_columns_interval
from robust_hypergan.transferability.cells import Cell
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.fold import CellFold
from robust_hypergan.transferability.measurement import transfer
from robust_hypergan.transferability.stopping import round_ends, stop_reason
from tests.conftest import TinyClassifier

CONFIG = TransferConfig(("fgsm", "pgd:steps=3"), (0.1, 0.3), networks=5, examples=80, max_networks=80)


def test_each_round_doubles_what_there_is() -> None:
    assert list(round_ends(5, 80)) == [5, 10, 20, 40, 80]
    assert list(round_ends(5, 70)) == [5, 10, 20, 40, 70]
    assert list(round_ends(5, 5)) == [5]


def folded(fooled):
    """A cell of R examples that fooled the source, after C networks of known outcomes ``[R, C]``."""
    labels = torch.zeros(len(fooled), dtype=torch.int64)
    cell = Cell("fgsm", "linf", 0.1, source_labels=torch.ones_like(labels))
    fold = CellFold(cell, labels, 2)
    for column in fooled.T:
        fold.add(torch.nn.functional.one_hot(column.long(), 2).double(), column)
    return fold


def outcomes(rows, columns, chances):
    random = torch.Generator().manual_seed(0)
    return torch.rand((rows, columns), generator=random) < chances


def test_a_cell_knows_the_margins_of_its_outcomes() -> None:
    fooled = outcomes(30, 7, 0.4)
    examples, networks = folded(fooled).fooled_fractions
    assert examples == pytest.approx(fooled.double().mean(1))
    assert networks == pytest.approx(fooled.double().mean(0))


def test_narrow_intervals_end_it() -> None:
    fold = folded(outcomes(300, 100, 0.5))
    assert stop_reason([fold], 0.1, 100, 1000) == "every 95% interval is narrower than 0.1 with 100 networks"


def test_it_goes_on_while_more_networks_can_help_and_ends_at_the_most() -> None:
    fold = folded(outcomes(300, 10, torch.linspace(0.2, 0.8, 10)))  # networks that differ
    assert stop_reason([fold], 0.1, 10, 20) == ""
    reason = stop_reason([fold], 0.1, 10, 10)
    assert reason == "1 of 1 intervals is not narrower than 0.1 with 10 networks, the most there may be"


def test_it_ends_where_the_examples_alone_leave_too_much_and_says_how_many_are_needed() -> None:
    fold = folded(outcomes(20, 50, torch.linspace(0, 1, 20)[:, None]))  # examples that differ
    low, high = unlimited_columns_interval(*fold.fooled_fractions)
    assert high - low > 0.2
    reason = stop_reason([fold, folded(outcomes(300, 100, 0.5))], 0.1, 50, 1000)
    assert "1 of 2 intervals is not narrower than 0.1 with 50 networks" in reason
    needed = int(reason.rsplit("about ", 1)[1].split()[0])
    assert needed == pytest.approx(20 * ((high - low) / 0.1) ** 2, abs=1)


def test_the_limit_is_what_the_interval_shrinks_to() -> None:
    chances = torch.linspace(0.1, 0.9, 25)[:, None]
    few, many = (folded(outcomes(25, columns, chances)).fooled_fractions for columns in (20, 400))
    limit, crossed = unlimited_columns_interval(*few), crossed_mean_interval(*many)
    assert limit[1] - limit[0] == pytest.approx(crossed[1] - crossed[0], rel=0.15)


def test_a_cell_that_fooled_nobody_has_no_say() -> None:
    fold = folded(outcomes(20, 5, 0.5))
    fold.source_fooled[:] = False
    assert stop_reason([fold], 0.1, 5, 10).startswith("every")


def test_networks_that_were_drawn_in_rounds_fill_the_same_tables(trained, test_set) -> None:
    result = transfer(trained, test_set, replace(CONFIG, until_ci_width=0.02))
    assert result.stopped
    assert result.drawn == tuple(round_ends(5, 80))[: len(result.drawn)]
    at_once = transfer(trained, test_set, replace(CONFIG, networks=result.drawn[-1]))
    assert (at_once.drawn, at_once.stopped) == ((result.drawn[-1],), "")
    pd.testing.assert_frame_equal(result.examples, at_once.examples, check_exact=True)
    pd.testing.assert_frame_equal(result.networks, at_once.networks, check_exact=True)


def test_a_narrow_interval_is_confirmed_by_one_more_round(trained, test_set) -> None:
    result = transfer(trained, test_set, replace(CONFIG, until_ci_width=1.0))
    assert result.drawn == (5, 10)
    once = transfer(trained, test_set, replace(CONFIG, until_ci_width=1.0, max_networks=5))
    assert once.drawn == (5,)
    assert once.stopped == "every 95% interval is narrower than 1 with 5 networks"


def test_a_deep_ensemble_ends_with_its_members(test_set) -> None:
    members = []
    for seed in range(8):
        torch.manual_seed(seed)
        members.append(TinyClassifier().state_dict())
    ensemble = DeepEnsemble(TinyClassifier(), members, attacked=1)
    config = TransferConfig(("noise",), (0.3,), networks=3, examples=80, until_ci_width=0.01)
    result = transfer(ensemble, test_set, config)
    assert result.drawn[-1] <= 7
    assert result.stopped


def test_of_cells_that_no_network_can_help_the_widest_says_how_many_examples_are_needed() -> None:
    cells = [folded(outcomes(rows, 50, torch.linspace(0, 1, rows)[:, None])) for rows in (40, 20)]
    assert "the 20 examples of fgsm at eps 0.1" in stop_reason(cells, 0.1, 50, 1000)
