"""Scores of a condition: from per-image rows to accuracy, macro-F1, margin, calibration, drop."""

import numpy as np
import pandas as pd

from analysis.engine.statistics import bootstrap

ECE_BINS = 15
SCORED = ["label", "prediction", "correct", "margin", "confidence"]  # columns of rows
SCORES = ("accuracy", "macro_f1", "margin", "ece", "relative_drop")


def scores(
    rows: pd.DataFrame, clean: pd.DataFrame, num_classes: int, seed: int,
    photographs: np.ndarray | None = None,
) -> pd.DataFrame:
    """One row per score: metric, value, low, high (95% bootstrap interval over images), n.

    accuracy: share of right predictions, 0 to 1; chance is the share of the commonest class.
    macro_f1: mean over the classes that occur of F1 = 2 TP / (2 TP + FP + FN), 0 to 1.
    margin: mean true-class logit margin, in logits.
    ece: expected calibration error, 0 to 1, lower is better: the mean gap between confidence and
        accuracy over 15 equal bins of confidence (Guo et al., ICML 2017). Its bootstrap interval
        lies a little high, as resampling adds to the gaps.
    relative_drop: (clean accuracy - accuracy) / clean accuracy, at most 1; below 0 is a gain; NaN
        where nothing is right on clean pictures.

    Args:
        rows, clean: of the same images in the same order.
        photographs: (N,) see `analysis.engine.statistics`.
    """
    value, low, high = bootstrap(
        _features(rows, clean, num_classes), lambda sums: _from_sums(sums, num_classes),
        seed=seed, photographs=photographs,
    )
    table = {"metric": SCORES, "value": value, "low": low, "high": high, "n": len(rows)}
    return pd.DataFrame(table)


def _features(rows: pd.DataFrame, clean: pd.DataFrame, k: int) -> np.ndarray:
    """(N, 3 k + bins + 2) per-image features whose sums give every score."""
    n, place = len(rows), np.arange(len(rows))
    label, prediction = (rows[name].to_numpy(int) for name in ("label", "prediction"))
    hits, present, predicted = np.zeros((3, n, k))
    present[place, label] = 1
    predicted[place, prediction] = 1
    hits[place, label] = label == prediction
    confidence = rows["confidence"].to_numpy(np.float64)
    gaps = np.zeros((n, ECE_BINS))
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps[place, bins] = confidence - rows["correct"].to_numpy(np.float64)
    margin = rows["margin"].to_numpy(np.float64)[:, None]
    clean_correct = clean["correct"].to_numpy(np.float64)[:, None]
    return np.hstack([hits, present, predicted, gaps, margin, clean_correct])


def _from_sums(sums: np.ndarray, k: int) -> np.ndarray:
    """(B, number of scores) from summed features (B, ...)."""
    hits, present, predicted, gaps, margin, clean = np.split(
        sums, np.cumsum([k, k, k, ECE_BINS, 1]), axis=1
    )
    n = present.sum(1)
    accuracy, clean_accuracy = hits.sum(1) / n, clean[:, 0] / n
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = np.where(present > 0, 2 * hits / (present + predicted), 0)
        macro_f1 = f1.sum(1) / (present > 0).sum(1)
        drop = np.where(clean_accuracy > 0, 1 - accuracy / clean_accuracy, np.nan)
    ece = np.abs(gaps).sum(1) / n
    return np.stack([accuracy, macro_f1, margin[:, 0] / n, ece, drop], 1)
