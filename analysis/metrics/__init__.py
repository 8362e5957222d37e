"""Metrics of maps: pure functions of tensors, one float per image, NaN where undefined.

Each family has one signature and a registry that tells a metric's title, which way is good
(`better`: "higher", "lower" or "none") and its value for unrelated maps (`chance`), if it is known:
agreement (maps_a, maps_b), localisation (maps, mask), complexity (maps), scores of curves (areas)
and of regions (maps, regions, shapley), trials (case): these ask model and method again. What else
asks the model takes its forward pass as an argument.
"""

from analysis.metrics import (  # noqa: F401 (they register metrics)
    in_domain,
    randomised,
    stability,
    transport,
)
from analysis.metrics.agreement import AGREEMENT, chance
from analysis.metrics.complexity import COMPLEXITY
from analysis.metrics.curves import (
    Curves,
    both_orders,
    perturbation_curves,
    reference,
    removal_order,
)
from analysis.metrics.faithfulness import (
    CURVE_SCORES,
    REGION_SCORES,
    SCALES,
    curve_scores,
    region_rank_correlation,
)
from analysis.metrics.localisation import LOCALISATION, area_share
from analysis.metrics.perturbations import (
    PERTURBATION_SCORES,
    infidelity,
    max_sensitivity,
    noise,
    squares,
)
from analysis.metrics.sanity import cascade, cascade_similarity
from analysis.metrics.trials import TRIALS, Case

FAMILIES = (AGREEMENT, LOCALISATION, COMPLEXITY, CURVE_SCORES, REGION_SCORES, PERTURBATION_SCORES,
            TRIALS)

__all__ = [
    "AGREEMENT",
    "COMPLEXITY",
    "CURVE_SCORES",
    "LOCALISATION",
    "PERTURBATION_SCORES",
    "REGION_SCORES",
    "TRIALS",
    "Case",
    "Curves",
    "area_share",
    "better",
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


def better(metric: str) -> str:
    """Which way of a metric is good: "higher", "lower", or "none", also of what is no metric."""
    score, _, scale = metric.rpartition("_")
    name = score if scale in SCALES else metric
    return next((family.about(name).better for family in FAMILIES if name in family), "none")
