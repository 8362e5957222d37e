"""What training gave: models and their answers to a test split."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from analysis.subjects import Subject, open_subjects
from analysis.subjects.training import Training, training_from
from iram.architecture import switched
from iram.data.dataset import FaceDataset
from iram.errors import InputError
from iram.files import expanded
from iram.names import name_of, split_names
from iram.progress import progress_bar
from iram.weights import PRETRAINED, find_weights, read_card

TOLERANCE = 0.001  # of the accuracy; another processor may turn a near tie
WRITTEN = {"label": str, "seed": int, "recipe": dict, "parameters": int, "accuracy": dict,
           "data": dict, "architecture": dict}
WITHIN = {"data": ("name", "sha256"), "architecture": ("attention", "switches", "backbone")}


@dataclass(frozen=True)
class Measured:
    """One trained model, measured on a test split.

    Attributes:
        label: what it is, without the seed; models of one label are compared over their seeds.
        card: as it was written at the end of training.
        answers: (images,) the class that it takes each face for, by its number.
        labels: (images,) the class that each face has.
        photographs: (images,) a number for each, the same for copies of each other; None: each is
            one of its own.
    """

    label: str
    seed: int
    card: dict
    answers: np.ndarray
    labels: np.ndarray
    photographs: np.ndarray | None = None

    def on(self, places: np.ndarray) -> "Measured":
        """The same of some of the faces."""
        own = None if self.photographs is None else self.photographs[places]
        return replace(self, answers=self.answers[places], labels=self.labels[places],
                       photographs=own)

    @property
    def name(self) -> str:
        return name_of(self.label, self.seed)

    @property
    def hits(self) -> np.ndarray:
        """(images,) 1.0 where its answer is right, else 0.0."""
        return (self.answers == self.labels).astype(np.float64)

    @property
    def attention(self) -> str:
        return self.card["architecture"]["attention"]

    @property
    def switches(self) -> dict:
        return switched(self.card["architecture"])

    def agrees(self, split: str) -> bool:
        """Whether its card tells of this split what was measured: it is of the same faces, with the
        same labels."""
        told = self.card["accuracy"].get(split)
        return bool(told) and told["n"] == len(self.labels) and (
            abs(told["accuracy"] - self.hits.mean()) <= TOLERANCE)

    @cached_property
    def training(self) -> Training:
        """What decides which models it may be compared with."""
        return training_from(self.card, self.label, self.attention)


def weights_in(text: str) -> list[Path]:
    """The weights files of a comma-separated list of folders, shipped names and files.

    Raises:
        InputError: nothing of that name, or a folder without weights.
    """
    found = []
    for part in split_names(text):
        folder = expanded(part)
        if not folder.is_dir() or _is_shipped(part):
            found.append(find_weights(part))
            continue
        inside = [path for path in sorted(folder.glob("*.safetensors"))
                  if path.with_suffix(".json").exists()]
        if not inside:
            raise InputError(
                f"{folder} holds no weights with their cards (NAME.safetensors, .json)"
            )
        found += inside
    return found


def _is_shipped(name: str) -> bool:
    """A checkout of this code has a folder `iram` in it."""
    return any((PRETRAINED / f"{stem}.safetensors").is_file() for stem in (name, f"{name}-seed0"))


def measure(paths: Sequence[Path], dataset: FaceDataset, device: str = "cpu") -> list[Measured]:
    """Every model's answers to these faces, in fp32; each is run once.

    Raises:
        InputError: the classes of a model don't fit, its card is of no training, or its accuracy
            is not the one that its card holds for the same faces.
    """
    subjects = open_subjects(",".join(map(str, paths)), dataset.classes, device)
    measured = []
    with progress_bar(total=len(subjects), unit="model") as bar:
        for subject in subjects:
            card = training_card(subject.path)
            found = Measured(card["label"], subject.seed, card, _answers(subject, dataset),
                             dataset.labels.numpy(), dataset.photographs())
            _check_against_card(subject, found, dataset)
            measured.append(found)
            del subject.model  # a grid's models need not all stay in memory
            bar.update()
    return measured


def training_card(weights: Path) -> dict:
    """The card beside a weights file, as `iram train` writes it at the end of training.

    Raises:
        InputError: there is none, or it lacks what a comparison needs.
    """
    card = read_card(weights)
    missing = [name for name, kind in WRITTEN.items() if not isinstance(card.get(name), kind)]
    missing += [f"{name}.{part}" for name, parts in WITHIN.items() if name not in missing
                for part in parts if part not in card[name]]
    if missing:
        raise InputError(f"the card of {weights} is of no training of `iram train`: it lacks "
                         f"{', '.join(sorted(missing))}")
    return card


def _answers(subject: Subject, dataset: FaceDataset, batch: int = 256) -> np.ndarray:
    starts = range(0, len(dataset), batch)
    logits = torch.cat([subject.logits(dataset.images(slice(i, i + batch))) for i in starts])
    return logits.argmax(1).numpy()


def _check_against_card(subject: Subject, found: Measured, dataset: FaceDataset):
    """The card of a model that was trained on this very data must say what is measured here."""
    split, data = dataset.metadata["usage"].iloc[0], found.card["data"]
    told = found.card["accuracy"].get(split)
    if (data["name"], data["sha256"]) != (dataset.name, dataset.sha256):
        return
    if told and told["n"] == len(dataset) and not found.agrees(split):
        raise InputError(f"{subject.path}: its card says {100 * told['accuracy']:.2f}% on these "
                         f"faces, but it gets {100 * found.hits.mean():.2f}%")
