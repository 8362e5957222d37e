"""From trained models to `accuracy.csv` and `ablation.csv`: what a module changes.

Models are compared over the seeds that both have, image by image, and only with the model that
differs from them in the one thing that is asked about.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.engine.faces import FACES
from analysis.engine.published import PUBLISHED
from analysis.engine.statistics import hierarchical_bootstrap, holm, paired_permutation
from analysis.studies.training.measured import Measured
from analysis.subjects.training import CONSISTENCY
from iram.data.copies import ALL_FACES
from iram.errors import InputError, listing
from iram.evaluate import measure_name
from iram.training.grids import GRIDS

Label = dict[int, Measured]  # the models of one label by seed
COLUMNS = (
    "kind", "label", "attention", "switches", "backbone", "parameters", "data", "split", "seeds",
    "images", "accuracy", "low", "high", "flip_accuracy", "crops_accuracy", "reference",
    "paired_seeds", "difference", "difference_low", "difference_high", "p", "p_holm", "caveat",
)
NONE = "none"
PUBLISHED_KIND = "published"
ONE_SEED = "one training seed: intervals are over images only"


def on_groups(
    make: Callable[[Sequence[Measured]], pd.DataFrame], models: Sequence[Measured],
    groups: Mapping[str, np.ndarray],
) -> pd.DataFrame:
    """The table that is made of the models, of each group of faces (`analysis.engine.faces`) one
    below the other; published figures, which are of all faces, once."""
    tables = []
    for name, places in groups.items():
        table = make([model.on(places) for model in models])
        if name != ALL_FACES:
            table = table[table["kind"] != PUBLISHED_KIND]
        table.insert(2, FACES, name)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def accuracy_table(
    models: Sequence[Measured], split: str, reference: str | None = None
) -> pd.DataFrame:
    """One row per label without switches: its accuracy, and what it has over the reference.

    accuracy, low, high: mean over seeds and images, with its 95% interval
        (`hierarchical_bootstrap`); flip_accuracy, crops_accuracy: averaged with the mirror image
        and over ten crops, from the cards, where these are of the same faces and labels.
    difference, difference_low, difference_high: accuracy minus that of the reference module under
        the same recipe, backbone and data, over the seeds that both have (`paired_seeds`).
    p, p_holm: `paired_permutation` of the mean over the paired seeds, and Holm's adjustment within
        the rows of a kind.
    kind: "module" for the recipe of the reference, "control" for another, and "published".

    Args:
        reference: a label; None is "none" or, without it, the only one of a net without attention
            that is no control, as none-ferplus.

    Raises:
        InputError: no model of that label is among them, or it has switches off their defaults;
            one label's models differ in more than their seed.
    """
    labels = by_label(models)
    reference = reference or _usual_reference(labels)
    if reference not in labels:
        raise InputError(f"--reference {reference}: not among the models ({listing(labels)})")
    base = _first(labels[reference])
    if base.switches:
        plain = [label for label, seeds in labels.items() if not _first(seeds).switches]
        raise InputError(f"--reference {reference}: it has switches off their defaults "
                         f"({listed_switches(base)}), and is compared in ablation.csv; a reference "
                         f"can be {listing(plain) or 'none of these models'}")
    rows = []
    for label, seeds in labels.items():
        first = _first(seeds)
        if first.switches:
            continue
        against = _counterpart(labels, first, base.attention)
        kind = "module" if first.training.setting == base.training.setting else "control"
        rows.append(_row(kind, label, seeds, labels, against, split))
    table = _adjusted(sorted(rows, key=lambda row: row["kind"] == "control"))
    published = _published(base.card["data"]["name"])
    return pd.concat([table, published], ignore_index=True) if len(published) else table


def ablation_table(models: Sequence[Measured], split: str) -> pd.DataFrame:
    """One row per label with switches, compared with the same module with its defaults.

    Columns as in `accuracy_table`, with a row of kind "whole" for each module as it is. A negative
    difference is what is lost with the switch off its default.
    """
    labels = by_label(models)
    switched = {label: seeds for label, seeds in labels.items() if _first(seeds).switches}
    wholes = dict.fromkeys(_counterpart(labels, _first(s), _first(s).attention)
                           for s in switched.values())
    rows = [_row("whole", label, labels[label], labels, None, split) for label in wholes if label]
    for label, seeds in switched.items():
        against = _counterpart(labels, _first(seeds), _first(seeds).attention)
        rows.append(_row("ablation", label, seeds, labels, against, split))
    return _adjusted(rows)


def by_label(models: Sequence[Measured]) -> dict[str, Label]:
    """The models of each label by seed; labels in the order of the grids, others after."""
    labels: dict[str, Label] = {}
    for model in models:
        seeds = labels.setdefault(model.label, {})
        other = next(iter(seeds.values()), model)
        mine, theirs = ((m.attention, m.switches, m.training.setting) for m in (model, other))
        if model.seed in seeds or mine != theirs:
            raise InputError(
                f"two models of label '{model.label}' differ in more than their seed, or have the "
                "same; compare them one folder at a time"
            )
        seeds[model.seed] = model
    order = list(dict.fromkeys(cell.label for cells in GRIDS.values() for cell in cells))
    place = {label: order.index(label) if label in order else len(order) for label in labels}
    return {label: labels[label] for label in sorted(labels, key=place.get)}


def _usual_reference(labels: dict[str, Label]) -> str:
    plain = [label for label, seeds in labels.items() if (first := _first(seeds)).attention == NONE
             and not first.switches and not first.training.is_control]
    return plain[0] if len(plain) == 1 else NONE


def _first(seeds: Label) -> Measured:
    return next(iter(seeds.values()))


def _counterpart(labels: dict[str, Label], model: Measured, attention: str) -> str | None:
    """The label that has this attention, as it is by default, and all else as the model has it."""
    for label, seeds in labels.items():
        other = _first(seeds)
        if (other.attention, other.switches) != (attention, {}):
            continue
        if other.training.setting == model.training.setting:
            return label
    return None


def _row(kind, label: str, seeds: Label, labels, against: str | None, split: str) -> dict:
    first = _first(seeds)
    hits = np.stack([model.hits for model in seeds.values()])
    accuracy, low, high = hierarchical_bootstrap(hits, photographs=first.photographs)
    row = {
        "kind": kind, "label": label, "attention": first.attention,
        "switches": listed_switches(first),
        "backbone": first.card["architecture"]["backbone"],
        "parameters": first.card["parameters"], "data": first.card["data"]["name"], "split": split,
        "seeds": listed_seeds(seeds), "images": hits.shape[1],
        "accuracy": accuracy, "low": low, "high": high,
        "flip_accuracy": _told(seeds, split, "flip"),
        "crops_accuracy": _told(seeds, split, "crops"),
        "caveat": _caveat(first, len(seeds)),
    }
    if against not in (None, label):
        row |= {"reference": against} | _difference(seeds, labels[against])
    return row


def listed_switches(model: Measured) -> str:
    """What is off its default, as "reuse=none reduction=4"."""
    return " ".join(f"{k}={v}" for k, v in model.switches.items())


def _told(seeds: Label, split: str, views: str) -> float:
    """The mean of what the cards say of these faces, NaN if one of them does not."""
    told = [model.card["accuracy"].get(measure_name(split, views))
            for model in seeds.values() if model.agrees(split)]
    complete = len(told) == len(seeds) and all(told)
    return float(np.mean([result["accuracy"] for result in told])) if complete else np.nan


def _difference(seeds: Label, reference: Label) -> dict:
    paired = sorted(set(seeds) & set(reference))
    if not paired:
        return {"paired_seeds": ""}
    difference = np.stack([seeds[seed].hits - reference[seed].hits for seed in paired])
    drawn = {"photographs": seeds[paired[0]].photographs}
    value, low, high = hierarchical_bootstrap(difference, **drawn)
    return {"paired_seeds": listed_seeds(paired), "difference": value, "difference_low": low,
            "difference_high": high, "p": paired_permutation(difference.mean(0), **drawn)}


def listed_seeds(seeds: Iterable[int]) -> str:
    """The training seeds, as "0 1 2"."""
    return " ".join(str(seed) for seed in sorted(seeds))


def _caveat(model: Measured, seeds: int) -> str:
    parts = [ONE_SEED] if seeds == 1 else []
    if model.training.random_labels:
        parts.append("labels shuffled in training")
    if model.training.erasing:
        consistent = model.training.erased == CONSISTENCY
        parts.append(f"{'consistency' if consistent else 'erasing'} in training")
    return "; ".join(parts)


def _adjusted(rows: list[dict]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=COLUMNS)
    for _, family in table.groupby("kind"):
        table.loc[family.index, "p_holm"] = holm(family["p"].to_numpy(np.float64))
    return table.astype({"parameters": "Int64", "images": "Int64"})


def _published(data: str) -> pd.DataFrame:
    rows = [{"kind": PUBLISHED_KIND, **p._asdict(), "accuracy": p.accuracy / 100}
            for p in PUBLISHED if p.data == data]
    return _adjusted(rows)
