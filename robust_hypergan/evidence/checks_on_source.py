"""Checks that craft against the one frozen source network: is the white-box attack as strong as it can be?"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from robust_hypergan.attacks import BUILT_IN, attack_options, find_attack, pgd
from robust_hypergan.base.errors import InputError
from robust_hypergan.evidence.check_rules import Finding, finding, paired_change, surely_more
from robust_hypergan.evidence.checks_from_tables import success_by_eps
from robust_hypergan.evidence.probe import Probe, access, cell_name, is_single_step
from robust_hypergan.reports import wilson_interval
from robust_hypergan.transferability.cells import Cell

WHOLE_LINF = 0.5
"""With L-inf 0.5 every image can be made grey: nothing can be better than chance."""

ALL = 0.99
"""Share that counts as all."""

STILL_GAINING = 0.1
"""Share of the whole gain in the last fifth of the steps from which an attack counts as unfinished."""

FEWEST = 10
"""Fooled examples below which two attacks are not compared."""


def frozen_draw_falls(probe: Probe) -> Finding:
    """3: the run's strongest attack at its largest eps; if it is not enough, whether eps or the attack is."""
    labels, cells = probe.measured.result.labels, _white_box(probe.run_cells)
    largest = max(cell.eps for cell in (cells or probe.run_cells))
    own = probe.craft("pgd", {"steps": 2 * probe.effort.steps, "restarts": 2}, eps=largest)
    at_largest = [cell for cell in cells if cell.eps == largest] or [own]
    best = max(at_largest, key=lambda cell: _success(cell, labels if cells else probe.labels))
    fooled = best.fooled(best.source_labels, labels if cells else probe.labels)
    value, name = _rate(fooled), cell_name(best)
    if _could_be_all(fooled):
        return finding(True, value, name)
    on_subset = fooled[probe.rows] if cells else fooled
    better = probe.fools_source(own)
    if surely_more(int((better & ~on_subset).sum()), int((on_subset & ~better).sum())):
        return finding(False, value, name, f"PGD with {2 * probe.effort.steps} steps: {_rate(better)}")
    whole = WHOLE_LINF if probe.norm == "linf" else WHOLE_LINF * math.sqrt(probe.images[0].numel())
    grey = probe.fools_source(_whole_ball(probe, probe.norm, whole))
    if _could_be_all(grey) and largest < whole:
        raise InputError(f"the largest eps is too small to tell: {value} there, {_rate(grey)} at {whole:g}")
    return finding(False, value, name, f"and at eps {whole:g}: {_rate(grey)}")


def iterative_beats_single_step(probe: Probe) -> Finding:
    """9: the strongest iterative attack of the run against FGSM, example by example."""
    single = _at_eps(probe, [cell for cell in _white_box(probe.cells) if is_single_step(cell)])
    first = probe.fools_source(single or probe.craft("fgsm"))
    iterative = _strongest(probe)
    then = probe.fools_source(iterative)
    violations, reverse = int((first & ~then).sum()), int((then & ~first).sum())
    return finding(
        not surely_more(violations, reverse),
        f"{violations} of {len(first)} examples fall to the single step alone, {reverse} to the iterative",
        cell_name(iterative),
    )


def has_converged(probe: Probe) -> Finding:
    """10: the run's iterative attack with more steps and restarts, its success and its loss."""
    spec, steps, restarts = _with_steps(probe)
    base = probe.craft(spec, {"steps": steps})
    more = {f"{2 * steps} steps": probe.craft(spec, {"steps": 2 * steps})}
    if restarts:
        more[f"{2 * restarts} restarts"] = probe.craft(spec, {"restarts": 2 * restarts})
    losses = {
        count: float(_loss(probe, probe.craft(spec, {"steps": count}).adversarials).mean())
        for count in sorted({max(1, steps // 4), max(1, steps // 2), steps, 2 * steps})
    }
    own_loss, own_fooled = _loss(probe, base.adversarials), probe.fools_source(base)
    rise = float((own_loss - _loss(probe, probe.images)).mean())
    wanting, gains = [], []
    for name, cell in more.items():
        gain = paired_change(probe.fools_source(cell).double() - own_fooled.double())
        grown = paired_change(_loss(probe, cell.adversarials) - own_loss)
        gains.append(f"{name} {100 * gain[0]:+.1f} points")
        if gain[1] > 0.01 or grown[1] > 0.1 * max(rise, 0.0):
            wanting.append(name)
    curve = ", ".join(f"{count}: {loss:.3g}" for count, loss in losses.items())
    return finding(
        not wanting,
        f"{_rate(own_fooled)} with {steps} steps; {', '.join(gains)}",
        cell_name(base),
        f"mean loss by steps {curve}" + (f"; not converged: {', '.join(wanting)} do more" * bool(wanting)),
    )


def grows_with_eps(probe: Probe) -> Finding:
    """11: over the run's eps, and up to the radius at which every image can be made grey."""
    texts, drops = success_by_eps(probe.run_cells, probe.measured.result.labels)
    grey = probe.fools_source(_whole_ball(probe, "linf", WHOLE_LINF))
    every = ", ".join(f"{eps:g}" for eps in sorted({cell.eps for cell in probe.run_cells}))
    return finding(
        not drops and _could_be_all(grey),
        f"at L-inf 0.5 {_rate(grey)}" + (f"; at eps {every}: {'; '.join(texts)}" if texts else ""),
        detail=f"drops: {'; '.join(drops)}" if drops else "",
    )


def noise_is_weaker(probe: Probe) -> Finding:
    """12: random noise and the strongest white-box attack at the same eps."""
    noise = _at_eps(probe, [cell for cell in probe.cells if cell.attack == "noise"]) or probe.craft("noise")
    attack = _strongest(probe)
    by_noise, by_attack = (int(probe.fools_source(cell).sum()) for cell in (noise, attack))
    total = len(probe.rows)
    if max(by_noise, by_attack) < FEWEST:
        raise InputError(
            f"too few to compare: noise fools {by_noise} and {attack.attack} {by_attack} of {total}; try a"
            " larger --eps or more --examples"
        )
    return finding(
        2 * by_noise <= by_attack,
        f"noise {by_noise / total:.0%}, {attack.attack} {by_attack / total:.0%} of {total} examples",
        cell_name(attack),
    )


def gradient_free_is_weaker(probe: Probe) -> Finding:
    """14: Square, which needs no gradient, against the strongest white-box attack."""
    attack, square = _strongest(probe), probe.craft("square", {"queries": probe.effort.queries})
    by_attack, by_square = probe.fools_source(attack), probe.fools_source(square)
    alone, reverse = int((by_square & ~by_attack).sum()), int((by_attack & ~by_square).sum())
    return finding(
        not surely_more(alone, reverse),
        f"Square {_rate(by_square)}, {attack.attack} {_rate(by_attack)}; {alone} fall to Square alone",
        cell_name(attack),
        f"{probe.effort.queries} queries",
    )


def no_silent_failure(probe: Probe) -> Finding:
    """15: zero gradients, successes lost on the way, gains until the end, images left as they were.

    Gains are seen in the margin, the wrong class's lead, because the loss of a sure network is
    exponential in it.
    """
    margins = _path(probe)
    fooled = margins > 0
    zero = (_gradient(probe).flatten(1) == 0).all(1)
    lost = fooled.any(0) & ~fooled[-1]
    late = margins[-1] - margins[-1 - max(1, len(margins) // 5)]
    gaining = ~fooled[-1] & (late > STILL_GAINING * (margins[-1] - margins[0]).clamp_min(1e-9))
    shares = {
        "zero gradient": (zero, 0.01),
        "success lost": (lost, 0.05),
        "still gaining": (gaining, 0.05),
    }
    flags = [name for name, (found, most) in shares.items() if _interval(found)[0] > most]
    idle = [cell_name(cell) for cell in probe.cells if torch.equal(cell.adversarials, probe.images)]
    return finding(
        not flags and not idle,
        ", ".join(f"{name} {found.double().mean():.0%}" for name, (found, _) in shares.items()),
        "; ".join(idle),
        "; ".join([*flags, *(f"{name} left every image unchanged" for name in idle)]),
    )


def _white_box(cells: list[Cell]) -> list[Cell]:
    return [cell for cell in cells if access(cell) == "source"]


def _at_eps(probe: Probe, cells: list[Cell]) -> Cell | None:
    """The strongest of the cells at the probe's eps, if there is one."""
    own = [cell for cell in cells if cell.eps == probe.eps]
    return max(own, key=lambda cell: _success(cell, probe.labels), default=None)


def _strongest(probe: Probe) -> Cell:
    """The run's strongest iterative white-box attack at the probe's eps, or PGD if the run has none."""
    iterative = [cell for cell in _white_box(probe.cells) if not is_single_step(cell)]
    return _at_eps(probe, iterative) or probe.craft("pgd", {"steps": probe.effort.steps})


def _with_steps(probe: Probe) -> tuple[str, int, int]:
    """The strongest iterative white-box attack that counts its steps, its steps, and its restarts or 0."""
    for cell in (_strongest(probe), probe.craft("pgd", {"steps": probe.effort.steps})):
        if cell.attack.partition(":")[0] not in BUILT_IN and cell.attack not in probe.measured.config.attacks:
            continue  # only a file of images names it, and nobody asked for its code
        known = attack_options(find_attack(cell.attack).craft)
        steps, restarts = (
            cell.options.get(name, known[name].default) if name in known else 0
            for name in ("steps", "restarts")
        )
        if isinstance(steps, int) and steps > 0:
            return cell.attack, steps, restarts
    raise InputError("PGD has no steps")


def _whole_ball(probe: Probe, norm: str, eps: float) -> Cell:
    return probe.craft("pgd", {"steps": 2 * probe.effort.steps}, norm=norm, eps=eps, targeted=False)


def _path(probe: Probe) -> Tensor:
    """The lead of the best wrong class, or of the target, after every step of PGD, ``[steps + 1, n]``."""
    seen: list[Tensor] = []

    class Recorded(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            logits: Tensor = probe.model(images)
            seen.append(logits.detach())
            return logits

    model, target = Recorded(), probe.target
    targets = None if target is None else torch.full_like(probe.labels, target)
    found = pgd(
        model,
        probe.images,
        probe.labels,
        eps=probe.eps,
        norm=probe.norm,
        generator=torch.Generator().manual_seed(probe.measured.config.seed),
        targets=targets,
        steps=probe.effort.steps,
    )
    with torch.no_grad():
        model(found)
    logits: Tensor = torch.cat(seen).reshape(-1, len(found), seen[0].shape[1])  # (steps + 1, n, classes)
    wanted = (probe.labels if targets is None else targets)[None, :, None].expand(len(logits), -1, -1)
    lead = logits.gather(2, wanted).squeeze(2) - logits.scatter(2, wanted, -torch.inf).amax(2)
    return -lead if targets is None else lead


def _gradient(probe: Probe) -> Tensor:
    images = probe.images.detach().requires_grad_()
    loss = nn.functional.cross_entropy(probe.model(images), probe.labels, reduction="sum")
    return torch.autograd.grad(loss, images)[0]


@torch.no_grad()
def _loss(probe: Probe, images: Tensor) -> Tensor:
    """Cross-entropy on the source, ``[n]``, or minus the one with the target."""
    logits = probe.model(images)
    if probe.target is None:
        return nn.functional.cross_entropy(logits, probe.labels, reduction="none")
    targets = torch.full_like(probe.labels, probe.target)
    return -nn.functional.cross_entropy(logits, targets, reduction="none")


def _success(cell: Cell, labels: Tensor) -> float:
    return float(cell.fooled(cell.source_labels, labels).double().mean())


def _interval(found: Tensor) -> tuple[float, float]:
    low, high = wilson_interval(int(found.sum()), len(found))
    return float(low), float(high)


def _could_be_all(fooled: Tensor) -> bool:
    return _interval(fooled)[1] >= ALL


def _rate(fooled: Tensor) -> str:
    return f"{float(fooled.double().mean()):.0%} of {len(fooled)}"
