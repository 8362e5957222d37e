"""The decision rules of `analysis.subjects.hypotheses`: from tests in strata to verdicts.

Nothing is resampled and no interval is computed here, so that thousands of studies can be judged.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np

from analysis.engine.inference import Finding, assess
from analysis.engine.statistics import holm
from analysis.studies.shift.empty import empty_layers, empty_told
from analysis.studies.shift.evidence import Evidence, MissingError, UndefinedError, control_model
from analysis.subjects.hypotheses import (
    ALPHA,
    FAMILIES,
    HYPOTHESES,
    REAL,
    STAGES,
    WHOLE,
    Component,
    Hypothesis,
    stage_of,
)

ONE_SEED = "one training seed"
Real = Callable[[str, Component, str], Finding]


@dataclass(frozen=True)
class Part:
    """A component in a stratum.

    Attributes:
        finding: None if it was not tested; then `lack` says why.
        seeds: of the component, its control's included, and of the model.
    """

    component: Component
    finding: Finding | None
    lack: MissingError | None = None
    seeds: tuple[int, int] = (1, 1)

    @property
    def lone(self) -> bool:
        """Of one training seed beside a model of several: it neither supports nor refutes."""
        return self.seeds[0] == 1 < self.seeds[1]

    @property
    def p_beyond(self) -> float:
        return 1.0 if self.lone else self.finding.p_beyond

    @property
    def p_absent(self) -> float:
        return 1.0 if self.lone else self.finding.p_absent

    @property
    def outcome(self) -> str:
        """On its own, before any correction. An effect that is there, but not shown to be above the
        margin, is not shown."""
        if self.finding is None:
            return "not tested"
        if self.lone:
            return f"undecided: {ONE_SEED}"
        if self.p_absent < ALPHA:
            return "not shown: absent"
        return "shown" if self.p_beyond < ALPHA else "not shown: undecided"


@dataclass(frozen=True)
class Stratum:
    """A hypothesis under a class of fill in a stage of the net."""

    kind: str
    stage: str
    parts: Sequence[Part]

    @property
    def tested(self) -> bool:
        return all(part.finding for part in self.parts)

    @property
    def p_supported(self) -> float:
        return max(p.p_beyond for p in self.parts) if self.tested else np.nan

    @property
    def p_refuted(self) -> float:
        if not self.tested:
            return np.nan
        return min(1.0, min(p.p_absent for p in self.parts) * len(self.parts))


@dataclass
class Judged:
    """A hypothesis of one model.

    Attributes:
        strata: by class of fill, then stage.
        seeds: of the model.
        p_supported, p_refuted, verdicts: of each class of fill, and of WHOLE; p values after Holm.
        level: at which the whole is refuted, Holm's at its place.
        verdict: of the model: that of the whole, but for one training seed.
        basis: the judgement that it presupposes.
    """

    model: str
    hypothesis: Hypothesis
    strata: Sequence[Stratum]
    seeds: int
    p_supported: dict[str, float] = field(default_factory=dict)
    p_refuted: dict[str, float] = field(default_factory=dict)
    verdicts: dict[str, str] = field(default_factory=dict)
    level: float = ALPHA
    basis: "Judged | None" = None

    @property
    def classes(self) -> dict[str, list[Stratum]]:
        """Class of fill -> its strata; without those that are defined on no image, if any is."""
        found = {}
        for kind, own in groupby(self.strata, lambda stratum: stratum.kind):
            own = list(own)
            kept = [s for s in own if not any(isinstance(p.lack, UndefinedError) for p in s.parts)]
            found[kind] = kept or own
        return found

    @property
    def parts(self) -> list[Part]:
        return [part for own in self.classes.values() for s in own for part in s.parts]

    @property
    def holds_under(self) -> list[str]:
        return [kind for kind in self.classes if self.verdicts[kind] == "supported"]

    @property
    def verdict(self) -> str:
        whole = self.verdicts[WHOLE]
        return "undecided" if self.seeds == 1 and whole != "not tested" else whole

    @property
    def this_net(self) -> str:
        """What holds of these weights alone, where there is one training seed; else ""."""
        whole = self.verdicts[WHOLE]
        return whole if self.seeds == 1 and whole != "not tested" else ""


def judge(
    evidence: Evidence, real: Real | None = None, hypotheses: Sequence[Hypothesis] = HYPOTHESES
) -> list[Judged]:
    """Every hypothesis of every model that hypotheses are about.

    Args:
        real: tests a component on really occluded faces in a stage; None where no lists were given.
    """
    found = []
    for name, readers in evidence.judged().items():
        module = readers[0].training.attention
        asked = [h for h in hypotheses if not h.only or module in h.only]
        found += decide([Judged(name, h, list(strata(evidence, name, h, real)), len(readers))
                         for h in asked])
    return found


def strata(evidence: Evidence, name: str, h: Hypothesis, real: Real | None = None):
    """Each stratum of a hypothesis, tested."""
    stages = [s for s in h.stages if s == WHOLE or s in evidence.stages(name)]
    for kind in h.classes:
        by_stage = {stage: [] for stage in stages}
        for component in h.asked(kind):
            for stage, part in zip(stages, _parts(evidence, name, component, kind, stages, real),
                                   strict=True):
                by_stage[stage].append(part)
        yield from (Stratum(kind, stage, parts) for stage, parts in by_stage.items())


def _parts(evidence, name, component: Component, kind: str, stages, real) -> list[Part]:
    """A component under a class of fill, in each stage."""
    try:
        if kind == REAL:
            if real is None:
                raise MissingError("no lists of really occluded faces (--ran-lists)")
            found = [real(name, component, stage) for stage in stages]
        else:
            values = evidence.values(name, component, kind)
            places = [0 if stage == WHOLE else STAGES.index(stage) for stage in stages]
            found = [tested(evidence, values[:, :, place], component) for place in places]
            found = [one if isinstance(one, Finding) else
                     _empty(evidence, name, component, stage) or one
                     for stage, one in zip(stages, found, strict=True)]
        control = evidence.control_seeds(name, component)
    except MissingError as error:
        return [Part(component, None, error)] * len(stages)
    model = len(evidence.judged()[name])
    return [Part(component, None, one) if isinstance(one, MissingError) else
            Part(component, one, None, (min(one.seeds, control or one.seeds), model))
            for one in found]


def _empty(evidence, name: str, component: Component, stage: str) -> UndefinedError | None:
    """What is to be said where a component is undefined in a stage since the map of the model, or
    of what it is compared with, sums to zero there."""
    control = control_model(component)
    groups = evidence.controls(name, control) if control else []
    for reader in (*evidence.judged()[name], *(r for group in groups for r in group)):
        count = reader.subject.model.num_layers
        layers = [layer for layer in empty_layers(evidence, reader)
                  if stage in (WHOLE, stage_of(layer, count))]
        if layers:
            return UndefinedError(f"{reader.name}: {empty_told(layers)}")
    return None


def tested(evidence, values: np.ndarray, component: Component) -> Finding | UndefinedError:
    """The mean of values (seeds, images), over the images where all seeds have one."""
    known = np.isfinite(values).all(0)
    if known.sum() < 2:
        return UndefinedError("defined on fewer than 2 images: the occluders cover nothing, or the "
                              "whole face, or nothing expressive is left")
    return assess(values[:, known], component.margin, evidence.photographs[known])


def decide(judged: Sequence[Judged]) -> Sequence[Judged]:
    """The same, judged: those of one model, Holm within each family of hypotheses."""
    first = set(FAMILIES[0])
    for family in ([j for j in judged if j.hypothesis.key in first],
                   [j for j in judged if j.hypothesis.key not in first]):
        _adjust(family)
    by_key = {j.hypothesis.key: j for j in judged}
    for one in judged:
        one.basis = by_key.get(one.hypothesis.presupposes)
        for kind, p in one.p_supported.items():
            one.verdicts[kind] = _verdict(p, one.p_refuted[kind])
        if one.verdicts[WHOLE] == "supported":
            one.verdicts |= dict.fromkeys(one.classes, "supported")
    for one in judged:
        if one.basis:
            _presuppose(one, one.basis)
    return judged


def _adjust(family: Sequence[Judged]) -> None:
    """Holm over the wholes of a family, and over all its classes of fill."""
    for which in ("p_supported", "p_refuted"):
        wholes = np.array([_whole(one, which) for one in family])
        classes = [(one, kind, _of_class(own, which))
                   for one in family for kind, own in one.classes.items()]
        for one, raw, p in zip(family, wholes, holm(wholes), strict=True):
            getattr(one, which)[WHOLE] = p
            if which == "p_refuted":
                one.level = ALPHA / max(1, np.sum(wholes >= raw))
        for (one, kind, _), p in zip(classes, holm(np.array([c[2] for c in classes])), strict=True):
            getattr(one, which)[kind] = p


def _of_class(own: Sequence[Stratum], which: str) -> float:
    each = [getattr(stratum, which) for stratum in own]
    if np.isnan(each).any():
        return np.nan
    return min(1.0, min(each) * len(each)) if which == "p_supported" else max(each)


def _whole(one: Judged, which: str) -> float:
    each = [_of_class(own, which) for own in one.classes.values()]
    if np.isnan(each).any():
        return np.nan
    return max(each) if which == "p_supported" else min(1.0, min(each) * len(each))


def _verdict(p_supported: float, p_refuted: float) -> str:
    if np.isnan(p_supported):
        return "not tested"
    if p_refuted < ALPHA:
        return "refuted"
    return "supported" if p_supported < ALPHA else "undecided"


def _presuppose(one: Judged, basis: Judged) -> None:
    """What presupposes another is not supported without that one, class by class."""
    for kind, verdict in one.verdicts.items():
        needed = basis.verdicts.get(kind, basis.verdicts[WHOLE])
        if verdict == "supported" and needed != "supported":
            one.verdicts[kind] = "not tested" if needed == "not tested" else "undecided"
