"""Every choice that an analyst could have made, with what it would have said of "attention leaves".

A verdict hangs on choices: which fills, which layers, which measure, compared with what. Here all
of them are made, for every net whose attention can move, so that nobody has to believe that ours
were innocent. Reference: Simonsohn, Simmons & Nelson, "Specification curve analysis", Nature Human
Behaviour 4, 2020.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from analysis.engine.inference import Finding
from analysis.studies.shift.evidence import Evidence, MissingError, average
from analysis.studies.shift.fills import labelled
from analysis.studies.shift.judging import tested
from analysis.studies.shift.readers import Reader
from analysis.studies.shift.tables import COMBINED
from analysis.subjects.hypotheses import ALPHA, CHANGE, FALL, FILL_CLASSES, STAGES, Component

COLUMNS = ["model", "row", "exposure", "measure", "versus", "fill_class", "stage", "value", "low",
           "high", "unit", "direction", "margin", "n", "seeds", "says"]
SHIFTED = 0.05  # of a standard deviation, and of the channels: as small as a fall of 5%
LEFT = {
    CHANGE: (-1, FALL, "log share"),
    "mass_change": (-1, FALL, "log share"),
    "weighted_change": (-1, FALL, "log share"),
    "standard_change": (-1, SHIFTED, "standard deviations"),
    "channels_leave": (+1, SHIFTED, "share of channels"),
}
"""Measure -> the direction in which attention leaves by it, and from what on that is worth the
name: the verdicts' margin where it is in log units."""
ELSEWHERE = {CHANGE: "effective_elsewhere_change", "mass_change": "elsewhere_change"}
"""Measure -> the same on a permuted mask; "channels_leave" is compared with it already."""


def multiverse_table(evidence: Evidence) -> pd.DataFrame:
    """A row per model whose attention can move (its training seeds together), measure, comparison,
    class of fill and stage; none where its map sums to zero, so that nothing can leave.

    measure: of `analysis.studies.shift.describe.describe`. versus: what is subtracted, image by
        image: nothing, the "sham" (the patch beside the face), or the same on a permuted mask.
    fill_class, stage: as in `strata_table`; "all": the mean over them.
    value: the mean over images and training seeds as measured, with the tests' 95% interval.
    says: "leaves", if the mean is shown to lie beyond the margin in the direction of leaving, "does
        not leave" if it is shown not to, else "undecided": each by itself, uncorrected. Of one
        training seed it is said of these weights alone.
    """
    tables = [_rows(evidence, readers) for readers in evidence.models().values()
              if readers[0].moves]
    found = [table for table in tables if len(table)]
    return pd.concat(found or tables, ignore_index=True).reindex(columns=COLUMNS)


def share_table(table: pd.DataFrame) -> pd.DataFrame:
    """A row per model: how many choices there are, and which share of them says what."""
    keys = ["model", "row", "exposure", "seeds"]
    counted = table.groupby(keys, sort=False)["says"].value_counts(normalize=True)
    shares = counted.unstack(fill_value=0.0).reindex(columns=SAYS, fill_value=0.0)
    shares.insert(0, "choices", table.groupby(keys, sort=False).size())
    return shares.reset_index().rename_axis(columns=None)


SAYS = ("leaves", "does not leave", "undecided")


def _rows(evidence: Evidence, readers: Sequence[Reader]) -> pd.DataFrame:
    found = [{"measure": component.measure, "versus": component.name, **keys,
              **_said(evidence, values, component)}
             for component in _components()
             for keys, values in _strata(evidence, readers, component)]
    return labelled(pd.DataFrame(found), readers)


def _components() -> Iterator[Component]:
    """Every measure with everything it can be compared with, which names it."""
    for measure, (direction, margin, unit) in LEFT.items():
        compared = {"nothing": "", "sham": "sham"}
        if measure in ELSEWHERE:
            compared["permuted mask"] = ELSEWHERE[measure]
        for name, versus in compared.items():
            yield Component(name, measure, direction, margin, unit, versus)


def _strata(evidence: Evidence, readers: Sequence[Reader], component: Component):
    """({fill_class, stage}, values (seeds, N)), of what the run has."""
    classes = {}
    for kind in FILL_CLASSES:
        try:
            classes[kind] = np.stack([evidence.quantity(r, component, kind) for r in readers])
        except MissingError:  # no such fill in the run, or no sham of it
            continue
    if len(classes) > 1:
        classes[COMBINED] = average(list(classes.values()))
    for kind, values in classes.items():
        stages = dict(zip(STAGES, values.transpose(2, 0, 1), strict=True))
        for stage, own in ({COMBINED: average(list(stages.values()))} | stages).items():
            if np.isfinite(own).any():  # else a stage that the net lacks
                yield {"fill_class": kind, "stage": stage}, own


def _said(evidence: Evidence, values: np.ndarray, component: Component) -> dict:
    finding = tested(evidence, component.direction * values, component)
    told = {"unit": component.unit, "direction": component.direction,
            "margin": component.margin}
    if not isinstance(finding, Finding):
        return told | {"n": 0, "says": "undecided"}
    ends = sorted(component.direction * end for end in finding.ends)
    return told | {"value": component.direction * finding.effect, "low": ends[0], "high": ends[1],
                   "n": finding.n, "says": _says(finding)}


def _says(finding: Finding) -> str:
    if finding.p_beyond < ALPHA:
        return SAYS[0]
    return SAYS[1] if finding.p_absent < ALPHA else SAYS[2]


def multiverse_lines(table: pd.DataFrame) -> Iterator[str]:
    """What the command prints: of each model, what its choices say."""
    if table.empty:
        return
    yield ("\nof all choices of measure, comparison, fills and layers, so many say that attention "
           "leaves (multiverse.csv; each by itself)")
    for row in share_table(table).itertuples(index=False, name=None):
        model, _, exposure, seeds, choices, *shares = row
        taught = "" if exposure == "none" else f", erased with {exposure}"
        told = ", ".join(f"{name} {share:.0%}" for name, share in zip(SAYS, shares, strict=True))
        yield f"  {f'{model} ({seeds} training seed' + 's' * (seeds > 1) + taught + ')':46s} " \
              f"{told} of {choices}"
