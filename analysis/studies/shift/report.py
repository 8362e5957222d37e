"""What the command prints."""

from collections.abc import Iterator

import pandas as pd

from iram.data.copies import ALL_FACES, WITHOUT


def verdict_lines(verdicts: pd.DataFrame, components: pd.DataFrame) -> Iterator[str]:
    """A line per hypothesis, and under it one per component."""
    for model, own in verdicts.groupby("model", sort=False):
        seeds = own["seeds"].max()
        over = "images within training seeds" if seeds > 1 else "images only (one training seed)"
        yield f"\n{model}: 95% intervals over {over}"
        for row in own.itertuples():
            yield f"  {row.hypothesis:4s}{row.verdict:11s} {row.claim}"
            parts = components[(components["model"] == model)
                               & (components["hypothesis"] == row.hypothesis)]
            for part in parts.itertuples():
                yield f"      {_part(part)}"
            yield f"      -> {row.verdict}: {row.reason}"


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


def _part(row) -> str:
    sign = ">" if row.direction > 0 else "<"
    claim = f"{row.component} ({row.unit} {sign} 0)"
    if pd.isna(row.effect):
        return f"{claim}: not tested: {row.note}"
    note = f" ({row.note})" if row.note else ""
    return (f"{claim}: {row.effect:+.3f} [{row.low:+.3f}, {row.high:+.3f}], margin {row.margin:g},"
            f" n {int(row.n)}, could show {row.detectable:.3f}: {row.outcome}{note}")


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
