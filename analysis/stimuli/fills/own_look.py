"""The fill of objects: what they look like themselves."""

import torch
from torch import Tensor

from analysis.stimuli.fills.scene import FILLS, Scene
from iram.errors import InputError

LIT = (0.5, 1.0)  # an object's brightness in a picture of mean gray m is LIT[0] + LIT[1] m


@FILLS.register("object", title="the object's own look")
def own_look(scene: Scene) -> Tensor:
    """The object as it is drawn, lit as the picture is: as bright as drawn where the picture's mean
    is 0.5, and gray in colour pictures too. Skin (a hand) is as bright, and of the colour, as the
    visible part of the picture's middle.

    Its edges are mixed with what is behind them.

    Raises:
        InputError: the occluder has no look of its own.
    """
    cover = scene.cover
    if cover is None or cover.alpha is None:
        raise InputError("fill 'object': this occluder has no look of its own; only objects "
                         "(such as sunglasses) do")
    if cover.skin:
        light = _skin(scene.images, cover.mask)
    else:
        light = LIT[0] + LIT[1] * scene.images.mean((1, 2, 3), keepdim=True)
    alpha = cover.alpha[:, None]
    return alpha * (cover.shade[:, None] * light).clamp(0, 1) + (1 - alpha) * scene.images


def _skin(images: Tensor, mask: Tensor) -> Tensor:
    """(N, C, 1, 1): the upper middle (70th percentile) of what is seen of the face's centre."""
    size = images.shape[-1]
    centre = slice(size // 5, size - size // 5)
    seen = images[:, :, centre, centre].masked_fill(mask[:, None, centre, centre], torch.nan)
    found = seen.flatten(2).nanquantile(0.7, 2)
    return torch.where(found.isnan(), 0.5, found)[:, :, None, None]
