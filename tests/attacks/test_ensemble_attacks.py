"""Attacks on ensembles, on linear classifiers where the best perturbation is known."""

import pytest
import torch
from torch import Tensor

from robust_hypergan.attacks import (
    BUILT_IN,
    NORMS,
    AttackError,
    Ensemble,
    arc,
    craft_audited,
    ensemble_pgd,
    entropy_pgd,
    eot_pgd,
    find_attack,
    mi_fgsm,
    pgd,
)
from robust_hypergan.attacks.contract import asks_for_draws
from robust_hypergan.attacks.ensemble_loss import ensemble_gradient, ensemble_loss, fooled_share
from robust_hypergan.attacks.entropy_pgd import _confident_loss

EPS = 0.1
LOSSES = ["mean-logit", "mean-probability", "mean-loss", "worst"]
ON_ENSEMBLES = [ensemble_pgd, eot_pgd, entropy_pgd, arc]


class Counting:
    """Draws of given linear networks, ``weights [K, classes, 16]``, that count the images they see."""

    def __init__(self, weights: Tensor, offset: float = 0.0) -> None:
        self.weights, self.offset, self.seen, self.drawn = weights, offset, 0, 0

    def logits(self, weight: Tensor, images: Tensor) -> Tensor:
        self.seen += len(images)
        return (images.flatten(1) - 0.5) @ weight.T + self.offset * weight.abs().amax(1)

    def take(self, indices) -> Ensemble:
        rows = [self.weights[index % len(self.weights)] for index in indices]
        return Ensemble(tuple(lambda images, row=row: self.logits(row, images) for row in rows))

    def held(self, count: int) -> Ensemble:
        return self.take(range(count))

    def eot(self, count: int) -> Ensemble:
        self.drawn += count
        return self.take(range(self.drawn - count, self.drawn))


def two_classes(*weights: Tensor) -> Tensor:
    """Networks with logits ``(w.x, 0)``: the margin of class 0 is ``w.x``."""
    return torch.stack([torch.stack([weight, torch.zeros(16)]) for weight in weights])


def axis(index: int, size: float = 1.0) -> Tensor:
    return size * torch.nn.functional.one_hot(torch.tensor(index), 16).float()


def moved(*margins: float, count: int = 6) -> Tensor:
    """Grey images whose first pixels lie off grey: the margins of networks that look at one pixel each."""
    images = torch.full((count, 16), 0.5)
    images[:, : len(margins)] += torch.tensor(margins)
    return images.reshape(count, 1, 4, 4)


@pytest.fixture
def many():
    """Eight networks of ten classes that have something in common, and labels that most agree with."""
    random = torch.Generator().manual_seed(3)
    return Counting(torch.randn(10, 16, generator=random) + 0.7 * torch.randn(8, 10, 16, generator=random))


@pytest.fixture
def voted(many, inputs):
    return many.held(8)(inputs).mean(0).argmax(1)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("targeted", [False, True])
def test_the_mean_logit_of_linear_networks_reaches_its_least_margin(inputs, generator, norm, targeted):
    random = torch.Generator().manual_seed(4)
    draws = Counting(two_classes(*torch.randn(5, 16, generator=random)))
    mean = draws.weights[:, 0].mean(0)
    labels = (((inputs.flatten(1) - 0.5) @ mean) < 0).long()
    found = ensemble_pgd(
        None, inputs, labels, draws=draws, eps=EPS, norm=norm, generator=generator, networks=5, step_size=EPS,
        targets=1 - labels if targeted else None,
    )  # fmt: skip
    dual = mean.abs().sum() if norm == "linf" else mean.norm()
    margins = [((images.flatten(1) - 0.5) @ mean).abs() for images in (inputs, found)]
    signs = torch.where(((found.flatten(1) - 0.5) @ mean < 0).long() == labels, 1, -1)
    torch.testing.assert_close(signs * margins[1], margins[0] - EPS * dual, atol=1e-5, rtol=0)


def test_the_worst_network_is_pulled_level_with_the_others(generator):
    # orthogonal networks with margins .08 and .02: the best point of the L2 ball makes the margins equal
    draws, inputs = Counting(two_classes(axis(0), axis(1))), moved(0.08, 0.02)
    found = ensemble_pgd(
        None, inputs, torch.zeros(6, dtype=torch.int64), draws=draws, eps=EPS, norm="l2", generator=generator,
        networks=2, loss="worst", steps=400, step_size=0.001,
    )  # fmt: skip
    margins = found.flatten(1)[:, :2] - 0.5
    # x = .08 - a = .02 - b with a^2 + b^2 = eps^2
    a = 0.03 + (EPS**2 / 2 - 0.03**2) ** 0.5
    torch.testing.assert_close(margins, torch.full((6, 2), 0.08 - a), atol=0.002, rtol=0)


def test_the_vote_is_softmaxed_once(many, inputs, voted):
    """The gradient of ``-log(mean softmax)``, written out in float64 for each label."""
    found = ensemble_gradient(
        many.held(8), inputs, voted, None, lambda *each: ensemble_loss("mean-probability", *each)
    )
    images = inputs.double().requires_grad_()
    scores = torch.einsum("kcd,bd->kbc", many.weights.double(), images.flatten(1) - 0.5)
    probability = (scores.exp() / scores.exp().sum(2, keepdim=True)).mean(0)
    (expected,) = torch.autograd.grad(-probability.gather(1, voted[:, None]).log().sum(), images)
    torch.testing.assert_close(found, expected.float(), atol=1e-6, rtol=1e-4)


def test_the_gradient_does_not_depend_on_the_turns(many, inputs, voted, monkeypatch):
    def gradient():
        return ensemble_gradient(
            many.held(8), inputs, voted, 9 - voted, lambda *a: ensemble_loss("worst", *a)
        )

    whole = gradient()
    monkeypatch.setattr("robust_hypergan.attacks.loss.SMALLEST_TURN", 7)  # 40 images: a short last turn
    monkeypatch.setattr("robust_hypergan.attacks.loss.CPU_GRAPH_IMAGES", 8 * 7)
    torch.testing.assert_close(gradient(), whole)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_one_held_network_is_pgd(linear, inputs, labels, loss, norm):
    class Alone:
        def held(self, count):
            return Ensemble((linear,) * count)

    settings = {"eps": EPS, "norm": norm, "steps": 3, "restarts": 2}
    expected = pgd(linear, inputs, labels, generator=torch.Generator().manual_seed(5), **settings)
    for attack in (
        lambda *a, **o: ensemble_pgd(*a, networks=1, loss=loss, **o),
        lambda *a, **o: entropy_pgd(*a, networks=1, entropy_weight=0.0, **o),
    ):
        own = torch.Generator().manual_seed(5)
        found = attack(linear, inputs, labels, draws=Alone(), generator=own, **settings)
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize("attack", [ensemble_pgd, entropy_pgd, eot_pgd])
@pytest.mark.parametrize("restarts", [1, 3])
def test_no_network_sees_more_images_than_in_pgd(many, inputs, voted, generator, attack, restarts):
    seen = 0

    def model(images):
        nonlocal seen
        seen += len(images)
        return many.logits(many.weights[0], images)

    settings = {"eps": EPS, "generator": generator, "steps": 4, "restarts": restarts}
    pgd(model, inputs, voted, **settings)
    many.seen = 0
    attack(None, inputs, voted, draws=many, **settings)
    assert many.seen == 8 * seen


def test_every_step_of_eot_sees_new_networks(many, inputs, voted, generator):
    eot_pgd(None, inputs, voted, draws=many, eps=EPS, generator=generator, eot_samples=3, steps=5)
    assert many.drawn == 3 * 5


def test_momentum_reaches_the_least_margin_and_without_decay_is_plain(linear, inputs, labels):
    for norm in ("linf", "l2"):
        dual = linear.weight.abs().sum() if norm == "linf" else linear.weight.norm()
        found = mi_fgsm(linear, inputs, labels, eps=EPS, norm=norm)
        torch.testing.assert_close(
            linear.score(found).abs() * torch.where(linear(found).argmax(1) == labels, 1, -1),
            linear.score(inputs).abs() - EPS * dual,
            atol=1e-5,
            rtol=0,
        )
        plain = pgd(
            linear, inputs, labels, eps=EPS, norm=norm, steps=7, step_size=EPS / 7, random_start=False
        )
        torch.testing.assert_close(
            mi_fgsm(linear, inputs, labels, eps=EPS, norm=norm, steps=7, decay=0.0), plain, atol=1e-6, rtol=0
        )


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_arc_fools_most_networks_where_the_expected_loss_is_a_trap(norm):
    """A network with large logits pulls the loss one way; the two quiet ones lie the other way.

    No perturbation fools all three, since the first and the others oppose each other: two is the best.
    """
    loud, quiet = axis(0, 50.0), axis(0, -1.0)
    draws = Counting(two_classes(loud, quiet, quiet), offset=0.05)  # each is right by a distance of .05
    inputs, labels = moved(0.0), torch.zeros(6, dtype=torch.int64)

    def fooled(found):
        return fooled_share(draws.held(3)(found), labels, None)

    assert (fooled(inputs) == 0).all()
    settings = {"draws": draws, "eps": EPS, "norm": norm, "networks": 3}
    for loss in ("mean-logit", "mean-loss"):
        trapped = fooled(ensemble_pgd(None, inputs, labels, loss=loss, random_start=False, **settings))
        torch.testing.assert_close(trapped, torch.full((6,), 1 / 3))
    best = fooled(arc(None, inputs, labels, step_size=EPS, **settings))
    torch.testing.assert_close(best, torch.full((6,), 2 / 3))


@pytest.mark.parametrize("targeted", [False, True])
def test_arc_fools_all_where_the_mean_logit_follows_one(targeted):
    """Orthogonal networks of unlike scale, both within reach of one L2 step only in equal parts."""
    draws, inputs = Counting(two_classes(axis(0, 100.0), axis(1))), moved(0.05, 0.05)
    labels = torch.zeros(6, dtype=torch.int64)
    targets = torch.ones_like(labels) if targeted else None
    settings = {"draws": draws, "eps": EPS, "norm": "l2", "networks": 2, "targets": targets}

    def fooled(found):
        return fooled_share(draws.held(2)(found), labels, targets)

    one = ensemble_pgd(None, inputs, labels, loss="mean-logit", random_start=False, **settings)
    assert (fooled(one) == 0.5).all()
    assert (fooled(arc(None, inputs, labels, step_size=EPS, **settings)) == 1).all()


def test_the_entropy_term_makes_a_wrong_vote_sure(many, inputs, voted):
    def attacked(weight):
        found = entropy_pgd(
            None, inputs, voted, draws=many, eps=0.2, generator=torch.Generator().manual_seed(1),
            entropy_weight=weight,
        )  # fmt: skip
        vote = many.held(8)(found).softmax(2).mean(0)
        return (vote.argmax(1) != voted), torch.special.entr(vote).sum(1)

    (plainly, uncertain), (wrong, sure) = attacked(0.0), attacked(5.0)
    assert plainly.all()
    assert wrong.all()
    assert sure.mean() < 0.9 * uncertain.mean()


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("eps", [0.01, 0.3, 0.9])
@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("attack", [*ON_ENSEMBLES, mi_fgsm])
def test_it_stays_in_the_ball_and_in_range_and_repeats_itself(many, inputs, attack, eps, norm, targeted):
    images = inputs.round(decimals=0) * 0.9 + inputs * 0.1  # many near 0 and 1
    labels = many.held(1)(images)[0].argmax(1)

    def run():
        many.drawn = 0
        more = {"draws": many} if attack in ON_ENSEMBLES else {}
        model = lambda each: many.logits(many.weights[0], each)  # noqa: E731 - a model in a line
        return attack(
            model, images, labels, eps=eps, norm=norm, generator=torch.Generator().manual_seed(9), steps=3,
            targets=(labels + 1) % 10 if targeted else None, **more,
        )  # fmt: skip

    found = run()
    assert found.min() >= 0
    assert found.max() <= 1
    assert (NORMS[norm].length(found - images) <= eps * (1 + 1e-5)).all()
    assert not torch.equal(found, images)
    assert torch.equal(found, run())


def test_only_attacks_that_ask_are_handed_draws(linear, inputs, labels, generator):
    assert {name for name, craft in BUILT_IN.items() if asks_for_draws(craft)} == {
        "ensemble-pgd", "eot-pgd", "entropy-pgd", "arc",
    }  # fmt: skip
    with pytest.raises(AttackError, match="arc needs a distribution"):
        craft_audited(find_attack("arc"), linear, inputs, labels, eps=EPS, norm="linf", generator=generator)


def test_counts_below_one_are_refused(many, inputs, voted):
    with pytest.raises(ValueError, match="at least 1"):
        arc(None, inputs, voted, draws=many, eps=EPS, steps=0)
    with pytest.raises(ValueError, match="at least 1"):
        mi_fgsm(None, inputs, voted, eps=EPS, steps=0)


@pytest.mark.parametrize(
    ("spec", "forward", "backward"),
    [
        ("ensemble-pgd:networks=4,steps=3", 12, 12),
        ("ensemble-pgd:networks=4,steps=3,restarts=2", 32, 24),  # 8 more to choose the better restart
        ("eot-pgd:eot_samples=2,steps=3", 6, 6),
        ("entropy-pgd:networks=2,steps=5", 10, 10),
    ],
)
def test_passes_through_drawn_networks_are_counted(spec, forward, backward):
    draws = Counting(two_classes(axis(0), axis(1)))
    inputs, labels = torch.full((6, 1, 4, 4), 0.5), torch.zeros(6, dtype=torch.int64)
    generator = torch.Generator().manual_seed(0)
    _, audit = craft_audited(
        find_attack(spec),
        torch.nn.Flatten(),
        inputs,
        labels,
        eps=EPS,
        norm="linf",
        generator=generator,
        draws=draws,
    )
    assert (audit.forward, audit.backward) == (6 * forward, 6 * backward)
    assert draws.seen == audit.forward


class One:
    """Draws of a single linear network, ``weight [classes, 16]`` and ``bias [classes]``."""

    def __init__(self, weight, bias):
        self.weight, self.bias = weight, torch.tensor(bias)

    def logits(self, images):
        return (images.flatten(1) - 0.5) @ self.weight.T + self.bias

    def held(self, count):
        return Ensemble((self.logits,) * count)


@pytest.mark.parametrize(("boundaries", "answer"), [(1, 0), (2, 2)])
def test_arc_crosses_the_nearest_of_the_boundaries_it_looks_at(boundaries, answer):
    """Class 1 is the likelier wrong one, out of reach at a distance of .3; class 2 lies at .05."""
    draws = One(torch.stack([torch.zeros(16), axis(0), axis(1, 10.0)]), [0.0, -0.3, -0.5])
    labels = torch.zeros(6, dtype=torch.int64)
    found = arc(None, moved(0.0), labels, draws=draws, eps=EPS, networks=1, boundaries=boundaries)
    assert set(draws.logits(found).argmax(1).tolist()) == {answer}


def test_arc_leads_an_image_that_is_wrong_already_to_its_target():
    draws = One(torch.stack([torch.zeros(16), torch.zeros(16), axis(0)]), [-1.0, 0.0, -0.05])
    labels = torch.zeros(6, dtype=torch.int64)
    found = arc(None, moved(0.0), labels, draws=draws, eps=EPS, networks=1, targets=labels + 2)
    assert set(draws.logits(found).argmax(1).tolist()) == {2}


@pytest.mark.parametrize(("options", "length"), [({}, EPS / 4), ({"step_size": 0.04}, 0.04)])
def test_a_step_of_arc_is_as_long_as_it_is_asked_to_be(options, length):
    draws = One(torch.stack([torch.zeros(16), axis(0)]), [0.0, -0.05])
    labels = torch.zeros(6, dtype=torch.int64)
    found = arc(None, moved(0.0), labels, draws=draws, eps=EPS, networks=1, steps=1, **options)
    assert (found - moved(0.0)).abs().max().item() == pytest.approx(length, abs=1e-6)


def test_arc_leaves_an_image_alone_that_fools_every_network_already():
    draws = One(torch.stack([torch.zeros(16), axis(0)]), [0.0, 0.05])
    labels = torch.zeros(6, dtype=torch.int64)
    assert torch.equal(arc(None, moved(0.0), labels, draws=draws, eps=EPS, networks=1), moved(0.0))


def test_a_vote_for_another_class_than_the_target_is_not_made_sure():
    logits = torch.tensor([[[0.0, 1.0, 0.5]]])
    labels, targets = torch.tensor([0]), torch.tensor([2])
    assert torch.equal(
        _confident_loss(5.0, logits, labels, targets), _confident_loss(0.0, logits, labels, targets)
    )
