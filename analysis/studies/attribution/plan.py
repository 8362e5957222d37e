"""What a run of the suite is made of, and by what its cells are known."""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from analysis.attributions import ATTRIBUTIONS, attribute
from analysis.attributions.contrast import asked_against, rival_of
from analysis.attributions.judgement import Judgement, judged
from analysis.engine.cells import Cell, Plan, added, grouped, passes_by
from analysis.engine.sampling import sampled
from analysis.engine.store import cell_key
from analysis.metrics import CURVE_SCORES, TRIALS
from analysis.metrics.agreement import partners
from analysis.stimuli.conditions import Condition
from analysis.stimuli.perturb import Perturbed
from analysis.stimuli.regions import placed_regions
from analysis.studies.attribution.held import HELD, OF_MAPS, beyond, code_of
from analysis.studies.attribution.methods import (
    can_lose_weights,
    is_quick,
    mean_source,
    skipped,
    takes,
)
from analysis.studies.attribution.needs import covering, untried
from analysis.studies.attribution.packing import unpacked
from analysis.studies.attribution.truth import evidence_masks
from analysis.subjects import Subject, twin
from iram.data.dataset import FaceDataset
from iram.seeds import derived_seed

VERSION = 2  # raise it when what a cell holds changes, so that old cells are made again
BATCH = 32  # faces at a time; fixed, so that equal runs give equal bytes
JUDGED = 4  # faces on which it is tried whether a method can be used
OCCLUDER = Condition("box", 0.3, "mean")  # a truth of localisation that photographs allow
FILLS = ("mean", "blur", "imputed")  # of removed pixels; "imputed" is ROAD's
TOGETHER = 8  # methods whose curves share forward passes; an interruption loses them at most


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
class Suite(Plan):
    """What is run.

    Stages of cells, each kind a folder: `clean` (the clean pass, whose prediction is explained),
    `reference` (exact Shapley values of the face's regions) and `maps` (by one method), then `rows`
    (what a method's maps score), `sanity` (as the weights are randomised), `trials` (one each of a
    method) and `agreement` (between all methods of a model). A metric that cells of this version
    don't hold has cells of its own.

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

    folders = ("rows/", "maps/", "figures/")

    def cells(self) -> list[list[Cell]]:
        """Each cell is of a (model, method or None, metric beside or "")."""
        methods = {s.name: self.methods_of(s) for s in self.subjects}
        means = {s.name: [mean_source(s.model)] if "mean_map" in methods[s.name] else []
                 for s in self.subjects}  # of its maps, which are made first
        of_maps = beyond(*OF_MAPS)

        def each(kind: str, of: Callable) -> list[Cell]:
            return [self.cell(kind, s, *one) for s in self.subjects for one in of(s)]

        return [
            each("clean", lambda s: [()]),
            [*each("reference", lambda s: [()]),
             *each("maps", lambda s: [(m,) for m in means[s.name]])],
            each("maps", lambda s: [(m,) for m in methods[s.name] if m not in means[s.name]]),
            [  # the longest first
                *each("agreement", lambda s: product([None], ["", *beyond("agreement")])
                      if len(methods[s.name]) > 1 else []),
                *each("rows", lambda s: product(methods[s.name], [""])),
                *each("rows", lambda s: product(methods[s.name], of_maps)),
                *each("sanity", lambda s: [(m,) for m in methods[s.name]
                                           if can_lose_weights(s.model)]),
                *each("trials", lambda s: [(m, trial) for m in methods[s.name]
                                           for trial in self.trials_of(s, m)]),
            ],
        ]

    def cell(
        self, kind: str, subject: Subject, method: str | None = None, metric: str = ""
    ) -> Cell:
        """Args: metric: FAMILY/NAME, of the cells that hold it alone."""
        name = "--".join(filter(None, (subject.name, method, metric.replace("/", "-"))))
        whole, sizes = len(self.dataset), self.sizes
        exact, curves, sanity = (
            len(self.some(n)) for n in (sizes.reference, sizes.curves, sizes.sanity))
        cost = {"reference": exact, "maps": whole + exact, "sanity": sanity,
                "rows": curves * len(FILLS)}.get(kind, whole)
        if kind == "trials":
            cost = len(self.faces_of_trial(metric.partition("/")[2]))
        elif metric:
            cost = exact if metric.startswith("localisation") else 0
        return Cell(kind, name, self.key(kind, subject, method, metric),
                    (self.out / kind / f"{name}.parquet",), (subject, method, metric), cost)

    def again(self, cell: Cell) -> Cell:
        return self.cell(cell.kind, *cell.of)

    def together(self, cells: Sequence[Cell]) -> Iterable[Sequence[Cell]]:
        """Methods whose curves share forward passes, and all metrics beside of one method."""

        def alike(cell: Cell) -> tuple:
            subject, method, metric = cell.of
            shared = cell.kind == "rows" and not metric
            return cell.kind, subject.name, *(() if shared else (method, bool(metric)))

        return grouped(cells, alike, lambda cell: cell.name, TOGETHER)

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

    def prepare(self) -> None:
        """Places what all workers need, once and not by each of them."""
        self.regions, self.occluded, self.evidence, self.faces_sha256, self.judgements, self.untried  # noqa: B018

    def apart(self, subject: Subject) -> "Suite":
        """The same for one model only, of which it has a copy."""
        suite = copy.copy(self)  # with what was prepared
        others = {subject.name: self.randomised.get(subject.name)}
        alone = {"subjects": [twin(subject)],
                 "randomised": {name: twin(other) for name, other in others.items() if other}}
        for name, value in alone.items():
            object.__setattr__(suite, name, value)
        return suite

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
        logits = subject.logits(images)
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

    def layer_of(self, method: str) -> dict[str, str]:
        """The option that names the layer, of methods that read one, where one was asked for."""
        reads = takes(method, "layer") and "layers" in ATTRIBUTIONS.about(method).needs
        return {"layer": self.layer} if self.layer and reads else {}

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

    def key(self, kind: str, subject: Subject, method: str | None = None, metric: str = "") -> str:
        parts = {"version": VERSION, "kind": kind, "weights": subject.weights_sha256,
                 "faces": self.faces_sha256, "device": subject.device, **passes_by(subject)}
        if kind != "clean":
            parts |= {"against": self.against} if self.against else {}
            parts |= {"seed": self.seed, "regions": self.regions_sha256}
        if method or kind == "reference":
            parts |= {"faces_of_reference": self.some(self.sizes.reference).tolist()}
        if kind == "reference":
            parts |= {"holds": "interactions"}
        if method:
            parts |= {"method": method, "occluder": OCCLUDER.to_dict(), "fills": FILLS}
            source = mean_source(subject.model) if method == "mean_map" else None
            parts |= {"mean": source} | self.layer_of(source or method) | _versions(method)
        if kind == "rows" and not metric:
            parts |= {"faces_of_curves": self.some(self.sizes.curves).tolist(), "holds": "curves",
                      **added(scores=(CURVE_SCORES, HELD["curves"]))}
        if kind == "sanity":
            other = self.randomised.get(subject.name)
            parts |= {"faces_of_sanity": self.some(self.sizes.sanity).tolist(),
                      "randomised": other and other.weights_sha256}
        if kind == "trials":
            parts |= {"faces_of_trial": self.faces_of_trial(metric.partition("/")[2]).tolist(),
                      "covered": self.fill_of(subject)}
        if kind == "agreement":
            parts |= {"methods": self.methods_of(subject),
                      "faces_of_pairs": self.some(self.sizes.pairs).tolist()}
            parts |= {"layer": self.layer} if self.layer else {}
            parts |= _versions(*parts["methods"])
        if metric:
            parts |= {"metric": metric, "code": code_of(metric)}
        return cell_key(**parts, **self.colour_of(subject))

    @cached_property
    def regions_sha256(self) -> str:
        return sha256(self.regions.numpy().tobytes()).hexdigest()

    def read(
        self, kind: str, subject: Subject, method: str | None = None, metric: str = "",
        columns=None,
    ) -> pd.DataFrame | None:
        """The rows of a finished cell, None if it is not finished."""
        return self.cell(kind, subject, method, metric).read(columns=columns)

    def scores(self, subject: Subject, method: str) -> pd.DataFrame:
        """The finished `rows` of a method, by every metric that is registered."""
        return self._by_all("rows", subject, method, *OF_MAPS)

    def trials(self, subject: Subject, method: str) -> pd.DataFrame:
        """The finished trials of a method; `family` tells the table of each."""
        found = [self.read("trials", subject, method, t) for t in self.trials_of(subject, method)]
        nothing = [pd.DataFrame(columns=["family", "metric", "value"])]
        return pd.concat(found or nothing, ignore_index=True)

    def agreement(self, subject: Subject) -> pd.DataFrame | None:
        """The finished `agreement` of a model, None if it has one method only."""
        if len(self.methods_of(subject)) < 2:
            return None
        return self._by_all("agreement", subject, None, "agreement")

    def _by_all(self, kind: str, subject: Subject, method: str | None, *families: str):
        found = [self.read(kind, subject, method, m) for m in ("", *beyond(*families))]
        return found[0] if len(found) == 1 else pd.concat(found, ignore_index=True)


def _versions(*methods: str) -> dict[str, dict[str, int]]:
    """What of methods whose maps have changed belongs into a key."""
    found = {method: ATTRIBUTIONS.about(method).version for method in methods}
    changed = {method: version for method, version in found.items() if version > 1}
    return {"versions": changed} if changed else {}


def blocks(faces: np.ndarray) -> list[np.ndarray]:
    """Faces, BATCH at a time."""
    return [faces[i : i + BATCH] for i in range(0, len(faces), BATCH)]
