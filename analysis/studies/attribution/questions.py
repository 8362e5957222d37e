"""What a run of the suite asks of which faces, and by which classes: shared by all its cells."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis.attributions import attribute
from analysis.attributions.contrast import asked_against, rival_of
from analysis.attributions.judgement import Judgement, judged
from analysis.engine.cells import Plan
from analysis.engine.sampling import sampled
from analysis.metrics import TRIALS
from analysis.metrics.agreement import partners
from analysis.stimuli.conditions import Condition
from analysis.stimuli.perturb import Perturbed
from analysis.stimuli.regions import placed_regions
from analysis.studies.attribution.methods import (
    is_quick,
    mean_source,
    reads_layer,
    skipped,
    takes,
)
from analysis.studies.attribution.needs import covering, untried
from analysis.studies.attribution.packing import unpacked
from analysis.studies.attribution.truth import evidence_masks
from analysis.subjects import Subject
from analysis.subjects.answers import numbers
from analysis.subjects.probe import layer_found
from iram.data.dataset import FaceDataset
from iram.seeds import derived_seed

BATCH = 32  # faces at a time; fixed, so that equal runs give equal bytes
JUDGED = 4  # faces on which it is tried whether a method can be used
OCCLUDER = Condition("box", 0.3, "mean")  # a truth of localisation that photographs allow


@dataclass(frozen=True)
class Sizes:
    """On how many faces the dearer measures are taken: a random part, smaller ones nested.

    Attributes:
        reference: exact Shapley values, and maps of occluded pictures.
        curves: perturbation curves, infidelity, sensitivity and in-domain deletion.
        pairs: SSIM and earth mover's distance of every two methods.
        sanity: randomisation of the weights, and stability.
    """

    reference: int = 200
    curves: int = 64
    pairs: int = 64
    sanity: int = 16


@dataclass(frozen=True)
class Questions(Plan):
    """What is asked.

    Attributes:
        dataset: the faces, all of which are explained.
        methods: names in ATTRIBUTIONS.
        cameras: (N, 2, 4) how each face stands in its picture, None: as the mean face.
        randomised: {model: the one of the same kind that was trained on random labels}.
        against: the class of the data set, or "second", that each prediction is asked against (see
            `rivals`); "" for none: its logit is explained.
        layer: whose features class activation maps and `activation_energy` read; None: see
            `analysis.attributions.layers.chosen`.
    """

    subjects: Sequence[Subject]
    dataset: FaceDataset
    methods: tuple[str, ...]
    out: Path
    seed: int = 0
    cameras: Tensor | None = None
    sizes: Sizes = Sizes()
    randomised: dict[str, Subject] = field(default_factory=dict)
    layer: str | None = None
    against: str = ""

    def read(
        self, kind: str, subject: Subject, method: str | None = None, metric: str = "",
        columns=None,
    ) -> pd.DataFrame | None:
        """The rows of a finished cell, None if it is not finished."""
        raise TypeError(f"{type(self).__name__} must define read()")

    @cached_property
    def ids(self) -> np.ndarray:
        return self.dataset.metadata["image_id"].to_numpy()

    @cached_property
    def regions(self) -> Tensor:
        """(N, S, S) int8: which of FACE_REGIONS each pixel is in."""
        return placed_regions(self.cameras, len(self.dataset), self.dataset.size)

    @cached_property
    def occluded(self) -> list[Perturbed]:
        """The faces of the reference under OCCLUDER, a batch at a time."""
        found = []
        for faces in blocks(self.some(self.sizes.reference)):
            own = {"cameras": None if self.cameras is None else self.cameras[faces],
                   "seed": self.seed}
            placed = Perturbed(self.dataset, faces, OCCLUDER, **own)
            found.append(Perturbed(self.dataset, faces, OCCLUDER, **own, cover=placed.cover))
        return found  # without layouts, which are large

    @cached_property
    def evidence(self) -> Tensor | None:
        """(N, S, S) bool: what carries the expression, if it is known; see `evidence_masks`."""
        return evidence_masks(self.dataset)

    def parts(self) -> list[np.ndarray]:
        """All faces, a batch at a time."""
        return blocks(np.arange(len(self.dataset)))

    def some(self, count: int) -> np.ndarray:
        """A random `count` of the faces (all if there are fewer), in order."""
        return sampled(len(self.dataset), count, self.seed)

    def skipped(self, subject: Subject) -> dict[str, str]:
        """{method: why this model can't have it}, of those that were asked for."""
        found = self.judgements[subject.name].items()
        tried = {method: told.refused for method, told in found if told.refused}
        reasons = skipped(subject.model, self.methods) | tried
        return {method: reasons[method] for method in self.methods if method in reasons}

    def marked(self, subject: Subject) -> dict[str, str]:
        """{method: the identity of its own that it fails on this model}: such a one is not ranked.
        """
        found = self.judgements[subject.name].items()
        return {method: told.marked for method, told in found if told.marked}

    @cached_property
    def judgements(self) -> dict[str, dict[str, Judgement]]:
        """{model: {method: judgement}} on a few of the faces, of the methods that it can have."""
        return {subject.name: self._judged(subject) for subject in self.subjects}

    def _judged(self, subject: Subject) -> dict[str, Judgement]:
        lacking = skipped(subject.model, self.methods)  # reads the model outside of inference
        images = self.seen_by(subject).images(self.some(JUDGED))
        logits = numbers(subject.logits(images), subject.name)
        target, rival = logits.argmax(1), self._against(logits)
        told = {} if rival is None else {"against": subject.columns[rival]}
        target = subject.columns[target]
        return {method: judged(subject.model, images, target, method, **self.layer_of(method),
                               **told)
                for method in self.methods if method not in lacking}

    def methods_of(self, subject: Subject) -> list[str]:
        reasons = self.skipped(subject)
        return [method for method in self.methods if method not in reasons]

    @cached_property
    def untried(self) -> dict[str, dict[str, str]]:
        """{model: {trial: why it can't have it}}."""
        return {s.name: untried(s, self.seen_by(s)) for s in self.subjects}

    def trials_of(self, subject: Subject, method: str) -> list[str]:
        """trials/NAME of those that are made of a method of this model."""
        fitting = TRIALS if is_quick(method) else TRIALS.where(quick=False)
        return [f"trials/{name}" for name in fitting if name not in self.untried[subject.name]]

    def faces_of_trial(self, name: str) -> np.ndarray:
        return self.some(getattr(self.sizes, TRIALS.about(name).faces))

    def fill_of(self, subject: Subject) -> str:
        """Of covered pixels that the model knows from its training; "" where it knows none."""
        return covering(subject, self.dataset.name)[0]

    def clean_logits(self, subject: Subject) -> Tensor:
        """(N, classes) from the one clean pass."""
        rows = self.read("clean", subject)
        return torch.from_numpy(rows[list(self.dataset.classes)].to_numpy(copy=True))

    def targets(self, subject: Subject) -> Tensor:
        """(N,) the class that is explained, of the data set's: the clean prediction."""
        return self.clean_logits(subject).argmax(1)

    def rivals(self, subject: Subject) -> Tensor | None:
        """(N,) the class, of the data set's, that each target is asked against; None for none."""
        return self._against(self.clean_logits(subject))

    def _against(self, logits: Tensor) -> Tensor | None:
        asked = asked_against(self.against or None, self.dataset.classes)
        return None if asked is None else rival_of(logits, logits.argmax(1), asked)

    def partners(self, subject: Subject, faces=slice(None)) -> Tensor:
        """(n,) another one of these faces, explained for the same class (rather than the same one);
        -1 where there is none.

        Numbers are places among `faces`.
        """
        generator = torch.Generator().manual_seed(derived_seed(self.seed, "partners"))
        return partners(self.questions(subject)[faces], generator)[0]

    def questions(self, subject: Subject) -> Tensor:
        """(N,) equal where the same is asked of two faces: class, and class that it is against."""
        target, rival = self.targets(subject), self.rivals(subject)
        return target if rival is None else target * len(self.dataset.classes) + rival

    def attribute(
        self, subject: Subject, method: str, images: Tensor, faces, target: Tensor,
        asked: Subject | None = None, fast: bool = False, rival: Tensor | None = None,
    ) -> Tensor:
        """(n, S, S): a method's maps of pictures of `faces` (a slice or an index array).

        Args:
            target: (n,) of the data set's classes.
            asked: another model to ask.
            fast: passes without gradients are made by the model's backend, which must not be while
                its weights are changed.
            rival: (n,) of the data set's classes: what the target is asked against; None where
                nothing is asked, or of the `faces`.
        """
        options = self.options(subject, method, faces)
        if fast and takes(method, "passes"):
            options["passes"] = subject.passes
        asked = asked or subject
        own = asked.columns[target.cpu()]
        if self.against:
            rival = self.rivals(subject)[faces] if rival is None else rival
            options["against"] = asked.columns[rival.cpu()]
        return attribute(asked.model, images, own, method, **options).cpu()

    def options(self, subject: Subject, method: str, faces) -> dict:
        """What the method is told beside its defaults: regions, seeds, names of the pictures."""
        given = {
            "regions": lambda: self.regions[faces],
            "seed": lambda: self.seed,
            "ids": lambda: self.ids[faces].tolist(),
            "mean": lambda: self.mean_map(subject),
        }
        told = {name: value() for name, value in given.items() if takes(method, name)}
        return told | self.layer_of(method)

    @cached_property
    def layers_found(self) -> dict[str, str]:
        """{model from outside: the layer that is found in it}, of those that have one."""
        return {s.name: found for s in self.subjects if (found := layer_found(s.model))}

    def layer_of(self, method: str) -> dict[str, str]:
        """The option that names the layer, of methods that read one, where one was asked for."""
        return {"layer": self.layer} if self.layer and reads_layer(method) else {}

    def mean_map(self, subject: Subject) -> Tensor:
        return self.maps(subject, mean_source(subject.model)).float().mean(0)

    def maps(self, subject: Subject, method: str, faces=slice(None)) -> Tensor:
        """Maps (n, S, S) of a finished cell, without their scale; see `unpacked`."""
        rows = self.read("maps", subject, method, columns=["map"])
        return unpacked(rows.iloc[faces], self.dataset.size)

    def scaled_maps(self, subject: Subject, method: str, faces) -> Tensor:
        """Maps (n, S, S) float32 of a finished cell in the method's own unit."""
        scale = self.read("maps", subject, method, columns=["scale"])["scale"]
        scale = torch.from_numpy(scale.to_numpy(copy=True)[faces])[:, None, None]
        return self.maps(subject, method, faces).float() * scale


def blocks(faces: np.ndarray) -> list[np.ndarray]:
    """Faces, BATCH at a time."""
    return [faces[i : i + BATCH] for i in range(0, len(faces), BATCH)]
