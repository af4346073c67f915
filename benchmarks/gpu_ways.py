"""The ensemble forward on a GPU: ours, and what a user would do instead, on the same networks and images.

For ``gpu.py``, which finds the modules of ``speed`` for it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import pandas as pd
import timing
import torch
from torch import Tensor
from torch.nn import functional

from robust_hypergan.engine.cascade import Account
from robust_hypergan.engine.ensemble import ensemble_forward, flop_of
from robust_hypergan.engine.replay import Replayed
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import Networks
from robust_hypergan.models.parameters import Params, networks_of


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Least time of a piece of work, after one to warm up, to the moment when the GPU has finished."""

    def finished() -> None:
        work()
        torch.cuda.synchronize()

    return timing.seconds(finished, repeats)


def hand_batched(params: Params, images: Tensor) -> Tensor:
    """Logits of the MNIST classifier with the patches of every convolution laid out for one product."""
    networks = len(params["linear.bias"])
    patches = functional.unfold((images - 0.1307) / 0.3081, 5).transpose(1, 2)  # [N, 576, 25]
    weight = params["conv1.weight"].flatten(0, 1).flatten(1)  # [M * 32, 25]
    hidden = (patches @ weight.T + params["conv1.bias"].flatten()).transpose(1, 2).unflatten(2, (24, 24))
    hidden = functional.relu(functional.max_pool2d(hidden, 2)).unflatten(1, (networks, 32)).transpose(0, 1)
    patches = functional.unfold(hidden.flatten(0, 1), 5).unflatten(0, hidden.shape[:2])  # [M, N, 800, 64]
    hidden = params["conv2.weight"].flatten(2)[:, None] @ patches + params["conv2.bias"][:, None, :, None]
    hidden = functional.relu(functional.max_pool2d(hidden.flatten(0, 1).unflatten(2, (8, 8)), 2))
    features = hidden.flatten(1).unflatten(0, (networks, -1))
    return torch.baddbmm(params["linear.bias"][:, None], features, params["linear.weight"].mT)


def graphed_loop(hypergan: HyperGAN, images: Tensor) -> Callable[[Params], Tensor]:
    """The plain loop with each network's kernels recorded as a CUDA graph."""
    module, names = (
        copy.deepcopy(hypergan.classifier),
        [name for name, _ in hypergan.classifier.named_parameters()],
    )

    def one(*values: Tensor) -> Tensor:
        logits: Tensor = torch.func.functional_call(module, dict(zip(names, values, strict=True)), (images,))
        return logits

    replayed = Replayed(one)
    return lambda params: torch.stack(
        [replayed(*(own[name] for name in names)).clone() for own in networks_of(params)]
    )


@torch.no_grad()
def forward_table(hypergan: HyperGAN, images: Tensor, networks: int) -> pd.DataFrame:
    """Every way on the same networks and images, sampling of the networks included."""
    tera = networks * len(images) * flop_of(hypergan.classifier, images) / 1e12
    addresses = Networks(0, "fresh", range(networks))
    accounts: dict[str, Account] = {}

    def engine(name: str, backend: str, precision: str) -> Tensor:
        accounts[name] = Account()
        blocks = ensemble_forward(
            hypergan, addresses, images, backend=backend, precision=precision, account=accounts[name]
        )
        return torch.cat([logits.argmax(2).to(torch.uint8) for _, logits in blocks])

    def by_blocks(run: Callable[[Params], Tensor]) -> Tensor:
        blocks = (hypergan.sample(block) for block in addresses.blocks(16))
        return torch.cat([run(params).argmax(2).to(torch.uint8) for params in blocks])

    ways: dict[str, Callable[[], Tensor]] = {
        "loop": partial(engine, "loop", "loop", "float32"),
        "loop, a CUDA graph for each network": partial(by_blocks, graphed_loop(hypergan, images)),
        "vmap (grouped convolutions)": partial(engine, "vmap", "vmap", "float32"),
        "patches and batched products": partial(
            by_blocks,
            lambda params: torch.cat([hand_batched(params, chunk) for chunk in images.split(500)], 1),
        ),
        "compiled-loop": partial(engine, "compiled", "compiled-loop", "float32"),
        "fused": partial(engine, "fused", "fused", "float32"),
        "cascade, loop": partial(engine, "cascade, loop", "loop", "cascade"),
        "cascade, compiled-loop": partial(engine, "cascade, compiled", "compiled-loop", "cascade"),
        "cascade, fused (the default)": partial(engine, "cascade", "fused", "cascade"),
    }
    reference, rows = None, []
    for name, work in ways.items():
        found = work()
        reference = found if reference is None else reference
        spent = seconds(work)
        differing = int((found != reference).sum())
        rows.append(
            {"forward": name, "seconds": spent, "TFLOP/s": tera / spent, "other predictions": differing}
        )
    table = pd.DataFrame(rows).set_index("forward")
    table.insert(2, "x loop", table["seconds"]["loop"] / table["seconds"])
    own = accounts["cascade"]
    table.attrs["note"] = (
        f"{networks} networks, {len(images):,} images, {networks * len(images):,} pairs; new networks are"
        f" made on the way. Cascade: tau {own.tau:.3f}, {own.record()['repeated_share']:.2%} repeated,"
        f" {own.audited:,} audited, {own.disagreeing} disagree."
    )
    return table
