"""What a run of the suite is made of, and by what its cells are known."""

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import product

import pandas as pd

from analysis.attributions import ATTRIBUTIONS
from analysis.engine.cells import Cell, added, grouped, passes_by
from analysis.engine.store import cell_key
from analysis.metrics import CURVE_SCORES
from analysis.studies.attribution.held import HELD, OF_MAPS, beyond, code_of
from analysis.studies.attribution.methods import can_lose_weights, mean_source, reads_layer
from analysis.studies.attribution.questions import OCCLUDER, Questions
from analysis.subjects import Subject, twin

VERSION = 2  # raise it when what a cell holds changes, so that old cells are made again
FILLS = ("mean", "blur", "imputed")  # of removed pixels; "imputed" is ROAD's
TOGETHER = 8  # methods whose curves share forward passes; an interruption loses them at most


@dataclass(frozen=True)
class Suite(Questions):
    """What is run: `Questions`, by cells.

    Stages of cells, each kind a folder: `clean` (the clean pass, whose prediction is explained),
    `reference` (exact Shapley values of the face's regions) and `maps` (by one method), then `rows`
    (what a method's maps score), `sanity` (as the weights are randomised), `trials` (one each of a
    method) and `agreement` (between all methods of a model). A metric that cells of this version
    don't hold has cells of its own.
    """

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

    def prepare(self) -> None:
        """Places what all workers need, once and not by each of them."""
        for name in ("regions", "occluded", "evidence", "faces_sha256", "judgements",
                     "layers_found", "untried"):
            getattr(self, name)

    def apart(self, subject: Subject) -> "Suite":
        """The same for one model only, of which it has a copy."""
        suite = copy.copy(self)  # with what was prepared
        others = {subject.name: self.randomised.get(subject.name)}
        alone = {"subjects": [twin(subject)],
                 "randomised": {name: twin(other) for name, other in others.items() if other}}
        for name, value in alone.items():
            object.__setattr__(suite, name, value)
        return suite

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
            parts |= self.found_by(subject, source or method)
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
            parts |= _versions(*parts["methods"]) | self.found_by(subject, *parts["methods"])
        if metric:
            parts |= {"metric": metric, "code": code_of(metric)}
        return cell_key(**parts, **self.colour_of(subject))

    def found_by(self, subject: Subject, *methods: str) -> dict[str, str]:
        """The layer that these methods find in a model from outside: which it is depends on more
        than the model."""
        found = self.layers_found.get(subject.name)
        return {"found": found} if found and any(map(reads_layer, methods)) else {}

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
