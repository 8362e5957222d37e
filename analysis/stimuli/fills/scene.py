"""What a fill gets to see."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from analysis.stimuli.occluders import Cover
from iram.data.dataset import FaceDataset
from iram.registry import Registry


@dataclass(frozen=True)
class Scene:
    """A batch of pictures that are about to be covered.

    Attributes:
        images: (N, C, S, S) in [0, 1], gray or RGB.
        mask: (N, S, S) or (1, S, S) bool, True = occluded.
        generators: one per picture, for whatever a fill leaves to chance; they can be gone
            through once.
        dataset: the faces that are studied, for fills that borrow another one.
        part: which of them these pictures are.
        cover: the occluder, which has a look of its own if it is an object.
    """

    images: Tensor
    mask: Tensor
    generators: Iterable[torch.Generator] = ()
    dataset: FaceDataset | None = None
    part: slice | None = None
    cover: Cover | None = None


Fill = Callable[[Scene], Tensor]
FILLS = Registry("fill", borrows=False)  # whether it takes pixels of other faces, with labels


def paint(scene: Scene, fill: str) -> Tensor:
    """(N, C, S, S): the pictures with the fill where the mask is True, as they were elsewhere.

    An object's own look goes a little further: its soft edges, and the shadow that it casts.
    """
    filled = FILLS[fill](scene)
    return filled if fill == "object" else torch.where(scene.mask[:, None], filled, scene.images)
