"""From the ablation to a page in words: what it shows about each idea of the abstract."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from analysis.studies.training.measured import Measured

LEVEL = 0.05  # of the adjusted p


class Idea(NamedTuple):
    """A sentence of the abstract (Wang & Hu, IJCNN 2021), and the switch that takes it out.

    Attributes:
        without: what each other value of the switch leaves of the idea.
    """

    title: str
    abstract: str
    switch: str
    without: dict[str, str]


IDEAS = (
    Idea("Reuse of information", "reusing the information of the previous layer", "reuse", {
        "none": "without any reuse",
        "branch": "with reuse inside the branch alone",
        "layer": "with reuse of the module before alone",
    }),
    Idea("No reduction of the dimensionality", "not reducing the dimensionality", "reduction", {
        "4": "with a quarter of the channels in the branch",
        "16": "with a sixteenth of the channels in the branch",
    }),
    Idea("Adaptive fusion", "adaptively refines the feature responses", "fusion", {
        "multiply": "with features times map",
        "residual": "with features times (1 + map)",
    }),
)


def ideas_page(table: pd.DataFrame, models: Sequence[Measured]) -> str:
    """Markdown: a section per idea with a sentence per value of its switch.

    Args:
        table: `ablation_table`.
        models: what it is of, for how far the seeds of the module as it is are apart.

    Returns:
        The page, or "" if IRAM is not in the table. What the interval allows is told also where
        nothing is measurable, and what was not trained is listed as such.
    """
    wholes = table[(table["kind"] == "whole") & (table["attention"] == "iram")]
    if wholes.empty:
        return ""
    whole = wholes.iloc[0]
    shares = {m.seed: m.hits.mean() for m in models if m.label == whole["label"]}
    parts = ["# What the ablation shows\n", _introduction(whole, shares)]
    for idea in IDEAS:
        parts.append(f'\n## {idea.title}\n\nThe abstract: "{idea.abstract}".\n')
        for value, words in idea.without.items():
            switches = f"{idea.switch}={value}"
            rows = table[(table["reference"] == whole["label"]) & (table["switches"] == switches)]
            told = _told(rows.iloc[0]) if len(rows) else "not trained."
            parts.append(f"- {words[0].upper()}{words[1:]} (`{switches}`): {told}")
    return "\n".join(parts) + "\n"


def _introduction(whole: pd.Series, shares: dict[int, float]) -> str:
    told = ", ".join(f"{100 * share:.1f}% (seed {seed})" for seed, share in sorted(shares.items()))
    apart = (
        f" Its training seeds have {told}: a difference over one seed that is not well beyond how "
        "far these lie apart may be the seed's."
        if len(shares) > 1
        else " It has one training seed, so how far seeds lie apart is not known."
    )
    return (
        f"IRAM as it is, on {whole['images']} faces of {whole['split']} ({whole['data']}): "
        f"{_interval(whole['accuracy'], whole['low'], whole['high'], '.1f')}%.{apart} Each switch "
        "is compared with it over the seeds that both have: points of accuracy, 95% bootstrap "
        "interval, p of a paired permutation adjusted by Holm over the switches that were trained."
    )


def _told(row: pd.Series) -> str:
    seeds = len(str(row["paired_seeds"]).split())
    if seeds == 0 or row["difference"] != row["difference"]:
        return "no seed in common with IRAM as it is."
    difference, low, high = (row[f"difference{end}"] for end in ("", "_low", "_high"))
    numbers = (
        f"{_interval(difference, low, high, '+.1f')} points, p {row['p_holm']:.3f}, "
        f"{seeds} seed{'s' * (seeds > 1)}"
    )
    if row["p_holm"] >= LEVEL or low <= 0 <= high:
        gain = max(0.0, -100 * low)
        return f"nothing measurable ({numbers}); the idea gives at most {gain:.1f} points."
    verdict = "the idea helps" if difference < 0 else "the idea costs accuracy"
    unsure = "" if seeds > 1 else ", as far as one training of each can tell"
    return f"{verdict}{unsure} ({numbers})."


def _interval(value: float, low: float, high: float, form: str) -> str:
    return f"{100 * value:{form}} [{100 * low:{form}}, {100 * high:{form}}]"
