"""How far a net's attention acts, before anything is said of where it goes.

An attention that moves without anything following from it can be written about at length. So what a
net loses without its attention's pattern stands beside every verdict.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.stimuli.conditions import CLEAN, Condition
from analysis.studies.shift.evidence import Evidence, average
from analysis.studies.shift.fills import labelled
from analysis.studies.shift.mediation import OUTCOMES
from analysis.studies.shift.places import place_name, regions_of
from analysis.studies.shift.readers import Reader
from analysis.studies.shift.tables import COMBINED, summary
from analysis.subjects.hypotheses import ACTS
from analysis.subjects.interventions import ALL, INTERVENTIONS
from analysis.subjects.roles import CHANNELS

COLUMNS = ["model", "row", "exposure", "fill", "layer", "intervention", "outcome", "value", "low",
           "high", "n", "seeds"]
VARIATIONS = {"gate_variation": "gate", "effective_variation": "effective"}  # measure -> outcome
CLEAN_FACES, NOTHING = "none", "none"  # fill, and intervention
IDLE = "this attention does not act"
Values = tuple[tuple[str, str, str, str], np.ndarray]


class Authority(NamedTuple):
    """What accuracy a model loses when its attention is made uniform over places, in all layers.

    Attributes:
        value, low, high: a share of the faces, with the tests' 95% interval.
        occluded: whether under occlusion (the mean over the fills), else on clean faces: where it
            acts, or else where it loses more.
        acts: whether it loses at least `ACTS` there, with an interval above 0.
    """

    value: float
    low: float
    high: float
    occluded: bool
    acts: bool

    def __str__(self) -> str:
        where = "under occlusion" if self.occluded else "on clean faces"
        told = "this attention acts" if self.acts else IDLE
        return (f"{told}: made uniform over places it costs {100 * self.value:+.1f} points of "
                f"accuracy {where} [{100 * self.low:+.1f}, {100 * self.high:+.1f}]")


def authority_of(table: pd.DataFrame) -> dict[str, Authority]:
    """Model -> its authority, of the rows of one group of faces of `authority_table`; without
    models whose attention was not replaced, or has no places that could be made uniform."""
    own = table[(table["row"] != CHANNELS) & (table["intervention"] == "uniform")
                & (table["layer"] == COMBINED) & (table["outcome"] == "accuracy")
                & table["fill"].isin([CLEAN_FACES, COMBINED])]
    found = {}
    for model, rows in own.groupby("model", sort=False):
        each = [Authority(r.value, r.low, r.high, r.fill == COMBINED,
                          bool(r.value >= ACTS and r.low > 0)) for r in rows.itertuples()]
        found[model] = max(each, key=lambda one: (one.acts, one.value))
    return found


def in_words(table: pd.DataFrame) -> Mapping[str, str]:
    """Model -> `authority_of` it in words."""
    return {model: str(own) for model, own in authority_of(table).items()}


def authority_table(evidence: Evidence) -> pd.DataFrame:
    """A row per model with attention (its training seeds together), fill, layer, intervention and
    outcome, with the interval of the tests.

    fill: "none" is clean faces, "all" the mean over the fills under which attention is replaced.
    layer: 0 to L - 1, each alone; "all": all at once, of variations their mean.
    intervention: what takes the map's place: those with `authority` (`INTERVENTIONS`); each layer
        alone on the run's first faces only (`plan.FIRST`), under occlusion by "uniform" only.
    outcome: what is lost by it, own minus replaced: accuracy (a share), margin (logits). Of
        intervention "none" the coefficient of variation over places: of the gate (channel by
        channel, then their mean) and of the effective multiplier.
    """
    tables = [_rows(evidence, readers) for readers in evidence.models().values()
              if readers[0].has_attention]
    return pd.concat(tables, ignore_index=True)[COLUMNS]


def _rows(evidence: Evidence, readers: Sequence[Reader]) -> pd.DataFrame:
    found = [*_lost(evidence, readers), *_variations(evidence, readers)]
    table = summary(evidence, np.stack([values for _, values in found], 2))
    for place, name in enumerate(("fill", "layer", "intervention", "outcome")):
        table[name] = [key[place] for key, _ in found]
    return labelled(table, readers)


def _conditions(evidence: Evidence) -> dict[str, list[Condition]]:
    """Fill -> its conditions under which attention is replaced, the clean faces first."""
    found: dict[str, list[Condition]] = {CLEAN_FACES: [CLEAN]}
    for condition in evidence.conditions:
        if condition.fill in evidence.study.causal_fills:
            found.setdefault(condition.fill, []).append(condition)
    return found


def _lost(evidence: Evidence, readers: Sequence[Reader]) -> Iterator[Values]:
    """((fill, layer, intervention, outcome), (seeds, N))."""
    fills = _conditions(evidence)
    for name in INTERVENTIONS.where(authority=True):
        for layer in (ALL, *range(readers[0].subject.model.num_layers)):
            for column, outcome in OUTCOMES.items():
                key = (COMBINED if layer == ALL else str(layer), name, outcome)
                known = {fill: made for fill, conditions in fills.items() if (
                    made := _of_fill(evidence, readers, conditions, name, layer, column))
                    is not None}
                yield from (((fill, *key), values) for fill, values in known.items())
                occluded = [values for fill, values in known.items() if fill != CLEAN_FACES]
                if occluded:
                    yield (COMBINED, *key), average(occluded)


def _of_fill(evidence, readers, conditions, name: str, layer: int, column: str):
    """(seeds, N): the loss, its mean over conditions; None where it was not made."""
    made = []
    for reader in readers:
        lost = []
        for condition in conditions:
            other = evidence.outcome(reader, condition, name, column, layer)
            if other is None:
                return None
            lost.append(evidence.outcome(reader, condition, "own", column) - other)
        made.append(average(lost))
    return np.stack(made)


def _variations(evidence: Evidence, readers: Sequence[Reader]) -> Iterator[Values]:
    for fill, conditions in _conditions(evidence).items():
        for measure, outcome in VARIATIONS.items():
            each = np.stack([average([_measured(evidence, reader, condition, measure)
                                      for condition in conditions]) for reader in readers])
            yield (fill, COMBINED, NOTHING, outcome), each.mean(2)
            for layer in range(each.shape[2]):
                yield (fill, str(layer), NOTHING, outcome), each[:, :, layer]


def _measured(evidence: Evidence, reader: Reader, condition: Condition, measure: str):
    """(N, layers): of any region, since it is of the whole map."""
    region = place_name(condition)
    if condition == CLEAN:
        region = next(iter(regions_of(condition, evidence.study.plan.conditions)))
    return evidence.measured(reader, condition, region, measure)


def authority_lines(table: pd.DataFrame) -> Iterator[str]:
    """What the command prints: a line per model, and how far its map varies."""
    own = authority_of(table)
    yield "\nhow far each attention acts (authority.csv)"
    varied = table[(table["fill"] == CLEAN_FACES) & (table["layer"] == COMBINED)
                   & (table["intervention"] == NOTHING)].set_index(["model", "outcome"])["value"]
    for model, row in table.drop_duplicates("model").set_index("model")["row"].items():
        told = own.get(model, "its attention has no places" if row == CHANNELS else
                       "its attention was not replaced: how far it acts is not known")
        yield (f"  {model}: {told}; over places its gates vary by {varied[model, 'gate']:.1%}, "
               f"what they make of the features by {varied[model, 'effective']:.1%}")
