"""How far each net's attention acts: what is lost without its pattern, and how much it varies."""

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from analysis.figures.display import Display, chosen, legend, places, stripes
from analysis.figures.names import INTERVENTIONS, model_titles, over
from analysis.figures.occlusion import offsets
from analysis.figures.style import COLOURS, DOUBLE_COLUMN, MARKERS, MUTED

REPLACED = ("uniform", "uniform_channels", "shuffled", "other_image", "constant")
VARIATIONS = {"gate": "none", "effective": "full"}  # outcome -> how its marker is filled
COMBINED, CLEAN = "all", "none"  # layers or fills together; of clean faces


@dataclass
class AuthorityForest(Display):
    """A row per model with attention, with 95% intervals, in four panels: accuracy lost when all of
    its maps are replaced, on clean faces and under occlusion; when that of one layer is made
    uniform over places; and how much the gates, and what they make of the features, vary over
    places.

    The dashed line is the loss below which an attention is said not to act.

    Attributes:
        authority: the table `authority.csv` of the shift study.
    """

    authority: pd.DataFrame
    COLUMNS: ClassVar = {"authority": (
        "model", "fill", "layer", "intervention", "outcome", "value", "low", "high", "seeds",
    )}

    def _models(self) -> list[str]:
        return list(chosen(self.authority, "no model with attention in this table")["model"]
                    .unique())

    def size(self) -> tuple[float, float]:
        return DOUBLE_COLUMN, 12 * len(self._models()) + 34

    def draw(self, figure):
        models, table = self._models(), self.authority
        panels = list(figure.subplots(1, 4, sharey=True))
        for ax in panels:
            stripes(ax, len(models))
            ax.axvline(0, color=MUTED, linewidth=0.8)
        lost = table[table["outcome"] == "accuracy"]
        for ax, fill in zip(panels, (CLEAN, COMBINED), strict=False):
            self._lost(ax, lost[(lost["fill"] == fill) & (lost["layer"] == COMBINED)], models)
        uniform = (lost["fill"] == CLEAN) & (lost["intervention"] == REPLACED[0])
        self._by_layer(panels[2], lost[uniform & (lost["layer"] != COMBINED)], models)
        clean = table[(table["fill"] == CLEAN) & (table["layer"] == COMBINED)]
        self._variation(panels[3], clean, models)
        for ax, label in zip(panels, (
            "clean faces:\naccuracy lost (points)", "under occlusion:\naccuracy lost (points)",
            "clean, one layer (its number)\nwithout a place:\naccuracy lost (points)",
            "variation over places (%)\nopen: of the gates\nfull: of what they do",
        ), strict=True):
            ax.set_xlabel(label)
        titles = model_titles(models)
        panels[0].set_yticks(range(len(models)), [titles[model] for model in models])
        panels[0].set_ylim(len(models) - 0.4, -0.6)
        legend(figure, panels[0], f"all layers’ attention replaced by (bars: {over(table['seeds'])}"
                                  f"; dashed: {100 * acts():g} point, below which it does not act)")
        return panels

    def _lost(self, ax, own: pd.DataFrame, models: list[str]) -> None:
        ax.axvline(100 * acts(), color=MUTED, linewidth=0.8, linestyle="--")
        for number, shift in enumerate(offsets(len(REPLACED))):
            part = own[own["intervention"] == REPLACED[number]]
            y, colour = places(part["model"], models) - shift, COLOURS[number]
            ax.hlines(y, 100 * part["low"], 100 * part["high"], color=colour)
            ax.plot(100 * part["value"], y, color=colour, marker=MARKERS[number],
                    linestyle="none", label=INTERVENTIONS[REPLACED[number]])

    def _by_layer(self, ax, own: pd.DataFrame, models: list[str]) -> None:
        layers = sorted(own["layer"].unique(), key=int)
        for layer, shift in zip(layers, offsets(len(layers), 0.84), strict=True):
            part = own[own["layer"] == layer]
            y = places(part["model"], models) - shift
            ax.hlines(y, 100 * part["low"], 100 * part["high"], color=COLOURS[0], alpha=0.35)
            ax.plot(100 * part["value"], y, color=COLOURS[0], marker=f"${layer}$",
                    linestyle="none")

    def _variation(self, ax, own: pd.DataFrame, models: list[str]) -> None:
        for (outcome, filled), shift in zip(VARIATIONS.items(), offsets(2, 0.5), strict=True):
            part = own[own["outcome"] == outcome]
            y = places(part["model"], models) - shift
            ax.hlines(y, 100 * part["low"], 100 * part["high"], color=COLOURS[0])
            ax.plot(100 * part["value"], y, color=COLOURS[0], marker=MARKERS[0],
                    fillstyle=filled, linestyle="none")


def acts() -> float:
    """The rule's threshold; read when drawn, since where it is written loads torch."""
    from analysis.subjects.hypotheses import ACTS

    return ACTS
