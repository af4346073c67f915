"""A wide linear layer is a linear layer in pieces, whose gradient keeps its memory."""

import copy

import pytest
import torch
from torch import nn

from robust_hypergan.models import wide_linear
from robust_hypergan.models.wide_linear import WideLinear


@pytest.fixture(autouse=True, params=[7, 40, 2048])
def piece(request, monkeypatch):
    """Outputs of a piece: the last one shorter, all of them just, and more than there are."""
    monkeypatch.setattr(wide_linear, "PIECE", request.param)


@pytest.fixture
def pair():
    """A wide layer and an ordinary one with the same parameters."""
    torch.manual_seed(0)
    ordinary = nn.Linear(6, 40)
    wide = WideLinear(6, 40)
    wide.load_state_dict(ordinary.state_dict())
    return wide, ordinary


def backward(layer, inputs):
    own = inputs.clone().requires_grad_()
    layer(own).sin().sum().backward()
    return own.grad


@pytest.mark.parametrize("shape", [(3, 6), (2, 5, 6)])
def test_its_gradients_are_those_of_a_linear_layer_and_accumulate(pair, shape):
    inputs = torch.randn(shape)
    for _ in range(2):
        gradients = [backward(layer, inputs) for layer in pair]
        torch.testing.assert_close(*gradients)
        for name in ("weight", "bias"):
            torch.testing.assert_close(*(layer.get_parameter(name).grad for layer in pair))


def test_the_memory_is_kept_over_zero_grad_and_holds_the_new_gradient(pair):
    wide, ordinary = pair
    backward(wide, torch.randn(3, 6))
    place = wide.weight.grad.data_ptr()
    wide.zero_grad()
    assert wide.weight.grad is None
    inputs = torch.randn(4, 6)
    backward(wide, inputs)
    backward(ordinary, inputs)
    assert wide.weight.grad.data_ptr() == place
    torch.testing.assert_close(wide.weight.grad, ordinary.weight.grad)


def test_nothing_is_kept_where_no_gradient_is_asked_for(pair):
    wide, ordinary = copy.deepcopy(pair)
    inputs = torch.randn(3, 6)
    with torch.no_grad():
        torch.testing.assert_close(wide(inputs), ordinary(inputs))
    wide.requires_grad_(False)
    assert backward(wide, inputs) is not None
    assert wide.weight.grad is None
    assert "_kept" not in vars(wide)


def test_a_graph_through_a_frozen_layer_reaches_its_inputs(pair):
    wide, ordinary = pair
    inputs = torch.randn(3, 6)
    for layer in pair:
        layer.requires_grad_(False)
    torch.testing.assert_close(backward(wide, inputs), backward(ordinary, inputs))


def test_nothing_of_it_hangs_on_the_number_of_threads(set_threads):
    torch.manual_seed(0)
    inputs, found = torch.randn(8, 100), []
    for threads in (1, 2, 3):
        set_threads(threads)
        torch.manual_seed(1)
        layer = WideLinear(100, 30_000)
        with torch.no_grad():
            outputs = layer(inputs)
        found.append((outputs, layer(inputs), backward(layer, inputs), layer.weight.grad))
    for other in found[1:]:
        assert all(torch.equal(own, its) for own, its in zip(other, found[0], strict=True))
