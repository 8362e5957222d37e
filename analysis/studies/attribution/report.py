"""What the attribution suite prints: the answers that its tables give."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from analysis.attributions import ATTRIBUTIONS, contrast
from analysis.attributions.contrast import SECOND
from analysis.engine.faces import of_all_faces
from analysis.figures.names import asked_against
from analysis.metrics import REGION_SCORES, TRIALS
from analysis.studies.attribution.methods import takes
from analysis.studies.attribution.tables import ranked_by, with_attention
from iram import contract

if TYPE_CHECKING:
    from analysis.studies.attribution.plan import Suite

METRIC = "spearman"
UNKNOWN = "unknown"
ENOUGH = 30  # faces, below which nothing is called better than chance
MOST_FAITHFUL = "most faithful"
COLUMNS = f"{'':32s}{'value':24s}{'chance':>8s}   beyond chance"


def report(tables: dict[str, pd.DataFrame], suite: "Suite") -> str:
    """Skipped methods, agreement with each model's attention, faithfulness to Shapley, trials."""
    name, n = suite.dataset.name, len(suite.dataset)
    lines = [f"{name}: {n} faces; 95% bootstrap intervals over faces; chance: maps of other faces "
             "explained for the same class", *against_lines(suite), *skipped_lines(suite)]
    tables = {name: of_all_faces(table) for name, table in tables.items()}
    for model in dict.fromkeys(s.name for s in suite.subjects):
        own = _own(tables, model)
        lines += _agreeing(model, own["agreement"]) + _faithful(model, own["ranking"])
        lines += _tried(model, own)
    for name, own in _together(tables["modules"]):
        lines += _agreeing(name, own["agreement"]) + _faithful(name, own["ranking"])
    return "\n".join(lines)


def essence(tables: dict[str, pd.DataFrame]) -> list[str]:
    """Per model: which methods agree with its attention, and which is the most faithful."""
    lines, tables = [], {name: of_all_faces(table) for name, table in tables.items()}
    each = [(model, _own(tables, model)) for model in dict.fromkeys(tables["complexity"]["model"])]
    for model, own in (*each, *_together(tables.get("modules"))):
        told = [f"  agreement with its attention {line.strip()}"
                for line in _agreeing(model, own["agreement"])[-1:]]
        for metric, means in ranked_by().items():
            ranked = _ranked(model, own["ranking"][own["ranking"]["metric"] == metric], means)
            told += [f"{line} (each map {means})" for line in ranked if MOST_FAITHFUL in line]
        lines += [model, *told]
    return lines


def _own(tables: dict[str, pd.DataFrame], model: str) -> dict[str, pd.DataFrame]:
    """The rows of a model, of the tables that are by model."""
    return {name: table[table["model"] == model] if len(table) else table
            for name, table in tables.items() if "model" in table or table.empty}


def _together(modules: pd.DataFrame | None) -> Iterator[tuple[str, dict[str, pd.DataFrame]]]:
    """(what it is called, its `agreement` and `ranking`) of every module of several seeds."""
    if modules is None:  # tables of a version before
        return
    for (label, seeds), own in modules.groupby(["label", "seeds"], sort=False):
        if " " in str(seeds):  # read again, one is a number
            yield (f"{label}, training seeds {seeds} together",
                   {table: own[own["family"] == table] for table in ("agreement", "ranking")})


def against_lines(suite: "Suite") -> list[str]:
    """What predictions were asked against, if anything, and of how many it was something else."""
    if not suite.against:
        return []
    if suite.against == SECOND:
        return [f"explained: {asked_against(SECOND)} (differences of two logits)"]
    number = contrast.asked_against(suite.against, suite.dataset.classes)
    name = suite.dataset.classes[number]
    lines = [f"explained: {asked_against(name)} (differences of two logits)"]
    for subject in suite.subjects:
        same = int((suite.targets(subject) == number).sum())
        lines += [f"{subject.name}: {same} of {len(suite.dataset)} faces are predicted as {name}; "
                  "these are asked against their runner-up"] if same else []
    return lines


def skipped_lines(suite: "Suite") -> list[str]:
    """Who goes without which method, and why; and whose attention is derived."""
    lines = []
    for subject in suite.subjects:
        reasons: dict[str, list[str]] = {}
        for method, why in suite.skipped(subject).items():
            reasons.setdefault(why, []).append(method)
        lines += [f"{subject.name}: skipped {', '.join(m)}: {why}" for why, m in reasons.items()]
        lines += [f"{subject.name}: not ranked {method}: {why}"
                  for method, why in suite.marked(subject).items()]
        why = contract.lacks(subject.model).get("weights")
        lines += [f"{subject.name}: no test of sanity by randomised weights: {why}"] if why else []
        lines += [f"{subject.name}: no {TRIALS.title(trial)}: {reason}"
                  for trial, reason in suite.untried[subject.name].items() if reason != why]
        if _gates_channels(suite, subject):
            lines.append(f"{subject.name}: gates channels alone; its attention map is each place's "
                         "gate, every channel weighted by its energy there")
    return lines


def _gates_channels(suite: "Suite", subject) -> bool:
    from analysis.attributions.maps import gates_channels

    if not {"attention", "attention_last"} & set(suite.methods_of(subject)):
        return False
    example = suite.seen_by(subject).images([0]).to(subject.device)
    return any(gates_channels(a) for a in subject.model.trace(example).attention)


def _agreeing(model: str, table: pd.DataFrame) -> list[str]:
    table = table[table["metric"] == METRIC]
    if table.empty:  # one method alone agrees with none
        return []
    found = {r: dict(with_attention(table[table["resolution"] == r])) for r in ("common", "image")}
    if not found["common"]:
        return []
    ordered = sorted(found["common"].items(), key=lambda pair: -pair[1].beyond)
    beyond = [m for m, line in ordered if line.beyond_low > 0 and line.n >= ENOUGH]
    few = max(line.n for _, line in ordered)
    if few < ENOUGH:
        beyond = [f"{UNKNOWN}, {_too_few(few)}"]
    elif all(math.isnan(line.beyond_low) for _, line in ordered):
        beyond = [f"{UNKNOWN}, too few faces explained for one class"]
    lines = ["", f"{model}: agreement with its attention (Spearman, at one common resolution; last "
             "column: as the maps are)", COLUMNS]
    for method, line in ordered:
        whole = found["image"].get(method)
        lines.append(f"  {_told(method):30s}{_line(line)}{_sign(line)}"
                     f"{'' if whole is None else _beyond(whole) + _sign(whole)}")
    return [*lines, f"  beyond chance: {', '.join(beyond) or 'none'}"]


def _faithful(model: str, table: pd.DataFrame) -> list[str]:
    return [line for metric, means in ranked_by().items()
            for line in _ranked(model, table[table["metric"] == metric], means)]


def _tried(model: str, tables: dict[str, pd.DataFrame]) -> list[str]:
    """The best and the worst method of each trial."""
    lines = []
    for trial in TRIALS:
        table = tables[TRIALS.about(trial).family]
        table = table[(table["metric"] == trial) & table["value"].notna()]
        if len(table):
            less = TRIALS.about(trial).better == "lower"
            ordered = table.sort_values("value", ascending=less, kind="stable")
            best, worst = ("lowest", "highest") if less else ("highest", "lowest")
            lines += [f"  {TRIALS.title(trial)}, {table['n'].max()} faces; the {best}, the {worst}"]
            lines += [f"    {_told(line.method):28s}{_line(line)}"
                      for line in list(ordered.itertuples())[:: max(1, len(table) - 1)]]
    return ["", f"{model}: sanity and robustness, the best method and the worst", COLUMNS,
            *lines] if lines else []


def _ranked(model: str, table: pd.DataFrame, means: str) -> list[str]:
    table = table[table["value"].notna()]
    if table.empty:
        return []
    title = REGION_SCORES.title(table["metric"].iloc[0])
    lines = ["", f"{model}: {title}, each map {means} (last column: behind the best)", COLUMNS]
    for line in table.itertuples():
        behind = _interval(line.behind_best, line.behind_best_low, line.behind_best_high)
        lines.append(f"  {_told(line.method):30s}{_line(line)}{_sign(line)} {behind}")
    best, others = table.iloc[0], table.iloc[1:]
    tied = list(others.loc[~(others["behind_best_low"] > 0), "method"])
    if best["n"] < ENOUGH:
        return [*lines, f"  {MOST_FAITHFUL}: {UNKNOWN} ({_too_few(best['n'])})"]
    if best["beyond"] < 0:
        return [*lines, f"  {MOST_FAITHFUL}: none, the best lies below chance"]
    lines.append(f"  {MOST_FAITHFUL}: {best['method']}"
                 + (f"; not told apart from it: {', '.join(tied)}" if tied else ""))
    free = table[~table["method"].map(_by_region)]
    if len(free) and _by_region(best["method"]):
        lines.append(f"  of those that are not told the regions: {free['method'].iloc[0]}")
    return lines


def _too_few(count: int) -> str:
    return f"{count} faces, {ENOUGH} are needed"


def _told(method: str) -> str:
    kinds = {"trivial": ATTRIBUTIONS.about(method).trivial, "by region": _by_region(method)}
    return method + "".join(f" ({kind})" for kind, holds in kinds.items() if holds)


def _by_region(method: str) -> bool:
    """Whether it is told the very regions and fill of the reference."""
    return method in ATTRIBUTIONS and takes(method, "regions")


def _line(line) -> str:
    chance = "" if math.isnan(line.chance) else f"{line.chance:.2f}"
    return f" {_interval(line.value, line.low, line.high)}   {chance:>6s}{_beyond(line)}"


def _beyond(line) -> str:
    return f"   {_interval(line.beyond, line.beyond_low, line.beyond_high, '+.2f')}"


def _interval(value: float, low: float, high: float, form: str = "5.2f") -> str:
    """Value [low, high]; "unknown" where too few faces tell it."""
    if math.isnan(value):
        return f"{UNKNOWN:20s}"
    if math.isnan(low):
        return f"{value:{form}} [{UNKNOWN}]    "
    return f"{value:{form}} [{low:{form}}, {high:{form}}]"


def _sign(line) -> str:
    """A star where the interval lies above chance, by enough faces."""
    return " *" if line.beyond_low > 0 and line.n >= ENOUGH else "  "
