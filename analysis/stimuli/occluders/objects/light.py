"""Light from above left on drawn surfaces, and layers put over each other."""

import torch
from torch import Tensor
from torch.nn import functional as F

from analysis.stimuli.occluders.objects.shapes import inside
from analysis.stimuli.occluders.objects.sketch import PIXEL

TOWARDS_LIGHT = (-0.42, -0.57, 0.71)
HALFWAY = (-0.227, -0.308, 0.924)  # between the light and the viewer: where a gloss shows
AMBIENT = 0.45


def lit(height: Tensor, gray, gloss: float = 0.0, shine: float = 24.0) -> Tensor:
    """The gray of a surface of this height (a length, towards the viewer) and own gray.

    A flat surface keeps its own gray; slopes towards the light are brighter. `gloss` is the
    brightness of a highlight, narrower as `shine` grows.
    """
    down, right = torch.gradient(height, spacing=PIXEL)
    length = (1 + down**2 + right**2).sqrt()
    toward = [(a - b * right - c * down) / length for b, c, a in (TOWARDS_LIGHT, HALFWAY)]
    diffuse = toward[0].clamp(min=0) / TOWARDS_LIGHT[2]
    shade = gray * (AMBIENT + (1 - AMBIENT) * diffuse)
    return shade + gloss * toward[1].clamp(min=0) ** shine if gloss else shade


def blurred(picture: Tensor, sigma: float) -> Tensor:
    """Through a Gaussian of this standard deviation (a length); edges are repeated."""
    reach = max(1, round(3 * sigma / PIXEL))
    places = torch.arange(-reach, reach + 1) * PIXEL / sigma
    kernel = torch.exp(-0.5 * places**2)
    kernel = (kernel / kernel.sum())[None, None]
    padded = F.pad(picture[None, None], (reach,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel[..., None, :]), kernel[..., :, None])[0, 0]


class Layers:
    """Layers painted over each other, the first at the bottom.

    Attributes:
        alpha: (SIDE, SIDE) how much of what is behind them all is hidden.
        shade: (SIDE, SIDE) their gray where they hide it.
    """

    def __init__(self, like: Tensor):
        self.alpha = torch.zeros_like(like)
        self._weighted = torch.zeros_like(like)  # gray times alpha

    @property
    def shade(self) -> Tensor:
        return (self._weighted / self.alpha.clamp(min=1e-6)).clamp(0, 1)

    def add(self, alpha: Tensor, shade) -> "Layers":
        """Paints a layer over the others."""
        self.alpha = alpha + self.alpha * (1 - alpha)
        self._weighted = shade * alpha + self._weighted * (1 - alpha)
        return self

    def cast(self, distance: Tensor, strength: float, reach: float) -> "Layers":
        """Paints the soft shadow of a shape, fallen down and to the right."""
        steps = round(0.4 * reach / PIXEL)
        fallen = distance.roll((steps, steps), (0, 1))
        return self.add(strength * inside(fallen - 0.15 * reach, reach), 0.0)
