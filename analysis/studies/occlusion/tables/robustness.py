"""How robust a model is against a reference model: what it loses of the faces that both recognise
clean, and, beside it, mean relative robustness (mRR): its errors over the grid against the others.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from analysis.engine.statistics import bootstrap
from analysis.studies.occlusion.tables import grid
from analysis.studies.occlusion.tables.groups import POOLED
from analysis.studies.occlusion.tables.paired import differences, intervals, lost, with_holm

COLUMNS = ("model", "reference", "kind", "metric", "value", "low", "high", "difference",
           "difference_low", "difference_high", "p", "p_holm", "n", "conditions")


def kind_errors(conditions: pd.DataFrame, correct: np.ndarray) -> np.ndarray:
    """(N, 1 + kinds) per image: the error on the clean picture, then each kind's, summed over its
    levels and fills. The kinds are those of `analysis.studies.occlusion.tables.grid.kinds`.

    Args:
        correct: (N, conditions) bool.
    """
    rows = [[grid.clean(conditions)], *grid.kinds(conditions).values()]
    return np.stack([(~correct[:, own]).sum(1) for own in rows], 1).astype(float)


def robustness(
    conditions: pd.DataFrame,
    errors: Mapping[str, np.ndarray],
    references: Mapping[str, str],
    seed: int,
    photographs: np.ndarray | None = None,
) -> pd.DataFrame:
    """One row per model, kind and metric, with its interval paired by image.

    lost: the main measure: what is lost of the faces that the model and its reference both
        recognise clean (`tables.paired.lost`), of which `n` tells how many they are; a share, 0 to
        1, lower = more robust. `difference`: less what the reference loses of the same faces.
    accuracy (kind "clean"): 0 to 1; `difference`: less the reference's. Where it differs, all of
        the following compare nets that have not as much to lose.
    p: of a difference, by `paired_permutation`; p_holm: adjusted over all models and kinds of a
        metric, and for the kind "all" over the models. The reference itself has no difference.

    In percent, of errors:

    error_ratio: per kind (an occluder or a corruption), the model's errors summed over levels and
        fills, over the reference's. "clean" is the same of the clean pass.
    relative_error_ratio: the same of the errors beyond those on the clean picture, each model
        against its own.
    mrr, relative_mrr (kind "all"): the mean of these over the kinds, without "clean".

    100 = as robust as the reference; *below 100 = more robust*. `mrr` also credits a model that is
    better on clean pictures; `relative_mrr` asks only what is lost from there.

    A ratio is NaN where what it is divided by is not above 0 in every resample: a kind that does
    the reference no certain harm says nothing. Such a kind is out of the mean, for every model of
    this reference alike. `conditions` counts those that a row is over.

    Reference: in the style of ImageNet-C's mCE and relative mCE (Hendrycks & Dietterich, ICLR
    2019), with the model without attention for AlexNet, and occluders beside corruptions.

    Args:
        conditions: see `analysis.studies.occlusion.tables.grid.grid`.
        errors: model -> its `kind_errors`; the same images in the same order.
        references: model -> its reference; the rows come in this order.
        photographs: (N,) see `analysis.engine.statistics`.
    """
    kinds = {kind: len(rows) for kind, rows in grid.kinds(conditions).items()}
    if not references or not kinds:
        return pd.DataFrame(columns=COLUMNS)
    drawn = {"seed": seed, "photographs": photographs}
    ratios = _ratios(kinds, errors, references, drawn)
    tables = [part for model, reference in references.items()
              for part in (_pair(kinds, errors, model, reference, drawn),
                           ratios[ratios["model"] == model])]
    return with_holm(pd.concat(tables, ignore_index=True).reindex(columns=COLUMNS))


def _pair(kinds: Mapping[str, int], errors, model: str, reference: str, drawn) -> pd.DataFrame:
    """Clean accuracy and what is lost, of a model beside its reference."""
    own, other = errors[model], None if model == reference else errors[reference]
    clean = 1 - own[None, :, :1]
    table = pd.DataFrame([{"kind": grid.CLEAN_KIND, "metric": "accuracy", "n": len(own),
                           "conditions": 1}])
    table[["value", "low", "high"]] = intervals(clean, **drawn)
    if other is not None:
        table = table.assign(**differences(clean - (1 - other[None, :, :1]), **drawn))
    found = lost(kinds, [own], None if other is None else [other], **drawn)
    return pd.concat([table, found]).assign(model=model, reference=reference)


def _ratios(kinds: Mapping[str, int], errors, references, drawn) -> pd.DataFrame:
    """The ratios of errors of all models, in percent."""
    levels = np.array(list(kinds.values()))
    places = {model: place for place, model in enumerate(errors)}
    own = [places[model] for model in references]
    other = [places[reference] for reference in references.values()]

    def divisors(sums: np.ndarray) -> np.ndarray:
        return _terms(sums, len(errors), levels)[:, other].reshape(len(sums), -1)

    def ratios(sums: np.ndarray) -> np.ndarray:
        """(B, models x (1 + 2 kinds + 2)), in percent."""
        terms = _terms(sums, len(errors), levels)
        with np.errstate(invalid="ignore", divide="ignore"):
            each = np.where(certain, 100 * terms[:, own] / terms[:, other], np.nan)
        means = [_mean(part) for part in np.split(each[..., 1:], 2, axis=2)]
        return np.concatenate([each, np.stack(means, 2)], 2).reshape(len(sums), -1)

    features = np.hstack(list(errors.values()))
    lowest = bootstrap(features, divisors, level=1, **drawn)[1]  # of all resamples
    certain = (lowest > 0).reshape(len(references), -1)
    value, low, high = bootstrap(features, ratios, **drawn)
    table = pd.DataFrame([
        (model, reference, *row)
        for (model, reference), known in zip(references.items(), certain, strict=True)
        for row in _row_names(kinds, levels, *np.split(known[1:], 2))
    ], columns=["model", "reference", "kind", "metric", "conditions"])
    return table.assign(value=value, low=low, high=high, n=len(features))


def _terms(sums: np.ndarray, models: int, levels: np.ndarray) -> np.ndarray:
    """(B, models, 1 + 2 kinds): errors on clean pictures, of each kind, and beyond clean."""
    each = sums.reshape(len(sums), models, 1 + len(levels))
    return np.concatenate([each, each[..., 1:] - levels * each[..., :1]], 2)


def _mean(ratios: np.ndarray) -> np.ndarray:
    """(B, models): the mean over the kinds that have a ratio, NaN where none has."""
    known = ~np.isnan(ratios)
    with np.errstate(invalid="ignore"):
        return np.where(known, ratios, 0).sum(2) / known.sum(2)


def _row_names(kinds, levels: np.ndarray, known: np.ndarray, known_beyond: np.ndarray) -> list:
    """Kind, metric and number of conditions, in the order of `ratios`."""
    each = list(zip(kinds, levels, strict=True))
    return [
        (grid.CLEAN_KIND, "error_ratio", 1),
        *((kind, "error_ratio", count) for kind, count in each),
        *((kind, "relative_error_ratio", count) for kind, count in each),
        (POOLED, "mrr", levels[known].sum()),
        (POOLED, "relative_mrr", levels[known_beyond].sum()),
    ]
