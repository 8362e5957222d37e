"""Metrics of maps: pure functions of tensors, one float per image, NaN where undefined.

Three families have one signature each and a registry: agreement (maps_a, maps_b), localisation
(maps, mask) and complexity (maps); METRICS holds the three. Faithfulness and sanity ask the model
again and have functions of their own, which take the model's forward pass as an argument.
"""

from analysis.metrics import transport  # noqa: F401 (registers the earth mover's distance)
from analysis.metrics.agreement import AGREEMENT, chance
from analysis.metrics.complexity import COMPLEXITY
from analysis.metrics.curves import (
    Curves,
    both_orders,
    perturbation_curves,
    reference,
    removal_order,
)
from analysis.metrics.faithfulness import curve_scores, region_rank_correlation
from analysis.metrics.localisation import LOCALISATION, area_share
from analysis.metrics.perturbations import infidelity, max_sensitivity, noise, squares
from analysis.metrics.sanity import cascade, cascade_similarity

METRICS = {"agreement": AGREEMENT, "localisation": LOCALISATION, "complexity": COMPLEXITY}

__all__ = [
    "AGREEMENT",
    "COMPLEXITY",
    "LOCALISATION",
    "METRICS",
    "Curves",
    "area_share",
    "both_orders",
    "cascade",
    "cascade_similarity",
    "chance",
    "curve_scores",
    "infidelity",
    "max_sensitivity",
    "noise",
    "perturbation_curves",
    "reference",
    "region_rank_correlation",
    "removal_order",
    "squares",
]
