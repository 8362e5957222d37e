"""The same question on faces that are really occluded.

No mask is known there, and no clean picture of the same face. So a type's region is the one that
a painted occluder of that type would cover, placed by the face's own landmarks (which were found on
the occluded picture, and are less sure there; a face without any takes the mean face's place), and
the attention on it is compared with that of faces in no list on the same region of theirs, class by
class. Turned faces among the occluded ones (205 of the 605) see the region from another side: the
verdict is of those that are not turned, and all are reported beside.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from torch import Tensor

from analysis.engine.inference import Finding, assess_draws, error_of_draws, quantile
from analysis.engine.statistics import LEVEL
from analysis.stimuli.conditions import CLEAN, Condition
from analysis.studies.occlusion.plan import Benchmark
from analysis.studies.occlusion.real.faces import RealFaces
from analysis.studies.occlusion.real.matching import drawn, interval, means
from analysis.studies.occlusion.real.table import COMPARISON, TYPES, members
from analysis.studies.shift.evidence import Evidence, MissingError, average, staged
from analysis.studies.shift.places import place_name
from analysis.studies.shift.plan import ShiftStudy
from analysis.studies.shift.readers import Reader
from analysis.subjects.hypotheses import CHANGE, STAGES, WHOLE, Component
from iram.data.dataset import FaceDataset

FRACTION = 0.3
STANDS_FOR = {"upper": "upper_half", "lower": "lower_half", "side": "cheeks", "glasses": "eyes"}
FILLS = ("mean", "noise", "other_class")
COLUMNS = ["model", "faces", "type", "region", "real", "real_low", "real_high", "synthetic",
           "synthetic_low", "synthetic_high", "n", "n_not_listed"]
CORRELATION = ["model", "faces", "types", "pearson", "low", "high"]
FEWEST_TYPES = 4


def real_study(
    plan: Benchmark, readers: Sequence[Reader], dataset: FaceDataset, groups: RealFaces,
    cameras: Tensor | None,
) -> ShiftStudy:
    """All listed faces of a data set, and those of a run that are in no list, under the painted
    occluders that stand for the types.

    Args:
        plan, readers: of the run, on some of the faces of `dataset`.
        groups: of `dataset`.
        cameras: of `dataset`, or None.
    """
    listed = ~members(groups.faces, COMPARISON)
    run = np.isin(dataset.metadata["image_id"], plan.dataset.metadata["image_id"])
    places = np.flatnonzero(listed | run)
    faces = dataset.subset(places)
    painted = [Condition(name, FRACTION, fill) for name in STANDS_FOR.values() for fill in FILLS]
    part = replace(plan, dataset=faces, conditions=[CLEAN, *painted], out=plan.out / "real",
                   cameras=None if cameras is None else cameras[places], _layouts={})
    own = [replace(reader, dataset=faces) for reader in readers if not reader.permuted]
    known = groups._replace(faces=groups.faces.iloc[places].reset_index(drop=True))
    return ShiftStudy(part, own, (), known)


class RealShift:
    """Attention on really occluded regions against the same regions of faces in no list."""

    def __init__(self, evidence: Evidence):
        self.evidence = evidence
        self.plan = evidence.study.plan
        self._draws: dict[tuple, dict] = {}

    def assess(self, name: str, component: Component, stage: str) -> Finding:
        """The component over all types, each weighted by its faces; turned ones left out."""
        found = self.draws(name, turned=False, stage=stage)
        if not found:
            raise MissingError("no really occluded face of any type among these, or no condition "
                               "that covers its region")
        faces = sum(one["n"] for one in found.values())
        mean = sum(one["n"] * one["real"] for one in found.values()) / faces
        return assess_draws(component.direction * mean, faces, component.margin)

    def draws(self, name: str, turned: bool, stage: str = WHOLE) -> dict[str, dict]:
        """Type -> draws (1 + B, seeds) of the real effect and of the painted one, the same faces
        for every training seed, and their numbers.

        Args:
            turned: whether occluded faces that are also turned count.
            stage: of the net; WHOLE is the mean over its stages.
        """
        key = name, turned, stage
        if key not in self._draws:
            readers = self.evidence.models()[name]
            found = {kind: self._type(readers, kind, turned, stage) for kind in TYPES}
            self._draws[key] = {k: v for k, v in found.items() if v is not None}
        return self._draws[key]

    def _type(self, readers, kind: str, turned: bool, stage: str) -> dict | None:
        seed, dataset, faces = self.plan.seed, self.evidence.dataset, self.evidence.really_occluded
        photographs = self.evidence.photographs
        standing = [c for c in self.evidence.conditions if c.occluder == STANDS_FOR[kind]
                    and c.fraction == FRACTION]
        if not standing:
            return None
        region = place_name(standing[0])
        mass = self._measured(readers, [CLEAN], region, "effective", stage)
        change = self._measured(readers, standing, region, CHANGE, stage)
        labels, k = dataset.labels.numpy(), len(dataset.classes)
        known = np.isfinite(mass).all(1)
        inside = members(faces, kind) & known
        if not turned:
            inside &= ~members(faces, "pose_30") & ~members(faces, "pose_45")
        others = members(faces, COMPARISON) & known & np.isfinite(change).all(1)
        if inside.sum() < 2 or others.sum() < 2:
            return None
        both = np.hstack([mass, change])
        reference = drawn(labels[others], both[others], k, seed, COMPARISON, photographs[others])
        own = drawn(labels[inside], mass[inside], k, seed, kind, photographs[inside])
        expected, seen = means(reference, like=own)
        real, painted = seen - expected[:, : len(readers)], expected[:, len(readers) :]
        if not np.isfinite(real[0]).all():  # no class in common
            return None
        return {"region": region, "real": real, "synthetic": painted,
                "n": int(inside.sum()), "n_not_listed": int(others.sum())}

    def _measured(self, readers, conditions, region: str, name: str, stage: str) -> np.ndarray:
        """(N, seeds): a measure's mean over conditions in a stage."""
        each = [average([staged(self.evidence.measured(reader, c, region, name))
                         for c in conditions]) for reader in readers]
        return np.stack([average(own.T) if stage == WHOLE else own[:, STAGES.index(stage)]
                         for own in each], 1)

    def table(self) -> pd.DataFrame:
        """A row per model, type and set of faces ("not turned", "all").

        real: attention's log share on the type's region, occluded faces minus class-matched faces
        in no list. synthetic: `effective_change` of the painted occluder on the latter, over its
        fills.
        Both are means over stages and training seeds, with the tests' intervals.
        """
        rows = []
        for name, faces, found in self._all():
            for kind, one in found.items():
                row = {"model": name, "faces": faces, "type": kind, "region": one["region"],
                       "n": one["n"], "n_not_listed": one["n_not_listed"]}
                for which in ("real", "synthetic"):
                    columns = (which, f"{which}_low", f"{which}_high")
                    row |= dict(zip(columns, self._interval(one[which]), strict=True))
                rows.append(row)
        return pd.DataFrame(rows, columns=COLUMNS)

    def _interval(self, draws: np.ndarray) -> tuple[float, float, float]:
        half = quantile(error_of_draws(draws), (1 - LEVEL) / 2)
        mean = float(draws[0].mean())
        return mean, mean - half, mean + half

    def correlation(self) -> pd.DataFrame:
        """Across the types: does the painted effect, over the training seeds, go with the real one?
        With four types at most, the interval (over faces) is wide, and says nothing of other
        types."""
        rows = []
        for name, faces, found in self._all():
            if len(found) < FEWEST_TYPES:
                continue
            real, painted = (np.stack([one[which].mean(1) for one in found.values()], 1)
                             for which in ("real", "synthetic"))
            draws = np.array([_pearson(x, y) for x, y in zip(painted, real, strict=True)])
            rows.append((name, faces, len(found), *interval(draws)))
        return pd.DataFrame(rows, columns=CORRELATION)

    def _all(self):
        for name, readers in self.evidence.models().items():
            if readers[0].channels_alone:
                continue
            for faces, turned in (("not turned", False), ("all", True)):
                yield name, faces, self.draws(name, turned)


def _pearson(x: np.ndarray, y: np.ndarray) -> float:
    from scipy.stats import pearsonr  # half a second

    varies = np.isfinite([x, y]).all() and np.ptp(x) > 1e-12 and np.ptp(y) > 1e-12
    return float(pearsonr(x, y)[0]) if varies else np.nan
