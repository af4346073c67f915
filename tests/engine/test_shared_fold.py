"""Networks folded in parts, as several processes do, are to the last bit those folded one after the other."""

import itertools
import threading
from queue import Queue

import pytest
import torch

from robust_hypergan.base.distributed import Ranks
from robust_hypergan.engine.cascade import Account
from robust_hypergan.engine.ensemble import EnsembleForward
from robust_hypergan.engine.shared_fold import fold_networks
from robust_hypergan.measures.accuracy import AccuracyFold
from robust_hypergan.measures.tally import summand
from robust_hypergan.models.networks import Networks
from robust_hypergan.storage.resumable import packed, unpacked
from robust_hypergan.transferability.crafting import Cell
from robust_hypergan.transferability.fold import Fold

IMAGES, CLASSES = 12, 3


def empty_fold() -> Fold:
    images = torch.rand(IMAGES, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    labels, correct = torch.arange(IMAGES) % CLASSES, torch.arange(IMAGES) % 4 > 0
    fooled = torch.arange(int(correct.sum())) % 2 + labels[correct]
    cells = [
        Cell("fgsm", "linf", 0.1, adversarials=images[correct], source_labels=fooled % CLASSES),
        Cell("pgd", "linf", 0.1, error="it failed"),
        Cell("pgd", "linf", 0.2, adversarials=1 - images[correct], source_labels=labels[correct], target=1),
    ]
    return Fold(cells, images, labels, correct, CLASSES, 7)


def empty_accuracy() -> AccuracyFold:
    return AccuracyFold(torch.arange(IMAGES) % CLASSES, CLASSES)


def answers(count, images):
    return 3 * torch.randn(count, images, CLASSES, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("ends", [[0, 130], [5, 5, 130], [16, 32, 48, 130], [1, 99, 101, 130], [112, 130]])
@pytest.mark.parametrize("empty", [empty_fold, empty_accuracy])
def test_parts_of_any_length_extend_each_other_to_the_whole(empty, ends):
    logits = answers(130, len(empty().images) if empty is empty_fold else IMAGES)
    whole = empty()
    for own in logits:
        whole.add(own)
    parts = []
    for start, stop in itertools.pairwise([0, *ends]):
        parts.append(empty().part(start))
        for own in logits[start:stop]:
            parts[-1].add(own)
    while len(parts) > 1:  # the last first, so that parts extend parts
        later = parts.pop()
        parts[-1].extend(later)
    assert packed({"fold": parts[0]}) == packed({"fold": whole})


def test_what_is_packed_comes_back():
    fold, again = empty_fold(), empty_fold()
    for own in answers(3, len(fold.images)):
        fold.add(own)
    unpacked(packed({"fold": fold}), {"fold": again})
    assert packed({"fold": again}) == packed({"fold": fold})


def test_summands_add_up_without_any_rounding_and_are_close():
    values = torch.rand(50_000, generator=torch.Generator().manual_seed(0)) ** 5
    exact = summand(values)
    assert (exact - values.double()).abs().max() <= 2.0**-33
    orders = [exact, exact.flip(0), exact.sort().values]
    sums = {order.cumsum(0)[-1].item() for order in orders}
    assert len(sums) == 1
    assert (
        len({order.cumsum(0)[-1].item() for order in [values.double(), values.sort().values.double()]}) == 2
    )


class Threads(Ranks):
    """Ranks that are threads, joined by queues."""

    def told(self, value):
        if self.leads:
            for rank in range(1, self.size):
                QUEUES[0, rank].put(value)
            return value
        return QUEUES[0, self.rank].get(timeout=60)

    def send(self, content, rank):
        QUEUES[self.rank, rank].put(content)

    def receive(self, rank):
        return QUEUES[rank, self.rank].get(timeout=60)


QUEUES: dict[tuple[int, int], Queue] = {}


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize(("networks", "done"), [(90, 0), (90, 32), (20, 0)])
def test_ranks_fold_what_one_does(size, networks, done, untrained):
    def folded(ranks):
        fold = empty_fold()
        forward = EnsembleForward(
            untrained,
            Networks(3, "fresh", range(networks)),
            fold.images,
            backend="loop",
            precision="cascade",
            account=Account(),
        )
        alone = range(done) if ranks.leads else ()
        for number in alone:
            fold.add(forward.block(number // 16)[1][number % 16])
        forward.account.forget()
        heard = list(fold_networks(fold, forward, 0, done, ranks))
        return fold, forward.account, heard

    expected = folded(Ranks())
    QUEUES.update({pair: Queue() for pair in itertools.product(range(size), repeat=2)})
    threads = [threading.Thread(target=folded, args=(Threads(rank, size),)) for rank in range(1, size)]
    for thread in threads:
        thread.start()
    fold, account, heard = folded(Threads(0, size))
    for thread in threads:
        thread.join(60)
    assert packed({"fold": fold}) == packed({"fold": expected[0]})
    assert account == expected[1]
    assert heard[-1] == networks
    assert len(heard) < len(expected[2]) or networks < 32
