"""The attribution suite: every method on every model, scored, as cells that can be resumed.
"""

from analysis.studies.attribution.plan import Suite
from analysis.studies.attribution.questions import Sizes
from analysis.studies.attribution.run import attribution_suite, planned

__all__ = ["Sizes", "Suite", "attribution_suite", "planned"]
