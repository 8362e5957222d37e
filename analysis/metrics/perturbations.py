"""What a map says of small perturbations: infidelity, and how far the map itself moves.

Reference: Yeh, Hsieh, Suggala, Inouye & Ravikumar, NeurIPS 2019.
"""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from analysis.metrics.base import rows
from analysis.metrics.curves import Logits
from iram.registry import Registry

PERTURBATION_SCORES = Registry("score of small perturbations", better="lower", chance=None)
Attribute = Callable[[Tensor, Tensor], Tensor]
Draw = Callable[[Tensor, int, torch.Generator], Tensor]


def noise(sd: float = 0.1) -> Draw:
    """Perturbations for `infidelity`: Gaussian noise of this standard deviation in every pixel."""

    def draw(image: Tensor, samples: int, generator: torch.Generator) -> Tensor:
        return torch.randn(samples, *image.shape, generator=generator).to(image) * sd

    return draw


def squares(side: float = 0.25, baseline: float | None = None) -> Draw:
    """Perturbations for `infidelity`: what a randomly placed square takes away.

    Args:
        side: of the square, in shares of the picture's.
        baseline: the gray that the square has after; None is each picture's own mean.
    """

    def draw(image: Tensor, samples: int, generator: torch.Generator) -> Tensor:
        inside = torch.ones(samples, 1, 1, dtype=torch.bool)
        for axis, length in enumerate(image.shape[1:]):
            extent = max(1, round(side * length))
            first = torch.randint(length - extent + 1, (samples, 1), generator=generator)
            places = torch.arange(length)
            covered = (places >= first) & (places < first + extent)
            inside = inside & (covered[:, :, None] if axis == 0 else covered[:, None, :])
        gray = image.mean() if baseline is None else baseline
        return (image - gray) * inside[:, None].to(image)

    return draw


@PERTURBATION_SCORES.register("infidelity")
@torch.no_grad()
def infidelity(
    model_logits: Logits, images: Tensor, maps: Mapping[str, Tensor], target: Tensor, draw: Draw,
    generators: Sequence[torch.Generator], *, samples: int = 50, scaled: bool = True,
    batch_size: int = 64,
) -> dict[str, Tensor]:
    """For each method, the mean squared error of a map as a linear account of the logit.

    mean over perturbations I of (sum of I x map - (f(x) - f(x - I)))^2, 0 and up in squared
    logits, *lower* = more faithful. An all-zero map gets the mean of (f(x) - f(x - I))^2: a map
    worse than this is worse than saying nothing. With `scaled` the map is first multiplied by the
    one number per image that makes the error least (maps of most methods have no unit, so that
    their error says nothing else); then no map is above that value. NaN where a map is not finite.
    The perturbed pictures are shown to the model once for all methods.

    Args:
        images: (N, C, H, W). For C > 1 a map weighs the perturbation's mean over channels.
        maps: (N, H, W) each, at the images' resolution.
        draw: (image (C, H, W), samples, generator) -> I (samples, C, H, W); see `noise`,
            `squares`.
        generators: one per image.
        samples: perturbations per image.

    Reference: Yeh et al., NeurIPS 2019, definition 2.1.
    """
    flat = {name: rows(values) for name, values in maps.items()}
    clean = torch.cat([model_logits(part) for part in images.split(batch_size)])
    errors = {name: [] for name in maps}
    for i, generator in zip(range(len(images)), generators, strict=True):
        perturbation = draw(images[i], samples, generator)
        perturbed = (images[i] - perturbation).split(batch_size)
        after = torch.cat([model_logits(part)[:, target[i]] for part in perturbed])
        change = (clean[i, target[i]] - after).double()
        weights = perturbation.mean(1).flatten(1).double()
        for name, values in flat.items():
            errors[name].append(_squared_error(weights @ values[i], change, scaled))
    return {name: torch.stack(values) for name, values in errors.items()}


def _squared_error(told: Tensor, change: Tensor, scaled: bool) -> Tensor:
    if scaled:
        size = told.square().mean()
        told = told * torch.where(size == 0, 0, (told * change).mean() / size)
    return (told - change).square().mean()


@PERTURBATION_SCORES.register("max_sensitivity", title="largest change of the map")
def max_sensitivity(
    attribute: Attribute, images: Tensor, maps: Tensor, target: Tensor,
    generators: Sequence[torch.Generator], *, radius: float = 0.02, samples: int = 10,
    batch_size: int = 64,
) -> Tensor:
    """(N,): how far a map moves at most when its picture is hardly changed.

    max over x' of |map(x') - map(x)| / |map(x)|, Euclidean norms, 0 and up, *lower* = more stable;
    a map that ignores the picture has 0, one unrelated to the clean map about 1.4. x' is x plus
    uniform noise in [-radius, radius] in every pixel, not clipped. NaN where the clean map is all
    zero or a map is not finite. As the maximum over draws it grows with `samples`.

    Args:
        attribute: (images (B, C, H, W), target (B,)) -> maps (B, H, W).
        maps: (N, H, W) of the clean pictures, as `attribute` gives them.
        generators: one per image.

    Reference: Yeh et al., NeurIPS 2019, definition 2.2 (their radius and number of draws).
    """
    clean, worst = rows(maps), []
    size = max(1, batch_size // samples)
    generators = iter(generators)
    for face in torch.arange(len(images)).split(size):
        draws = torch.stack([torch.rand(samples, *images.shape[1:], generator=next(generators))
                             for _ in face])
        near = images[face, None] + (draws.to(images) * 2 - 1) * radius
        moved = attribute(near.flatten(0, 1), target[face].repeat_interleave(samples))
        distance = rows(moved).view(len(face), samples, -1) - clean[face, None]
        worst.append(distance.norm(dim=2).amax(1))
    length = clean.norm(dim=1)
    return torch.where(length > 0, torch.cat(worst) / length, torch.nan)
