"""A recorded function, as far as a CPU can tell: it is called as it is."""

import torch

from robust_hypergan.engine.replay import Replayed


def test_on_a_cpu_it_is_the_function():
    replayed = Replayed(lambda one, /, **named: one + 2 * named["a.weight"])
    assert torch.equal(replayed(torch.ones(3), **{"a.weight": torch.arange(3)}), torch.tensor([1.0, 3, 5]))
    assert not replayed.recordings
