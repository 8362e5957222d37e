"""From cells to what the hypotheses are about: one number per training seed and image."""

import re
from collections.abc import Sequence

import numpy as np

from analysis.shift.describe import MEASURES
from analysis.shift.hypotheses import Component
from analysis.shift.interventions import ALL
from analysis.shift.places import FACELESS, place_name
from analysis.shift.readers import Reader
from analysis.shift.run import ShiftStudy
from analysis.study import Condition


class MissingError(Exception):
    """What a component needs and the run lacks; the message says it."""


def label(reader: Reader) -> str:
    """The model's name without its training seed: iram, iram-heads, none."""
    return re.sub(r"-seed\d+$", "", reader.subject.name)


class Evidence:
    """The finished cells of a study; each is read when it is first asked for."""

    def __init__(self, study: ShiftStudy):
        self.study = study
        self.conditions = [c for c in study.plan.conditions if c.occluder not in FACELESS]
        self.shams = {c.fill: c for c in study.plan.conditions if c.occluder == "sham"}
        self._kept: dict[tuple, np.ndarray] = {}

    def measured(self, reader: Reader, condition: Condition, region: str, name: str) -> np.ndarray:
        """(N, layers): a measure of one cell, NaN where it is not defined."""
        key = (reader.name, condition.name, region, name)
        if key not in self._kept:
            rows = self.study.rows("shift", reader, condition)
            layers = int(rows["layer"].max()) + 1
            for part, own in rows.groupby("region", observed=True):
                own = own.sort_values(["layer"], kind="stable")  # of each layer all faces in order
                for column in MEASURES:
                    table = own[column].to_numpy().reshape(layers, -1).T
                    self._kept[reader.name, condition.name, part, column] = table
        return self._kept[key]

    def outcome(self, reader: Reader, condition: Condition, name: str, column="margin", layer=ALL):
        """(N,): an outcome under an intervention, None if it was not made."""
        key = ("outcome", reader.name, condition.name)
        if key not in self._kept:
            self._kept[key] = self.study.rows("interventions", reader, condition)
        rows = self._kept[key]
        own = rows[(rows["intervention"] == name) & (rows["layer"] == layer)]
        return own[column].to_numpy(dtype=float) if len(own) else None

    def models(self, permuted: bool = False) -> dict[str, list[Reader]]:
        """Label -> its training seeds, in order."""
        found: dict[str, list[Reader]] = {}
        for reader in sorted(self.study.readers, key=lambda r: r.subject.seed or 0):
            if reader.permuted == permuted:
                found.setdefault(label(reader), []).append(reader)
        order = list(dict.fromkeys(label(r) for r in self.study.readers))
        return {name: found[name] for name in order if name in found}

    def judged(self) -> dict[str, list[Reader]]:
        """The models that hypotheses are about: those with attention that are no control."""
        return {name: readers for name, readers in self.models().items()
                if readers[0].has_attention
                and not any(word in name for word in ("random-labels", "erasing"))}  # fmt: skip

    def controls(self, name: str, control: str) -> list[Reader]:
        """The readers of a control of the model with this label.

        Raises:
            MissingError: none was given.
        """
        module = name.split("-")[0]
        suffix = name.removeprefix(module)
        models = self.models()
        if control == "permuted-weights":
            found = self.models(permuted=True).get(name, [])
        elif control == "twin":
            plain = {k: v for k, v in models.items() if not v[0].has_attention
                     and "erasing" not in k and "random-labels" not in k}  # fmt: skip
            found = plain.get("none" + suffix) or next(iter(plain.values()), [])
        elif control in ("random-labels", "exposure"):
            word = "erasing" if control == "exposure" else control
            found = [r for k, v in models.items() if k.startswith(f"{module}-") and word in k
                     for r in v]  # fmt: skip
        else:
            found = models.get(control + suffix, [])
        if not found:
            raise MissingError(f"no weights of: {_wanted(module, suffix, control)}")
        return found

    def values(self, name: str, component: Component) -> np.ndarray:
        """(seeds, images): the component's quantity times its direction, NaN where undefined.

        Raises:
            MissingError: models or conditions that it needs are not in the run.
        """
        readers, versus = self.judged()[name], component.versus
        if versus in ("", "sham") or versus.endswith("_change") or versus == "change_elsewhere":
            rivals = [None] * len(readers)
        else:
            found = self.controls(name, versus)
            by_seed = {r.subject.seed: [r] for r in found}
            single = len(by_seed) == len(found)
            rivals = [by_seed[r.subject.seed] if single and r.subject.seed in by_seed else found
                      for r in readers]  # fmt: skip
        pairs = zip(readers, rivals, strict=True)
        return component.direction * np.stack([self._of(r, component, rival) for r, rival in pairs])

    def _of(self, reader: Reader, component: Component, rivals) -> np.ndarray:
        """(N,): the mean over conditions of one training's quantity."""
        if component.measure == "clean":
            return self._caused(reader, component)
        chosen = [c for c in self.conditions if not component.fills or c.fill in component.fills]
        if component.versus == "sham":
            chosen = [c for c in chosen if c.fill in self.shams]
            if not chosen:
                raise MissingError("no sham condition of the same fill")
        if not chosen:
            wanted = ", ".join(component.fills) or "on the face"
            raise MissingError(f"no condition with a fill of: {wanted}" if component.fills
                               else f"no condition {wanted}")  # fmt: skip
        return average([self._one(reader, c, component, rivals) for c in chosen])

    def _one(self, reader, condition, component: Component, rivals) -> np.ndarray:
        """(N,) under one condition: layers averaged, what is compared subtracted layer by layer."""
        region, name = place_name(condition), component.measure
        own = self.measured(reader, condition, region, name)
        if component.versus == "sham":
            own = own - self.measured(reader, self.shams[condition.fill], region, name)
        elif component.versus.endswith("_change"):
            own = own - self.measured(reader, condition, region, component.versus)
        elif rivals:
            others = [self.measured(rival, condition, region, name) for rival in rivals]
            if all(other.shape == own.shape for other in others):
                return average((own - average(others)).T)
            return average(own.T) - average([average(other.T) for other in others])
        return average(own.T)

    def _caused(self, reader: Reader, component: Component) -> np.ndarray:
        """(N,) what the outcome loses when attention is replaced: own minus replaced."""
        versus = component.versus or "own"
        found = []
        for condition in self.conditions:
            replaced = self.outcome(reader, condition, component.measure)
            if replaced is not None:
                found.append(self.outcome(reader, condition, versus) - replaced)
        if not found:
            raise MissingError("no condition under which attention was replaced (fills "
                               f"{', '.join(self.study.causal_fills)})")  # fmt: skip
        return average(found)


def average(values: Sequence[np.ndarray]) -> np.ndarray:
    """The mean over the first axis of what is defined; NaN where nothing is."""
    stacked = np.stack([np.asarray(one, dtype=np.float64) for one in values])
    known = np.isfinite(stacked)
    count = known.sum(0)
    total = np.where(known, stacked, 0.0).sum(0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _wanted(module: str, suffix: str, control: str) -> str:
    return {"twin": f"none{suffix}", "random-labels": f"{module}-random-labels",
            "exposure": f"{module}-erasing-noise, {module}-erasing-mean"}.get(
                control, control + suffix)  # fmt: skip
