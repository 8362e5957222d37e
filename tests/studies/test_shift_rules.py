"""From findings in strata to verdicts: the decision rules of the hypotheses, by hand."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from analysis.engine.inference import Error, Finding
from analysis.studies.shift.evidence import MissingWeightsError, UndefinedError
from analysis.studies.shift.judging import Judged, Part, Stratum, decide
from analysis.studies.shift.power import margin_refuted, needed_seeds
from analysis.studies.shift.verdicts import reason
from analysis.subjects.hypotheses import (
    FAMILIES,
    FILL_CLASSES,
    HYPOTHESES,
    REAL,
    STAGES,
    WHOLE,
    Component,
    Hypothesis,
    stage_of,
)

MARGIN = 0.05
EFFECT = Component("effect", "effective_change", 1, MARGIN)
CONTROL = Component("control", "effective_change", 1, MARGIN, versus="twin")
LACK = MissingWeightsError(["se"])


def normal(mean, se=0.01):
    """A finding whose test is z = (mean - margin) / se."""
    return Finding(mean, Error(se, 1e9), MARGIN, 100, 3)


def of_p(p):
    """A finding with this p of not being above the margin."""
    return normal(MARGIN + 0.01 * stats.norm.isf(p))


FOUND = {"there": normal(0.3), "absent": normal(0.0), "open": normal(0.055),
         "inside": normal(0.039, 0.006)}


def part(name, component=EFFECT, seeds=(3, 3)):
    if name == "lacking":
        return Part(component, None, LACK)
    if name == "undefined":
        return Part(component, None, UndefinedError("defined on fewer than 2 images"))
    return Part(component, FOUND[name] if isinstance(name, str) else of_p(name), None, seeds)


def claim(key="H1", classes=("flat", "noise"), stages=("early", "late"), presupposes="",
          components=(EFFECT,)):
    return Hypothesis(key, "", "", components, (), presupposes, classes, stages)


def judged(names, key="H1", presupposes="", seeds=3):
    """One hypothesis of one component: class of fill -> what is found in each of its stages."""
    stages = STAGES[: max(map(len, names.values()))]
    strata = [Stratum(kind, stage, [part(name, seeds=(seeds, seeds))])
              for kind, own in names.items() for stage, name in zip(stages, own, strict=False)]
    return Judged("iram", claim(key, tuple(names), stages, presupposes), strata, seeds)


def verdict(**names):
    return decide([judged(names)])[0].verdict


def test_a_stratum_takes_the_largest_p_of_its_components_or_the_smallest_times_their_number():
    stratum = Stratum("flat", "early", [part(0.03), part(0.01, CONTROL), part(0.98, CONTROL)])
    assert stratum.p_supported == pytest.approx(0.98)
    assert stratum.p_refuted == pytest.approx(3 * 0.02)


def test_a_class_needs_one_stage_and_the_whole_needs_every_class():
    one, = decide([judged({"flat": (0.02, 0.3), "noise": (0.004, 0.9)})])
    assert one.p_supported[WHOLE] == pytest.approx(2 * 0.02)  # the worse class, of its better stage
    assert one.p_supported["noise"] == pytest.approx(2 * 2 * 0.004)  # Holm over the classes
    assert one.verdict == "supported"
    assert one.holds_under == ["flat", "noise"]


def test_a_class_is_refuted_in_all_its_stages_and_the_whole_by_one_class():
    one, = decide([judged({"flat": (0.999, 0.98), "noise": (1e-6, 1e-6)})])
    assert one.p_refuted[WHOLE] == pytest.approx(2 * 0.02)  # 1 - 0.98, of two classes
    assert one.verdict == "refuted"
    assert one.holds_under == ["noise"]
    one, = decide([judged({"flat": (0.999, 0.5), "noise": (1e-6, 1e-6)})])
    assert one.verdict == "undecided"


@pytest.mark.parametrize(("flat", "noise", "expected"), [
    (("there", "absent"), ("absent", "there"), "supported"),
    (("there", "there"), ("open", "open"), "undecided"),
    (("absent", "absent"), ("there", "there"), "refuted"),
    (("absent", "open"), ("there", "there"), "undecided"),
    (("absent", "absent"), ("lacking", "lacking"), "not tested"),
    (("inside", "inside"), ("there", "there"), "undecided"),
    (("undefined", "there"), ("there", "there"), "supported"),  # as a stage that the net lacks
    (("undefined", "undefined"), ("there", "there"), "not tested"),
])
def test_the_decision_rules(flat, noise, expected):
    assert verdict(flat=flat, noise=noise) == expected


def test_what_avoids_noise_alone_is_not_supported_as_a_whole_but_holds_under_noise():
    classes = dict.fromkeys(FILL_CLASSES, ("absent", "absent")) | {"noise": ("there", "absent")}
    one, = decide([judged(classes)])
    assert one.verdict == "refuted"
    assert one.holds_under == ["noise"]


def test_a_component_of_one_training_seed_beside_a_model_of_several_decides_nothing():
    lone = part("absent", CONTROL, (1, 5))
    effect, asked = part("there", seeds=(5, 5)), claim(components=(EFFECT, CONTROL))
    one, = decide([Judged("iram", asked, [Stratum("flat", "early", [effect, lone])], 5)])
    assert one.verdict == "undecided"
    assert lone.outcome == "undecided: one training seed"
    assert "control: one training seed" in reason(one)
    several = part("absent", CONTROL, (5, 5))
    one, = decide([Judged("iram", asked, [Stratum("flat", "early", [effect, several])], 5)])
    assert one.verdict == "refuted"


@pytest.mark.parametrize("found", ["there", "absent", "open"])
def test_one_training_seed_decides_nothing_of_the_model_but_of_these_weights(found):
    one, = decide([judged({"flat": (found,)}, seeds=1)])
    expected = {"there": "supported", "absent": "refuted", "open": "undecided"}[found]
    assert (one.verdict, one.this_net) == ("undecided", expected)
    assert reason(one).startswith(f"one training seed; of these weights {expected}")
    assert needed_seeds(one) == ""
    assert decide([judged({"flat": (found,)}, seeds=2)])[0].this_net == ""


@pytest.mark.parametrize(("basis", "own", "expected", "told"), [
    ("there", "there", "supported", "shown under every class of fill"),
    ("absent", "there", "undecided", "presupposes H1, which is refuted (flat: early, effect: "
     "equivalent to none); its own components are shown"),
    ("open", "there", "undecided", "presupposes H1, which is undecided"),
    ("lacking", "there", "not tested", "presupposes H1, which is not tested (no weights of: se)"),
    ("absent", "absent", "refuted", "flat: early, effect: equivalent to none"),
    ("absent", "open", "undecided", "not shown: flat (effect"),
])
def test_learned_presupposes_that_attention_leaves_at_all(basis, own, expected, told):
    _, second = decide([judged({"flat": (basis,)}), judged({"flat": (own,)}, "H2a", "H1")])
    assert second.verdict == expected
    assert reason(second).startswith(told)


def test_what_presupposes_another_holds_under_the_classes_where_that_one_holds():
    first = judged({"flat": ("absent",), "noise": ("there",)})
    second = judged({"flat": ("there",), "noise": ("there",)}, "H2a", "H1")
    decide([first, second])
    assert (first.verdict, second.verdict) == ("refuted", "undecided")
    assert second.holds_under == ["noise"]


def test_h1_is_judged_by_itself_and_all_others_together():
    """p of 0.03 each: enough for H1, not for two others under Holm."""
    family = [judged({"flat": (0.03,)}, key) for key in ("H1", "H4", "H2d")]
    assert [one.verdict for one in decide(family)] == ["supported", "undecided", "undecided"]
    assert reason(family[1]) == "not after the corrections"
    alone = [judged({"flat": (0.03,)}, key) for key in ("H1", "H4")]
    assert [one.verdict for one in decide(alone)] == ["supported", "supported"]


def test_under_which_classes_the_others_hold_is_corrected_over_all_of_them():
    """Of four tests the smallest p is multiplied by four: 0.012 is enough, 0.013 is not."""
    for p, holds in ((0.012, ["flat"]), (0.013, [])):
        first = judged({"flat": (p,), "noise": (0.5,)}, "H4")
        decide([first, judged({"flat": (0.5,), "noise": (0.5,)}, "H2d")])
        assert first.holds_under == holds


def test_the_smallest_margin_that_refutes_is_where_the_verdict_turns():
    made = {"flat": ("inside", "absent"), "noise": ("there", "open")}
    least = margin_refuted(decide([judged(made)])[0])
    for factor, expected in ((1.01, "refuted"), (0.99, "undecided")):
        one = judged(made)
        moved = [Stratum(s.kind, s.stage, [replace(p, finding=replace(
            p.finding, margin=least * factor)) for p in s.parts]) for s in one.strata]
        assert decide([replace(one, strata=moved)])[0].verdict == expected
    # The bound of the worse of the flat stages: 0.039 + z(0.05 / 2 classes) * 0.006
    assert least == pytest.approx(0.039 + stats.norm.isf(0.025) * 0.006, rel=1e-4)


def test_the_needed_seeds_are_those_of_the_t_test():
    """Of one stratum and one component: a mean 0.1 above the margin, a spread of 0.1 over seeds."""
    spread = 0.1
    finding = Finding(MARGIN + 0.1, Error(1e-9, 1e9, spread / 3**0.5, 2), MARGIN, 100, 3)
    one, = decide([Judged("iram", claim(classes=("flat",), stages=("early",)),
                          [Stratum("flat", "early", [Part(EFFECT, finding, None, (3, 3))])], 3)])

    def power(n):
        return stats.nct(n - 1, 0.1 / spread * n**0.5).sf(stats.t(n - 1).isf(0.05))

    found = int(needed_seeds(one).removesuffix(" seeds"))
    assert abs(found - next(n for n in range(2, 50) if power(n) >= 0.8)) <= 1
    far = replace(finding, effect=MARGIN + 0.001)
    one.strata[0].parts[0] = Part(EFFECT, far, None, (3, 3))
    assert needed_seeds(one) == "more than 50 seeds"


def test_stages_are_thirds_of_the_depth():
    assert [stage_of(layer, 6) for layer in range(6)] == [s for s in STAGES for _ in range(2)]
    assert [stage_of(layer, 4) for layer in range(4)] == ["early", "early", "middle", "late"]
    assert stage_of(0, 1) == "early"
    assert [stage_of(layer, 2) for layer in range(2)] == ["early", "middle"]


def test_hypotheses_are_data_and_each_has_a_margin():
    for hypothesis in HYPOTHESES:
        assert hypothesis.components
        assert set(hypothesis.classes) <= {*FILL_CLASSES, REAL}
        for component in hypothesis.components:
            assert component.margin > 0
            assert component.direction in (-1, 1)
        assert hypothesis.presupposes in ("", "H1")
    assert {h.key[:2] for h in HYPOTHESES} == {"H1", "H2", "H3", "H4", "H5", "H6"}
    assert sorted(key for family in FAMILIES for key in family) == [h.key for h in HYPOTHESES]
    assert np.unique([fill for fills in FILL_CLASSES.values() for fill in fills]).size == 7
