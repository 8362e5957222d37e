"""Small studies drawn from the pool of planted nets, judged as `iram shift` judges.

A study draws training seeds and faces. Seeds are drawn with replacement: so they are independent
draws of one population, the pool, of which the truth is known. Without replacement the mean of
five of sixteen would vary by a quarter less than five independent trainings do, and false alarms
would look rarer than they are. A seed that is drawn twice stands in the study as two trainings.
Faces are drawn without replacement, since a face that stood there twice would count as a copy.
Each control comes from other seeds of the pool than the net that it is the control of.
"""

import copy
from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd

from analysis.engine.cells import Advance
from analysis.studies.calibration.plan import Calibration
from analysis.studies.calibration.planted import OWN, roles_of
from analysis.studies.shift.evidence import Evidence
from analysis.studies.shift.judging import judge
from analysis.studies.shift.readers import Reader
from analysis.subjects.hypotheses import Component
from analysis.subjects.training import training_from
from iram.data.copies import ALL_FACES
from iram.seeds import derived_seed


class Pool(Evidence):
    """The evidence of all planted nets; what is asked of a net is averaged over conditions once,
    for all faces, and serves every study that draws it.

    Attributes:
        pool: training seeds of each net.
        readers: by name.
        roles: of a drawn study: label -> the planted nets that stand for it.
    """

    def __init__(self, plan: Calibration):
        super().__init__(plan.study)
        self._kept = {}  # in memory: several threads read it
        self.pool = plan.design.pool
        self.readers = {reader.name: reader for reader in plan.study.readers}
        self.roles: dict[str, list[Reader]] = {}
        self._found: dict[tuple, np.ndarray] = {}

    def drawn(self, roles: dict[str, str], seeds: Sequence[int], places: np.ndarray) -> "Pool":
        """The evidence of a study: each label's planted net in these seeds, on these faces."""
        part, pool = self.on(ALL_FACES, places), self.pool
        part.__dict__["photographs"] = self.photographs[places]
        part.roles = {label: [
            _standing(self.readers[f"{kind}-seed{(seed + (label != OWN) * pool // 2) % pool}"],
                      label, place) for place, seed in enumerate(seeds)]
            for label, kind in roles.items()}
        return part

    def models(self, permuted: bool = False) -> dict[str, list[Reader]]:
        return {} if permuted else self.roles

    def judged(self) -> dict[str, list[Reader]]:
        return {OWN: self.roles[OWN]}

    def _of(self, reader: Reader, component: Component, kind: str, rivals) -> np.ndarray:
        key = reader.name, component, kind, tuple(rival.name for rival in rivals)
        if key not in self._found:
            whole = self.on(ALL_FACES, np.arange(len(self.study.dataset)))
            self._found[key] = Evidence._of(whole, reader, component, kind, rivals)
        return self._here(self._found[key])


@cache
def _training(label: str):
    return training_from({}, label, label.split("-")[0])


def _standing(reader: Reader, label: str, seed: int) -> Reader:
    """A planted net of the pool in a role, as training seed `seed` of it."""
    part = copy.copy(reader)
    part.subject = copy.copy(reader.subject)
    part.subject.seed = seed
    part.__dict__["training"] = _training(label)
    return part


def judge_studies(
    plan: Calibration, kind: str, seeds: int, start: int, stop: int, advance: Advance
) -> pd.DataFrame:
    """A row per study, hypothesis and class of fill ("all": the whole) with its verdict."""
    pool, roles, rows = pool_of(plan), roles_of(kind), []
    for study in range(start, stop):
        chance = np.random.default_rng(derived_seed("drawn", plan.seed, kind, seeds, study))
        places = np.sort(chance.choice(len(plan.dataset), plan.design.faces, replace=False))
        evidence = pool.drawn(roles, chance.integers(plan.design.pool, size=seeds), places)
        rows += [(study, one.hypothesis.key, fill, verdict) for one in judge(evidence)
                 for fill, verdict in one.verdicts.items()]
        advance(1)
    return pd.DataFrame(rows, columns=["study", "hypothesis", "fill_class", "verdict"])


def pool_of(plan: Calibration) -> Pool:
    """The evidence of all planted nets, read once."""
    if "evidence" not in plan._pool:
        plan._pool["evidence"] = Pool(plan)
    return plan._pool["evidence"]
