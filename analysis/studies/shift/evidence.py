"""From cells to what the hypotheses are about: a number per training seed, image and stage."""

import copy
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from analysis.engine.faces import groups_of
from analysis.engine.spool import Spool
from analysis.stimuli.conditions import Condition
from analysis.studies.shift.describe import MEASURES
from analysis.studies.shift.empty import EMPTY, with_empty
from analysis.studies.shift.places import FACELESS, place_name
from analysis.studies.shift.plan import ShiftStudy
from analysis.studies.shift.readers import Reader
from analysis.subjects import roles
from analysis.subjects.hypotheses import FILL_CLASSES, STAGES, Component, stage_of
from analysis.subjects.interventions import ALL
from analysis.subjects.roles import PERMUTED
from iram.data.copies import ALL_FACES
from iram.data.dataset import FaceDataset


class MissingError(Exception):
    """What a component needs and the run lacks; the message says it."""


class UndefinedError(MissingError):
    """A quantity that the run has, and that is defined on no image."""


class MissingWeightsError(MissingError):
    """Weights that a component needs.

    Attributes:
        names: what they are called.
        others: models that would do, but for their data or recipe.
    """

    def __init__(self, names: Sequence[str], others: Sequence[str] = ()):
        self.names, self.others = list(names), list(others)
        super().__init__(lacking_weights(self.names, self.others))


def lacking_weights(names: Sequence[str], others: Sequence[str] = ()) -> str:
    message = f"no weights of: {', '.join(dict.fromkeys(names))}"
    told = ", ".join(dict.fromkeys(others))
    why = "trained on other data, by another recipe, or, without a card, of no fitting name"
    return f"{message} ({told}: {why})" if told else message


class Evidence:
    """The finished cells of a study; each is read when it is first asked for.

    Attributes:
        conditions: that cover the face.
        faces: of which faces it is: "all", or without copies (`analysis.engine.faces`).
        places: where they stand among those of the study; None: all of them.
    """

    def __init__(self, study: ShiftStudy):
        self.study, self.faces = study, ALL_FACES
        self.places: np.ndarray | None = None
        self.conditions = [c for c in study.plan.conditions if c.occluder not in FACELESS]
        self.shams = [c for c in study.plan.conditions if c.occluder == "sham"]
        self._kept = Spool()  # of arrays, which are as many as cells times measures

    def on(self, faces: str, places: np.ndarray) -> "Evidence":
        """The same of some of the faces; what was read serves both."""
        part = copy.copy(self)
        part.faces, part.places = faces, places
        vars(part).pop("photographs", None)
        return part

    def on_groups(self) -> "Iterator[Evidence]":
        """Of all faces, and of those that are no copies of training faces."""
        for name, places in groups_of(self.study.plan.dataset).items():
            yield self.on(name, places)

    def of_real(self) -> "Evidence | None":
        """That of the study of really occluded faces, of the same group of them."""
        if self.study.real is None:
            return None
        groups = groups_of(self.study.real.dataset)
        return Evidence(self.study.real).on(self.faces, groups.get(self.faces, groups[ALL_FACES]))

    @property
    def dataset(self) -> FaceDataset:
        """The faces."""
        dataset = self.study.plan.dataset
        return dataset if self.places is None else dataset.subset(self.places)

    @property
    def really_occluded(self) -> pd.DataFrame:
        """Which of the faces are really occluded, and how: a row a face."""
        faces = self.study.groups.faces
        return faces if self.places is None else faces.iloc[self.places].reset_index(drop=True)

    @cached_property
    def photographs(self) -> np.ndarray:
        """(N,) a number for each face, the same for copies of each other."""
        return self.dataset.photographs()

    def _here(self, values: np.ndarray) -> np.ndarray:
        return values if self.places is None else values[self.places]

    def measured(self, reader: Reader, condition: Condition, region: str, name: str) -> np.ndarray:
        """(N, layers): a measure of one cell, NaN where it is not defined or was not read."""
        key = (reader.name, condition.name, region, name)
        if key not in self._kept:
            rows = self.study.rows("shift", reader, condition)
            layers = int(rows["layer"].max()) + 1
            for part, own in rows.groupby("region", observed=True):
                own = own.sort_values(["layer"], kind="stable")  # of each layer all faces in order
                own = with_empty(own)
                for column in (*MEASURES, EMPTY):
                    table = own[column].to_numpy().reshape(layers, -1).T
                    self._kept[reader.name, condition.name, part, column] = self._all(table)
        return self._here(self._kept[key])

    def outcome(self, reader: Reader, condition: Condition, name: str, column="margin", layer=ALL):
        """(N,): an outcome under an intervention, None if it was not made."""
        known, key = (reader.name, condition.name), (reader.name, condition.name, name, layer)
        if known not in self._kept:
            rows = self.study.rows("interventions", reader, condition)
            for made, own in rows.groupby(["intervention", "layer"], observed=True):
                for outcome in ("margin", "correct"):
                    values = self._all(own[outcome].to_numpy(dtype=float))
                    self._kept[*known, *made, outcome] = values
            self._kept[known] = True
        return self._here(self._kept[*key, column]) if (*key, column) in self._kept else None

    def _all(self, values: np.ndarray) -> np.ndarray:
        """Values of the first faces, with NaN of the others: permuted weights are read on few."""
        rest = len(self.study.plan.dataset) - len(values)
        return np.concatenate([values, np.full((rest, *values.shape[1:]), np.nan)])

    def models(self, permuted: bool = False) -> dict[str, list[Reader]]:
        """Label -> its training seeds, in order."""
        found: dict[str, list[Reader]] = {}
        for reader in sorted(self.study.readers, key=lambda r: r.subject.seed or 0):
            if reader.permuted == permuted:
                found.setdefault(reader.training.label, []).append(reader)
        order = list(dict.fromkeys(r.training.label for r in self.study.readers))
        return {name: found[name] for name in order if name in found}

    def judged(self) -> dict[str, list[Reader]]:
        """The models that hypotheses are about: those whose attention can move, and that are no
        control."""
        return {name: readers for name, readers in self.models().items()
                if readers[0].moves and not readers[0].training.is_control}

    def controls(self, name: str, control: str) -> list[list[Reader]]:
        """The readers of a control of the model with this label: one list of training seeds, or of
        "exposure" one for each fill that was erased with.

        Raises:
            MissingWeightsError: any of them was not given.
        """
        if control == PERMUTED:
            permuted = self.models(permuted=True).get(name)
            if permuted is None:
                raise MissingError("no copy of it with permuted weights is in the run")
            return [permuted]
        own = self.judged()[name][0].training
        wanted = roles.EXPOSURES if control == roles.EXPOSURE else (control,)
        found, missing, others = [], [], []
        for role in wanted:
            among = [(r, r.training) for readers in self.models().values() for r in readers]
            right, near = roles.controls(role, own, among)
            found.append(right)
            if not right:
                missing.append(roles.wanted(role, own))
                others += [r.name for r in near]
        if missing:
            raise MissingWeightsError(missing, others)
        return found

    def values(self, name: str, component: Component, kind: str) -> np.ndarray:
        """(seeds, images, stages): the component's quantity times its direction under a class of
        fill, NaN where undefined; of what is not of layers one stage.

        Raises:
            MissingError: models or conditions that it needs are not in the run.
        """
        control = control_model(component)
        groups = self.controls(name, control) if control else []
        if component.of:
            made = [average([self.quantity(r, component, kind) for r in readers])
                    for readers in by_seed(groups)]
        else:
            own = self.judged()[name]
            made = [self.quantity(r, component, kind, paired(r, groups)) for r in own]
        return component.direction * np.stack(made)

    def stages(self, name: str) -> list[str]:
        """The stages of the net that a model with this label has."""
        layers = self.judged()[name][0].subject.model.num_layers
        return list(dict.fromkeys(stage_of(layer, layers) for layer in range(layers)))

    def control_seeds(self, name: str, component: Component) -> int | None:
        """How many training seeds a component's control has; None if it is no trained model."""
        control = control_model(component)
        if control in ("", PERMUTED):
            return None
        return min(len(readers) for readers in self.controls(name, control))

    def sham(self, condition: Condition) -> Condition | None:
        """The patch beside the face of the same fill, and of the nearest size."""
        alike = [c for c in self.shams if c.fill == condition.fill]
        size = condition.fraction or 0.0
        return min(alike, key=lambda c: abs((c.fraction or 0.0) - size), default=None)

    def quantity(
        self, reader: Reader, component: Component, kind: str, rivals: Sequence[Reader] = ()
    ) -> np.ndarray:
        """(N, stages): the mean over the conditions of a class of one training's quantity."""
        chosen = [c for c in self.conditions if c.fill in FILL_CLASSES[kind]]
        if not chosen:
            fills = ", ".join(FILL_CLASSES[kind])
            raise MissingError(f"{kind}: no condition with a fill of: {fills}")
        if component.measure == "clean":
            return self._caused(reader, component, kind, chosen)[:, None]
        if component.versus == "sham":
            chosen = [c for c in chosen if self.sham(c)]
            if not chosen:
                raise MissingError(f"{kind}: no sham condition of the same fill")
        return average([self._one(reader, c, component, rivals) for c in chosen])

    def _one(self, reader, condition, component: Component, rivals) -> np.ndarray:
        """(N, stages) under one condition: what is compared is subtracted layer by layer."""
        region, name = place_name(condition), component.measure
        own = self.measured(reader, condition, region, name)
        if component.versus == "sham":
            own = own - self.measured(reader, self.sham(condition), region, name)
        elif component.versus.endswith("_change"):
            own = own - self.measured(reader, condition, region, component.versus)
        elif rivals:
            others = [self.measured(rival, condition, region, name) for rival in rivals]
            if all(other.shape == own.shape for other in others):
                return staged(own - average(others))
            return staged(own) - average([staged(other) for other in others])
        return staged(own)

    def _caused(self, reader: Reader, component: Component, kind: str, chosen) -> np.ndarray:
        """(N,) what the outcome loses when attention is replaced: own minus replaced."""
        versus = component.versus or "own"
        found = []
        for condition in chosen:
            replaced = self.outcome(reader, condition, component.measure)
            if replaced is not None:
                found.append(self.outcome(reader, condition, versus) - replaced)
        if not found:
            raise MissingError(f"{kind}: no condition under which attention was replaced (fills "
                               f"{', '.join(self.study.causal_fills)})")
        return average(found)


def staged(values: np.ndarray) -> np.ndarray:
    """(N, stages): the means over the layers of each stage of values (N, layers); NaN of a stage
    without any."""
    layers = values.shape[1]
    stages = np.array([STAGES.index(stage_of(layer, layers)) for layer in range(layers)])
    return np.stack([average(values[:, stages == place].T) if (stages == place).any()
                     else np.full(len(values), np.nan) for place in range(len(STAGES))], 1)


def average(values: Sequence[np.ndarray]) -> np.ndarray:
    """The mean over the first axis of what is defined; NaN where nothing is."""
    stacked = np.stack([np.asarray(one, dtype=np.float64) for one in values])
    known = np.isfinite(stacked)
    count = known.sum(0)
    total = np.where(known, stacked, 0.0).sum(0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def control_model(component: Component) -> str:
    """The model that a component is compared with or is about; "" for none but its own."""
    control = component.of or component.versus
    within = control in ("", "sham", "change_elsewhere") or control.endswith("_change")
    return "" if within or component.measure == "real" else control


def paired(reader: Reader, groups: Sequence[Sequence[Reader]]) -> list[Reader]:
    """What a training is compared with: of each group that of its own seed, else all of it."""
    chosen = []
    for group in groups:
        same = [r for r in group if r.subject.seed == reader.subject.seed]
        chosen += same or group
    return chosen


def by_seed(groups: Sequence[Sequence[Reader]]) -> list[list[Reader]]:
    """The readers of each training seed that all groups have; all in one if there is no such."""
    seeds = set.intersection(*({r.subject.seed for r in group} for group in groups))
    readers = [r for group in groups for r in group]
    return [[r for r in readers if r.subject.seed == seed] for seed in sorted(seeds)] or [readers]
