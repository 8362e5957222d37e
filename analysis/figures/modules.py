"""What occlusion costs a module, over its training seeds."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from analysis.figures.display import Display, chosen, legend, places, stripes
from analysis.figures.names import (
    CORRUPTIONS,
    DROP,
    LOST,
    OCCLUDERS,
    OVER_FACES,
    reference_title,
    title,
)
from analysis.figures.occlusion import offsets
from analysis.figures.style import DOUBLE_COLUMN, MUTED, dots, look

ALL = "all"
SHAPES = "osD^vPX"  # each can be filled or not


@dataclass
class ModuleForest(Display):
    """The drop of accuracy under each occluder and corruption: a row per kind, a point per module,
    with its 95% interval over faces and training seeds; at the right the same less that of the
    module's reference, paired by face and seed, filled where the adjusted p is below 0.05.

    The mean over all of them stands at the top.

    Attributes:
        modules: the table `modules.csv` of a benchmark.
    """

    modules: pd.DataFrame
    COLUMNS: ClassVar = {"modules": (
        "label", "kind", "metric", "value", "low", "high", "difference", "difference_low",
        "difference_high", "p_holm", "reference", "seeds",
    )}
    METRIC: ClassVar = ("drop", DROP)

    def _drops(self) -> pd.DataFrame:
        metric, told = self.METRIC
        table = chosen(self.modules, f"no {told.partition(' (')[0]} in this table", metric=metric)
        if not table["difference"].notna().any():
            chosen(table[:0], "no module with a reference to compare it with")
        return table

    def _rows(self) -> list[str]:
        table = self._drops()
        first = table[table["label"] == table["label"].iloc[0]]
        order = list(first.sort_values("value", kind="stable")["kind"])
        order.remove(ALL)
        return [*order, ALL]

    def size(self) -> tuple[float, float]:
        row = max(4.6, 1.2 * self.modules["label"].nunique())  # points that don't touch
        return DOUBLE_COLUMN, row * len(self._rows()) + 30

    def draw(self, figure):
        table, rows = self._drops(), self._rows()
        panels = list(figure.subplots(1, 2, sharey=True, width_ratios=[1.2, 1]))
        styles = _styles(table)
        for ax, start in zip(panels, ("", "difference"), strict=True):
            stripes(ax, len(rows))
            ax.axvline(0, color=MUTED, linewidth=0.8)
            for (label, style), shift in zip(styles.items(), offsets(len(styles)), strict=True):
                own = table[(table["label"] == label) & table[start or "value"].notna()]
                _points(ax, own, places(own["kind"], rows) + shift, style, start)
        names = {**OCCLUDERS, **CORRUPTIONS, ALL: "mean over all"}
        panels[0].set_yticks(range(len(rows)), [title(name, names) for name in rows])
        panels[0].set_ylim(-0.6, len(rows) - 0.4)
        panels[0].set_xlabel(self.METRIC[1])
        panels[1].set_xlabel(f"less that of {reference_title(table['reference'])}\n"
                             "(points); filled: p < 0.05 (Holm)")
        legend(figure, panels[0], f"bars: {OVER_FACES}; with several training seeds over these too")
        return panels


@dataclass
class LostForest(ModuleForest):
    """As `ModuleForest`, of what is lost of the faces that a net and its reference both recognise
    clean; of a reference of those that it recognises itself.

    Attributes:
        modules: the table `modules.csv` of a benchmark, or `robustness.csv`, whose models then
            stand for modules of one training seed.
    """

    METRIC: ClassVar = ("lost", LOST)

    def __post_init__(self):
        super().__post_init__()
        if "label" not in self.modules:
            self.modules = self.modules.rename(columns={"model": "label"}).assign(seeds="")


def _styles(table: pd.DataFrame) -> dict[str, dict]:
    """As everywhere, and how many training seeds each module has. Of several trainings of one
    module each has a shape, since whether it is filled says something else here."""
    styles = look(table["label"])
    colours = [style["color"] for style in styles.values()]
    for place, (label, style) in enumerate(styles.items()):
        if len(set(colours)) < len(colours):
            number = colours[:place].count(style["color"])
            style |= {"marker": SHAPES[number % len(SHAPES)], "fillstyle": "full"}
        told = table.loc[table["label"] == label, "seeds"].iloc[0]
        if count := len(str(told).split()):
            style["label"] += f" ({count} seed{'s' * (count > 1)})"
    return styles


def _points(ax, rows: pd.DataFrame, y, style: dict, start: str) -> None:
    value, low, high = ((start, f"{start}_low", f"{start}_high") if start
                        else ("value", "low", "high"))
    ax.hlines(y, 100 * rows[low], 100 * rows[high], color=style["color"])
    certain = (rows["p_holm"] < 0.05) if start else pd.Series(True, rows.index)
    for filled in (True, False):
        some = (certain == filled).to_numpy()
        if some.any():
            face = {} if filled else {"markerfacecolor": "white"}
            ax.plot(100 * rows[value][some], y[some], **dots(style) | face)
