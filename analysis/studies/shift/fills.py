"""What attention does under each fill alone, and after each exposure in training.

The verdicts are means over fills. A gate can fall under noise and not under gray, and a net that
was taught by erasing with noise can answer to noise alone; so here the fills stand apart.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from analysis.stimuli.conditions import Condition
from analysis.studies.shift.evidence import Evidence, average
from analysis.studies.shift.places import covering, place_name
from analysis.studies.shift.readers import Reader
from analysis.studies.shift.tables import COMBINED, model_kind, summary
from analysis.subjects.hypotheses import FALL, LEAVES

COLUMNS = ["model", "row", "exposure", "occluder", "fill", "patch", "layer", "value", "low", "high",
           "n", "seeds", "shows"]
COVERS, BESIDE = "covers", "beside"


def fill_table(evidence: Evidence) -> pd.DataFrame:
    """A row per model (its training seeds together), occluder, fill, patch and layer.

    value: change of the effective multiplier's log share on the occluder's place, under occlusion
    minus clean; of a net without attention that of its activation energy. Mean over images and
    training seeds, with the 95% interval of the tests (one seed: over images only), and how many
    images and seeds it is of.

    row: attention, or which control or rival the model is. exposure: what its training erased with.
    occluder: a place such as eyes-0.3, or "all": their mean, image by image.
    patch: "covers" the place, or lies "beside" the face (the sham, measured at the same places).
    layer: 0 to L - 1, or "all": their mean.
    shows: `shown`, of each interval by itself: no correction for their number.
    """
    tables = [_rows(evidence, readers, places, fill, patch)
              for readers in models(evidence)
              for (fill, patch), places in _by_fill(evidence).items()]
    return pd.concat(tables, ignore_index=True)[COLUMNS]


def shown(low: float, high: float) -> str:
    """Leaves or comes if the interval lies beyond the margin of the hypotheses, stays if within
    it, else open; undefined without any image."""
    if np.isnan(low):
        return "undefined"
    if high < -FALL:
        return "leaves"
    if low > FALL:
        return "comes"
    return "stays" if low > -FALL and high < FALL else "open"


def models(evidence: Evidence) -> Iterator[list[Reader]]:
    """The training seeds of each model, then those of its copies with permuted weights."""
    permuted = evidence.models(permuted=True)
    for name, readers in evidence.models().items():
        yield readers
        if name in permuted:
            yield permuted[name]


def _by_fill(evidence: Evidence) -> dict[tuple[str, str], dict[str, list[Condition]]]:
    """(fill, patch) -> the places of the face, each with the conditions it is measured under."""
    found: dict[tuple[str, str], dict[str, list[Condition]]] = {}
    for condition in evidence.conditions:
        places = found.setdefault((condition.fill, COVERS), {})
        places.setdefault(place_name(condition), []).append(condition)
    everywhere = covering(evidence.study.plan.conditions)
    for sham in evidence.shams:
        places = found.setdefault((sham.fill, BESIDE), {})
        for place in everywhere:
            places.setdefault(place, []).append(sham)
    return found


def _rows(evidence, readers: Sequence[Reader], places, fill: str, patch: str) -> pd.DataFrame:
    changes = {place: np.stack([average([evidence.measured(r, c, place, LEAVES.measure)
                                         for c in conditions]) for r in readers])
               for place, conditions in places.items()}
    every = {COMBINED: average(list(changes.values())), **changes}
    layers = next(iter(changes.values())).shape[2]
    columns = np.concatenate([_with_mean(values) for values in every.values()], 2)
    table = summary(evidence, columns)
    names = [COMBINED, *map(str, range(layers))]
    table["occluder"] = np.repeat(list(every), len(names))
    table["layer"] = names * len(every)
    table["shows"] = [shown(*ends) for ends in zip(table["low"], table["high"], strict=True)]
    table["fill"], table["patch"] = fill, patch
    return labelled(table, readers)


def labelled(table: pd.DataFrame, readers: Sequence[Reader]) -> pd.DataFrame:
    """The table with the columns that say whose it is: model, row, exposure and seeds."""
    reader = readers[0]
    label, kind = reader.training.label, model_kind(reader)
    return table.assign(
        model=f"{label}-{kind}" if reader.permuted else label, row=kind or "attention",
        exposure=reader.training.erased, seeds=len(readers),
    )


def _with_mean(values: np.ndarray) -> np.ndarray:
    """(seeds, N, 1 + layers): the mean over layers, and the layers (seeds, N, layers)."""
    return np.concatenate([average(values.transpose(2, 0, 1))[:, :, None], values], 2)


def fill_lines(table: pd.DataFrame) -> Iterator[str]:
    """What the command prints: every model with attention, every fill, all occluders together."""
    own = table[table["row"].isin(["attention", "exposure"]) & (table["occluder"] == COMBINED)]
    yield ("\nwhat each fill shows alone: change of attention's log share on the covered region, "
           f"by layer;\nleaves, comes: beyond {FALL:g}; stays: within; each by itself, "
           "uncorrected")
    for model, rows in own.groupby("model", sort=False):
        layers = [layer for layer in rows["layer"].unique() if layer != COMBINED]
        first = rows.iloc[0]
        taught = "" if first["exposure"] == "none" else f", erased with {first['exposure']}"
        seeds = f"{first['seeds']} training seed" + "s" * (int(first["seeds"]) > 1)
        yield f"  {f'{model} ({seeds}{taught})':46s}" + "".join(f"{x:>7s}" for x in layers)
        for (fill, patch), part in rows.groupby(["fill", "patch"], sort=False):
            part = part.set_index("layer")
            all_ = part.loc[COMBINED]
            name = fill if patch == COVERS else f"sham, {fill}"
            yield (f"    {name:20s}{_number(all_)} {all_['shows']:8s}".ljust(48)
                   + "".join(f"{part.loc[x, 'value']:+7.3f}" for x in layers))


def _number(row) -> str:
    return f"{row['value']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
