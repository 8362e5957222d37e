"""Fills of another face's pixels: of another class, or of the same one, to tell the pull apart.

The texture is a real face's and fits the place. With a face of another class what it shows speaks
for that class; with one of the same class, for the right answer.
"""

import torch
from torch import Tensor

from analysis.stimuli.fills.scene import FILLS, Scene
from iram.data.dataset import FaceDataset
from iram.data.folder import UNKNOWN
from iram.errors import InputError, listing


@FILLS.register("other_class", title="face of another expression", borrows=True)
def other_class(scene: Scene) -> Tensor:
    """The same pixels of a face with another label, as it is in the data set (not turned).

    Raises:
        InputError: no data set, or one with a single class.
    """
    return _dataset(scene, "other_class").images(donors(scene, same=False))


@FILLS.register("same_class", title="face of the same expression", borrows=True)
def same_class(scene: Scene) -> Tensor:
    """The same pixels of another face with the same label, as it is in the data set (not turned).

    Raises:
        InputError: no data set, or one that has a class with one face only.
    """
    return _dataset(scene, "same_class").images(donors(scene, same=True))


def donors(scene: Scene, same: bool) -> Tensor:
    """(N,) LongTensor: which face of the data set each picture gets its pixels from.

    All faces of the same class, or of all other classes, are equally likely, the picture itself
    excepted. It depends on the picture's generator and on the faces of the data set, on nothing
    else in the batch. Goes through the scene's generators.

    Raises:
        InputError: no data set, or one in which some face would have no donor.
    """
    dataset = _dataset(scene, "same_class" if same else "other_class")
    labels = dataset.labels
    counts = labels.bincount(minlength=len(dataset.classes))
    _check(dataset, counts, same)
    by_class = labels.argsort(stable=True)
    own = torch.arange(len(labels))[scene.part]
    first = (counts.cumsum(0) - counts)[labels[own]]  # of the picture's class in `by_class`
    count = counts[labels[own]]
    places = _draw(count - 1 if same else len(labels) - count, scene)
    if same:
        places += first
        skipped, over = by_class.argsort()[own], 1
    else:
        skipped, over = first, count
    return by_class[places + (places >= skipped) * over]


def _draw(highs: Tensor, scene: Scene) -> Tensor:
    pairs = zip(highs.tolist(), scene.generators, strict=True)
    return torch.tensor([int(torch.randint(high, (), generator=each)) for high, each in pairs])


def _dataset(scene: Scene, fill: str) -> FaceDataset:
    if scene.dataset is None or scene.part is None:
        missing = "data set" if scene.dataset is None else "place of the pictures in the data set"
        raise InputError(f"fill '{fill}' takes pixels from other faces, and no {missing} is given")
    return scene.dataset


def _check(dataset: FaceDataset, counts: Tensor, same: bool) -> None:
    """Checks the whole data set, so that a run fails at its first batch and not at a rare face."""
    if dataset.classes == (UNKNOWN,):
        fill = "same_class" if same else "other_class"
        raise InputError(f"fill '{fill}' needs faces with labels; {dataset.name} has none")
    if same and (counts == 1).any():
        alone = listing(name for name, n in zip(dataset.classes, counts, strict=True) if n == 1)
        raise InputError(f"fill 'same_class' needs 2 faces or none of each class; {dataset.name} "
                         f"has 1 of: {alone}. Take more faces")
    if not same and (counts > 0).sum() < 2:
        only = listing(name for name, n in zip(dataset.classes, counts, strict=True) if n)
        raise InputError(f"fill 'other_class' needs faces of 2 classes; all {len(dataset)} of "
                         f"{dataset.name} are: {only or 'none'}")
