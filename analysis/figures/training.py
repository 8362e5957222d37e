"""Training: validation accuracy against the epoch, and what each module changes."""

from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.style import COLOURS, DOUBLE_COLUMN, MM, STYLE, look, plt
from iram.errors import InputError

KINDS = {"module": "modules", "control": "other recipes", "ablation": "IRAM's switches"}


@dataclass
class TrainingCurves:
    """Accuracy on the validation split after every epoch: a line per model, a colour per label.

    Panels: models without switches that share the recipe of the first one; those of other recipes;
    those with a switch off its default. Dots are the epochs that were chosen. Models of shuffled
    labels are left out: they do not learn what the validation split asks.

    Attributes:
        curves, ledger: the tables `curves.csv` and `ledger.csv`; of the ledger's models those on
            the first finished one's data are shown.
        figure_, axes_: after `plot`; axes_ is a list of one axis per panel.
    """

    curves: pd.DataFrame
    ledger: pd.DataFrame
    figure_: Figure = field(default=None, repr=False)
    axes_: list = field(default=None, repr=False)

    def plot(self) -> "TrainingCurves":
        table = self.ledger[~self.ledger["recipe"].str.contains("random_labels", na=False)]
        logged = table["name"].isin(set(self.curves["name"]))
        done = table[(table["status"] == "done") & logged]
        if done.empty:
            raise InputError("no finished model with a log of its training")
        done = done[done["data"] == done["data"].iloc[0]]
        panels = {}
        for kind, title in KINDS.items():
            if len(rows := done[_kinds(done) == kind]):
                panels[title] = rows
        with plt.style.context(STYLE):
            self.figure_, axes = plt.subplots(
                1, len(panels), figsize=(DOUBLE_COLUMN, 82 * MM), sharey=True, squeeze=False,
                layout="constrained",
            )  # fmt: skip
            self.axes_ = list(axes.flat)
            for axis, (title, rows) in zip(self.axes_, panels.items(), strict=True):
                self._panel(axis, rows)
                axis.set(title=title, xlabel="epoch")
            self.axes_[0].set_ylabel("accuracy on the validation split (%)")
        return self

    def _panel(self, axis, rows: pd.DataFrame) -> None:
        styles = look(dict.fromkeys(rows["label"]))
        for (label, style), (_, models) in zip(
            styles.items(), rows.groupby("label", sort=False), strict=True
        ):
            plain = {k: v for k, v in style.items() if k != "marker"}
            for i, model in enumerate(models.itertuples()):
                log = self.curves[self.curves["name"] == model.name]
                axis.plot(log["epoch"], 100 * log["validation_accuracy"], linewidth=0.9,
                          label=label if i == 0 else None, **plain)  # fmt: skip
                chosen = log[log["epoch"] == model.selected_epoch]
                axis.plot(chosen["epoch"], 100 * chosen["validation_accuracy"], linestyle="none",
                          marker=style["marker"], color=style["color"])  # fmt: skip
        axis.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize=6,
                    columnspacing=0.8, handlelength=1.8)  # fmt: skip


def _kinds(rows: pd.DataFrame) -> pd.Series:
    """ "module", "control" or "ablation" for each row of a ledger."""
    usual = rows["recipe"] == rows["recipe"].iloc[0]
    kinds = usual.map({True: "module", False: "control"})
    return kinds.where(rows["switches"].fillna("") == "", "ablation")


@dataclass
class ModuleDifferences:
    """Forest plot: what each model has over its reference, in points, with 95% intervals.

    Filled where the adjusted p is below 0.05. At the right, the training seeds that were paired.

    Attributes:
        table: rows of `accuracy.csv` or `ablation.csv`; those without a difference are left out.
        figure_, axes_: after `plot`; axes_ is a list of one axis per kind.
    """

    table: pd.DataFrame
    figure_: Figure = field(default=None, repr=False)
    axes_: list = field(default=None, repr=False)

    def plot(self) -> "ModuleDifferences":
        compared = self.table[self.table["difference"].notna()]
        if compared.empty:
            raise InputError("no model with a reference to compare it with")
        kinds = [kind for kind in KINDS if (compared["kind"] == kind).any()]
        heights = [(compared["kind"] == kind).sum() + 0.8 for kind in kinds]
        with plt.style.context(STYLE):
            self.figure_, axes = plt.subplots(
                len(kinds), 1, figsize=(DOUBLE_COLUMN * 0.7, (5 * sum(heights) + 16) * MM),
                sharex=True, squeeze=False, height_ratios=heights, layout="constrained",
            )  # fmt: skip
            self.axes_ = list(axes.flat)
            for axis, kind in zip(self.axes_, kinds, strict=True):
                self._panel(axis, compared[compared["kind"] == kind])
                axis.set_title(KINDS[kind])
            self.axes_[-1].set_xlabel("difference of accuracy (points)")
        return self

    def _panel(self, axis, rows: pd.DataFrame) -> None:
        axis.axvline(0, color="0.4", linewidth=0.8)
        for place, row in enumerate(rows.itertuples()):
            found = row.p_holm < 0.05
            axis.errorbar(
                100 * row.difference, place, fmt="o", color=COLOURS[0], capsize=2,
                xerr=[[100 * (row.difference - row.difference_low)],
                      [100 * (row.difference_high - row.difference)]],
                markerfacecolor=COLOURS[0] if found else "white",
            )  # fmt: skip
            seeds = len(str(row.paired_seeds).split())
            axis.annotate(f"{seeds} seed{'s' * (seeds > 1)}", (1, place), (4, 0),
                          xycoords=axis.get_yaxis_transform(), textcoords="offset points",
                          va="center", fontsize=6.5, color="0.35")  # fmt: skip
        names = [f"{row.label} − {row.reference}" for row in rows.itertuples()]
        axis.set(yticks=range(len(rows)), yticklabels=names, ylim=(len(rows) - 0.4, -0.6))
        axis.grid(axis="y", visible=False)
