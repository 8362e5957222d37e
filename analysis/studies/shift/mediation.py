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
REPLACED = {"indirect": "clean", "unmatched": "clean_unmatched",
            "elsewhere": "change_elsewhere"}  # effect -> intervention
OUTCOMES = {"margin": "margin", "correct": "accuracy"}  # column of the cells -> outcome


def mediation_table(evidence: Evidence) -> pd.DataFrame:
    """A row per model (its training seeds together), fill, effect and outcome (margin in logits,
    accuracy as a share): the mean over occluders, images and seeds, with the 95% interval of the
    tests (one seed: over images only).

    total: occluded minus clean. indirect: what attention's movement gives, that is occluded minus
    occluded with the clean picture's attention, `matched`: what *where* it goes gives. unmatched:
    the same with the clean picture's attention as it is, the mediator of the textbook's natural
    indirect effect: where, and how much. elsewhere: that of a change as large as the matched one at
    other places. The latter three where attention was replaced.
    fill: "all" is the mean over those under which attention is replaced.
    row, exposure: as in `fill_table`.
    """
    tables = [_rows(evidence, readers) for readers in models(evidence)]
    return pd.concat(tables, ignore_index=True)[COLUMNS]


def mediation_lines(table: pd.DataFrame) -> Iterator[str]:
    """What the command prints: of each model whose attention was replaced, all fills together."""
    own = table[table["row"].isin(["attention", "exposure"]) & (table["fill"] == COMBINED)]
    if own["effect"].nunique() < 2:
        return
    yield ("\nwhat attention's movement saves of the loss: where it goes (mean and spread of the "
           "maps kept), and where and how much (the textbook's mediator)")
    for (model, outcome), part in own.groupby(["model", "outcome"], sort=False):
        value = part.set_index("effect")
        told = [f"{name} {_number(value.loc[effect], 100 if outcome == 'accuracy' else 1)}"
                for effect, name in (("total", "lost in all"), ("indirect", "where"),
                                     ("unmatched", "where and how much"),
                                     ("elsewhere", "as large a change elsewhere"))
                if effect in value.index]
        unit = "points" if outcome == "accuracy" else "logits"
        yield f"  {model}, {outcome} ({unit}): {'; '.join(told)}"


def _number(row, scale: float) -> str:
    value, low, high = (scale * row[name] for name in ("value", "low", "high"))
    return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"


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
