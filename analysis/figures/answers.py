"""The answers to the study's questions, in the words of its verdicts."""

from collections.abc import Iterable

import pandas as pd

from analysis.figures.names import CLASSES, QUESTIONS, reference_title, title


def combined(verdicts: Iterable[str]) -> str:
    """The verdict on a question that asks several hypotheses: each has to hold for a yes, and one
    that is refuted makes a no."""
    found = list(verdicts)
    for verdict in ("refuted", "not tested", "undecided"):
        if verdict in found:
            return verdict
    return "supported" if found else "not tested"


def answers(verdicts: pd.DataFrame) -> dict[str, dict[str, str]]:
    """question -> model -> verdict, of the questions that the table's hypotheses answer."""
    models = list(dict.fromkeys(verdicts["model"]))
    found = {}
    for question, keys in QUESTIONS.items():
        asked = verdicts[verdicts["hypothesis"].isin(keys)]
        if len(asked):
            found[question] = {
                model: combined(asked.loc[asked["model"] == model, "verdict"]) for model in models
            }
    return found


def holds_under(verdicts: pd.DataFrame, model: str, keys: Iterable[str]) -> str:
    """", but under noise": the classes of fill under which all of a question's hypotheses hold that
    don't hold as a whole; "" for none."""
    own = verdicts[(verdicts["model"] == model) & verdicts["hypothesis"].isin(keys)]
    own = own[own["verdict"] != "supported"]
    if own["holds_under"].isna().any():
        return ""
    classes = [str(told).split(", ") for told in own["holds_under"].dropna()]
    common = [name for name in (classes[0] if classes else []) if all(name in c for c in classes)]
    words = ", ".join(title(name, CLASSES) for name in common if name)
    return f", but under {words}" if words else ""


def rests_on(verdicts: pd.DataFrame) -> str:
    """What the intervals are over, in the table's words."""
    tested = verdicts[verdicts["n"].notna()]
    if tested.empty:
        return "nothing tested yet"
    seeds, faces = int(tested["seeds"].max()), int(tested["n"].max())
    over = intervals_over(tested)
    plural = "s" * (seeds > 1)
    return f"bars: 95% over {over} (up to {faces} faces, {seeds} training seed{plural})"


def intervals_over(verdicts: pd.DataFrame) -> str:
    """What the intervals are over, where models may have one training seed or several."""
    kinds = list(dict.fromkeys(verdicts["interval_over"].dropna()))
    return kinds[0] if len(kinds) == 1 else "images, and the seeds of a model that has several"


def robustness_told(robustness: pd.DataFrame, titles: dict[str, str]) -> str:
    """What every model loses of the faces that it and its reference both recognise, beyond what the
    reference loses of them, in words."""
    table = robustness[(robustness["metric"] == "lost") & (robustness["kind"] == "all")]
    table = table[table["difference"].notna()]
    of = reference_title(table["reference"])
    told = [f"{titles[row.model]} {100 * row.difference:+.1f} [{100 * row.difference_low:.1f}, "
            f"{100 * row.difference_high:.1f}]" for row in table.itertuples()]
    lines = [", ".join(told[start : start + 2]) for start in range(0, len(told), 2)]
    return "\n".join(["lost of what both recognise clean,", f"beyond {of} (points):", *lines]
                     ) if told else ""
