"""The ensemble forward: every backend, and the layers alone, on the same networks and images."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import pandas as pd
import torch
from timing import seconds
from torch import nn

from robust_hypergan.attacks import fgsm
from robust_hypergan.base.layout import IMAGE_CHUNK, channels_last
from robust_hypergan.data.datasets import load_dataset, to_unit
from robust_hypergan.engine.backends import BACKENDS
from robust_hypergan.engine.cascade import Account, Cascade
from robust_hypergan.engine.ensemble import WEIGHTED, ensemble_logits, flop_of
from robust_hypergan.engine.half import can_halve, halved
from robust_hypergan.engine.loops import HALF_CHUNK
from robust_hypergan.models.hypergan import HyperGAN
from robust_hypergan.models.networks import Networks, materialise


def forward_table(hypergan: HyperGAN, networks: int, images: int) -> pd.DataFrame:
    """Every backend on the same networks and images, clean ones and adversarial ones."""
    params = hypergan.sample(Networks(0, "fresh", range(networks)))
    dataset = load_dataset("mnist-5k", "test")
    clean, labels = to_unit(dataset.images[: images // 4]), dataset.labels[: images // 4]
    source = materialise(hypergan, Networks(0, "source", [0]))
    batch = torch.cat([clean, *(fgsm(source, clean, labels, eps=eps) for eps in (0.1, 0.2, 0.3))])
    square = torch.rand(2048, 2048)
    gflop = networks * images * flop_of(hypergan.classifier, batch) / 1e9
    account = Account()
    ways: dict[str, Callable[[], torch.Tensor]] = {
        name: partial(ensemble_logits, hypergan.classifier, params, batch, backend=name)
        for name in ("loop", "vmap", "chunked-loop", "compiled-loop")
    }
    if can_halve(hypergan.classifier, batch):
        for backend in ("chunked-loop", "compiled-loop"):
            cascade = Cascade(hypergan.classifier, batch, backend)
            run = partial(cascade, number=0, account=account)
            ways[f"cascade, {backend}"] = partial(_without_gradient, run, params)
    rows, reference = [], torch.empty(0)
    for name, work in ways.items():
        if name == "compiled-loop":  # compiled once for a run of any length
            own = BACKENDS["compiled-loop"](hypergan.classifier, batch)
            work = partial(_without_gradient, own, params)
        predicted = work().argmax(2)
        reference = predicted if name == "loop" else reference
        agreement = (predicted == reference).double().mean().item()
        rate = gflop / seconds(work, 2, warm=True)
        rows.append({"forward": name, "GFLOP/s": rate, "same predictions": agreement})
    gemm, gemm_half = (
        2 * 2048**3 / seconds(partial(torch.matmul, each, each)) / 1e9 for each in (square, square.bfloat16())
    )
    for half in (False, True) if can_halve(hypergan.classifier, batch) else (False,):
        name = f"its layers alone, {'bfloat16' if half else 'float32'}"
        rows.append({"forward": name, "GFLOP/s": layers_alone(hypergan.classifier, clean, half)})
    table = pd.DataFrame(rows).set_index("forward")
    rates = table["GFLOP/s"]
    for name in ("vmap", "loop"):
        table[f"x {name}"] = rates / rates[name]
    table["x GEMM"] = rates / gemm
    table.attrs["note"] = (
        f"{networks} networks, {images} images; a float32 product of 2048 x 2048 matrices makes {gemm:.0f}"
        f" GFLOP/s in the same run, one in bfloat16 {gemm_half:.0f}. Cascade: tau {account.tau:.2f}, "
        f"{account.repeated / max(1, account.pairs):.1%} repeated, {account.audited:,} audited, "
        f"{account.disagreeing} disagree."
    )
    return table


@torch.no_grad()
def layers_alone(classifier: nn.Module, images: torch.Tensor, half: bool) -> float:
    """GFLOP/s of the layers with weights, each over and over on the same chunk: a ceiling of the forward."""
    module = halved(classifier)[0] if half else copy.deepcopy(classifier)
    chunk = channels_last(images[: HALF_CHUNK if half else IMAGE_CHUNK])
    given: dict[nn.Module, torch.Tensor] = {}
    layers = [each for each in module.modules() if isinstance(each, WEIGHTED)]
    for each in layers:
        each.to(memory_format=torch.channels_last)
        each.register_forward_pre_hook(lambda layer, inputs: given.update({layer: inputs[0]}))
    module(chunk.bfloat16() if half else chunk)

    def repeated(layer: nn.Module) -> None:
        for _ in range(50):
            layer.forward(given[layer])

    spent = sum(seconds(partial(repeated, each)) for each in layers) / 50
    return flop_of(classifier, images) * len(chunk) / spent / 1e9


@torch.no_grad()
def _without_gradient(
    run: Callable[[dict[str, torch.Tensor]], torch.Tensor], params: dict[str, torch.Tensor]
) -> torch.Tensor:
    return run(params)
