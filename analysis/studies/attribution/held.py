"""Metrics of maps: those that cells hold together, and those that were registered beside them.

Cells of earlier runs hold the metrics of HELD. A metric that is registered now has cells of its
own, so it is added to a finished run without making anything else again; but a score of curves,
whose forward passes are all that is dear, makes the cells anew that hold the others.
"""

from inspect import getsource

from analysis.metrics import (
    AGREEMENT,
    COMPLEXITY,
    CURVE_SCORES,
    LOCALISATION,
    REGION_SCORES,
    TRIALS,
)

FAMILIES = {"complexity": COMPLEXITY, "localisation": LOCALISATION, "regions": REGION_SCORES,
            "agreement": AGREEMENT, "curves": CURVE_SCORES, "trials": TRIALS}
OF_MAPS = ("complexity", "localisation", "regions")  # one by one, of one method's maps
HELD = {
    "complexity": ("gini", "entropy", "effective_pixels"),
    "localisation": ("relevance_mass", "relevance_rank", "pointing_game", "top_k_intersection"),
    "regions": ("shapley_rank", "shapley_rank_density", "shapley_first"),
    "curves": ("deletion_auc", "insertion_auc", "order_gap"),
    "agreement": ("pearson", "spearman", "top_k_iou", "ssim", "earth_movers_distance"),
}


def beyond(*families: str) -> list[str]:
    """FAMILY/NAME of the metrics that have cells of their own."""
    return [f"{family}/{name}" for family in families for name in FAMILIES[family]
            if name not in HELD[family]]


def code_of(metric: str) -> str:
    """The source of the metric FAMILY/NAME, for the key of its cells, since one that was rewritten
    measures something else; "" where Python doesn't know it."""
    family, _, name = metric.partition("/")
    try:
        return getsource(FAMILIES[family][name])
    except (OSError, TypeError):
        return ""
