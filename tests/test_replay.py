"""A recorded function, as far as a CPU can tell: it is called as it is."""

import torch

from robust_hypergan.replay import Replayed


def test_on_a_cpu_it_is_the_function():
    replayed = Replayed(lambda one, other: one + 2 * other)
    assert torch.equal(replayed(torch.ones(3), torch.arange(3)), torch.tensor([1.0, 3.0, 5.0]))
    assert not replayed.recordings
