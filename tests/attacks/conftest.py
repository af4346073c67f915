"""A linear classifier, on which the strongest attack is known in closed form."""

import pytest
import torch
from torch import Tensor, nn


class LinearClassifier(nn.Module):
    """Two classes on 1x4x4 images: logits (s, -s) with s = w.x + b."""

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(torch.randn(16, generator=random) / 4)
        self.bias = nn.Parameter(-self.weight.detach().sum() / 2)  # both classes around grey

    def score(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.weight + self.bias

    def forward(self, images: Tensor) -> Tensor:
        score = self.score(images)
        return torch.stack([score, -score], 1)


@pytest.fixture
def linear() -> LinearClassifier:
    return LinearClassifier().eval()


@pytest.fixture
def inputs() -> Tensor:
    """Images away from 0 and 1, so that small balls never touch the range."""
    return 0.35 + 0.3 * torch.rand(40, 1, 4, 4, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def labels(linear: LinearClassifier, inputs: Tensor) -> Tensor:
    with torch.no_grad():
        return linear(inputs).argmax(1)


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(2)
