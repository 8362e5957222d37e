"""What occlusion costs, and how much of it attention's movement carries, fill by fill.

The interventions stand condition by condition in another table; here they are means over the
occluders, so that nets taught by erasing can be set beside those that were not: a net can lose less
without its attention having to do with it.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from analysis.studies.shift.evidence import Evidence, average
from analysis.studies.shift.fills import labelled, models
from analysis.studies.shift.readers import Reader
from analysis.studies.shift.tables import COMBINED, summary

COLUMNS = ["model", "row", "exposure", "fill", "effect", "outcome", "value", "low", "high", "n",
           "seeds"]
REPLACED = {"indirect": "clean", "elsewhere": "change_elsewhere"}  # effect -> intervention
OUTCOMES = {"margin": "margin", "correct": "accuracy"}  # column of the cells -> outcome


def mediation_table(evidence: Evidence) -> pd.DataFrame:
    """A row per model (its training seeds together), fill, effect and outcome (margin in logits,
    accuracy as a share): the mean over occluders, images and seeds, with the 95% interval of the
    hierarchical bootstrap (images within seeds; one seed: images only).

    total: occluded minus clean. indirect: what attention's movement gives, that is occluded minus
    occluded with the clean picture's attention (the natural indirect effect). elsewhere: the same
    of a change as large at other places. The latter two where attention was replaced.
    fill: "all" is the mean over those under which attention is replaced.
    row, exposure: as in `fill_table`.
    """
    tables = [_rows(evidence, readers) for readers in models(evidence)]
    return pd.concat(tables, ignore_index=True)[COLUMNS]


def _rows(evidence: Evidence, readers: Sequence[Reader]) -> pd.DataFrame:
    found = list(_effects(evidence, readers))
    columns = np.stack([values for _, values in found], 2)
    table = summary(evidence, columns)
    for place, name in enumerate(("fill", "effect", "outcome")):
        table[name] = [key[place] for key, _ in found]
    return labelled(table, readers)


def _effects(evidence: Evidence, readers: Sequence[Reader]) -> Iterator[tuple[tuple, np.ndarray]]:
    """((fill, effect, outcome), values (seeds, N))."""
    fills = list(dict.fromkeys(c.fill for c in evidence.conditions))
    causal = [fill for fill in fills if fill in evidence.study.causal_fills]
    for column, outcome in OUTCOMES.items():
        for effect in ("total", *REPLACED):
            known = {}
            for fill in fills:
                values = [_effect(evidence, reader, fill, effect, column) for reader in readers]
                if all(one is not None for one in values):
                    known[fill] = np.stack(values)
            for fill, values in known.items():
                yield (fill, effect, outcome), values
            if causal and all(fill in known for fill in causal):
                yield (COMBINED, effect, outcome), average([known[fill] for fill in causal])


def _effect(evidence: Evidence, reader: Reader, fill: str, effect: str, column: str):
    """(N,): the mean over the occluders with this fill; None where attention was not replaced."""
    found = []
    for condition in evidence.conditions:
        if condition.fill != fill:
            continue
        own = evidence.outcome(reader, condition, "own", column)
        other = evidence.outcome(reader, condition, REPLACED.get(effect, "own_clean"), column)
        if other is None:
            return None
        found.append(own - other)
    return average(found)
