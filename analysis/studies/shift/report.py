"""What the command prints."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.studies.shift.authority import IDLE
from analysis.subjects.hypotheses import WHOLE
from iram.data.copies import ALL_FACES, WITHOUT


def verdict_lines(verdicts: pd.DataFrame, strata: pd.DataFrame) -> Iterator[str]:
    """A line per hypothesis, and under it one per class of fill that was tested."""
    for model, own in verdicts.groupby("model", sort=False):
        over = own["interval_over"].dropna()
        told = f"95% intervals over {over.iloc[0]}" if len(over) else "nothing tested"
        yield f"\n{model}: {told}" + " (one training seed)" * bool((own["this_net"] != "").any())
        for row in own.itertuples():
            yield f"  {row.hypothesis:4s}{said(row)}: {row.claim}"
            mine = strata[(strata["model"] == model) & (strata["hypothesis"] == row.hypothesis)
                          & (strata["verdict"] != "not tested")]
            yield from _classes(mine)
            yield f"      -> {row.reason}" + _more(row)


def _classes(strata: pd.DataFrame) -> Iterator[str]:
    """Each class of fill, with its stages in brackets, and the whole."""
    for kind, own in strata.groupby("fill_class", sort=False):
        stages = own[own["stage"] != WHOLE]
        for row in own[own["stage"] == WHOLE].itertuples():
            told = ", ".join(f"{s.stage} {s.effect:+.3f} {s.verdict}" for s in stages.itertuples())
            sign = ">" if row.direction > 0 else "<"
            yield (f"      {'whole' if kind == WHOLE else kind} ({row.unit} {sign} 0): "
                   f"{row.effect:+.3f} [{row.low:+.3f}, {row.high:+.3f}], margin {row.margin:g}, "
                   f"n {int(row.n)}: {row.verdict}" + f" ({told})" * bool(told))


def said(row) -> str:
    """The verdict of a row of `verdicts.csv` in words, with the classes of fill it holds under."""
    verdict = row.verdict
    if row.this_net:
        verdict += f", one training seed; of these weights {row.this_net}"
    if row.holds_under and "supported" not in (row.verdict, row.this_net):
        verdict += f" as a whole; holds under {row.holds_under}"
    if str(row.authority).startswith(IDLE):
        verdict += f"; {IDLE}"
    return verdict


def _more(row) -> str:
    """What it would take to decide it."""
    told = []
    if row.needed_seeds and row.verdict == "undecided":
        told.append(f"{row.needed_seeds} would decide it (power 80%)")
    if np.isfinite(row.margin_refuted):
        told.append(f"refuted from a margin of {row.margin_refuted:.3f} on")
    return "".join(f"; {one}" for one in told)


def copies_lines(verdicts: pd.DataFrame) -> Iterator[str]:
    """Which verdicts are others without the faces that are copies of training faces; nothing where
    there are no copies."""
    names = [name for name in verdicts["faces"].unique() if name in WITHOUT]
    of = {name: own.set_index(["model", "hypothesis"])["verdict"]
          for name, own in verdicts.groupby("faces", sort=False)}
    for name in names:
        changed = [f"{model} {key} {before} there, {of[name].get((model, key))} here"
                   for (model, key), before in of[ALL_FACES].items()
                   if of[name].get((model, key)) != before]
        yield f"\n{name} of training faces: {'; '.join(changed) or 'every verdict is the same'}"


def verdict_table(verdicts: pd.DataFrame) -> Iterator[str]:
    """A line per hypothesis, a column per model; "-" where it is not about the model."""
    table = verdicts.pivot(index="hypothesis", columns="model", values="verdict")
    claims = dict(zip(verdicts["hypothesis"], verdicts["claim"], strict=True))
    models = list(dict.fromkeys(verdicts["model"]))
    width = max(map(len, claims.values())) + 2
    widths = [max(len("not tested"), len(model)) + 2 for model in models]

    def line(key: str, claim: str, found) -> str:
        cells = "".join(f"{word:{w}s}" for word, w in zip(found, widths, strict=True))
        return f"  {key:5s}{claim:{width}s}{cells}".rstrip()

    yield line("", "", models)
    for key, claim in claims.items():
        yield line(key, claim, table.loc[key, models].fillna("-"))


def missing_lines(verdicts: pd.DataFrame) -> Iterator[str]:
    """Which controls lack trained weights, and so which verdicts can't be given."""
    for model, own in verdicts.groupby("model", sort=False):
        wanted: dict[str, list[str]] = {}
        for row in own[own["missing_weights"] != ""].itertuples():
            for name in row.missing_weights.split(", "):
                wanted.setdefault(name, []).append(row.hypothesis)
        if wanted:
            told = ", ".join(f"{name} ({', '.join(keys)})" for name, keys in wanted.items())
            yield f"{model}: not tested for want of weights: {told}"


def real_lines(table: pd.DataFrame, correlation: pd.DataFrame, problems: list[str]):
    """The real faces beside the painted occluders, by type."""
    yield ("\nreally occluded faces: log share of attention on the type's region, against class-"
           "matched faces in no list; no mask is known, so the region is that of the painted "
           "occluder, placed by the face's landmarks")
    for row in table.itertuples():
        yield (f"  {row.model:24s}{row.faces:11s}{row.type:8s} n {row.n:4d}  real {row.real:+.3f} "
               f"[{row.real_low:+.3f}, {row.real_high:+.3f}]  painted {row.synthetic:+.3f} "
               f"[{row.synthetic_low:+.3f}, {row.synthetic_high:+.3f}]")
    for row in correlation.itertuples():
        yield (f"  {row.model}, {row.faces}: painted and real effect across {row.types} types: r = "
               f"{row.pearson:+.2f} [{row.low:+.2f}, {row.high:+.2f}] over faces")
    if correlation.empty:
        yield "  fewer than 4 types: no correlation"
    yield from (f"  {problem}" for problem in problems)
