"""A verdict per hypothesis and model, from the evidence and the rules in `hypotheses`."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from analysis.engine.statistics import holm
from analysis.studies.shift.evidence import (
    Evidence,
    MissingError,
    MissingWeightsError,
    control_model,
    lacking_weights,
)
from analysis.studies.shift.inference import Finding, assess
from analysis.subjects.hypotheses import ALPHA, HYPOTHESES, Component, Hypothesis

COMPONENTS = ["model", "hypothesis", "component", "role", "effect", "low", "high", "unit",
              "direction", "margin", "n", "seeds", "control_seeds", "p_direction", "p_beyond",
              "p_absent", "p_equivalence", "detectable", "outcome", "note"]
VERDICTS = ["model", "hypothesis", "claim", "verdict", "effect", "low", "high", "unit", "margin",
            "detectable", "n", "seeds", "interval_over", "p_supported", "p_refuted",
            "controls_passed", "controls_failed", "not_tested", "missing_weights", "presupposes",
            "reason"]
Real = Callable[[str, Component], Finding]


def judge(
    evidence: Evidence, real: Real | None = None, hypotheses=HYPOTHESES, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The verdicts, and the components that they rest on; one row each per model and hypothesis.

    Effects are signed as measured; p values are of the claimed direction. What was not tested has
    an empty effect, and says why.

    Args:
        real: tests a component on really occluded faces, None where no lists were given.
    """
    verdicts, parts = [], []
    for name, readers in evidence.judged().items():
        module = readers[0].training.attention
        asked = [h for h in hypotheses if not h.only or module in h.only]
        found = {h.key: [_component(evidence, name, c, real, seed) for c in h.components]
                 for h in asked}
        verdicts += decide(name, asked, found)
        parts += [
            _row(evidence, name, h, place, *each)
            for h in asked
            for place, each in enumerate(found[h.key])
        ]
    return (pd.DataFrame(verdicts, columns=VERDICTS), pd.DataFrame(parts, columns=COMPONENTS))


def _component(evidence, name: str, component: Component, real, seed: int):
    """(Finding or None, what it lacks or None)."""
    try:
        if component.measure == "real":
            if real is None:
                raise MissingError("no lists of really occluded faces (--ran-lists)")
            return real(name, component), None
        values = evidence.values(name, component)
        known = np.isfinite(values).all(0)
        values, photographs = values[:, known], evidence.photographs[known]
        if values.shape[1] < 2:
            raise MissingError("defined on fewer than 2 images: the occluders cover nothing, or "
                               "the whole face, or nothing expressive is left")
        return assess(values, component.margin, seed=seed, photographs=photographs), None
    except MissingError as error:
        return None, error


def decide(name: str, hypotheses: Sequence[Hypothesis], found: dict) -> list[dict]:
    """The rows of one model: the rules of `hypotheses`, Holm over those that were tested.

    Args:
        found: key of a hypothesis -> for each component (Finding or None, what it lacks or None).
    """
    supported, refuted = [], []
    for h in hypotheses:
        known = [t for t, _ in found[h.key] if t is not None]
        whole = len(known) == len(h.components)
        supported.append(max(t.p_beyond for t in known) if whole else np.nan)
        refuted.append(min(1.0, min(t.p_absent for t in known) * len(known)) if whole else np.nan)
    adjusted = zip(holm(np.array(supported)), holm(np.array(refuted)), strict=True)
    rows = {}
    for h, p in zip(hypotheses, adjusted, strict=True):
        rows[h.key] = _verdict(name, h, found[h.key], *p)
    for h in hypotheses:
        if h.presupposes in rows:
            rows[h.key] |= presupposing(rows[h.key], rows[h.presupposes])
    return list(rows.values())


def presupposing(row: dict, basis: dict) -> dict:
    """What changes in a verdict that presupposes another: it is not supported without that one."""
    what = {"presupposes": basis["hypothesis"]}
    if row["verdict"] != "supported" or basis["verdict"] == "supported":
        return what
    told = f"presupposes {basis['hypothesis']}, which is {basis['verdict']} ({basis['reason']})"
    verdict = "not tested" if basis["verdict"] == "not tested" else "undecided"
    return what | {"verdict": verdict, "reason": f"{told}; its own components are shown"}


def _verdict(name: str, h: Hypothesis, found: list, p_supported: float, p_refuted: float) -> dict:
    weights = [one for t, lack in found if t is None and isinstance(lack, MissingWeightsError)
               for one in lack.names]
    if any(t is None for t, _ in found):
        verdict, reason = "not tested", _why_not_tested(h, found)
    elif p_refuted < ALPHA:
        verdict, reason = "refuted", _why_refuted(h, found)
    elif p_supported < ALPHA:
        verdict, reason = "supported", "every component shown"
    else:
        verdict, reason = "undecided", _why_undecided(h, found)
    row = {"model": name, "hypothesis": h.key, "claim": h.claim, "verdict": verdict,
           "margin": h.components[0].margin, "unit": h.components[0].unit, "reason": reason,
           "p_supported": p_supported, "p_refuted": p_refuted,
           "missing_weights": ", ".join(dict.fromkeys(weights))}
    for key, wanted in (("controls_passed", "shown"), ("controls_failed", "not shown"),
                        ("not_tested", "not tested")):
        row[key] = "; ".join(c.name for c, (t, _) in zip(h.components, found, strict=True)
                             if _outcome(t).startswith(wanted)
                             and (c is not h.components[0] or t is None))
    first = found[0][0]
    if first is not None:
        sign = h.components[0].direction
        low, high = sorted((sign * first.low, sign * first.high))
        row |= {"effect": sign * first.effect, "low": low, "high": high,
                "detectable": first.detectable, "n": first.n, "seeds": first.seeds,
                "interval_over": "images within training seeds" if first.seeds > 1
                else "images only"}
    return row


def _outcome(found: Finding | None) -> str:
    """shown, not shown, or not tested; on its own, before any correction.

    An effect that is there, but not shown to be above the margin, is not shown.
    """
    if found is None:
        return "not tested"
    if found.p_absent < ALPHA:
        return "not shown: absent"
    return "shown" if found.p_beyond < ALPHA else "not shown: undecided"


def _why_not_tested(h: Hypothesis, found: list) -> str:
    """What is missing, weights first and together, and which controls alone were there."""
    lacking = [lack for t, lack in found if t is None]
    weights = [lack for lack in lacking if isinstance(lack, MissingWeightsError)]
    told = [str(lack) for lack in lacking if lack not in weights]
    if weights:
        names = [one for lack in weights for one in lack.names]
        told.insert(0, lacking_weights(names, [one for lack in weights for one in lack.others]))
    given = [c.versus for c, (t, _) in zip(h.components, found, strict=True)
             if t is not None and c.versus == control_model(c) != ""]
    if weights and given:
        told.append(f"{', '.join(given)} alone decides nothing")
    return "; ".join(dict.fromkeys(told))


def _why_refuted(h: Hypothesis, found: list) -> str:
    known = [(c, t) for c, (t, _) in zip(h.components, found, strict=True) if t is not None]
    component, least = min(known, key=lambda pair: pair[1].p_absent)
    kind = ("equivalent to none" if least.p_equivalence < ALPHA else
            "the opposite" if least.effect < 0 else "below the margin")
    return f"{component.name}: {kind}"


def _why_undecided(h: Hypothesis, found: list) -> str:
    open_ = [c.name + " (there, but not shown to be above the margin)" * (t.p_direction < ALPHA)
             for c, (t, _) in zip(h.components, found, strict=True)
             if _outcome(t) != "shown"]
    return "not shown: " + ", ".join(open_) if open_ else "not after Holm over the hypotheses"


def _row(evidence, name, h: Hypothesis, place: int, found: Finding | None, lack) -> dict:
    c = h.components[place]
    row = {"model": name, "hypothesis": h.key, "component": c.name,
           "role": "effect" if place == 0 else "control", "unit": c.unit, "direction": c.direction,
           "margin": c.margin, "outcome": _outcome(found), "note": str(lack or "")}
    if found is None:
        return row
    row["control_seeds"] = evidence.control_seeds(name, c)
    if row["control_seeds"] is not None and row["control_seeds"] < found.seeds:
        row["note"] = (f"the control has {row['control_seeds']} training seed(s), the model "
                       f"{found.seeds}: the interval lacks what the control's vary by")
    low, high = sorted((c.direction * found.low, c.direction * found.high))
    return row | found._asdict() | {"effect": c.direction * found.effect, "low": low, "high": high}
