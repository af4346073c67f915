"""A classifier of the user's own that trains in no time."""

import torch
from torch import Tensor, nn


class Small(nn.Module):
    """A pooled image, one convolution, a dropout and a linear layer."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv, self.dropout = nn.Conv2d(1, 8, 3), nn.Dropout(0.1)
        self.linear = nn.Linear(8 * 25, classes)

    def forward(self, images: Tensor) -> Tensor:
        hidden = nn.functional.avg_pool2d(images - 0.1, 4)  # 28 x 28 to 7 x 7
        return self.linear(self.dropout(torch.relu(self.conv(hidden)).flatten(1)))
