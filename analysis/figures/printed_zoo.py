"""Nets side by side, as a journal prints them."""

import pandas as pd

from analysis.engine.marks import reasons
from analysis.figures.display import chosen
from analysis.figures.latex import Number, PrintedTable
from analysis.figures.names import METHODS, OCCLUDERS, model_titles, over, reference_title, title

COLUMNS = {  # title -> measure, how many of its unit, decimals
    "accuracy (%)": ("accuracy", 100, 1),
    "without copies (%)": ("accuracy_without_copies", 100, 1),
    "lost under occlusion (%)": ("lost", 100, 1),
    "less the reference (points)": ("lost_difference", 100, 1),
    "lost as it turns (%)": ("lost_turned", 100, 1),
    "drop, really occluded (points)": ("drop_really_occluded", 100, 1),
    "drop, really turned (points)": ("drop_really_turned", 100, 1),
    "rank correlation with Shapley": ("shapley_rank", 1, 2),
    "attention and Grad-CAM": ("attention_and_gradcam", 1, 2),
}


def nets(zoo: pd.DataFrame) -> PrintedTable:
    """One row a net."""
    chosen(zoo, "no net in this table")
    titles, marks, rows = model_titles(zoo["label"]), reasons(zoo, "label"), []
    for told in zoo.itertuples():
        row = told._asdict()
        name = (titles[told.label] + " (elsewhere)" * (told.trained == "elsewhere")
                + " (marked)" * (told.label in marks))
        numbers = [Number(*(unit * row[f"{measure}{end}"] for end in ("", "_low", "_high")),
                          decimals) for measure, unit, decimals in COLUMNS.values()]
        best = told.best_method
        rows.append([name, *(_word(row[one]) for one in ("work", "published")),
                     Number(len(str(told.seeds).split()), decimals=0),
                     Number(_number(told.parameters), decimals=0),
                     Number(told.passes_per_second, decimals=0), *numbers,
                     title(best, METHODS) if isinstance(best, str) else ""])
    header = ["net", "like", "published", "seeds", "parameters", "faces a second", *COLUMNS,
              "by the maps of"]
    seeds = (len(str(one).split()) for one in zoo["seeds"])
    note = (f"The reference is {reference_title(zoo['reference'])}; {over(seeds)} in brackets; "
            "speed: one core, in turns; published figures are of other data, no targets")
    note += "".join(f"; (marked) nothing is to be read from the robustness of {net}: {why}"
                    for net, why in marks.items())
    return PrintedTable(header, rows, note)


def _word(value) -> str:
    return value if isinstance(value, str) else ""


def _number(value) -> float:
    return float("nan") if pd.isna(value) else float(value)


def occluders(modules: pd.DataFrame) -> PrintedTable:
    """What each occluder takes of the faces that a net and its reference both recognise clean: a
    row an occluder, a number a net."""
    table = chosen(modules, "nothing that is lost in this table", metric="lost")
    titles = model_titles(table["label"])
    rows = []
    for kind, own in table.groupby("kind", sort=False):
        found = {row.label: Number(100 * row.value, 100 * row.low, 100 * row.high)
                 for row in own.itertuples()}
        rows.append(["mean over all" if kind == "all" else title(kind, OCCLUDERS),
                     *(found.get(label, Number(float("nan"))) for label in titles)])
    seeds = (len(str(one).split()) for one in table["seeds"])
    return PrintedTable(["occluder", *titles.values()], rows,
                        f"Lost of what both recognise clean (%); {over(seeds)} in brackets")
