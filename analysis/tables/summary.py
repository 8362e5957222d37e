"""From a benchmark's cells to its tables: `summary.csv` and `occluders.csv`."""

from collections import defaultdict

import numpy as np
import pandas as pd

from analysis.engine import Benchmark
from analysis.study import CLEAN, FRONTAL
from analysis.tables.scores import occluder_scores, scores

TWIN = "box"


def summarise(benchmark: Benchmark) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The two tables of a finished benchmark, long: one row per metric, with its interval.

    Returns:
        summary: per model and condition (`analysis.tables.scores`); the relative drop is from the
            clean pass, or from the frontal pose for what is turned in depth.
        occluders: per model and occluder, over all its fractions and fills
            (`analysis.tables.scores.occluder_scores`).
    """
    summary, occluders = [], []
    for subject in benchmark.subjects:
        clean = benchmark.rows(subject, CLEAN)
        frontal = benchmark.rows(subject, FRONTAL)
        correct = defaultdict(list)  # (occluder, fraction, fill) is averaged over the last two
        for condition in benchmark.conditions:
            rows = benchmark.rows(subject, condition)
            baseline = frontal if condition.in_depth else clean
            table = scores(rows, baseline, len(benchmark.dataset.classes), benchmark.seed)
            summary.append(_head(benchmark, subject, condition, rows).merge(table, how="cross"))
            if condition.occluder != "none" and not condition.in_depth:
                correct[condition.occluder].append((condition, rows["correct"].to_numpy()))
        for occluder in correct:
            table = _occluder(occluder, correct, clean["correct"].to_numpy(float), benchmark.seed)
            names = {"dataset": benchmark.dataset.name, "model": subject.name,
                     "seed": subject.seed, "occluder": occluder}  # fmt: skip
            occluders.append(pd.DataFrame([names]).merge(table, how="cross"))
    columns = ["dataset", "model", "seed", "occluder", "metric", "value", "low", "high", "n"]
    return (
        pd.concat(summary, ignore_index=True),
        pd.concat(occluders, ignore_index=True) if occluders else pd.DataFrame(columns=columns),
    )


def _head(benchmark, subject, condition, rows) -> pd.DataFrame:
    return pd.DataFrame([{
        "dataset": benchmark.dataset.name, "model": subject.name, "seed": subject.seed,
        "condition": condition.name, "occluder": condition.occluder, "fill": condition.fill,
        "fraction": condition.fraction,
        "occlusion_fraction": rows["occlusion_fraction"].mean(),
        "painted_fraction": rows["painted_fraction"].mean(),
        "self_occlusion_fraction": rows["self_occlusion_fraction"].mean(),
        "yaw_deg": condition.yaw_deg or 0.0, "pitch_deg": condition.pitch_deg or 0.0,
        "roll_deg": condition.roll_deg,
    }])  # fmt: skip


def _occluder(occluder: str, correct: dict, clean: np.ndarray, seed: int) -> pd.DataFrame:
    own = correct[occluder]
    twins = {(c.fraction, c.fill): hits for c, hits in correct.get(TWIN, [])}
    matched = [twins.get((c.fraction, c.fill)) for c, _ in own]
    whole = occluder != TWIN and all(hits is not None for hits in matched)
    box = np.mean(matched, 0) if whole else None
    return occluder_scores(np.mean([hits for _, hits in own], 0), clean, box, seed)
