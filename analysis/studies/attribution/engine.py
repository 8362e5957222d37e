"""How the suite's cells are computed, kind by kind."""

from collections.abc import Sequence

from analysis.engine.cells import Advance, Cell
from analysis.studies.attribution import agreement, scores, trials
from analysis.studies.attribution.maps import clean_rows, map_rows, reference_rows
from analysis.studies.attribution.plan import Suite
from analysis.studies.attribution.sanity import sanity_rows

ALONE = {"clean": clean_rows, "reference": reference_rows, "maps": map_rows,
         "sanity": sanity_rows, "agreement": agreement.agreement_rows}


def compute(suite: Suite, cells: Sequence[Cell], advance: Advance) -> None:
    """Computes and writes cells of one kind and model.

    With a copy of the model: methods that watch or change its layers must not meet in one model.
    """
    kind, (subject, method, metric) = cells[0].kind, cells[0].of
    own = suite.apart(subject)
    subject, metrics = own.subjects[0], [cell.of[2] for cell in cells]
    if metric and kind == "agreement":
        tables = agreement.beside_rows(own, subject, metrics)
    elif kind == "trials":
        tables = trials.trial_rows(own, subject, method, metrics, advance)
    elif metric:
        tables = scores.beside_rows(own, subject, method, metrics, advance)
    elif kind == "rows":
        tables = scores.score_rows(own, subject, [cell.of[1] for cell in cells], advance)
    else:
        tables = [ALONE[kind](own, subject, method, advance)]
    for cell, rows in zip(cells, tables, strict=True):
        cell.write(rows)
