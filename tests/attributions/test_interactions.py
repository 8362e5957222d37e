"""Shapley interactions against games with a known answer, sums over all orders, and shapiq."""

from itertools import combinations, permutations

import pandas as pd
import pytest
import torch
from nets import classifier, pictures
from torch import nn

from analysis.attributions import shapley_interactions, shapley_values
from analysis.attributions.interactions import interactions
from analysis.attributions.regions import grid
from analysis.attributions.shapley import coalitions
from analysis.figures.interactions import InteractionMatrix

X = pictures(2, 6)
GENERATOR = torch.Generator().manual_seed(0)


def game(*worth: float) -> torch.Tensor:
    """(1, 2^k): nothing, 0, 1, 01, 2, 02, 12, 012, ..."""
    return torch.tensor([worth])


def test_regions_that_are_only_worth_something_together_have_it_all_in_their_pair():
    found = interactions(game(0, 0, 0, 6))
    torch.testing.assert_close(found.pairs[0], torch.tensor([[0.0, 6.0], [6.0, 0.0]]))
    torch.testing.assert_close(found.values[0], torch.tensor([3.0, 3.0]))
    torch.testing.assert_close(found.covered[0], torch.tensor([[0.0, -3.0], [-3.0, 0.0]]))


def test_regions_that_tell_the_same_are_worth_less_together():
    found = interactions(game(0, 4, 4, 4))
    torch.testing.assert_close(found.pairs[0], torch.tensor([[4.0, -4.0], [-4.0, 4.0]]))
    torch.testing.assert_close(found.covered[0], torch.tensor([[0.0, 2.0], [2.0, 0.0]]))


def test_a_sum_of_regions_has_no_interactions():
    part = torch.randn(4, generator=GENERATOR)
    found = interactions((coalitions(4).float() @ part)[None])
    torch.testing.assert_close(found.pairs[0], torch.diag(part), atol=1e-6, rtol=0)
    torch.testing.assert_close(found.covered[0], torch.zeros(4, 4), atol=1e-6, rtol=0)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_regions_and_pairs_sum_to_the_change_of_the_logit(count):
    worth = torch.randn(3, 2**count, generator=GENERATOR)
    pairs = interactions(worth).pairs
    torch.testing.assert_close(pairs.triu().sum((1, 2)), worth[:, -1] - worth[:, 0])
    torch.testing.assert_close(pairs, pairs.mT)


def test_the_index_is_the_mean_over_all_orders_of_what_completes_a_pair():
    """Shapley-Taylor as its paper defines it: of each order, the pair's discrete derivative at the
    regions that come before both."""
    worth = torch.randn(2**4, generator=GENERATOR, dtype=torch.float64)
    wanted = torch.zeros(4, 4, dtype=torch.float64)
    orders = list(permutations(range(4)))
    for order in orders:
        for i, j in combinations(range(4), 2):
            before = sum(2**r for r in order[: min(order.index(i), order.index(j))])
            wanted[i, j] += (worth[before + 2**i + 2**j] - worth[before + 2**i]
                             - worth[before + 2**j] + worth[before]) / len(orders)
    found = interactions(worth[None]).pairs[0].triu(1)
    torch.testing.assert_close(found, wanted.float())


class Product(nn.Module):
    """Class 0: the mean gray of the left half times that of the right one."""

    def forward(self, x):
        left, right = x[..., :3].mean((1, 2, 3)), x[..., 3:].mean((1, 2, 3))
        return torch.stack([left * right, left], 1)


def test_a_product_of_halves_in_closed_form():
    found = shapley_interactions(Product(), X, 0, grid(6, 6, 1, 2), baseline="black")
    halves = X[..., :3].mean((1, 2, 3)) * X[..., 3:].mean((1, 2, 3))
    torch.testing.assert_close(found.pairs[:, 0, 1], halves)
    torch.testing.assert_close(found.values, halves[:, None].expand(2, 2) / 2)


def test_the_values_are_those_of_shapley_values():
    model, x = classifier(), pictures(2, 16)
    found = shapley_interactions(model, x, 1)
    torch.testing.assert_close(found.values, shapley_values(model, x, 1))


def test_shapiq_gives_the_same():
    shapiq = pytest.importorskip("shapiq", reason="shapiq is not installed (an optional oracle)")
    worth = torch.randn(2**5, generator=GENERATOR, dtype=torch.float64).numpy()

    def value(shown):
        return worth[(shown * 2 ** torch.arange(5).numpy()).sum(1)]

    computer = shapiq.ExactComputer(value, 5)
    index = computer(index="STII", order=2)
    found = interactions(torch.tensor(worth)[None]).pairs[0]
    for i, j in combinations(range(5), 2):
        assert index[(i, j)] == pytest.approx(float(found[i, j]), abs=1e-5)


def table(n: int) -> pd.DataFrame:
    cells = [("together", "eyes", "mouth", 1.0, 0.5, 1.5), ("together", "eyes", "nose", 0.2, -1, 1)]
    return pd.DataFrame([("iram", expression, *cell, n) for expression in ("happy", "all")
                         for cell in cells], columns=InteractionMatrix.COLUMNS["interactions"])


def signs(n: int) -> list[str]:
    panel = InteractionMatrix(table(n), "iram").plot().axes_[0]
    return [text.get_text() for text in panel.texts]


def test_the_matrix_prints_the_sign_of_what_is_certain_of_enough_faces():
    assert signs(40) == ["+", "+"]  # both ways round: a pair has no order
    assert signs(4) == []
