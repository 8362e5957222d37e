"""Really occluded and turned faces: what they cost, beside what painted occluders cost.

`analyse_real` makes the tables of a finished benchmark, `report_lines` says them in words, and
`analysis.figures.RealForest` draws them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from analysis.engine.faces import FACES, of_all_faces
from analysis.engine.published import PUBLISHED
from analysis.figures.nearest import nearest
from analysis.stimuli.conditions import CLEAN
from analysis.studies.occlusion.plan import Benchmark, OnFaces
from analysis.studies.occlusion.real.faces import RealFaces, real_groups
from analysis.studies.occlusion.real.modules import real_modules
from analysis.studies.occlusion.real.painted import synthetic_against_real, type_correlation
from analysis.studies.occlusion.real.table import COMPARISON, GROUPS, TYPES, real_table
from analysis.studies.occlusion.references import of_labels
from analysis.subjects.roles import groups as groups_of_seeds

__all__ = ["RealFaces", "RealResults", "analyse_real", "real_groups", "report_lines"]

PUBLISHED_SPLITS = {"Occlusion-FERPlus": "occluded", "Pose-FERPlus 30": "pose_30",
                    "Pose-FERPlus 45": "pose_45"}
SHOWN_FRACTION = 0.3
TITLES = {
    "occluded": "occluded", "upper": "  upper face", "lower": "  lower face", "side": "  side",
    "glasses": "  glasses", "pose_30": "turned over 30", "pose_45": "turned over 45",
    "occluded_not_turned": "occluded, not turned", "turned_not_occluded": "turned, not occluded",
    COMPARISON: "in no list",
}
DROP_TITLES = {"own": "drop", "ferplus": "by FERPlus's majority", "agreed": "where both agree"}
LABEL_TITLES = {"own": "the data's labels", "ferplus": "FERPlus's majority",
                "agreed": "labels that agree"}


@dataclass(frozen=True)
class RealResults:
    """The tables of really occluded and turned faces, of each group of faces
    (`analysis.engine.faces`).

    Attributes:
        groups: which faces they are, and what is odd about the lists.
        table: see `analysis.studies.occlusion.real.table.real_table`.
        synthetic: see `analysis.studies.occlusion.real.painted.synthetic_against_real`.
        correlation: see `analysis.studies.occlusion.real.painted.type_correlation`.
        modules: see `analysis.studies.occlusion.real.modules.real_modules`.
    """

    groups: RealFaces
    table: pd.DataFrame
    synthetic: pd.DataFrame
    correlation: pd.DataFrame
    modules: pd.DataFrame = field(default_factory=pd.DataFrame)


def analyse_real(benchmark: Benchmark, ran_lists: Path) -> RealResults:
    """The tables of a finished benchmark on FER2013, FERPlus or RAF-DB.

    Raises:
        InputError: see `real_groups`; call it before a long run to find mistakes early.
    """
    groups = real_groups(benchmark.dataset, ran_lists)
    found = [_on_faces(part, groups.faces) for part in benchmark.on_groups()]
    joined = (pd.concat(tables, ignore_index=True) for tables in zip(*found, strict=True))
    return RealResults(groups, *joined)


def _on_faces(benchmark: OnFaces, faces: pd.DataFrame) -> list[pd.DataFrame]:
    """The tables of one group of faces."""
    subjects = {subject.name: subject for subject in benchmark.subjects}

    def read(model: str, condition) -> pd.DataFrame:
        return benchmark.rows(subjects[model], condition)

    faces = faces.iloc[benchmark.places].reset_index(drop=True)
    clean = {model: read(model, CLEAN) for model in subjects}
    drawn = benchmark.dataset.classes, benchmark.seed, benchmark.photographs
    table = real_table(clean, faces, *drawn)
    synthetic = synthetic_against_real(read, subjects, benchmark.conditions, faces, *drawn)
    modules = real_modules(
        clean, faces, benchmark.dataset.classes, groups_of_seeds(benchmark.subjects),
        of_labels(benchmark.subjects, benchmark.reference), *drawn[1:])
    tables = table, synthetic, type_correlation(synthetic), modules
    for one in tables:
        one.insert(1, FACES, benchmark.name)
    return list(tables)


def report_lines(results: RealResults) -> list[str]:
    """What the command prints: scores by group, published figures, painted against real, and what
    is odd about the lists; of all faces."""
    results = replace(results, **{name: of_all_faces(getattr(results, name))
                                  for name in ("table", "synthetic", "correlation")})
    lines = ["", "really occluded and turned faces: accuracy (%), and drop (points) from the faces "
             "in no list, class by class; 95% over faces"]
    for model, own in results.table.groupby("model", sort=False):
        lines += [f"  {model}", *_scores(own)]
    lines += ["", "their classes", *_counts(results.table)]
    published = [p for p in PUBLISHED if p.split in PUBLISHED_SPLITS]
    caveats = "; ".join(dict.fromkeys(p.caveat for p in published))
    lines += ["", f"published on FERPlus's lists, with its 8 classes ({caveats})"]
    lines += [f"  {TITLES[PUBLISHED_SPLITS[p.split]].strip():24s}{p.accuracy:6.2f}  {p.label}"
              for p in published]
    if len(results.synthetic):
        lines += ["", "painted occluders (objects at their natural size, others at or near "
                  f"{SHOWN_FRACTION:.0%} of the face): "
                  "drop (points) of the faces in no list"]
        lines += _synthetic(results)
    if results.groups.problems:
        lines += ["", "about the lists", *(f"  {problem}" for problem in results.groups.problems)]
    return lines


def _scores(table: pd.DataFrame) -> Iterator[str]:
    """A line per group of one model."""
    sets = list(dict.fromkeys(table["labels"]))
    drops = "".join(f"{DROP_TITLES[name]:23s}" for name in sets)
    yield f"    {'':22s}{'faces':>6s}  {'accuracy':21s}{'macro-F1':10s}{drops}".rstrip()
    for group in GROUPS:
        part = table[table["group"] == group]
        rows = {(row.labels, row.metric): row for row in part.itertuples()}
        accuracy, macro_f1 = rows["own", "accuracy"], rows["own", "macro_f1"]
        line = f"    {TITLES[group]:22s}{accuracy.n:6d}  "
        if not accuracy.n:
            yield line + "none here"
            continue
        line += f"{_interval(accuracy)}{100 * macro_f1.value:8.1f}  "
        drops = [_interval(rows.get((name, "drop_matched"))) for name in sets]
        yield (line + "  ".join(drops)).rstrip()


def _counts(table: pd.DataFrame) -> Iterator[str]:
    """A line per group, and one for each that has faces which can't be compared."""
    own = table[(table["model"] == table["model"].iloc[0]) & (table["labels"] == "own")]
    for row in own[own["metric"] == "accuracy"].itertuples():
        yield f"  {TITLES[row.group]:22s}{row.counts}"
    for row in own[(own["metric"] == "drop_matched") & (own["left_out"] > 0)].itertuples():
        yield (f"  {TITLES[row.group].strip()}: {row.left_out} of these are left out of the drop, "
               "as no face in no list has their class")


def _synthetic(results: RealResults) -> Iterator[str]:
    """A line per type and occluder by the data's labels; the correlations by all labels."""
    for model, table in results.synthetic.groupby("model", sort=False):
        yield f"  {model:36s}{'painted':21s}{'real':21s}painted - real"
        own = table[table["labels"] == "own"]
        for kind in TYPES:
            for row in nearest(own[own["type"] == kind], SHOWN_FRACTION).itertuples():
                what = f"{kind}: {row.occluder} {row.occlusion_fraction:.0%}"
                yield (f"    {what:34s}{_interval(row, 'synthetic')}{_interval(row, 'real')}"
                       f"{_interval(row, 'difference')}").rstrip()
    for row in results.correlation.itertuples():
        yield (f"  {row.model}, {LABEL_TITLES[row.labels]}: across {row.n} types r = "
               f"{row.pearson:+.2f}, rank correlation {row.spearman:+.2f}")
    if len(results.correlation):
        n, least = results.correlation.iloc[0][["n", "smallest_p"]]
        yield (f"  {n} points are weak evidence: their rank correlation can't have a p-value under "
               f"{least:.2g}")


def _interval(row, name: str = "") -> str:
    """ "12.3 [10.0, 14.6]" in percent, padded to 21 characters; blank without a row."""
    if row is None:
        return " " * 21
    value = {"": "value", "difference": "difference"}.get(name, f"{name}_drop")
    low, high = (f"{name}_{end}".strip("_") for end in ("low", "high"))
    numbers = [100 * getattr(row, column) for column in (value, low, high)]
    return "{:5.1f} [{:5.1f}, {:5.1f}]".format(*numbers).ljust(21)
