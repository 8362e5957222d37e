"""Does attention move to the visible regions, is it learned, does it cause the robustness?

Read on in this order: `hypotheses` (what is claimed, and the rules), `cells` and `measures` (what
is measured), `roles` (which model is whose control), `controls`, `interventions`, `run` (the loop),
`evidence` (cells to numbers), `inference` and `verdicts`, `fills` (each fill alone), `mediation`
(how much of the loss attention carries), `real` (really occluded faces), `tables` and `report`.
"""

from analysis.studies.shift.run import DEFAULT, shift
from analysis.subjects.hypotheses import HYPOTHESES

__all__ = ["DEFAULT", "HYPOTHESES", "shift"]
