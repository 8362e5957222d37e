"""The tables of what was judged: a row per verdict, per stratum, and per component."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from analysis.engine.inference import Finding
from analysis.studies.shift.evidence import (
    Evidence,
    MissingWeightsError,
    average,
    control_model,
    lacking_weights,
)
from analysis.studies.shift.judging import ONE_SEED, Judged, Part, Real, Stratum, tested
from analysis.studies.shift.power import margin_refuted, needed_seeds
from analysis.subjects.hypotheses import ALPHA, REAL, STAGES, WHOLE

ESTIMATE = ["effect", "low", "high", "unit"]
COMPONENTS = ["model", "hypothesis", "component", "role", "fill_class", "stage", *ESTIMATE,
              "direction", "margin", "n", "seeds", "control_seeds", "p_direction", "p_beyond",
              "p_absent", "p_equivalence", "detectable", "outcome", "note"]
STRATA = ["model", "hypothesis", "fill_class", "stage", *ESTIMATE, "direction", "margin", "n",
          "seeds", "p_supported", "p_refuted", "verdict"]
SEEDS = ["model", "hypothesis", "fill_class", "seed", "effect", "unit", "direction", "margin", "n"]
VERDICTS = ["model", "hypothesis", "claim", "verdict", "holds_under", "this_net", *ESTIMATE,
            "margin", "margin_refuted", "detectable", "n", "seeds", "needed_seeds",
            "interval_over", "p_supported", "p_refuted", "controls_passed", "controls_failed",
            "not_tested", "missing_weights", "presupposes", "authority", "reason"]
OVER_SEEDS, OVER_IMAGES = "images and training seeds", "images only"


def component_table(evidence: Evidence, judged: Sequence[Judged]) -> pd.DataFrame:
    """A row per model, hypothesis, stratum and component, each tested by itself.

    Effects are signed as measured; p values are of the claimed direction. What was not tested has
    an empty effect, and says why.
    """
    rows = [_component(evidence, one, stratum, place)
            for one in judged for stratum in one.strata for place in range(len(stratum.parts))]
    return pd.DataFrame(rows, columns=COMPONENTS)


def strata_table(
    evidence: Evidence, judged: Sequence[Judged], real: Real | None = None
) -> pd.DataFrame:
    """A row per model, hypothesis and stratum, then per class of fill (stage "all"), then of the
    whole (class "all"): the effect, with the p values of the rules.

    Of a class the effect is the mean over its stages, of the whole that over its classes. Strata
    have p values as they are, classes and wholes after Holm.
    """
    rows = []
    for one in judged:
        rows += [_stratum(one, s.kind, s.stage, s.parts[0].finding, s.p_supported, s.p_refuted)
                 for own in one.classes.values() for s in own if s.stage != WHOLE]
        for kind in (*one.classes, WHOLE):
            rows.append(_stratum(one, kind, WHOLE, effect(evidence, one, kind, real),
                                 one.p_supported[kind], one.p_refuted[kind]))
    return pd.DataFrame(rows, columns=STRATA)


def verdict_table(
    evidence: Evidence, judged: Sequence[Judged], real: Real | None = None,
    authority: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """A row per model and hypothesis; the effect is that of the whole in `strata_table`.

    Args:
        authority: model -> how far its attention acts, in words; "" where that is not known.
    """
    return pd.DataFrame([_verdict(one, effect(evidence, one, WHOLE, real), authority or {})
                         for one in judged], columns=VERDICTS)


def effect(evidence: Evidence, one: Judged, kind: str, real: Real | None) -> Finding | None:
    """The effect's mean over the stages of a class of fill, or over all classes; None if a stratum
    of them was not tested."""
    component = one.hypothesis.components[0]
    if not all(s.parts[0].finding for own in _chosen(one, kind).values() for s in own):
        return None
    if REAL in one.classes:
        return real(one.model, component, WHOLE)
    finding = tested(evidence, _values(evidence, one, kind), component)
    return finding if isinstance(finding, Finding) else None


def seed_table(evidence: Evidence, judged: Sequence[Judged]) -> pd.DataFrame:
    """A row per model, hypothesis, class of fill ("all": as a whole) and training seed: the effect
    of this seed alone, its mean over the faces and stages; without intervals, for those who judge
    by another rule. Really occluded faces, and what was not tested, have none."""
    rows = []
    for one in judged:
        names = [r.subject.seed for r in evidence.judged()[one.model]]
        component = one.hypothesis.components[0]
        for kind in (*one.classes, WHOLE):
            if REAL in one.classes or effect(evidence, one, kind, None) is None:
                continue
            values = component.direction * _values(evidence, one, kind)
            known = np.isfinite(values).all(0)
            rows += [{**_described(one, component), "fill_class": kind, "seed": seed,
                      "effect": own[known].mean(), "n": known.sum()}
                     for seed, own in zip(names, values, strict=True)]
    return pd.DataFrame(rows, columns=SEEDS)


def _chosen(one: Judged, kind: str) -> dict[str, list[Stratum]]:
    return {name: own for name, own in one.classes.items() if kind in (name, WHOLE)}


def _values(evidence: Evidence, one: Judged, kind: str) -> np.ndarray:
    """(seeds, N): the effect in its direction, its mean over stages and, of WHOLE, classes."""
    found = []
    for name, own in _chosen(one, kind).items():
        values = evidence.values(one.model, one.hypothesis.components[0], name)
        places = [0 if s.stage == WHOLE else STAGES.index(s.stage) for s in own]
        found.append(average(values[:, :, places].transpose(2, 0, 1)))
    return average(found)


def estimated(finding: Finding | None, direction: int) -> dict:
    """effect, low and high as measured, n and seeds."""
    if finding is None:
        return {}
    low, high = sorted(direction * end for end in finding.ends)
    return {"effect": direction * finding.effect, "low": low, "high": high, "n": finding.n,
            "seeds": finding.seeds}


def _described(one: Judged, component) -> dict:
    return {"model": one.model, "hypothesis": one.hypothesis.key, "unit": component.unit,
            "direction": component.direction, "margin": component.margin}


def _stratum(one: Judged, kind: str, stage: str, found, p_supported, p_refuted) -> dict:
    component = one.hypothesis.components[0]
    if stage == WHOLE:
        verdict = one.verdicts[kind]
    else:
        verdict = ("not tested" if np.isnan(p_supported) else "refuted" if p_refuted < ALPHA
                   else "supported" if p_supported < ALPHA else "undecided")
    return (_described(one, component) | estimated(found, component.direction)
            | {"fill_class": kind, "stage": stage, "p_supported": p_supported,
               "p_refuted": p_refuted, "verdict": verdict})


def _component(evidence: Evidence, one: Judged, stratum: Stratum, place: int) -> dict:
    part = stratum.parts[place]
    row = _described(one, part.component) | {
        "component": part.component.name, "role": "effect" if place == 0 else "control",
        "fill_class": stratum.kind, "stage": stratum.stage, "outcome": part.outcome,
        "note": str(part.lack or "")}
    found = part.finding
    if found is None:
        return row
    row["control_seeds"] = control = evidence.control_seeds(one.model, part.component)
    if control is not None and control < found.seeds:
        row["note"] = (f"the control has {control} training seed(s), the model {found.seeds}: the "
                       "interval lacks what the control's vary by")
    names = ("p_direction", "p_beyond", "p_absent", "p_equivalence", "detectable")
    return (row | estimated(found, part.component.direction)
            | {name: getattr(found, name) for name in names})


def _verdict(one: Judged, whole: Finding | None, authority: Mapping[str, str]) -> dict:
    h, component = one.hypothesis, one.hypothesis.components[0]
    tested_parts = [part for part in one.parts if part.finding]
    weights = [name for part in one.parts if isinstance(part.lack, MissingWeightsError)
               for name in part.lack.names]
    row = _described(one, component) | estimated(whole, component.direction) | {
        "claim": h.claim, "verdict": one.verdict, "holds_under": ", ".join(one.holds_under),
        "this_net": one.this_net, "margin_refuted": margin_refuted(one),
        "needed_seeds": needed_seeds(one), "p_supported": one.p_supported[WHOLE],
        "p_refuted": one.p_refuted[WHOLE], "missing_weights": ", ".join(dict.fromkeys(weights)),
        "presupposes": one.basis.hypothesis.key if one.basis else "",
        "authority": authority.get(one.model, ""), "reason": reason(one)}
    row |= {column: "; ".join(names) for column, names in _controls(one).items()}
    if whole is not None:
        seeds = min(part.seeds[0] for part in tested_parts)
        row |= {"detectable": whole.detectable, "seeds": seeds,
                "interval_over": OVER_SEEDS if whole.seeds > 1 else OVER_IMAGES}
    return row


def _controls(one: Judged) -> dict[str, list[str]]:
    """Which controls are shown under every class in some stage, which not, and what lacks."""
    found = {"controls_passed": [], "controls_failed": [], "not_tested": []}
    for component in one.hypothesis.components:
        of = [[part.outcome for s in own for part in s.parts if part.component is component]
              for own in one.classes.values()]
        of = [outcomes for outcomes in of if outcomes]
        if any("not tested" in outcomes for outcomes in of):
            found["not_tested"].append(component.name)
        elif component is not one.hypothesis.components[0]:
            passed = all("shown" in outcomes for outcomes in of)
            found["controls_passed" if passed else "controls_failed"].append(component.name)
    return found


def reason(one: Judged) -> str:
    """Why the verdict is what it is."""
    whole = one.verdicts[WHOLE]
    own = one.p_supported[WHOLE]
    if np.isnan(own):
        return _why_not_tested(one)
    if whole == "refuted":
        told = _why_refuted(one)
    elif whole == "supported":
        told = "shown under every class of fill"
    elif own < ALPHA:
        basis = one.basis
        told = (f"presupposes {basis.hypothesis.key}, which is {basis.verdicts[WHOLE]} "
                f"({reason(basis)}); its own components are shown")
    else:
        told = _why_undecided(one)
    return f"{ONE_SEED}; of these weights {whole}: {told}" if one.seeds == 1 else told


def _why_not_tested(one: Judged) -> str:
    """What is missing, weights first and together, and which controls alone were there."""
    lacking = [part.lack for part in one.parts if part.lack]
    weights = [lack for lack in lacking if isinstance(lack, MissingWeightsError)]
    told = [str(lack) for lack in lacking if lack not in weights]
    if weights:
        names = [name for lack in weights for name in lack.names]
        told.insert(0, lacking_weights(names, [name for lack in weights for name in lack.others]))
    given = [part.component.versus for part in one.parts
             if part.finding and part.component.versus == control_model(part.component) != ""]
    if weights and given:
        told.append(f"{', '.join(dict.fromkeys(given))} alone decides nothing")
    return "; ".join(dict.fromkeys(told))


def _why_refuted(one: Judged) -> str:
    """The class of fill that refutes it, and by what in each stage."""
    kind, own = min(one.classes.items(), key=lambda item: max(s.p_refuted for s in item[1]))
    told = []
    for stratum in own:
        part = min(stratum.parts, key=lambda part: part.p_absent)
        how = ("equivalent to none" if part.finding.p_equivalence < ALPHA else
               "the opposite" if part.finding.effect < 0 else "below the margin")
        told.append(f"{stratum.stage}, {part.component.name}: {how}")
    return f"{kind}: " + "; ".join(told)


def _why_undecided(one: Judged) -> str:
    """What is not shown, in the best stage of each class of fill that does not show it."""
    told = list(_not_shown(one))
    return "not shown: " + "; ".join(told) if told else "not after the corrections"


def _not_shown(one: Judged) -> Iterator[str]:
    for kind, own in one.classes.items():
        best = min(own, key=lambda stratum: stratum.p_supported)
        open_ = [_open(part) for part in best.parts if part.outcome != "shown"]
        if open_:
            yield f"{kind} ({', '.join(open_)})"


def _open(part: Part) -> str:
    name = part.component.name
    if part.lone:
        return f"{name}: {ONE_SEED}"
    there = part.finding.p_direction < ALPHA
    return name + ", there, but not shown to be above the margin" * there
