"""Every choice that could have been made says what is true of a planted net."""

import pandas as pd
import pytest
from planted import Avoiding, Fixed, faces, few_permutations, subject  # noqa: F401

from analysis.engine.faces import of_all_faces
from analysis.stimuli.conditions import CLEAN, Condition, occlusion
from analysis.studies.shift import shift
from analysis.studies.shift.multiverse import SAYS, multiverse_lines, share_table

pytestmark = pytest.mark.exhaustive

CONDITIONS = [CLEAN, *occlusion(("lower_half", "sham"), (0.3,), ("mean", "noise", "other_class")),
              Condition("surgical_mask", None, "object")]
CHOICE = ["model", "measure", "versus", "fill_class", "stage"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    known = faces(21)
    nets = [subject(kind(known), name, 0) for kind, name in
            ((Avoiding, "iram-seed0"), (Fixed, "cbam-seed0"))]
    return shift(nets, known, tmp_path_factory.mktemp("multiverse"), conditions=CONDITIONS,
                 batch_size=21, progress=False)


@pytest.fixture(scope="module")
def table(made):
    return of_all_faces(made.tables["multiverse"])


def test_an_attention_that_leaves_does_so_by_every_measure_of_its_share(table):
    own = table[(table["model"] == "iram") & table["measure"].isin(["mass_change",
                                                                    "effective_change"])]
    assert set(own["says"]) == {"leaves"}
    assert (own["high"] < -own["margin"]).all()


def test_a_fixed_attention_leaves_by_no_choice(table):
    own = table[table["model"] == "cbam"]
    assert set(own["says"]) == {"does not leave"}
    assert (own["value"].abs() < 1e-6).all()


def test_every_choice_is_made_once_and_models_have_the_same(table):
    assert not table.duplicated(CHOICE).any()
    # 4 measures (a planted net's channels carry no evidence of their own) by themselves and against
    # the sham, 2 of them against the permuted mask; under 4 classes of fill and all, but that an
    # object has no sham; in the one stage of a planted net and "all".
    assert (table.groupby("model").size() == 2 * (4 * 5 + 4 * 4 + 2 * 5)).all()


def test_the_verdicts_own_choice_has_the_verdicts_number(made, table):
    strata = of_all_faces(made.tables["strata"]).query("hypothesis == 'H1'")
    own = table[(table["measure"] == "effective_change") & (table["versus"] == "nothing")]
    both = own.merge(strata, on=["model", "fill_class", "stage"])
    assert len(both) >= 8
    for mine, theirs in (("value", "effect"), ("low_x", "low_y"), ("high_x", "high_y")):
        pd.testing.assert_series_equal(both[mine], both[theirs], check_names=False, atol=1e-6)


def test_the_mean_over_training_seeds_is_the_strata_s_effect(made):
    seeds = of_all_faces(made.tables["seeds"])
    assert not seeds.duplicated(["model", "hypothesis", "fill_class", "seed"]).any()
    strata = of_all_faces(made.tables["strata"]).query("stage == 'all'")
    mean = seeds.groupby(["model", "hypothesis", "fill_class"])["effect"].mean()
    whole = strata.set_index(["model", "hypothesis", "fill_class"])["effect"].loc[mean.index]
    assert len(mean) > 10
    pd.testing.assert_series_equal(mean, whole, atol=1e-6)


def test_the_shares_of_what_is_said_are_those_of_the_rows(table):
    shares = share_table(table).set_index("model")
    assert shares.loc["cbam", list(SAYS)].tolist() == [0, 1, 0]
    assert shares.loc["iram", "leaves"] == pytest.approx(
        (table.loc[table["model"] == "iram", "says"] == "leaves").mean())
    assert "does not leave 100%" in "\n".join(multiverse_lines(table))
