"""What the command prints of a benchmark's tables."""

import math
from collections.abc import Mapping
from types import SimpleNamespace

import pandas as pd

from analysis.engine.faces import of_all_faces
from analysis.engine.marks import reasons
from analysis.engine.statistics import LEVEL
from analysis.stimuli.conditions import FRONTAL
from analysis.studies.occlusion.tables.grid import CLEAN_KIND
from analysis.studies.occlusion.tables.groups import POOLED
from iram.names import seed_of

UNKNOWN = "unknown"
MARKED = "(marked)"
STRONGEST = 3
MISSED_SHOWN = 12


def report(tables: Mapping[str, pd.DataFrame]) -> str:
    """Clean accuracy, poses, the drop under each occluder, robustness against the reference, and
    what expressions lean on; all but the first of all faces, copies of training faces included."""
    clean = _clean(tables["summary"])
    tables = {name: of_all_faces(table) for name, table in tables.items()}
    accuracy = tables["summary"][tables["summary"]["metric"] == "accuracy"]
    lines = clean + _marks(tables) + _poses(accuracy) + _drops(tables["occluders"])
    lines += _robustness(tables) + _leaning(tables["importance"]) + _missed(accuracy)
    return "\n".join(lines)


def essence(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Clean accuracy, the mean robustness, and what expressions lean on."""
    clean = _clean(tables["summary"])
    tables = {name: of_all_faces(table) for name, table in tables.items()}
    return clean + _marks(tables) + _robustness(tables) + _leaning(tables["importance"])


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
    return ["", f"{MARKED}: nothing is to be read from the robustness of"] * bool(marks) + [
        f"  {model:24s} {why}" for model, why in marks.items()]


def interval(row, factor: float = 100.0) -> str:
    """Value [low, high], by default in percent or points; "unknown" where there is none."""
    if math.isnan(row.value):
        return UNKNOWN
    if math.isnan(row.low):  # too few faces
        return f"{factor * row.value:5.1f} [{UNKNOWN}]"
    return f"{factor * row.value:5.1f} [{factor * row.low:5.1f}, {factor * row.high:5.1f}]"


def _poses(accuracy: pd.DataFrame) -> list[str]:
    angles = accuracy[["yaw_deg", "pitch_deg", "roll_deg"]]
    frontal = accuracy["condition"] == FRONTAL.name
    turned = accuracy[(angles.any(axis=1) | frontal) & (accuracy["occluder"] == "none")]
    if turned.empty:
        return []
    return ["", f"{'accuracy at a pose (%)':58s}hidden by the head itself (%)"] + [
        f"  {row.model:24s} {row.condition:12s} {interval(row):20s}"
        f"{100 * row.self_occlusion_fraction:12.1f}"
        for row in turned.itertuples()
    ]


def _drops(occluders: pd.DataFrame) -> list[str]:
    if occluders.empty:
        return []
    lines = ["", f"{'drop of accuracy (points), mean over fractions and fills':58s}"
             "beyond the random box"]
    marks = reasons(occluders)
    for (occluder, model), rows in occluders.groupby(["occluder", "model"], sort=False):
        found = {row.metric: interval(row) for row in rows.itertuples()}
        lines.append(f"  {model:24s} {occluder:12s} {found['drop']:20s} "
                     f"{found.get('drop_beyond_box', ''):>20s}".rstrip()
                     + f"  {MARKED}" * (model in marks))
    return lines


def _robustness(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """What is lost of what both recognise clean, then mRR and relative mRR, a line per model each,
    and against whom, or who is missing for it; and where they compare nets of unequal accuracy."""
    if set(tables["worst"]["kind"]) == {CLEAN_KIND}:  # there is no kind to be robust to
        return []
    robustness, models = tables["robustness"], dict.fromkeys(tables["summary"]["model"])
    marks = reasons(robustness)
    lines = ["", f"{'lost of what both recognise clean (%), mean over kinds':58s}"
             "more than the reference loses (points)"]
    errors = ["", f"{'mean relative robustness, mRR (%); below 100 is better':58s}"
              "beyond each one's clean error"]
    for model in models:
        own = robustness[(robustness["model"] == model) & (robustness["kind"] == POOLED)]
        if own.empty:
            lines.append(f"  {model:24s} no reference: {_lacking(model)}")
            continue
        found = {row.metric: row for row in own.itertuples()}
        marked = f"; {MARKED}" * (model in marks)
        lines.append(_line(model, found["lost"]) + marked)
        errors.append(f"  {model:24s} {'':12s} {interval(found['mrr'], 1):20s} "
                      f"{interval(found['relative_mrr'], 1):>20s}" + marked)
    faces = int(tables["summary"]["n"].max())
    lines += _unknown(lines, f"of {faces} faces too few are recognised by both")
    errors += _unknown(errors, f"on {faces} faces no kind does the reference certain harm")
    return lines + (errors if len(errors) > 2 else []) + unequal(robustness)


def _unknown(lines: list[str], why: str) -> list[str]:
    return [f"  {UNKNOWN}: {why}"] * any(UNKNOWN in line for line in lines)


def _line(model: str, row) -> str:
    """What a model loses, and how much more than its reference; of the reference what it loses of
    what it recognises itself."""
    told = f"  {model:24s} {'':12s} {interval(row):20s} "
    if row.model == row.reference:
        return f"{told}{'':>20s}  the reference; of what it recognises itself"
    p = "" if math.isnan(row.p_holm) else f", p {row.p_holm:.3f} (Holm)"
    return f"{told}{interval(_difference(row)):>20s}  against {row.reference}{p}"


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
    lines = ["", "expressions that lean most on a place (points lost beyond the random box)"]
    for model, own in beyond.groupby("model", sort=False):
        strongest = own[own["low"] > 0].sort_values("value", ascending=False, kind="stable")
        lines += [f"  {model:24s} {row.expression:12s} {interval(row):20s}  {row.occluder} "
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
    lines = ["", "not covered as far as asked, within 2 points of the face (covered on average)"]
    for row in short[:MISSED_SHOWN].itertuples():
        faces = f"{round(row.missed * row.n):6d} of {row.n} faces"
        lines.append(f"  {row.condition:36s}{faces} ({row.occlusion_fraction:.0%})")
    rest = len(short) - MISSED_SHOWN
    return [*lines, f"  and {rest} more: `missed` in summary.csv"] if rest > 0 else lines
