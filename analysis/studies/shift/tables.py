"""The long, tidy tables of a study: what attention does, and what it causes."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from analysis.engine.inference import column_means
from analysis.stimuli.conditions import Condition
from analysis.studies.shift.describe import MEASURES
from analysis.studies.shift.empty import EMPTY, empty_layers, empty_told
from analysis.studies.shift.evidence import Evidence, average
from analysis.studies.shift.places import place_name, regions_of
from analysis.studies.shift.plan import CAUSAL_FILLS
from analysis.studies.shift.readers import Reader
from analysis.subjects import roles
from analysis.subjects.interventions import ALL
from analysis.subjects.roles import PERMUTED
from iram.errors import listing

COMBINED = "all"
HEAD = ["model", "seed", "row", "exposure", "condition", "occluder", "fill", "fraction"]
SHIFT = [*HEAD, "region", "layer", "measure", "value", "low", "high", "n"]
CAUSES = [*HEAD, "layer", "intervention", "effect", "outcome", "value", "low", "high", "n"]


def row_kind(reader: Reader, condition: Condition) -> str:
    """What the rows of a cell are: the model's own, or those of a control."""
    return model_kind(reader) or {"sham": "sham", "box": "box", "none": "clean"}.get(
        condition.occluder, "attention"
    )


def model_kind(reader: Reader) -> str:
    """Which control a model is: its permuted weights, random labels, the twin without attention, a
    rival that gates channels alone, or one that was exposed to erasing; "" for one under study."""
    if reader.permuted:
        return PERMUTED
    if reader.training.random_labels:
        return roles.RANDOM_LABELS
    if not reader.has_attention:
        return roles.TWIN
    if reader.channels_alone:
        return roles.CHANNELS
    return roles.EXPOSURE if reader.training.is_control else ""


def shift_table(evidence: Evidence) -> pd.DataFrame:
    """A row per model, condition, region, layer (0 to L - 1, or "all": their mean) and measure: the
    mean over the images with its 95% interval (t, over images: each row is of one training seed),
    and how many images it is of.
    """
    parts = []
    for reader, condition in _cells(evidence):
        for region in regions_of(condition, evidence.study.plan.conditions):
            names = MEASURES
            layers = {name: evidence.measured(reader, condition, region, name) for name in names}
            count = next(iter(layers.values())).shape[1]
            labels = [(region, str(layer), name) for layer in range(count) for name in names]
            labels += [(region, COMBINED, name) for name in names]
            columns = [layers[name][:, layer] for layer in range(count) for name in names]
            columns += [average(layers[name].T) for name in names]
            parts.append((_head(reader, condition), labels, np.stack(columns, 1)))
    return _table(evidence, parts, SHIFT)


def intervention_table(evidence: Evidence) -> pd.DataFrame:
    """A row per model, condition, layer, intervention, effect and outcome (margin in logits,
    accuracy): mean over the images with its interval, as in `shift_table`.

    total: occluded minus clean, each with its own attention. indirect: occluded minus occluded with
    the replaced attention: above 0, the own attention is the better one; of "clean" this is the
    natural indirect effect. direct: replaced minus clean picture. into_clean: the clean picture
    with the occluded one's attention minus the clean picture.
    """
    parts = []
    for reader, condition in _cells(evidence):
        if condition.occluder == "none":
            continue
        labels, columns = [], []
        for outcome in ("margin", "correct"):
            for key, values in _effects(evidence, reader, condition, outcome):
                labels.append((*key, "accuracy" if outcome == "correct" else outcome))
                columns.append(values)
        parts.append((_head(reader, condition), labels, np.stack(columns, 1)))
    return _table(evidence, parts, CAUSES)


def _effects(evidence: Evidence, reader: Reader, condition: Condition, outcome: str):
    """((layer, intervention, effect), values (N,))."""
    rows = evidence.study.rows("interventions", reader, condition)
    made = rows[["intervention", "layer"]].drop_duplicates()

    def of(name: str, layer: int = ALL):
        return evidence.outcome(reader, condition, name, outcome, layer)

    own, clean = of("own"), of("own_clean")
    yield (COMBINED, "none", "total"), own - clean
    for name, layer in made.itertuples(index=False):
        if name in ("own", "own_clean"):
            continue
        where, values = COMBINED if layer == ALL else str(layer), of(name, layer)
        if name == "into_clean":
            yield (where, name, "indirect on clean"), values - clean
        else:
            yield (where, name, "indirect"), own - values
            yield (where, name, "direct"), values - clean


def notes(evidence: Evidence) -> list[str]:
    """What a reader of the tables has to know: models without a verdict, and conditions that can't
    be compared."""
    lines = [f"{name}: gates channels alone: its attention is the same at every place and can't "
             "move; a rival of the others, without verdicts of its own"
             for name, readers in evidence.models().items()
             if readers[0].channels_alone]
    lines += [f"{reader.name}: {empty_told(layers)}" for readers in evidence.models().values()
              for reader in readers if (layers := empty_layers(evidence, reader))]
    lines += [line for c in evidence.conditions for line in _not_compared(evidence, c)]
    causal = [c for c in evidence.conditions if c.fill in evidence.study.causal_fills]
    if not causal:
        lines.append(f"attention is replaced under fills {', '.join(CAUSAL_FILLS)} alone, and no "
                     "condition has one of them")
    return lines


def _not_compared(evidence: Evidence, condition: Condition) -> Iterator[str]:
    """On which nets' grids nothing can be compared under a condition, and in which layers."""
    nets = {name: readers for name, readers in evidence.models().items()
            if not readers[0].channels_alone}
    found: dict[tuple, list[str]] = {}
    for name, readers in nets.items():
        values = [evidence.measured(reader, condition, place_name(condition), EMPTY)
                  for reader in readers]
        known = np.isfinite(np.concatenate(values)).any(0)
        lost = np.flatnonzero(~known).tolist() if known.any() else (COMBINED,)
        found.setdefault(tuple(lost), []).append(name)
    for lost, names in found.items():
        some = listing(names) if len(names) < len(nets) else ""
        if COMBINED not in lost:
            told = f"no cell to compare in layer {listing(lost)}{f' of {some}' * bool(some)}; " \
                   "the others are used"
        elif some:
            told = (f"covers no cell of the face, or leaves none, on the grids of {some}: nothing "
                    "can be compared there; it is left out of their verdicts")
        else:
            told = ("covers no cell of the face, or leaves none: nothing can be compared; it is "
                    "left out of the verdicts")
        if lost:
            yield f"{condition.name}: {told}"


def _cells(evidence: Evidence):
    for reader in evidence.study.readers:
        for condition in evidence.study.plan.conditions:
            yield reader, condition


def summary(evidence: Evidence, values: np.ndarray) -> pd.DataFrame:
    """`column_means` of columns (N, K) or (seeds, N, K): a table of value, low, high, n."""
    table = pd.DataFrame(column_means(values, evidence.photographs),
                         columns=["value", "low", "high", "n"])
    return table.astype({"n": int})


def _head(reader: Reader, condition: Condition) -> tuple:
    return (reader.name, reader.subject.seed, row_kind(reader, condition), reader.training.erased,
            condition.name, condition.occluder, condition.fill,
            np.nan if condition.fraction is None else condition.fraction)


def _table(evidence: Evidence, parts: Sequence[tuple], names: Sequence[str]) -> pd.DataFrame:
    """Of parts (head, a label for each column, columns (N, K)): a row per column, in these
    columns. Made at once: a table per part takes longer than what is in it."""
    rows = [(*head, *label) for head, labels, _ in parts for label in labels]
    table = pd.DataFrame(rows, columns=names[:-4])
    means = [column_means(columns, evidence.photographs) for *_, columns in parts]
    table[names[-4:]] = np.concatenate([np.empty((0, 4)), *means])
    return table.astype({"n": int})
