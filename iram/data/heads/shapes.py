"""Small smooth functions that geometry and paint are built from."""

import torch
from torch import Tensor

LEAST = -87.0


def edge(distance: Tensor, width: float) -> Tensor:
    """0 outside, 1 inside, a straight ramp of `width` about distance 0."""
    return (distance / width + 0.5).clamp(0, 1)


def ramp(value: Tensor, start: float, stop: float) -> Tensor:
    """Smoothstep from 0 at `start` to 1 at `stop` (which may lie below `start`)."""
    t = ((value - start) / (stop - start)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def bump(across: Tensor, along: Tensor, width, height) -> Tensor:
    """A Gaussian of unit height."""
    return _fallen((across / width) ** 2 + (along / height) ** 2)


def line(distance: Tensor, width) -> Tensor:
    """A soft line: 1 on it, falling off as a Gaussian."""
    return _fallen((distance / width) ** 2)


def _fallen(square: Tensor) -> Tensor:
    """exp(-square / 2), nowhere below the least normal float32: torch's exp takes a CPU a hundred
    times as long where it underflows, and no gray value is changed by as little."""
    return torch.exp((-0.5 * square).clamp(min=LEAST))


def blend(under: Tensor, over, share: Tensor) -> Tensor:
    """`over` painted on `under` where `share` is 1."""
    return under + (over - under) * share


def interpolate(value: Tensor, places: Tensor, numbers: Tensor) -> Tensor:
    """Piecewise linear: the number at `value`, given `numbers` at the rising `places`."""
    right = torch.searchsorted(places, value.contiguous()).clamp(1, len(places) - 1)
    left = right - 1
    share = (value - places[left]) / (places[right] - places[left])
    return torch.lerp(numbers[left], numbers[right], share.clamp(0, 1))
