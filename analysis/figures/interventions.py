"""What attention causes: the same covered face with another attention map."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from analysis.figures.display import Display, chosen, legend, places, stripes
from analysis.figures.names import (
    INTERVENTIONS,
    OUTCOMES,
    OVER_FACES,
    condition_title,
    model_titles,
    one_per_family,
)
from analysis.figures.occlusion import offsets
from analysis.figures.style import COLOURS, DOUBLE_COLUMN, MARKERS, MUTED

SHOWN = ("clean", "change_elsewhere", "uniform", "other_image")
COMBINED = "all"  # layers at once
OWN = ("attention", "box")  # kinds of row that are of no control


def models(interventions: pd.DataFrame) -> list[str]:
    """The models under study whose attention was replaced, one training seed of each."""
    replaced = interventions["effect"] == "indirect"
    return one_per_family(interventions.loc[replaced & interventions["row"].isin(OWN), "model"])


@dataclass
class InterventionForest(Display):
    """What a model's own attention gives it under occlusion, over a replaced one: a row per
    condition, a panel per outcome, a point per replacement with its 95% interval over faces.

    Above 0 the own attention is the better one. With the clean picture's attention it is the
    natural indirect effect: what the movement gives; beside it a change as large at other places.

    Attributes:
        interventions: the table `interventions.csv` of the shift study.
        model: which of its models.
    """

    interventions: pd.DataFrame
    model: str
    COLUMNS: ClassVar = {"interventions": (
        "model", "row", "condition", "occluder", "fill", "fraction", "layer", "intervention",
        "effect", "outcome", "value", "low", "high",
    )}

    def _own(self) -> pd.DataFrame:
        table = self.interventions[self.interventions["intervention"].isin(SHOWN)]
        return chosen(table, f"no attention of model '{self.model}' was replaced in this table",
                      model=self.model, layer=COMBINED, effect="indirect")

    def size(self) -> tuple[float, float]:
        return DOUBLE_COLUMN, 7 * self._own()["condition"].nunique() + 26

    def draw(self, figure):
        own = self._own()
        rows = own.drop_duplicates("condition")
        conditions = list(rows["condition"])
        panels = list(figure.subplots(1, len(OUTCOMES), sharey=True))
        for ax, (outcome, label) in zip(panels, OUTCOMES.items(), strict=True):
            unit = 100 if outcome == "accuracy" else 1
            self._panel(ax, own[own["outcome"] == outcome], conditions, unit)
            ax.set_xlabel(f"own less replaced attention:\n{label}")
        names = [condition_title(r.occluder, r.fill, r.fraction) for r in rows.itertuples()]
        panels[0].set_yticks(range(len(names)), names)
        panels[0].set_ylim(len(names) - 0.4, -0.6)
        named = model_titles(self.interventions["model"])[self.model]
        legend(figure, panels[0], f"{named}, its attention replaced by (bars: {OVER_FACES})")
        return panels

    def _panel(self, ax, own: pd.DataFrame, conditions: list[str], unit: float) -> None:
        stripes(ax, len(conditions))
        ax.axvline(0, color=MUTED, linewidth=0.8)
        for number, shift in enumerate(offsets(len(SHOWN))):
            part = own[own["intervention"] == SHOWN[number]]
            y, colour = places(part["condition"], conditions) - shift, COLOURS[number]
            ax.hlines(y, unit * part["low"], unit * part["high"], color=colour)
            ax.plot(unit * part["value"], y, color=colour, marker=MARKERS[number],
                    linestyle="none", label=INTERVENTIONS[SHOWN[number]])
