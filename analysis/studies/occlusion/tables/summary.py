"""From a benchmark's cells to all its tables, in one pass over the rows."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.engine.marks import marked
from analysis.stimuli.conditions import CLEAN, FRONTAL, Condition
from analysis.studies.occlusion.judged import judged
from analysis.studies.occlusion.plan import Benchmark, OnFaces
from analysis.studies.occlusion.references import of_labels, of_models
from analysis.studies.occlusion.tables.curves import curve_areas
from analysis.studies.occlusion.tables.grid import CLEAN_KIND, grid, turned
from analysis.studies.occlusion.tables.importance import importance
from analysis.studies.occlusion.tables.modules import COLUMNS as MODULES
from analysis.studies.occlusion.tables.modules import modules
from analysis.studies.occlusion.tables.occluders import occluder_scores
from analysis.studies.occlusion.tables.robustness import kind_errors, robustness
from analysis.studies.occlusion.tables.scores import SCORED, scores
from analysis.studies.occlusion.tables.worst import worst_expressions
from analysis.subjects import Subject
from analysis.subjects.roles import groups

TOLERANCE = 0.02 + 1e-6  # of the face area
MEASURED = ["occlusion_fraction", "painted_fraction", "self_occlusion_fraction"]
HEAD = [
    "condition", "occluder", "fill", "fraction", *MEASURED, "missed", "corruption", "severity",
    "yaw_deg", "pitch_deg", "roll_deg",
]


TABLES = ("summary", "occluders", "curves", "robustness", "importance", "worst", "modules",
          "poses")


def summarise(benchmark: Benchmark) -> dict[str, pd.DataFrame]:
    """{name in TABLES: table} of a finished benchmark, each long: one row per metric, with its 95%
    bootstrap interval over images, of each group of faces (`analysis.engine.faces`) one after the
    other. All begin with dataset, model, its training seed and the group.

    Of a group every cell is read once, and one model's answers are in memory at a time.

    summary: per condition (`tables.scores`); the relative drop is from the clean pass, or from the
        frontal pose for what is turned in depth. `missed` is the share of faces that are not
        covered as far as asked, within 2 points.
    occluders: per occluder, over its fractions and fills (`tables.occluders`).
    curves: area under accuracy against fraction, per occluder and fill (`tables.curves`).
    robustness: what a model loses of the faces that it and its reference both recognise, per kind
        and over all, and errors against the reference's: mRR (`tables.robustness`). Models without
        a reference in the run (`references`) are not in it.
    importance: per expression and occluder (`tables.importance`).
    worst: the worst expression per kind (`tables.worst`).
    modules: per module, its training seeds together, what each kind costs, and how that differs
        from the module's reference (`tables.modules`); it has no model and no seed.
    poses: as modules, of heads that are turned in depth: the kinds "yaw" and "pitch", from the
        frontal pose, whose accuracy is that of the kind "frontal". Empty where none is.
    """
    found = [_of_faces(part) for part in benchmark.on_groups()]
    tables = {name: pd.concat([part[name] for part in found], ignore_index=True)
              for name in TABLES}
    return _marked(tables, benchmark)


def _of_faces(benchmark: OnFaces) -> dict[str, pd.DataFrame]:
    """The tables of one group of faces."""
    parts, errors, posed = defaultdict(list), {}, {}
    for subject in benchmark.subjects:
        summary, conditions, correct = _answers(benchmark, subject)
        errors[subject.name] = kind_errors(conditions, correct)
        if (poses := turned(conditions)) is not None:
            posed[subject.name] = kind_errors(poses, correct)
        parts["summary"].append(_named(summary, benchmark, subject))
        for name, table in _of_one_model(benchmark, conditions, correct):
            parts[name].append(_named(table, benchmark, subject))
    drawn, asked = (benchmark.seed, benchmark.photographs), benchmark.reference
    table = robustness(conditions, errors, of_models(benchmark.subjects, asked), *drawn)
    parts["robustness"] = [_with_seeds(table, benchmark)]
    labels = groups(benchmark.subjects), of_labels(benchmark.subjects, asked)
    tables = {"modules": modules(conditions, errors, *labels, *drawn),
              "poses": modules(poses, posed, *labels, *drawn) if posed else
              pd.DataFrame(columns=MODULES)}
    tables["poses"]["kind"] = tables["poses"]["kind"].replace(CLEAN_KIND, "frontal")
    for name, found in tables.items():
        named = found.assign(dataset=benchmark.dataset.name, faces=benchmark.name)
        parts[name] = [named[["dataset", "faces", *MODULES]]]
    return {name: pd.concat(tables, ignore_index=True) for name, tables in parts.items()}


def _marked(tables: dict[str, pd.DataFrame], benchmark: Benchmark) -> dict[str, pd.DataFrame]:
    """The tables with marks, where models have any; see `analysis.engine.marks`. A module has those
    of its trainings; the summary, which tells of no robustness but of accuracies, has none."""
    marks = {s.name: judged(benchmark, s).mark for s in benchmark.subjects}
    whole = {label: next(filter(None, map(marks.get, own.values())), "")
             for label, own in groups(benchmark.subjects).items()}
    rest = {name: marked(table, whole, "label") if "label" in table else marked(table, marks)
            for name, table in tables.items() if name != "summary"}
    return {**tables, **rest}


def _of_one_model(benchmark, conditions, correct) -> Iterator[tuple[str, pd.DataFrame]]:
    labels, classes = benchmark.dataset.labels.numpy(), benchmark.dataset.classes
    drawn = benchmark.seed, benchmark.photographs
    yield "occluders", occluder_scores(conditions, correct, *drawn)
    yield "curves", curve_areas(conditions, correct, *drawn)
    yield "importance", importance(conditions, correct, labels, classes, *drawn)
    yield "worst", worst_expressions(conditions, correct, labels, classes, *drawn)


def _answers(benchmark: OnFaces, subject: Subject):
    """The model's summary, its conditions (see `grid`), and (N, conditions) what was right."""
    clean, frontal = (benchmark.rows(subject, one, SCORED) for one in (CLEAN, FRONTAL))
    correct = np.empty((len(benchmark.dataset), len(benchmark.conditions)), bool)
    tables, measured = [], []
    for place, condition in enumerate(benchmark.conditions):
        rows = benchmark.rows(subject, condition, [*MEASURED, *SCORED])
        correct[:, place] = rows["correct"]
        measured.append({**rows[MEASURED].mean(), "missed": missed(condition, rows)})
        baseline = frontal if condition.in_depth else clean
        tables.append(scores(rows, baseline, len(benchmark.dataset.classes), benchmark.seed,
                             benchmark.photographs))
    measured = pd.DataFrame(measured, index=range(len(measured)))
    conditions = grid(benchmark.conditions, measured["occlusion_fraction"])
    head = conditions.assign(**measured).fillna({"yaw_deg": 0.0, "pitch_deg": 0.0})[HEAD]
    head = head.loc[head.index.repeat([len(table) for table in tables])].reset_index(drop=True)
    summary = pd.concat([head, pd.concat(tables, ignore_index=True)], axis=1)
    return summary, conditions, correct


def missed(condition: Condition, rows: pd.DataFrame) -> float:
    """Share of the faces on which the occluder misses the asked share of the face by over 2 points,
    or, at its natural size, misses the face; NaN where no share is asked for."""
    covered = rows["occlusion_fraction"]
    if condition.occluder in ("none", "sham"):
        return np.nan
    if condition.fraction is None:
        return float((covered == 0).mean())
    return float(((covered - condition.fraction).abs() > TOLERANCE).mean())


def _named(table: pd.DataFrame, benchmark: OnFaces, subject: Subject) -> pd.DataFrame:
    names = {"dataset": benchmark.dataset.name, "model": subject.name, "seed": subject.seed,
             "faces": benchmark.name}
    return table.assign(**names)[[*names, *table.columns]]


def _with_seeds(table: pd.DataFrame, benchmark: OnFaces) -> pd.DataFrame:
    seeds = {subject.name: subject.seed for subject in benchmark.subjects}
    table = table.assign(dataset=benchmark.dataset.name, seed=table["model"].map(seeds),
                         faces=benchmark.name)
    first = ["dataset", "model", "seed", "faces"]
    return table[[*first, *table.columns.difference(first, sort=False)]]
