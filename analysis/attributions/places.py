"""How what a layer puts out is brought to (N, C, h, w), and how it is seen that it has places.

A layout says where in a tensor the places are:

- channels_first: (N, C, h, w); channels_last: (N, h, w, C).
- tokens: (N, T, C), and tokens_last: (N, C, T). Of the T tokens the first `prefix` (class token,
  registers) are no places; the others are a grid as high and wide as the picture, row by row.

Which of them it is can't be told from a shape alone: attention matrices (N, heads, T, T), whose
rows sum to 1, have four axes as well. So it is seen from pictures of which one quarter was changed:
the features must have changed most on that side.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from iram.errors import InputError
from iram.registry import unknown

LAYOUTS = ("channels_first", "channels_last", "tokens", "tokens_last")
QUARTERS = ((0, 0), (0, 1), (1, 0), (1, 1))  # (lower, right)
ASKED = 2 + len(QUARTERS)  # pictures
LEAST = 0.02  # of the side: how much further a change on the far side must lie (the last blocks
# of our trained nets, whose places see nearly the whole face: 0.07 to 0.1)
STRETCHED = 2  # at most, of a grid against the picture
PREFIXES = 16  # tokens before the patches that are tried


class Layout(NamedTuple):
    """Where the places are; for tokens, how many stand before them (none: to be found)."""

    kind: str
    prefix: int | None = None

    def __str__(self) -> str:
        return self.kind if self.prefix is None else f"{self.kind}:{self.prefix}"


def read_layout(text: str) -> Layout:
    """The layout that "channels_last", or "tokens:1" for one token before the patches, names.

    Raises:
        InputError: another text.
    """
    kind, _, prefix = text.partition(":")
    if kind not in LAYOUTS:
        raise InputError(unknown("reshape", kind, LAYOUTS))
    if not prefix:
        return Layout(kind)
    if not kind.startswith("tokens") or not prefix.isdecimal():
        raise InputError(f"reshape '{text}'; write tokens:1 for one token before the patches")
    return Layout(kind, int(prefix))


def brought(output: Tensor, layout: Layout, size: tuple[int, int]) -> Tensor | None:
    """(N, C, h, w) of what a layer put out for pictures of this size; None where it doesn't fit."""
    kind, prefix = layout
    if output.ndim != (3 if kind.startswith("tokens") else 4):
        return None
    if kind == "channels_first":
        return output
    if kind == "channels_last":
        return output.movedim(3, 1)
    tokens = output.mT if kind == "tokens" else output  # (N, C, T)
    sides = grid_of(tokens.shape[2] - (prefix or 0), size)
    return sides and tokens[:, :, prefix or 0 :].unflatten(2, sides)


def grid_of(count: int, size: tuple[int, int]) -> tuple[int, int] | None:
    """Rows and columns of so many patches of pictures of this size; None if they are no grid."""
    rows = math.isqrt(max(0, round(count * size[0] / size[1])))
    fits = rows and count % rows == 0 and count // rows == round(rows * size[1] / size[0])
    return (rows, count // rows) if fits else None


def pictures_to_ask(x: Tensor) -> Tensor:
    """(6, C, H, W) like x: two pictures, and the first with each quarter of the second.

    Smooth random gray, the same at every call.
    """
    draws = torch.rand(2, x.shape[1], 8, 8, generator=torch.Generator().manual_seed(0))
    height, width = x.shape[2:]
    two = F.interpolate(draws, (height, width), mode="bicubic").clamp(0, 1).to(x)
    first, second = two
    rows, columns = torch.arange(height) >= height / 2, torch.arange(width) >= width / 2
    quarters = [(rows == lower)[:, None] & (columns == right) for lower, right in QUARTERS]
    return torch.stack([first, second, *(
        torch.where(quarter.to(x.device), second, first) for quarter in quarters)])


def recognised(output: Tensor, size: tuple[int, int], shaped: list[Layout]) -> Layout | None:
    """Of some layouts, the one whose answers to `pictures_to_ask` follow the picture; or None."""
    if are_shares(output):
        return None
    scores = {layout: follows(brought(output.detach().float(), layout, size)) for layout in shaped}
    best = max(scores, key=scores.get, default=None)
    return best if best and scores[best] > LEAST else None


def are_shares(output: Tensor) -> bool:
    """Whether it is attention of tokens to tokens, (N, heads, T, T): rows that sum to 1."""
    if output.ndim != 4 or output.shape[2] != output.shape[3]:
        return False
    sums = output.detach().float().sum(3)
    return bool((output >= 0).all()) and bool(((sums - 1).abs() < 1e-2).all())


def candidates(output: Tensor, size: tuple[int, int], known: Layout | None = None) -> list[Layout]:
    """The layouts that a shape allows; of tokens, the fewest that can stand before the patches."""
    found = []
    for kind in LAYOUTS if known is None else (known.kind,):
        given = None if known is None else known.prefix
        prefixes = (range(PREFIXES + 1) if given is None else (given,)) if "tokens" in kind else (
            None,)
        tried = (Layout(kind, prefix) for prefix in prefixes)
        found += [one for one in tried if has_places(brought(output, one, size), size)][:1]
    return found


def has_places(features: Tensor | None, size: tuple[int, int]) -> bool:
    """Whether (N, C, h, w) is a grid of a picture's proportions: 2 x 2 or more, of which no side is
    more than twice as long. The 64 channels that a pooling puts out, (N, 64, 1, 1), are none."""
    if features is None or min(features.shape[2:]) < 2:
        return False
    stretched = features.shape[2] * size[1] / (features.shape[3] * size[0])
    return 1 / STRETCHED <= stretched <= STRETCHED


def follows(features: Tensor) -> float:
    """How far a change in the features (6, C, h, w) goes along with that in the picture, in shares
    of a side: 0.5 where it lies in the same quarter, 0 where it has nothing to do with it, or goes
    along in the mean alone, as a mixture of all places may by chance."""
    change = (features[2:] - features[:1]).abs().sum(1).double()
    total = change.sum((1, 2))
    if not (total.isfinite() & (total > 0)).all():
        return 0.0
    shares = []
    for axis, far in ((1, [q[0] for q in QUARTERS]), (2, [q[1] for q in QUARTERS])):
        side = change.shape[axis]
        if side > 1:
            place = (torch.arange(side).to(change) + 0.5) / side
            centre = (change.sum(3 - axis) * place).sum(1) / total
            is_far = torch.tensor(far, device=change.device).bool()
            share = float(centre[is_far].mean() - centre[~is_far].mean())
            each = bool(centre[is_far].min() > centre[~is_far].max())
            shares.append(share if each else min(share, 0.0))
    return min(shares, default=0.0)
