"""Where the face carries each expression."""

from functools import lru_cache

import torch
from torch import Tensor

from analysis.stimuli.layout import FaceLayout, canvas
from iram.data.classes import canonical
from iram.data.dataset import FaceDataset

EYES = ("left_eye", "right_eye")
BROWS = ("left_brow", "right_brow")
CHEEKS = ("left_cheek", "right_cheek")
EXPRESSIVE = {
    "happy": ("mouth", *CHEEKS, *EYES),
    "sad": (*BROWS, "mouth", "chin"),
    "surprise": (*BROWS, *EYES, "mouth", "chin"),
    "fear": (*BROWS, *EYES, "mouth"),
    "angry": (*BROWS, *EYES, "mouth"),
    "disgust": ("nose", "mouth"),
    "neutral": (),
}
"""The parts that the EMFACS prototypes of each expression move: happy AU 6, 12, 25; sad 1, 4, 15,
17; surprise 1, 2, 5, 26; fear 1, 2, 4, 5, 20, 26; angry 4, 5, 7, 23; disgust 9, 10, 15, 16.

Ekman & Friesen 1978, table 11-1; Ekman, Friesen & Hager 2002, table 10-1. Coarser than the units:
the whole brow for the inner one, the eye for its lids, the mouth for its corners."""
REACH = 0.03  # of the picture's side: how far about a part its movement shows


@lru_cache
def _drawn(parts: tuple[str, ...]) -> Tensor:
    """(SIDE, SIDE): 1 on the parts and about them."""
    return (torch.stack([canvas.distance(part) for part in parts]).amin(0) <= REACH).float()


def expressive_regions(layout: FaceLayout, labels: Tensor, classes) -> tuple[Tensor, Tensor]:
    """(N, S, S) twice: what carries the face's own expression, and what the others', from 0 to 1.

    The second is the mean over the other classes, the control of the first. Nothing for a neutral
    face, or of a class that no prototype is known of.
    """
    names = [canonical(name) for name in classes]
    parts = [EXPRESSIVE.get(name, ()) for name in names]
    shape = (len(layout.places), layout.size, layout.size)
    shown = torch.stack([layout.show(_drawn(p)) if p else torch.zeros(shape) for p in parts])
    shown = shown.expand(-1, len(labels), -1, -1) if shape[0] == 1 else shown
    own = shown[labels, torch.arange(len(labels))]
    moved = sum(1 for p in parts if p)
    others = (shown.sum(0) - own) / max(1, moved - 1)
    silent = own.flatten(1).amax(1) == 0
    others[silent] = 0
    return own, others


def expressive_of(dataset: FaceDataset, part: slice, layout: FaceLayout) -> tuple[Tensor, Tensor]:
    """The two of `expressive_regions`; of rendered heads the first is known exactly: where the
    picture changes when the expression's action units are put to rest."""
    own, others = expressive_regions(layout, dataset.labels[part], dataset.classes)
    if dataset.renders and hasattr(dataset, "seed"):
        from iram.data.heads import evidence_map

        rows = dataset.metadata["row"].iloc[part].tolist()
        truth = evidence_map(rows, seed=dataset.seed, size=dataset.size)
        speaks = own.flatten(1).any(1)  # a neutral head's jitter is no expression
        own = truth / truth.amax((1, 2)).clamp(min=1e-6)[:, None, None] * speaks[:, None, None]
    return own, others
