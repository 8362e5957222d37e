"""How a picture's regions work together: exact Shapley interactions, from the same 2^k passes.

Two regions that tell the same lose less together than each alone (below 0); two that need each
other are worth more together (above 0).
"""

from math import comb
from typing import NamedTuple

import torch
from torch import Tensor

from analysis.attributions.masking import Passes
from analysis.attributions.question import asked
from analysis.attributions.regions import checked_regions
from analysis.attributions.shapley import GRID, MOST, asked_of, coalitions, gains, worths


class Interactions(NamedTuple):
    """Of N pictures with k regions, in logits, float32.

    Attributes:
        values: (N, k) Shapley values, as of `shapley_values`.
        pairs: (N, k, k) the Shapley-Taylor index of order 2: off the diagonal, symmetric, what two
            regions are worth together beyond what each is worth alone; on it, what each alone is
            worth beside nothing. The diagonal and each pair once sum to logit(x) - logit(all
            replaced).
        covered: (N, k, k) what the Shapley value of region j (column) becomes when region i (row)
            is covered, less what it is: above 0, the net leans on j in i's place. Row i's own
            column is 0.
    """

    values: Tensor
    pairs: Tensor
    covered: Tensor


def shapley_interactions(
    model, x: Tensor, target: Tensor | int, regions: Tensor | str | None = None, *,
    against: Tensor | int | str | None = None, baseline: str = "mean", batch_size: int = 32,
    bf16: bool = False, passes: Passes | None = None,
) -> Interactions:
    """`Interactions` of each picture's regions; no pass more than `shapley_values` takes.

    A region without a pixel has none. Arguments and errors: as of `shapley_values`.

    Reference: Sundararajan, Dhamdhere & Agarwal, The Shapley Taylor Interaction Index, ICML 2020
    (eq. 3, order 2).
    """
    with asked(model, x, target, regions) as question:
        x = question.x
        labels = checked_regions(question.regions, x, GRID, MOST)
        target, passes = asked_of(model, question, against, passes)
        worth = worths(model, x, target, labels, baseline, batch_size, bf16, passes)
        return interactions(worth)


def interactions(worth: Tensor) -> Interactions:
    """Of games: the worth (N, 2^k) of every coalition, in the order of `coalitions`."""
    count = worth.shape[1].bit_length() - 1
    worth = worth.double().cpu()
    values = worth @ gains(count)
    pairs = (worth @ taylor(count).flatten(1)).unflatten(1, (count, count))
    covered = torch.zeros_like(pairs)
    for region in range(count):
        without = ~coalitions(count)[:, region]
        rest = [other for other in range(count) if other != region]
        left = worth[:, without] @ gains(count - 1)  # the game of the others, in their order
        covered[:, region, rest] = left - values[:, rest]
    return Interactions(*(one.float() for one in (values, pairs, covered)))


def taylor(count: int) -> Tensor:
    """(2^k, k, k) float64: worth (2^k,) @ this = the Shapley-Taylor index of order 2.

    pair ij = 2/k sum over S without i and j of (worth(S+i+j) - worth(S+i) - worth(S+j) + worth(S))
    / C(k-1, |S|); ii = worth(i) - worth(nothing).
    """
    shown = coalitions(count)
    size, both = shown.sum(1), shown[:, :, None] & shown[:, None, :]
    one = shown[:, :, None] ^ shown[:, None, :]
    either = both | one
    others = size[:, None, None] - both.int() - either.int()  # |S|: without i and j
    weight = torch.tensor([2 / count / comb(count - 1, s) for s in range(count)],
                          dtype=torch.float64)
    index = weight[others.clamp(0, count - 1)] * torch.where(one, -1.0, 1.0)
    alone = torch.zeros(2**count, count, dtype=torch.float64)
    alone[2 ** torch.arange(count), torch.arange(count)] = 1
    alone[0] = -1
    index[:, torch.arange(count), torch.arange(count)] = alone
    return index
