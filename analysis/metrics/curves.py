"""Perturbation curves: what the model says as the pixels are removed in the order of a map.

One pass over the faces serves every method, both orders, and all that is made of the curves.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.metrics.base import rows, varied
from analysis.stimuli.fills import FILLS, Scene
from iram.errors import InputError

SHARES = tuple(i / 10 for i in range(11))
Logits = Callable[[Tensor], Tensor]
Fill = Tensor | Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Curves:
    """One curve per image, of one method in one order.

    Attributes:
        shares: (T,) of the pixels that are removed, rising.
        logit: (N, T) of the target class.
        probability: (N, T) softmax probability of the target class.
    """

    shares: Tensor
    logit: Tensor
    probability: Tensor


def removal_order(maps: Tensor, seed: int = 0) -> Tensor:
    """(N, H * W) int64: the pixels of each map (N, H, W), the most relevant first (MoRF).

    `.flip(1)` is the order with the least relevant first (LeRF). Ties are broken by one fixed
    random order of the pixels, the same for every map: in the order of the picture's rows, a map
    of mostly zeros would remove the forehead first. A constant or not finite map has no order: its
    row is -1, and its curves are NaN.

    Args:
        seed: of the order that breaks ties.
    """
    values = rows(maps)
    generator = torch.Generator().manual_seed(seed)
    tie_order = torch.randperm(values.shape[1], generator=generator).to(values.device)
    order = tie_order[values[:, tie_order].argsort(dim=1, descending=True, stable=True)]
    return torch.where(varied(values)[:, None], order, -1)


def both_orders(maps: Mapping[str, Tensor]) -> dict[tuple[str, str], Tensor]:
    """{(method, "morf" or "lerf"): removal order} of maps (N, H, W) by method."""
    morf = {name: removal_order(values) for name, values in maps.items()}
    return {(name, order): pixels if order == "morf" else pixels.flip(1)
            for name, pixels in morf.items() for order in ("morf", "lerf")}


def reference(images: Tensor, fill: str, generators: Sequence[torch.Generator] = ()) -> Tensor:
    """Like `images` (N, C, H, W), wholly covered by one of FILLS that does not look at the mask.

    For `perturbation_curves`: such a fill is made once, whatever is removed.

    Args:
        fill: "black", "mean", "blur", "noise" or another name in FILLS.
        generators: one per image, for a fill that draws.
    """
    everything = torch.ones(1, *images.shape[2:], dtype=torch.bool, device=images.device)
    return FILLS[fill](Scene(images, everything, generators)).to(images).expand_as(images)


@torch.no_grad()
def perturbation_curves(
    model_logits: Logits, images: Tensor, orders: Mapping[Hashable, Tensor], target: Tensor,
    fill: Fill, *, shares: Sequence[float] = SHARES, clean: Tensor | None = None,
    batch_size: int = 64,
) -> dict[Hashable, Curves]:
    """For each entry of `orders`, the curves of all images as their pixels are removed.

    The clean pictures, and those with everything removed, are shown to the model once for all
    orders. All else is batched over images, orders and shares together, and made as it is needed:
    memory beyond the arguments and the curves does not grow with any of the three.

    Args:
        model_logits: images (B, C, H, W) -> logits (B, K); the caller's choice of mode, type and
            memory format.
        images: (N, C, H, W).
        orders: (N, H * W) each: the pixels, first removed first (see `removal_order`).
        target: (N,) the class that is followed.
        fill: what shows where pixels are removed: a tensor like `images` (see `reference`), or
            `fill(images (B, C, H, W), mask (B, H, W), True = removed) -> images` for a fill that
            depends on what is removed, such as imputation.
        shares: of the pixels removed, rising, in [0, 1].
        clean: (N, K) the logits of the clean pictures, if they are known.
        batch_size: pictures per forward pass.

    Raises:
        InputError: shares that do not rise within [0, 1], or an order of another shape.
    """
    counts = _counts(images, orders, target, shares)
    blocks = []
    for start in range(0, len(images), batch_size):
        part = slice(start, start + batch_size)
        removed_at = torch.stack([_removed_at(order[part]) for order in orders.values()], 1)
        block = _Block(images[part], fill if callable(fill) else fill[part],
                       removed_at.to(images.device), target[part])
        known = None if clean is None else clean[part]
        blocks.append(block.follow(model_logits, counts, known, batch_size))
    followed = torch.cat(blocks).unbind(1)
    return {
        name: Curves(torch.tensor(shares, dtype=torch.float64), *values.unbind(2))
        for name, values in zip(orders, followed, strict=True)
    }


def _counts(images: Tensor, orders: Mapping, target: Tensor, shares: Sequence[float]) -> list[int]:
    """The number of pixels removed at each share, when everything fits together."""
    pixels = images.shape[2] * images.shape[3]
    for name, order in orders.items():
        if order.shape != (len(images), pixels):
            raise InputError(f"the order '{name}' has shape {tuple(order.shape)}; "
                             f"{(len(images), pixels)} is needed")
    if len(target) != len(images):
        raise InputError(f"{len(target)} targets for {len(images)} images")
    if not orders or not len(shares) or sorted(set(shares)) != list(shares) or not (
        shares[0] >= 0 and shares[-1] <= 1
    ):
        raise InputError(f"shares {tuple(shares)} of {len(orders)} orders; at least one order, and "
                         "shares that rise within 0 to 1 are needed")
    return [round(share * pixels) for share in shares]


def _removed_at(order: Tensor) -> Tensor:
    """(N, P) int32: the place of each pixel in the order, from 0; -1 where there is no order."""
    places = torch.arange(order.shape[1], dtype=torch.int32, device=order.device)
    removed_at = torch.full_like(order, -1, dtype=torch.int32)
    defined = order[:, 0] >= 0
    removed_at[defined] = removed_at[defined].scatter_(
        1, order[defined], places.expand(int(defined.sum()), -1)
    )
    return removed_at


@dataclass(frozen=True)
class _Block:
    """Some of the images, with removed_at (N, M, P): when each of M orders removes each pixel."""

    images: Tensor
    fill: Fill
    removed_at: Tensor
    target: Tensor

    def follow(
        self, model_logits: Logits, counts: Sequence[int], clean: Tensor | None, batch_size: int
    ) -> Tensor:
        """(N, M, T, 2): logit and probability of the target, with so many pixels removed."""
        pixels = self.removed_at.shape[2]
        defined = self.removed_at[:, :, 0] >= 0
        inner = sorted({count for count in counts if 0 < count < pixels})
        made = self._partly_removed(model_logits, inner, defined, batch_size)
        columns = dict(zip(inner, made.unbind(2), strict=True))
        if 0 in counts:
            clean = model_logits(self.images) if clean is None else clean
            columns[0] = _of_target(clean, self.target)[:, None]
        if pixels in counts:
            removed = self.remove(slice(None), torch.ones_like(self.removed_at[:, 0]).bool())
            columns[pixels] = _of_target(model_logits(removed), self.target)[:, None]
        shape = *defined.shape, 2
        values = torch.stack([columns[count].expand(shape) for count in counts], 2)
        return torch.where(defined.to(values.device)[:, :, None, None], values, torch.nan)

    def _partly_removed(
        self, model_logits: Logits, counts: list[int], defined: Tensor, batch_size: int
    ) -> Tensor:
        """(N, M, number of counts, 2), NaN where not defined."""
        face, order = defined.nonzero().unbind(1)
        steps = torch.tensor(counts, dtype=torch.int32, device=face.device)
        made = [torch.empty(0, 2)]
        for part in torch.arange(len(face) * len(counts), device=face.device).split(batch_size):
            pair, step = part // len(counts), part % len(counts)
            mask = self.removed_at[face[pair], order[pair]] < steps[step, None]
            logits = model_logits(self.remove(face[pair], mask))
            made.append(_of_target(logits, self.target[face[pair].to(self.target.device)]))
        made = torch.cat([part.to(made[-1]) for part in made])
        result = made.new_full((*defined.shape, len(counts), 2), torch.nan)
        result[face, order] = made.view(len(face), len(counts), 2)
        return result

    def remove(self, face: Tensor | slice, mask: Tensor) -> Tensor:
        """(B, C, H, W): these images with the pixels of mask (B, P) removed."""
        images = self.images[face]
        mask = mask.view(len(mask), *images.shape[2:])
        filled = self.fill(images, mask) if callable(self.fill) else self.fill[face]
        return torch.where(mask[:, None], filled, images)


def _of_target(logits: Tensor, target: Tensor) -> Tensor:
    """(B, 2): logit and softmax probability of the target, from logits (B, K)."""
    target = target.to(logits.device)[:, None]
    logits = logits.float()
    return torch.cat([logits.gather(1, target), logits.softmax(1).gather(1, target)], 1)
