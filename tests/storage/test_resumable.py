"""States of long computations: each kind of part comes back exactly; nothing that changes is forgotten."""

import contextlib
import copy
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from robust_hypergan.base.errors import InputError
from robust_hypergan.engine.cascade import Account
from robust_hypergan.engine.ensemble import EnsembleForward
from robust_hypergan.evidence.sources import AcrossSources, SourceCell
from robust_hypergan.storage.resumable import Saved
from robust_hypergan.training.config import TrainConfig
from robust_hypergan.training.trainer import Trainer
from robust_hypergan.transferability.config import TransferConfig
from robust_hypergan.transferability.fold import Fold
from robust_hypergan.transferability.measurement import transfer
from tests.zoo import SharedWeights

CONFIG = TransferConfig(("fgsm", "pgd:steps=3"), (0.1, 0.3), networks=40, examples=80)


class Thing:
    """One part of every kind."""

    STATE = ("tensor", "count", "share", "hits", "rows", "random", "seeded", "network", "adam")
    STATE += ("cosine", "parts")

    def __init__(self):
        self.tensor, self.count, self.share = torch.zeros(3, dtype=torch.float64), 0, 0.0
        self.hits, self.rows = [], []
        self.random, self.seeded = np.random.default_rng(1), torch.Generator().manual_seed(1)
        self.network = SharedWeights()
        self.adam = torch.optim.Adam(self.network.parameters(), 0.1)
        self.cosine = torch.optim.lr_scheduler.CosineAnnealingLR(self.adam, 10)
        self.parts = [{"a": torch.zeros(2)}]

    def step(self):
        self.tensor += torch.from_numpy(self.random.random(3))
        self.count, self.share = self.count + 1, self.share + 1 / 3
        self.hits.append(self.count)
        self.rows.append([0.1 * self.count, 1e-300])
        self.parts[0]["a"] += 1
        images = torch.rand(4, 1, 8, 8, generator=self.seeded)
        self.adam.zero_grad()
        nn.functional.cross_entropy(self.network(images), torch.zeros(4, dtype=torch.int64)).backward()
        self.adam.step()
        self.cosine.step()

    def values(self):
        weights = [value.tolist() for value in self.network.state_dict().values()]
        return (
            self.tensor.tolist(),
            self.count,
            self.share,
            self.hits,
            self.rows,
            weights,
            self.cosine.get_last_lr(),
        )


def thing():
    torch.manual_seed(0)
    return Thing()


def test_every_kind_of_part_goes_on_as_if_it_had_never_stopped(tmp_path):
    saved, whole = Saved(tmp_path / "progress" / "state", "thing", {}, seconds=0), thing()
    for step in range(6):
        whole.step()
        if step == 3:
            saved.save({"thing": whole}, fact="remembered")
    again = thing()
    assert saved.load({"thing": again}) == {"fact": "remembered"}
    again.step()
    again.step()
    assert again.values() == whole.values()
    saved.forget()
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_due_before_its_time_or_without_a_path(tmp_path):
    assert Saved(tmp_path / "a", "thing", {}, seconds=0).due
    assert not Saved(tmp_path / "a", "thing", {}).due
    nowhere = Saved(None, "thing", {}, seconds=0)
    assert not nowhere.due
    nowhere.save({})
    assert nowhere.load({}) is None


def test_the_state_of_another_computation_and_a_damaged_one_are_refused(tmp_path):
    things = {"tensor": torch.zeros(3)}
    Saved(tmp_path / "a", "thing", {"seed": 1}).save(things)
    with pytest.raises(InputError, match="state of another thing: choose another --out, or delete it"):
        Saved(tmp_path / "a", "thing", {"seed": 2}).load(things)
    with pytest.raises(InputError, match="is damaged"):
        Saved(tmp_path / "a", "thing", {"seed": 1}).load({"tensor": torch.zeros(1)})
    with pytest.raises(InputError, match="is damaged"):
        Saved(tmp_path / "a", "thing", {"seed": 1}).load({"other": torch.zeros(3)})
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:-2])
    with pytest.raises(InputError, match="is damaged"):
        Saved(tmp_path / "a", "thing", {"seed": 1}).load(things)


def flat(thing, name=""):
    """Every attribute below a thing of ours, by its dotted name."""
    if isinstance(thing, torch.Tensor):
        yield name, thing.tolist()
    elif isinstance(thing, np.random.Generator):
        yield name, str(thing.bit_generator.state)
    elif isinstance(thing, (list, tuple)):
        for index, each in enumerate(thing):
            yield from flat(each, f"{name}.{index}")
        yield f"{name}.length", len(thing)
    elif type(thing).__module__.startswith("robust_hypergan") and not isinstance(thing, nn.Module):
        for key, each in vars(thing).items():
            yield from flat(each, f"{name}.{key}")
    elif isinstance(thing, (int, float, str)):
        yield name, thing


@pytest.fixture
def attacked(trained, test_set):
    return transfer(trained, test_set, CONFIG)


def test_no_attribute_that_a_network_changes_is_forgotten(attacked, test_set, tmp_path):
    """All of a fold's own attributes are compared, whether its classes name them or not."""
    images = test_set.images[attacked.chosen] / 255
    labels = test_set.labels[attacked.chosen]
    correct = torch.isin(torch.tensor(attacked.chosen), torch.tensor(attacked.indices))

    def empty():
        source = [
            SourceCell(0, cell, attacked.labels, torch.tensor(attacked.indices)) for cell in attacked.cells
        ]
        return Fold(attacked.cells, images, labels, correct, 3, 0), AcrossSources(source[:1], 3)

    fold, across = empty()
    before = dict(flat([fold, across]))
    for own in torch.randn(130, len(fold.images), 3, generator=torch.Generator().manual_seed(0)):
        fold.add(own)
        across.add([own[: len(attacked.indices)]])
    after = dict(flat([fold, across]))
    assert sum(before.get(name) != value for name, value in after.items()) > 20
    saved = Saved(tmp_path / "state", "fold", {})
    saved.save({"fold": fold, "across": across})
    again = empty()
    saved.load({"fold": again[0], "across": again[1]})
    assert dict(flat(list(again))) == after


def stop_after(blocks, monkeypatch):
    """The ensemble forward breaks off after so many blocks of networks."""
    real, computed = EnsembleForward.block, []

    def block(self, number):
        if len(computed) == blocks:
            raise KeyboardInterrupt
        computed.append(number)
        return real(self, number)

    monkeypatch.setattr(EnsembleForward, "block", block)


@pytest.mark.parametrize("precision", ["float32", "cascade"])
@pytest.mark.parametrize("blocks", [0, 1, 2])
def test_an_interrupted_fold_goes_on_where_it_was(
    blocks, precision, trained, test_set, tmp_path, monkeypatch
):
    config = replace(CONFIG, precision=precision)
    whole = transfer(trained, test_set, config)
    monkeypatch.setattr("robust_hypergan.storage.resumable.CHECKPOINT_SECONDS", 0)
    with monkeypatch.context() as patch:
        stop_after(blocks, patch)
        with pytest.raises(KeyboardInterrupt):
            transfer(trained, test_set, config, folder=tmp_path / "progress")
    drawn, real = [], EnsembleForward.block

    def block(self, number):
        drawn.extend(self.blocks[number].indices)
        return real(self, number)

    monkeypatch.setattr(EnsembleForward, "block", block)
    monkeypatch.setattr(
        "robust_hypergan.transferability.crafting.craft_audited", None
    )  # no cell is crafted again
    again = transfer(trained, test_set, config, folder=tmp_path / "progress")
    assert drawn == list(range(16 * blocks, 40))
    pd.testing.assert_frame_equal(again.examples, whole.examples, check_exact=True)
    pd.testing.assert_frame_equal(again.networks, whole.networks, check_exact=True)
    assert again.forward == whole.forward
    assert dict(flat(again.fold.voting)) == dict(flat(whole.fold.voting))
    done = transfer(trained, test_set, config, folder=tmp_path / "progress")  # nothing is left to draw
    assert drawn == list(range(16 * blocks, 40))
    pd.testing.assert_frame_equal(done.examples, whole.examples, check_exact=True)


@pytest.mark.parametrize("blocks", range(6))
def test_an_interrupted_search_for_enough_networks_ends_after_the_same_rounds(
    blocks, trained, test_set, tmp_path, monkeypatch
):
    config = replace(CONFIG, networks=12, until_ci_width=0.02, max_networks=60)
    whole = transfer(trained, test_set, config)
    monkeypatch.setattr("robust_hypergan.storage.resumable.CHECKPOINT_SECONDS", 0)
    with monkeypatch.context() as patch:
        stop_after(blocks, patch)
        with contextlib.suppress(KeyboardInterrupt):
            transfer(trained, test_set, config, folder=tmp_path / "progress")
    again = transfer(trained, test_set, config, folder=tmp_path / "progress")
    assert (again.drawn, again.stopped) == (whole.drawn, whole.stopped)
    pd.testing.assert_frame_equal(again.examples, whole.examples, check_exact=True)


@pytest.mark.parametrize("batches", range(5))
def test_an_interrupted_cell_is_crafted_on_from_its_last_batch(
    batches, trained, test_set, tmp_path, monkeypatch
):
    from robust_hypergan.transferability.crafting import craft_audited

    config = replace(CONFIG, attacks=("noise", "pgd:steps=2"), eps=(0.2,), networks=3)
    monkeypatch.setattr("robust_hypergan.transferability.crafting.CRAFT_BATCH", 30)
    monkeypatch.setattr("robust_hypergan.storage.resumable.CHECKPOINT_SECONDS", 0)
    whole = transfer(trained, test_set, config)
    made = []

    def craft(*arguments, **options):
        if len(made) == batches:
            raise KeyboardInterrupt
        made.append(1)
        return craft_audited(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr("robust_hypergan.transferability.crafting.craft_audited", craft)
        with pytest.raises(KeyboardInterrupt):
            transfer(trained, test_set, config, folder=tmp_path / "progress")
    again = transfer(trained, test_set, config, folder=tmp_path / "progress")
    for first, second in zip(whole.cells, again.cells, strict=True):
        assert torch.equal(first.adversarials, second.adversarials)
        assert first.audit == second.audit


def test_a_cell_that_failed_beside_one_that_worked_is_not_tried_again(trained, test_set, tmp_path):
    broken, calls = tmp_path / "mine.py", tmp_path / "calls"
    broken.write_text(
        f"def broken(*_, eps, norm, generator, targets=None):\n    __import__('os').mkdir({str(calls)!r})\n"
        "    raise ValueError('no idea')\n"
    )
    config = replace(CONFIG, attacks=(f"{broken}:broken", "fgsm"), eps=(0.2,), networks=3)
    first = transfer(trained, test_set, config, folder=tmp_path / "progress")
    assert "ValueError: no" in first.cells[0].error
    again = transfer(trained, test_set, config, folder=tmp_path / "progress")
    assert again.cells[0].error == first.cells[0].error  # a second call could not make the folder


def test_a_transfer_of_other_networks_does_not_take_the_state_up(trained, untrained, test_set, tmp_path):
    transfer(trained, test_set, CONFIG, folder=tmp_path / "progress")
    with pytest.raises(InputError, match="state of another"):
        transfer(untrained, test_set, CONFIG, folder=tmp_path / "progress")


def test_an_attack_that_was_edited_meanwhile_does_not_take_its_state_up(
    trained, test_set, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code = "def mine(model, inputs, labels, **_): return (inputs + {}).clamp(0, 1)\n"
    (tmp_path / "mine.py").write_text(code.format(0.01))
    config = TransferConfig(("./mine.py:mine",), (0.2,), networks=3, examples=20)
    transfer(trained, test_set, config, folder=tmp_path / "progress")
    (tmp_path / "mine.py").write_text(code.format(0.2))
    with pytest.raises(InputError, match="state of another cell"):
        transfer(trained, test_set, config, folder=tmp_path / "progress")


def test_the_account_of_the_cascade_is_part_of_the_state():
    changed = set(vars(Account())) - {"backend", "precision"}  # written anew by every forward
    assert set(Account.STATE) == changed


def test_a_trainer_holds_all_that_the_next_step_depends_on(untrained, training_set, tmp_path):
    config = TrainConfig(steps=30, networks=3, batch=16, warmup=5, codes=32, pretraining=5)
    first, second = (Trainer(copy.deepcopy(untrained), training_set, config) for _ in range(2))
    for _ in range(5):
        first.advance()
    saved = Saved(tmp_path / "state", "training", {})
    saved.save({"trainer": first})
    saved.load({"trainer": second})
    assert first.advance() == second.advance()
    assert first.advance() == second.advance()
