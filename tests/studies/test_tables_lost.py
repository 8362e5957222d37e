"""What is lost of the faces that two nets both recognise clean, counted by hand."""

import numpy as np
import pandas as pd
import pytest
from answers import conditions, value_of

from analysis.engine.statistics import bootstrap
from analysis.figures import LostForest
from analysis.studies.occlusion.report import unequal
from analysis.studies.occlusion.tables.modules import modules
from analysis.studies.occlusion.tables.paired import lost
from analysis.studies.occlusion.tables.robustness import kind_errors, robustness

GRID = conditions(("eyes", 0.1, "mean"), ("eyes", 0.3, "mean"), ("box", 0.3, "noise"))
KINDS = {"eyes": 2, "box": 1}
CLEAN, EYES_10, EYES_30, BOX = range(4)


def answers(n=8, **wrong):
    """Right everywhere but on these faces: clean=..., eyes_10=..., eyes_30=..., box=..."""
    right = np.ones((n, 4), bool)
    for name, faces in wrong.items():
        right[list(faces), globals()[name.upper()]] = False
    return kind_errors(GRID, right)


# Of 8 faces both recognise 2, 3, 4 and 5.
ONE = answers(clean=(6, 7), eyes_10=(2, 0, 1), eyes_30=(2, 3, 6, 7), box=(5, 0, 6))
OTHER = answers(clean=(0, 1), eyes_10=(0, 7), eyes_30=(2, 1), box=(6, 7))


def whole(seed=0, photographs=None, **models):
    """The tables of models, each compared with `other`."""
    references = dict.fromkeys(models, "other")
    labels = {name: {0: name} for name in models}
    return [robustness(GRID, models, references, seed, photographs),
            modules(GRID, models, labels, references, seed, photographs)]


def test_of_eight_faces_both_recognise_four_and_these_alone_are_counted():
    table = lost(KINDS, [ONE], [OTHER], seed=0).set_index("kind")
    assert table["n"].unique() == [4]
    assert table["value"].to_dict() == {"eyes": (1 + 0.5) / 4, "box": 1 / 4, "all": 2.5 / 8}
    theirs = table["value"] - table["difference"]
    assert theirs.to_dict() == {"eyes": 0.5 / 4, "box": 0, "all": 0.5 / 8}
    assert table["conditions"].to_dict() == {"eyes": 2, "box": 1, "all": 3}


def test_its_p_is_the_share_of_exchanges_that_differ_as_much():
    table = lost(KINDS, [ONE], [OTHER], seed=0).set_index("kind")
    assert table.loc["box", "p"] == 1  # one face differs, and any exchange leaves it at 1
    assert table.loc["eyes", "p"] == pytest.approx(2 / 4, abs=0.02)  # 0.5 and 0.5
    assert table.loc["all", "p"] == pytest.approx(2 / 8, abs=0.02)  # 0.25, 0.25 and 0.5


def test_faces_that_one_of_them_does_not_recognise_change_nothing():
    more = answers(clean=(6, 7), eyes_10=(2,), eyes_30=(2, 3), box=(5,))
    pd.testing.assert_frame_equal(lost(KINDS, [ONE], [OTHER], 0), lost(KINDS, [more], [OTHER], 0))


def test_exchanging_the_nets_turns_the_difference_and_keeps_its_p():
    one, other = lost(KINDS, [ONE], [OTHER], 0), lost(KINDS, [OTHER], [ONE], 0)
    np.testing.assert_allclose(one["difference"], -other["difference"])
    np.testing.assert_allclose(one["difference_low"], -other["difference_high"])
    assert one["p"].equals(other["p"])


def test_the_interval_is_the_bootstrap_of_the_share_over_all_faces():
    generator = np.random.default_rng(0)
    one, other = (kind_errors(GRID, generator.random((300, 4)) > 0.3) for _ in range(2))
    known = (one[:, 0] + other[:, 0] == 0).astype(float)
    features = np.stack([known, known * one[:, 2], known * (one[:, 2] - other[:, 2])], 1)
    expected = bootstrap(features, lambda sums: sums[:, 1:] / sums[:, :1], seed=3)
    row = lost(KINDS, [one], [other], 3).set_index("kind").loc["box"]
    found = row[["value", "difference", "low", "difference_low", "high", "difference_high"]]
    np.testing.assert_allclose(found.to_numpy(float), np.concatenate(expected))


def test_two_copies_of_a_photograph_tell_no_more_than_one():
    generator = np.random.default_rng(0)
    one, other = (kind_errors(GRID, generator.random((60, 4)) > 0.3) for _ in range(2))
    twice = [[np.repeat(e, 2, axis=0)] for e in (one, other)]
    single = lost(KINDS, [one], [other], 0)
    same = lost(KINDS, *twice, 0, np.repeat(np.arange(60), 2))
    pd.testing.assert_frame_equal(single.drop(columns="n"), same.drop(columns="n"))
    apart = lost(KINDS, *twice, 0)
    assert ((apart["high"] - apart["low"]) < 0.85 * (same["high"] - same["low"])).all()


def test_each_training_seed_counts_the_faces_that_its_own_two_nets_recognise():
    """The second seed's nets both recognise faces 6 and 7 alone, of which the one loses one."""
    second = answers(clean=range(6), box=(6,)), answers(clean=range(6))
    table = lost(KINDS, [ONE, second[0]], [OTHER, second[1]], 0).set_index("kind")
    assert table.loc["box", "value"] == pytest.approx((1 / 4 + 1 / 2) / 2)
    assert table.loc["eyes", "difference"] == pytest.approx((0.25 + 0) / 2)
    assert table["n"].unique() == [3]


def test_nets_that_recognise_no_face_in_common_have_no_number():
    table = lost(KINDS, [answers(clean=range(4))], [answers(clean=range(4, 8))], 0)
    assert (table["n"] == 0).all()
    columns = ["value", "low", "high", "difference", "difference_low", "difference_high", "p"]
    assert table[columns].isna().all(axis=None)


def test_both_tables_hold_it_and_the_reference_is_held_against_itself():
    expected = lost(KINDS, [ONE], [OTHER], 0).set_index("kind")
    for table, name in zip(whole(other=OTHER, one=ONE), ("model", "label"), strict=True):
        own = table[(table[name] == "one") & (table["metric"] == "lost")].set_index("kind")
        pd.testing.assert_frame_equal(own[expected.columns.drop("metric")],
                                      expected.drop(columns="metric"), check_dtype=False)
        # Holm: two kinds of one net among each other, the mean over both alone
        assert own.loc["eyes", "p_holm"] == pytest.approx(2 * own.loc["eyes", "p"])
        assert own.loc["all", "p_holm"] == own.loc["all", "p"]
        reference = table[(table[name] == "other") & (table["metric"] == "lost")]
        assert value_of(reference, kind="box") == pytest.approx(2 / 6)  # 6 and 7, of 2 to 7
        assert reference[["difference", "p", "p_holm"]].isna().all(axis=None)


def half_as_good(n=400):
    """A net, and one that recognises half as much and loses twice as much of that."""
    strong = answers(n, eyes_10=range(80), eyes_30=range(80), box=range(80))
    weak = answers(n, clean=range(200, n), eyes_10=range(160), eyes_30=range(160), box=range(160))
    weak[200:, 1:] = (2, 1)
    return {"other": strong, "weak": weak}


def test_a_net_that_has_little_to_lose_is_no_more_robust_for_it():
    """Both lose faces 0 to 79; the weak one 80 to 159 as well, of 200 that both recognise."""
    tables = whole(**half_as_good())
    modules = tables[1]
    own = tables[0][tables[0]["model"] == "weak"]
    assert value_of(own, kind="all", metric="lost") == 160 / 200
    assert value_of(own, "difference", kind="all", metric="lost") == 80 / 200
    drop = modules[(modules["label"] == "weak") & (modules["metric"] == "drop")]
    assert value_of(drop, "difference", kind="all") == pytest.approx(160 / 400 - 80 / 400)
    assert value_of(own, kind="all", metric="relative_mrr") == 200


def test_unequal_clean_accuracy_is_told_and_equal_is_not():
    for table, name in zip(whole(**half_as_good()), ("model", "label"), strict=True):
        (line,) = unequal(table, name)
        assert line.startswith("  weak differs from other in clean accuracy by -50.0 [")
    for table, name in zip(whole(other=OTHER, one=ONE), ("model", "label"), strict=True):
        assert unequal(table, name) == []


def test_the_figure_shows_what_is_lost_of_modules_and_of_single_models_alike():
    table, modules = whole(other=OTHER, one=ONE)
    table = table.assign(seed=0)
    for drawn in (LostForest(table), LostForest(modules)):
        left, right = drawn.plot().axes_
        shown = sorted(x for line in right.lines[1:] for x in line.get_xdata())
        assert shown == pytest.approx([25, 25, 25])  # eyes, box and the mean, beyond the other net
        assert left.get_xlabel() == "lost of what both recognise clean (%)"
        assert right.get_xlabel().startswith("less that of other\n(points)")
        assert [text.get_text() for text in left.get_yticklabels()][-1] == "mean over all"
