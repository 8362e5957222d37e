"""From findings to verdicts: the decision rules of the hypotheses."""

import pytest

from analysis.studies.shift.evidence import MissingWeightsError
from analysis.studies.shift.inference import Finding
from analysis.studies.shift.verdicts import decide
from analysis.subjects.hypotheses import HYPOTHESES


def of(effect, p_direction, p_absent):
    return Finding(effect, effect - 0.1, effect + 0.1, 100, 1, p_direction, 1 - p_absent, p_absent,
                   p_absent, 0.1)


FOUND = {"there": of(0.3, 1e-4, 0.999), "absent": of(0.0, 0.5, 1e-4), "open": of(0.05, 0.2, 0.5),
         "small": of(0.01, 1e-4, 1e-4), "inside": of(0.039, 5e-5, 0.0399),
         "about": of(0.06, 1e-4, 0.8), "lacking": None}


def decided(key, *names):
    """The verdict row of one hypothesis whose components are found so."""
    h = next(h for h in HYPOTHESES if h.key == key)
    lack = MissingWeightsError(["se"])
    (row,) = decide("iram", [h], {key: [(FOUND[n], lack if n == "lacking" else None)
                                        for n in names]})
    return row


@pytest.mark.parametrize(
    ("effect", "control", "verdict"),
    [("there", "there", "supported"), ("there", "open", "undecided"),
     ("there", "absent", "refuted"), ("absent", "there", "refuted"),
     ("there", "lacking", "not tested"), ("absent", "lacking", "not tested"),
     ("small", "there", "refuted"), ("open", "open", "undecided"),
     ("about", "there", "undecided"), ("inside", "there", "undecided")],
)
def test_the_decision_rules(effect, control, verdict):
    assert decided("H3", effect, control)["verdict"] == verdict


def test_an_effect_inside_the_margin_is_not_supported_however_sure_it_is():
    row = decided("H3", "inside", "inside")  # as one trained net had it: 0.039 [0.026, 0.050]
    assert row["verdict"] == "undecided"
    assert "indirect effect" in row["reason"]
    row = decided("H3", "about", "there")
    assert (
        row["reason"] == "not shown: indirect effect (there, but not shown to be above the margin)"
    )


@pytest.mark.parametrize(
    ("basis", "own", "verdict", "reason"),
    [("there", "there", "supported", "every component shown"),
     ("absent", "there", "undecided", "presupposes H1, which is refuted (leaves: equivalent to none"
      "); its own components are shown"),
     ("open", "there", "undecided", "presupposes H1, which is undecided"),
     ("lacking", "there", "not tested", "presupposes H1, which is not tested (no weights of: se)"),
     ("absent", "absent", "refuted", "more than permuted-weights: equivalent to none"),
     ("absent", "open", "undecided", "not shown: more than permuted-weights")],
)
def test_learned_presupposes_that_attention_leaves_at_all(basis, own, verdict, reason):
    chosen = [h for h in HYPOTHESES if h.key in ("H1", "H2a")]
    lack = MissingWeightsError(["se"]) if basis == "lacking" else None
    others = [(FOUND["there"], None)] * (len(chosen[0].components) - 1)
    first, second = decide("iram", chosen, {"H1": [(FOUND[basis], lack), *others],
                                            "H2a": [(FOUND[own], None)]})
    assert second["verdict"] == verdict
    assert second["reason"].startswith(reason)
    assert second["presupposes"] == first["hypothesis"] == "H1"


def test_rivals_that_are_missing_are_named_and_the_others_decide_nothing():
    row = decided("H6", "lacking", "there", "absent")
    assert row["verdict"] == "not tested"
    assert row["missing_weights"] == "se"
    assert row["reason"] == "no weights of: se; eca, cbam alone decides nothing"


def test_holm_over_the_hypotheses_of_a_model():
    """What is shown alone need not be among several."""
    alone = of(0.3, 0.03, 0.97)
    chosen = [h for h in HYPOTHESES if len(h.components) == 1][:3]
    (row,) = decide("iram", chosen[:1], {chosen[0].key: [(alone, None)]})
    assert row["verdict"] == "supported"
    rows = decide("iram", chosen, {h.key: [(alone, None)] for h in chosen})
    assert {r["verdict"] for r in rows} == {"undecided"}
    assert rows[0]["reason"] == "not after Holm over the hypotheses"


def test_hypotheses_are_data_and_each_has_a_margin():
    for hypothesis in HYPOTHESES:
        assert hypothesis.components
        for component in hypothesis.components:
            assert component.margin > 0
            assert component.direction in (-1, 1)
        assert hypothesis.presupposes in ("", "H1")
    assert {h.key[:2] for h in HYPOTHESES} == {"H1", "H2", "H3", "H4", "H5", "H6"}
