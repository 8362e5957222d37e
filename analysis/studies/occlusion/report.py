"""What the command prints of a benchmark's tables: 80 columns, what matters most last."""

import math
from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import pandas as pd

from analysis.engine.faces import of_all_faces
from analysis.engine.marks import reasons
from analysis.engine.statistics import LEVEL
from analysis.stimuli.conditions import FRONTAL
from analysis.studies.occlusion.tables.grid import CLEAN_KIND
from analysis.studies.occlusion.tables.groups import POOLED
from iram.names import label_of, seed_of

WIDTH = 80
UNKNOWN = "unknown"
MARKED = "(marked)"
STRONGEST = 3
MISSED_SHOWN = 12


def report(tables: Mapping[str, pd.DataFrame]) -> str:
    """Poses, the drop under each occluder, what expressions lean on, clean accuracy, and robustness
    against the reference; all but accuracy of all faces, copies of training faces included."""
    clean = _clean(tables["summary"])
    tables = {name: of_all_faces(table) for name, table in tables.items()}
    accuracy = tables["summary"][tables["summary"]["metric"] == "accuracy"]
    blocks = [_poses(accuracy), _drops(tables["occluders"]), _missed(accuracy),
              _leaning(tables["importance"]), clean, _marks(tables), _robustness(tables)]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def essence(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Clean accuracy, the mean robustness, and what expressions lean on."""
    clean = _clean(tables["summary"])
    tables = {name: of_all_faces(table) for name, table in tables.items()}
    blocks = [clean, _marks(tables), _robustness(tables), _leaning(tables["importance"])]
    blocks = [lines for lines in blocks if lines]
    return [line for block in blocks[:-1] for line in (*block, "")] + blocks[-1]


def _clean(summary: pd.DataFrame) -> list[str]:
    """A line per model; without copies of training faces beside it, where there are any."""
    clean = summary[(summary["condition"] == "clean") & (summary["metric"] == "accuracy")]
    lines = ["clean accuracy (%)"]
    for model, rows in clean.groupby("model", sort=False):
        first, *others = rows.itertuples()
        told = [f"{row.faces} {interval(row).strip()}" for row in others]
        lines.append("; ".join([f"  {model:24s} {interval(first)}", *told]))
    return lines


def _marks(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """A line per marked model: why nothing is to be read from its robustness."""
    marks = {**reasons(tables["robustness"]), **reasons(tables["worst"])}
    return [f"{MARKED}: nothing is to be read from the robustness of"] * bool(marks) + [
        f"  {model:24s} {why}" for model, why in marks.items()]


def interval(row, factor: float = 100.0) -> str:
    """Value [low, high], by default in percent or points; "unknown" where there is none."""
    if math.isnan(row.value):
        return UNKNOWN
    if math.isnan(row.low):  # too few faces
        return f"{factor * row.value:5.1f} [{UNKNOWN}]"
    return f"{factor * row.value:5.1f} [{factor * row.low:5.1f}, {factor * row.high:5.1f}]"


def _matrix(
    title: str, notes: str, cells: Mapping[str, Mapping[str, tuple[str, str]]],
    models: Sequence[str],
) -> list[str]:
    """A line per name, a column per model: with the interval where all fit WIDTH, else the value.

    Args:
        cells: name -> model -> (value with its interval, value alone).
    """
    first = max(map(len, cells)) + 2
    heads = _short(models)
    whole = first + len(models) * 22 <= WIDTH
    width = 22 if whole else max(9, *(len(head) + 2 for head in heads))
    side = max(1, (WIDTH - first) // width)
    lines = [title + notes + ("" if whole else "; intervals: see the tables")]
    for start in range(0, len(models), side):
        own, titles = models[start : start + side], heads[start : start + side]
        lines.append(" " * first + "".join(f"{one:>{width}s}" for one in titles))
        for name, found in cells.items():
            told = (found.get(model, ("", ""))[not whole] for model in own)
            lines.append((f"  {name:{first - 2}s}" + "".join(f"{one:>{width}s}" for one in told))
                         .rstrip())
    return lines


def _short(models: Sequence[str]) -> list[str]:
    """What stands above a column: the label, where each model has its own."""
    labels = [label_of(model) for model in models]
    return labels if len(set(labels)) == len(models) else list(models)


def _poses(accuracy: pd.DataFrame) -> list[str]:
    angles = accuracy[["yaw_deg", "pitch_deg", "roll_deg"]]
    frontal = accuracy["condition"] == FRONTAL.name
    turned = accuracy[(angles.any(axis=1) | frontal) & (accuracy["occluder"] == "none")]
    if turned.empty:
        return []
    cells: dict[str, dict] = {}
    for row in turned.itertuples():
        hidden = round(100 * row.self_occlusion_fraction)
        name = f"{row.condition} ({hidden}% hidden)" if hidden else row.condition
        cells.setdefault(name, {})[row.model] = interval(row).strip(), f"{100 * row.value:.1f}"
    return _matrix("accuracy at a pose (%)", "; hidden by the head itself", cells,
                   list(dict.fromkeys(turned["model"])))


def _drops(occluders: pd.DataFrame) -> list[str]:
    if occluders.empty:
        return []
    marks, cells = reasons(occluders), {}
    for (occluder, model), rows in occluders.groupby(["occluder", "model"], sort=False):
        found = {row.metric: row for row in rows.itertuples()}
        drop, beyond = found["drop"], found.get("drop_beyond_box")
        sign = "*" if beyond is not None and beyond.low > 0 else " "
        told = f"{interval(drop).strip()}{sign}", f"{100 * drop.value:.1f}{sign}"
        cells.setdefault(occluder, {})[model] = (MARKED, MARKED) if model in marks else told
    return _matrix("drop of accuracy (points), mean over fractions and fills",
                   "\n(*: measurably more than a random box as large)", cells,
                   list(dict.fromkeys(occluders["model"])))


def _robustness(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """What is lost of what both recognise clean, then mRR and relative mRR, a line per model each,
    and against whom, or who is missing for it; and where they compare nets of unequal accuracy."""
    if set(tables["worst"]["kind"]) == {CLEAN_KIND}:  # there is no kind to be robust to
        return []
    robustness, models = tables["robustness"], dict.fromkeys(tables["summary"]["model"])
    pooled = robustness[robustness["kind"] == POOLED]
    lacking = [model for model in models if model not in set(pooled["model"])]
    lines = ["lost of what both recognise clean (%), mean over kinds; more than the reference",
             "loses (points); p by permutation (Holm)"]
    for reference, own in pooled[pooled["metric"] == "lost"].groupby("reference", sort=False):
        lines += _against(reference, own, reasons(robustness))
    lines += [f"  {model:24s} no reference: {_lacking(model)}" for model in lacking]
    faces = int(tables["summary"]["n"].max())
    lines += _unknown(lines, f"of {faces} faces too few are recognised by both")
    return lines + _errors(pooled, faces) + unequal(robustness)


def _against(reference: str, own: pd.DataFrame, marks: Mapping[str, str]) -> list[str]:
    """What models lose, and how much more than their reference; of itself, of what it recognises
    itself."""
    known = [row for row in own.itertuples() if row.model == reference]
    loses = f", which loses {interval(known[0]).strip()} of its own" if known else ""
    lines = [f"  against {reference}{loses}"]
    for row in own[own["model"] != reference].itertuples():
        p = "" if math.isnan(row.p_holm) else f"  p {row.p_holm:.3f}"
        marked = f"  {MARKED}" * (row.model in marks)
        beyond = interval(_difference(row))
        lines.append(f"    {row.model:22s} {interval(row):20s} {beyond:>20s}{p}{marked}")
    return lines


def _errors(pooled: pd.DataFrame, faces: int) -> list[str]:
    """mRR and relative mRR, a line per model that has a reference."""
    lines = []
    for model, own in pooled.groupby("model", sort=False):
        found = {row.metric: row for row in own.itertuples()}
        lines.append(f"  {model:24s} {interval(found['mrr'], 1):20s} "
                     f"{interval(found['relative_mrr'], 1):>20s}")
    head = ["", f"{'mean relative robustness, mRR (%)':46s}  beyond each one's clean error"]
    return [*head, *lines, *_unknown(lines, f"on {faces} faces no kind does the reference certain "
                                     "harm"), "  below 100 is better"] if lines else []


def _unknown(lines: list[str], why: str) -> list[str]:
    return [f"  {UNKNOWN}: {why}"] * any(UNKNOWN in line for line in lines)


def _difference(row) -> SimpleNamespace:
    return SimpleNamespace(value=row.difference, low=row.difference_low, high=row.difference_high)


def unequal(table: pd.DataFrame, name: str = "model") -> list[str]:
    """A line per model whose clean accuracy measurably differs from its reference's: what its drop
    and its relative mRR are worth.

    Args:
        table: the table `robustness` or, with `name` = "label", `modules`.
    """
    clean = table[(table["kind"] == CLEAN_KIND) & (table["metric"] == "accuracy")]
    return [f"  {getattr(row, name)} differs from {row.reference} in clean accuracy by "
            f"{interval(_difference(row)).strip()} points: drop and mRR do not compare their "
            "robustness; what is lost of what both recognise does"
            for row in clean[clean["p"] < 1 - LEVEL].itertuples()]


def _lacking(model: str) -> str:
    """What would be its reference; ours are called by their seed."""
    if seed_of(model) is not None:
        usual = "none" + "".join(model.partition("-")[1:])
        return f"name {usual} among the models, or --reference MODEL"
    return "name one of the models by --reference MODEL"


def _leaning(importance: pd.DataFrame) -> list[str]:
    """Per model, the expressions and regions of the largest drop beyond the box that is certain."""
    beyond = importance[(importance["metric"] == "drop_beyond_box")
                        & (importance["expression"] != POOLED)]
    if beyond.empty:
        return []
    lines = ["expressions that lean most on a place (points lost beyond the random box)"]
    for model, own in beyond.groupby("model", sort=False):
        strongest = own[own["low"] > 0].sort_values("value", ascending=False, kind="stable")
        lines += [f"  {model:22s} {row.expression:10s} {interval(row):20s} {row.occluder} "
                  f"({row.n} faces)" for row in strongest[:STRONGEST].itertuples()]
        if strongest.empty:
            lines.append(f"  {model:24s} none beyond its interval")
    return lines


def _missed(accuracy: pd.DataFrame) -> list[str]:
    """The conditions whose occluder does not cover what was asked for on every face."""
    first = accuracy[accuracy["model"] == accuracy["model"].iloc[0]]
    short = first[first["missed"] > 0].sort_values("missed", ascending=False, kind="stable")
    if short.empty:
        return []
    lines = ["not covered as far as asked, within 2 points of the face (covered on average)"]
    for row in short[:MISSED_SHOWN].itertuples():
        faces = f"{round(row.missed * row.n):6d} of {row.n} faces"
        lines.append(f"  {row.condition:36s}{faces} ({row.occlusion_fraction:.0%})")
    rest = len(short) - MISSED_SHOWN
    return [*lines, f"  and {rest} more: `missed` in summary.csv"] if rest > 0 else lines
