"""What an explorer offers: faces to choose from, and models to ask."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from analysis.explorer.picture import Face
from analysis.stimuli.landmarks import known_landmarks, read_landmarks
from analysis.stimuli.landmarks.points import COUNT
from analysis.stimuli.layout import fit_cameras
from analysis.subjects import open_model
from analysis.subjects.loading import is_outside
from iram.data import DATASETS, open_dataset
from iram.data.dataset import FaceDataset
from iram.data.folder import NO_CLASSES, is_flat
from iram.data.specs import read_spec
from iram.errors import InputError
from iram.weights import find_weights, read_card

HEADS = "heads"


@dataclass
class Gallery:
    """A data set to choose faces from.

    Attributes:
        name: that it is asked for by; "heads", or "data".
        title: what it is called on the page.
        landmarks: a file of landmarks of its faces, or None for what is known without one.
    """

    name: str
    title: str
    dataset: FaceDataset
    landmarks: Path | None = None

    def __post_init__(self):
        """A file of whole meshes also says how photographs are turned."""
        if self.landmarks is not None:
            found = read_landmarks(self.landmarks)
            points = found.of(self.dataset)
            if found.points.shape[1:] == (COUNT, 3):
                self.dataset.landmarks = points

    def face(self, index: int) -> Face:
        """Raises InputError for a face that the gallery has not."""
        if not 0 <= index < len(self.dataset):
            raise InputError(f"{self.title} has faces 0 to {len(self.dataset) - 1}, not {index}")
        return Face(self.dataset, index, self._camera(index))

    def of_class(self, label: int | None) -> np.ndarray:
        """Places of the faces of a class, or of all."""
        labels = self.dataset.labels.numpy()
        return np.flatnonzero(labels == label) if label is not None else np.arange(len(labels))

    def _camera(self, index: int) -> Tensor:
        """(1, 2, 4): how one face stands in its picture; the mean face's where that is unknown."""
        if self.dataset.renders and self.landmarks is None:
            points = known_landmarks(self.dataset.subset([index]))
        else:
            points = self._points[index : index + 1]
        return fit_cameras(points / self.dataset.size)

    @cached_property
    def _points(self) -> np.ndarray:
        return known_landmarks(self.dataset, self.landmarks)


@dataclass
class Offer:
    """Faces and models; ours are read when they are first asked for.

    Attributes:
        galleries: by name, the one that is shown first first.
        models: names of shipped weights or files, or nets from outside as --models names them; the
            first one is asked first.
    """

    galleries: dict[str, Gallery]
    models: tuple[str, ...]
    _loaded: dict = field(default_factory=dict, repr=False)

    def model(self, name: str):
        """Raises InputError for a model that is not offered."""
        if name not in self.models:
            raise InputError(f"model '{name}' is not among those offered: {', '.join(self.models)}")
        if name not in self._loaded:
            model = open_model(name)
            if not is_outside(name):
                model = model.to(memory_format=torch.channels_last)
            self._loaded[name] = model
        return self._loaded[name]

    def gallery(self, name: str) -> Gallery:
        """Raises InputError for a gallery that is not there."""
        if name not in self.galleries:
            raise InputError(f"there is no gallery '{name}'; there are {', '.join(self.galleries)}")
        return self.galleries[name]


def open_offer(
    data: str | None = None, models: Sequence[str] = (), split: str | None = "test",
    landmarks: Path | None = None, heads: str = "heads",
) -> Offer:
    """The faces of a data set, if one is named, and rendered heads; and models.

    Args:
        data: specification of a data set (`fer2013:PATH`, ...), whose faces then come first; also
            `folder:DIR` of pictures without class folders, which have no label.
        models: names or files; none for all that are shipped. Those trained on the first gallery's
            kind of faces come first.
        split: of the data set; None for all of it.
        landmarks: a file of the data set's landmarks.
        heads: specification of the rendered heads.

    Raises:
        InputError: a data set, model or file that can't be read.
    """
    galleries = {}
    if data is not None:
        opened = _faces(data, split)
        if not len(opened):
            raise InputError(f"{data}: no face in split '{split}'")
        galleries["data"] = Gallery("data", opened.name, opened, landmarks)
    elif landmarks is not None:
        raise InputError("--landmarks is of a data set's faces: name it with --data")
    galleries[HEADS] = Gallery(HEADS, DATASETS.title(HEADS), open_dataset(heads, split="test"))
    ours = [name for name in models or shipped() if not is_outside(name)]
    cards = {name: read_card(find_weights(name)) for name in ours}
    first = next(iter(galleries.values())).dataset.renders
    fitting = sorted(cards, key=lambda name: trained_on_heads(cards[name]) != first)
    offer = Offer(galleries, tuple(dict.fromkeys(models or fitting)))
    for name in offer.models:
        if is_outside(name):
            offer.model(name)  # a mistake in it is told now
    return offer


def _faces(spec: str, split: str | None) -> FaceDataset:
    kind, options = read_spec(spec)
    if kind == "folder" and "classes" not in options and is_flat(options["location"]):
        return open_dataset(spec, split=split, classes=NO_CLASSES)
    return open_dataset(spec, split=split)


def shipped() -> list[str]:
    """Short names of all shipped weights, those with IRAM first."""
    from iram.weights import pretrained

    names = [name.removesuffix("-seed0") for name in pretrained()]
    return sorted(names, key=lambda name: (not name.startswith("iram"), name))


def trained_on_heads(card: dict) -> bool:
    """Whether a model knows rendered heads and no photographs."""
    return card.get("data", {}).get("name") == HEADS
