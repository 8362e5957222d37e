"""What occlusion costs, and how much of it attention's movement carries."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from analysis.figures.display import Display, chosen, legend, places, shared_panels, stripes
from analysis.figures.names import EFFECTS, FILLS, model_titles, over, title
from analysis.figures.occlusion import offsets
from analysis.figures.style import COLOURS, DOUBLE_COLUMN, MARKERS, MUTED

KINDS = (
    "twin",
    "channels-alone",
    "attention",
    "exposure",
)  # in this order; of other controls there is nothing to ask
COMBINED = "all"  # fills under which attention is replaced


@dataclass
class Mediation(Display):
    """Change of accuracy from the clean to the covered face, and what attention's movement gives of
    it: a row per model, a panel per fill, with 95% intervals.

    Nets that were taught by erasing stand below those that were not. The movement is told twice:
    where attention goes, with the maps' mean and spread as they were, and the maps as they are.
    Beside it stands a change of attention as large at other places: what any such change costs.

    Attributes:
        mediation: the table `mediation.csv` of the shift study.
    """

    mediation: pd.DataFrame
    COLUMNS: ClassVar = {"mediation": (
        "model", "row", "exposure", "fill", "effect", "outcome", "value", "low", "high", "seeds",
    )}

    def _own(self) -> pd.DataFrame:
        table = self.mediation[self.mediation["row"].isin(KINDS)]
        table = chosen(table, "no model in this table", outcome="accuracy")
        replaced = set(table.loc[table["effect"] == "indirect", "fill"])
        table = chosen(table[table["fill"].isin(replaced)], "attention was replaced in no model")
        return table.sort_values("row", key=lambda row: row.map(KINDS.index), kind="stable")

    def _fills(self) -> list[str]:
        return sorted(self._own()["fill"].unique(), key=lambda fill: fill == COMBINED)

    def size(self) -> tuple[float, float]:
        return DOUBLE_COLUMN, 7 * self._own()["model"].nunique() + 26

    def draw(self, figure):
        own, fills = self._own(), self._fills()
        models, shifts = list(own["model"].unique()), offsets(len(EFFECTS))
        panels = shared_panels(figure, len(fills), len(fills))
        for ax, fill in zip(panels, fills, strict=True):
            stripes(ax, len(models))
            ax.axvline(0, color=MUTED, linewidth=0.8)
            ax.set_title("all three" if fill == COMBINED else title(fill, FILLS))
            for number, (effect, label) in enumerate(EFFECTS.items()):
                part = own[(own["fill"] == fill) & (own["effect"] == effect)]
                y, colour = places(part["model"], models) + shifts[number], COLOURS[number]
                ax.hlines(y, 100 * part["low"], 100 * part["high"], color=colour)
                ax.plot(100 * part["value"], y, color=colour, marker=MARKERS[number],
                        linestyle="none", label=label)
        titles = model_titles(models)
        panels[0].set_yticks(range(len(models)), [titles[model] for model in models])
        panels[0].set_ylim(len(models) - 0.4, -0.6)
        figure.supxlabel("change of accuracy from the clean face (points)")
        legend(figure, panels[0], f"bars: {over(own['seeds'])}")
        return panels
