"""What every choice of measure, comparison, fills and layers would have said."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from analysis.figures.display import Display, chosen, legend
from analysis.figures.names import CLASSES, MOVED, model_titles, over, title
from analysis.figures.style import ANSWER_LOOKS, DOUBLE_COLUMN, MARKERS, MUTED

SAYS = {"leaves": "supported", "does not leave": "refuted", "undecided": "undecided"}
STAGES = {"early": "early layers", "middle": "middle layers", "late": "late layers",
          "all": "all layers"}
VERSUS = {"nothing": "by itself", "sham": "against a patch beside the face",
          "permuted mask": "against a permuted mask"}
CHOICES = {"measure": MOVED, "versus": VERSUS, "fill_class": CLASSES, "stage": STAGES}
ACROSS = 4  # models in one row
NEAR = 2  # multiples of the margin up to which the axis is linear


@dataclass
class SpecificationCurve(Display):
    """Every choice that could have been made, by what it finds: above, the effect in multiples of
    its margin with the 95% interval, upwards leaving; below, which choice it is.

    A column per model; control models are left out. The dashed lines are the margins.

    Attributes:
        multiverse: the table `multiverse.csv` of the shift study.
    """

    multiverse: pd.DataFrame
    COLUMNS: ClassVar = {"multiverse": (
        "model", "row", "measure", "versus", "fill_class", "stage", "value", "low", "high",
        "direction", "margin", "seeds", "says",
    )}

    def _own(self) -> pd.DataFrame:
        kept = self.multiverse["row"].isin(["attention", "exposure"])
        return chosen(self.multiverse[kept].dropna(subset="value"), "no model in this table")

    def _rows(self, own: pd.DataFrame) -> list[tuple[str, str]]:
        """(choice, option) of every option that a model has, in the order of `CHOICES`."""
        return [(choice, option) for choice, titles in CHOICES.items() for option in titles
                if (own[choice] == option).any()]

    def size(self) -> tuple[float, float]:
        own = self._own()
        deep = -(-own["model"].nunique() // ACROSS)
        return DOUBLE_COLUMN, deep * (3 * len(self._rows(own)) + 40) + 20

    def draw(self, figure):
        own = self._own()
        models, rows = list(own["model"].unique()), self._rows(own)
        across = min(ACROSS, len(models))
        deep = -(-len(models) // across)
        grid = figure.subplots(2 * deep, across, sharey="row", squeeze=False,
                               height_ratios=[30, 3 * len(rows)] * deep)
        titles, panels = model_titles(models), []
        for number, model in enumerate(models):
            row, column = divmod(number, across)
            above, below = grid[2 * row : 2 * row + 2, column]
            part = own[own["model"] == model]
            self._effects(above, part.assign(at=_ranks(part)))
            self._choices(below, part.assign(at=_ranks(part)), rows)
            seeds = int(part["seeds"].iloc[0])
            above.set_title(f"{titles[model]}\n({seeds} training seed{'s' * (seeds > 1)})")
            if not column:
                above.set_ylabel("effect over its margin\n(above 1: leaves)")
                below.set_yticks(range(len(rows)), [title(o, CHOICES[c]) for c, o in rows])
            panels += [above, below]
        for ax in grid.flat:
            if ax not in panels:
                ax.remove()
        legend(figure, panels[0], f"a choice says that attention (bars: {over(own['seeds'])}; each "
                                  "choice by itself)")
        return panels

    def _effects(self, ax, part: pd.DataFrame) -> None:
        ax.set_yscale("symlog", linthresh=NEAR)
        ax.axhline(0, color=MUTED, linewidth=0.8)
        for margin in (-1, 1):
            ax.axhline(margin, color=MUTED, linewidth=0.6, linestyle="--")
        scale = part["direction"] / part["margin"]
        value, low, high = (part[name] * scale for name in ("value", "low", "high"))
        for number, (says, verdict) in enumerate(SAYS.items()):
            colour, own = ANSWER_LOOKS[verdict][0], part["says"] == says
            ax.vlines(part["at"][own], low[own], high[own], color=colour, alpha=0.35,
                      linewidth=0.5)
            ax.plot(part["at"][own], value[own], color=colour, marker=MARKERS[number],
                    markersize=1.8, linestyle="none",
                    label=says.replace("undecided", "can’t be told to do either"))
        ax.set_xticks([])

    def _choices(self, ax, part: pd.DataFrame, rows: list[tuple[str, str]]) -> None:
        for place, (choice, option) in enumerate(rows):
            for says, verdict in SAYS.items():
                at = part["at"][(part[choice] == option) & (part["says"] == says)]
                ax.vlines(at, place - 0.4, place + 0.4, color=ANSWER_LOOKS[verdict][0],
                          linewidth=0.5)
            if place and rows[place - 1][0] != choice:
                ax.axhline(place - 0.5, color=MUTED, linewidth=0.6)
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.grid(visible=False)
        ax.set_xlabel("choices, by effect")
        ax.set_xticks([0, len(part) - 1], ["1", str(len(part))])


def _ranks(part: pd.DataFrame) -> np.ndarray:
    """The place of each choice, by its effect over its margin."""
    effect = part["value"] * part["direction"] / part["margin"]
    return effect.rank(method="first").to_numpy() - 1
