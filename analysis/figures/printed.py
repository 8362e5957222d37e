"""The study's tables as a journal prints them: result tables in, `PrintedTable` out."""

import pandas as pd

from analysis.engine.marks import reasons
from analysis.figures.answers import intervals_over
from analysis.figures.display import chosen
from analysis.figures.latex import Number, PrintedTable
from analysis.figures.names import (
    ANSWERS,
    GROUPS,
    HYPOTHESES,
    LABELS,
    METHODS,
    OCCLUDERS,
    model_titles,
    reference_title,
    title,
)

INTERVALS = "95% intervals over faces in brackets"
GIVEN = "95% intervals in brackets"


def _percent(row, unit: float = 100.0) -> Number:
    return Number(unit * row.value, unit * row.low, unit * row.high)


def _by_model(table: pd.DataFrame, key: str, names: dict[str, str], unit: float = 100.0):
    """A row per value of `key`, a number per model."""
    models = dict.fromkeys(table["model"])
    for value, own in table.groupby(key, sort=False):
        found = {row.model: _percent(row, unit) for row in own.itertuples()}
        yield [title(value, names), *(found.get(model, Number(float("nan"))) for model in models)]


def occluders(occluders: pd.DataFrame, robustness: pd.DataFrame) -> PrintedTable:
    """What every occluder costs each model, dearest first; what it loses of the faces that it and
    its reference both recognise clean, and its mean relative robustness."""
    marks = {**reasons(occluders), **reasons(robustness)}
    drops = chosen(occluders, "no drop of accuracy in this table", metric="drop")
    first = drops[drops["model"] == drops["model"].iloc[0]]
    order = list(first.sort_values("value", ascending=False, kind="stable")["occluder"])
    drops = drops.sort_values("occluder", key=lambda names: names.map(order.index), kind="stable")
    titles = model_titles(drops["model"])
    rows = list(_by_model(drops, "occluder", OCCLUDERS))
    rows += _against_reference(robustness, list(titles))
    told = f"Drop of accuracy in points, mean over fractions and fills; {INTERVALS}"
    told += "".join(f"; (marked) nothing is to be read from the robustness of {model}: {why}"
                    for model, why in marks.items())
    header = [name + " (marked)" * (model in marks) for model, name in titles.items()]
    return PrintedTable(["occluder", *header], rows, told)


def _against_reference(robustness: pd.DataFrame, models: list[str]):
    """The rows of the mean over all kinds; none without a model that has a reference."""
    whole, other = robustness[robustness["kind"] == "all"], reference_title(robustness["reference"])
    beyond = whole.assign(**{name: whole[f"difference{end}"] for name, end in
                             (("value", ""), ("low", "_low"), ("high", "_high"))})
    for table, metric, label, unit in (
        (whole, "lost", "lost of what both recognise clean (%), mean", 100),
        (beyond, "lost", f"the same, less that of {other}", 100),
        (whole, "mrr", f"errors, {other} = 100", 1),
        (whole, "relative_mrr", "the same, beyond clean errors", 1),
    ):
        own = table[(table["metric"] == metric) & table["value"].notna()]
        found = {row.model: _percent(row, unit) for row in own.itertuples()}
        if found:
            yield [label, *(found.get(model, Number(float("nan"))) for model in models)]


def poses(summary: pd.DataFrame) -> PrintedTable:
    """Accuracy at every yaw and pitch, and what the head hides of itself."""
    posed = summary["condition"].str.match(r"(yaw|pitch)[+-]\d+$")
    table = chosen(summary[posed & (summary["occluder"] == "none")],
                   "no pose in depth in this table", metric="accuracy")
    titles, rows = model_titles(table["model"]), []
    hidden = table.drop_duplicates("condition").set_index("condition")
    for condition, *numbers in _by_model(table, "condition", {}):
        axis, angle = condition.rstrip("+-0123456789"), hidden.loc[condition]
        rows.append([axis, Number(angle[f"{axis}_deg"], decimals=0), *numbers,
                     Number(100 * angle["self_occlusion_fraction"])])
    rows.sort(key=lambda row: (row[0] != "yaw", row[1].value))
    return PrintedTable(["axis", "degrees", *titles.values(), "hidden (% of face)"], rows,
                        f"Accuracy (%) of turned heads; {INTERVALS}")


def verdicts(verdicts: pd.DataFrame) -> PrintedTable:
    """The verdict on every hypothesis."""
    chosen(verdicts, "no verdict in this table")
    titles = model_titles(verdicts["model"])
    rows = [
        [titles[row.model], row.hypothesis, title(row.hypothesis, HYPOTHESES),
         title(row.verdict, ANSWERS), Number(row.effect, row.low, row.high, 3), row.unit,
         Number(row.margin, decimals=2)] for row in verdicts.itertuples()
    ]
    header = ["model", "hypothesis", "claim", "answer", "effect", "unit", "margin"]
    over = intervals_over(verdicts)
    return PrintedTable(header, rows, f"Attention under occlusion; {GIVEN}, over {over}")


def modules(table: pd.DataFrame) -> PrintedTable:
    """Accuracy of every module or switch, and its difference from its reference."""
    chosen(table, "no model in this table")
    titles = model_titles(table.loc[table["kind"] != "published", "label"])
    rows = []
    for row in table.itertuples():
        published = row.kind == "published"
        name = f"{row.label} (published)" if published else titles[row.label]
        rows.append([
            name, Number(row.parameters, decimals=0),
            Number(float("nan") if pd.isna(row.seeds) else len(str(row.seeds).split()), decimals=0),
            Number(100 * row.accuracy, 100 * row.low, 100 * row.high),
            Number(100 * row.difference, 100 * row.difference_low, 100 * row.difference_high),
            Number(row.p_holm, decimals=3),
        ])
    header = ["model", "parameters", "seeds", "accuracy (%)", "difference (points)", "p (Holm)"]
    return PrintedTable(header, rows, f"Accuracy and difference from the reference; {GIVEN}")


def methods(ranking: pd.DataFrame) -> PrintedTable:
    """How faithful every attribution method is, by exact Shapley values of the face's regions."""
    table = chosen(ranking, "no rank correlation with Shapley values in this table",
                   metric="shapley_rank")
    titles, rows = model_titles(table["model"]), []
    for row in table.itertuples():
        rows.append([titles[row.model], title(row.method, METHODS),
                     Number(row.value, row.low, row.high, 2), Number(row.chance, decimals=2),
                     Number(row.beyond, row.beyond_low, row.beyond_high, 2)])
    header = ["model", "method", "rank correlation", "chance", "beyond chance"]
    return PrintedTable(header, rows, "Rank correlation with exact Shapley values of the face's "
                        f"regions; chance: maps of other faces; {INTERVALS}")


def real(table: pd.DataFrame) -> PrintedTable:
    """Accuracy on really occluded and turned faces."""
    own = chosen(table, "no accuracy on real faces in this table", metric="accuracy")
    titles, rows = model_titles(own["model"]), []
    for labels, part in own.groupby("labels", sort=False):
        faces = part.drop_duplicates("group").set_index("group")["n"]
        for group, row in zip(faces.index, _by_model(part, "group", GROUPS), strict=True):
            rows.append([title(labels, LABELS), row[0], Number(faces[group], decimals=0), *row[1:]])
    return PrintedTable(["labels", "faces", "n", *titles.values()], rows,
                        f"Accuracy (%) on real faces; {INTERVALS}")
