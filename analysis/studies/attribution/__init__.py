"""The attribution suite: every method on every model, scored, as cells that can be resumed.

Stages, each a folder of Parquet cells: `clean` (the clean pass, whose prediction is explained),
`reference` (exact Shapley values of the face's regions), `maps` (a model's maps by one method),
`rows` (what a method's maps score, a row per image and metric), `sanity` (as the weights are
randomised) and `agreement` (between all methods of a model).
"""

from analysis.studies.attribution.plan import Sizes, Suite
from analysis.studies.attribution.run import Findings, attribution_suite, planned

__all__ = ["Findings", "Sizes", "Suite", "attribution_suite", "planned"]
