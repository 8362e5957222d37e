"""From trained models to `copies.csv`: how much better they know what they were trained on."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.engine.faces import FACES
from analysis.engine.statistics import interval_over_seeds
from analysis.studies.occlusion.real.matching import drawn, means
from analysis.studies.training.measured import Measured
from analysis.studies.training.tables import by_label, listed_seeds, listed_switches

OTHERS = "others"
COPIES = {"exact copies": ("exact",), "near copies": ("near", "mirrored"), OTHERS: ("",)}
COLUMNS = ("label", "attention", "switches", "data", "split", "seeds", FACES, "images", "accuracy",
           "low", "high", "difference", "difference_low", "difference_high")


def copies_table(models: Sequence[Measured], faces: pd.DataFrame) -> pd.DataFrame:
    """One row per label and kind of faces: exact copies of training faces, near ones (mirrored ones
    among them), and the others.

    accuracy, low, high: mean over training seeds and faces of that kind, 0 to 1, with its 95%
        interval (photographs within seeds, see `analysis.engine.statistics`).
    difference: from the others' accuracy, each class weighted as it occurs among the copies; both
        groups of faces are drawn, independently.

    Args:
        faces: see `analysis.studies.training.answers.faces_of`.

    Returns:
        Without a row if `faces` knows of no copies, or there are none.
    """
    rows = []
    if "copy" in faces:
        kinds = faces["copy"].to_numpy(dtype=str)
        here = {name: np.isin(kinds, of) for name, of in COPIES.items()}
        here = {name: inside for name, inside in here.items() if inside.any()}
        if len(here) > 1 and OTHERS in here:
            split = faces["usage"].iloc[0]
            for label, seeds in by_label(models).items():
                rows += [{"label": label, "split": split} | row for row in _rows(seeds, here)]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"images": "Int64"})


def _rows(seeds: Mapping[int, Measured], here: Mapping[str, np.ndarray]) -> list[dict]:
    """A row per kind of faces of one label."""
    first = next(iter(seeds.values()))
    hits, classes = np.stack([model.hits for model in seeds.values()], 1), first.labels.max() + 1
    groups = {name: drawn(first.labels[inside], hits[inside], classes, 0, name,
                          None if first.photographs is None else first.photographs[inside])
              for name, inside in here.items()}
    head = {"attention": first.attention, "switches": listed_switches(first),
            "data": first.card["data"]["name"], "seeds": listed_seeds(seeds)}
    rows = []
    for name, own in groups.items():
        found = {"accuracy": own.sums.sum(2) / own.counts.sum(1, keepdims=True)}
        if name != OTHERS:
            expected, seen = means(groups[OTHERS], like=own)
            found["difference"] = seen - expected
        row = head | {FACES: name, "images": int(here[name].sum())}
        for value, draws in found.items():
            ends = ("low", "high") if value == "accuracy" else (f"{value}_low", f"{value}_high")
            whole = draws[np.isfinite(draws).all(1)]
            row |= dict(zip((value, *ends), interval_over_seeds(whole), strict=True))
        rows.append(row)
    return rows
