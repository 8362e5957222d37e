"""The picture of the study says what the verdicts say."""

import pandas as pd
import pytest
import small_results
from matplotlib.text import Text

from analysis.figures import Summary
from analysis.figures.answers import (
    answers,
    combined,
    holds_under,
    intervals_over,
    rests_on,
)
from analysis.figures.names import ANSWERS
from iram.errors import InputError


@pytest.fixture(scope="module")
def tables():
    return small_results.tables()


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["supported", "supported"], "supported"), (["supported", "refuted"], "refuted"),
        (["refuted", "not tested"], "refuted"), (["supported", "not tested"], "not tested"),
        (["supported", "undecided"], "undecided"), (["undecided", "not tested"], "not tested"),
        ([], "not tested"),
    ],
)
def test_a_question_is_answered_yes_only_if_all_holds_and_no_if_one_is_refuted(verdicts, expected):
    assert combined(verdicts) == expected


def test_the_answers_in_words_are_those_of_the_table(tables):
    verdicts = tables["shift/verdicts.csv"]
    display = Summary(verdicts, tables["shift/strata.csv"]).plot()
    told = [text.get_text()[2:] for ax in display.axes_ for text in ax.texts
            if ": " in text.get_text()]
    assert sorted(told) == sorted(
        ["IRAM: yes", "CBAM: no",  # H1
         "IRAM: yes", "CBAM: not tested yet",  # H2a, H2c
         "IRAM: undecided", "CBAM: no"]  # H3
    )
    turned = verdicts.assign(verdict=verdicts["verdict"].replace(
        {"supported": "refuted", "refuted": "supported"}), holds_under="")
    display = Summary(turned, tables["shift/strata.csv"]).plot()
    told = [text.get_text()[2:] for text in display.ax_.texts if ": " in text.get_text()]
    assert told == ["CBAM: yes", "IRAM: no"]


def test_what_holds_under_some_fills_alone_is_told(tables):
    verdicts = tables["shift/verdicts.csv"].copy()
    refuted = (verdicts["model"] == "cbam") & (verdicts["hypothesis"] == "H1")
    verdicts.loc[refuted, "holds_under"] = "noise, object"
    display = Summary(verdicts, tables["shift/strata.csv"]).plot()
    assert "CBAM: no, but under noise, objects" in display.ax_.texts[0].get_text()
    both = pd.DataFrame({"model": "m", "hypothesis": ["H2a", "H2b"], "verdict": "undecided",
                         "holds_under": ["flat, noise", "noise"]})
    assert holds_under(both, "m", ("H2a", "H2b")) == ", but under noise"
    assert holds_under(both.assign(holds_under=None), "m", ("H2a", "H2b")) == ""


def test_effects_are_in_margins_with_the_claim_at_the_right(tables):
    strata = tables["shift/strata.csv"]
    display = Summary(tables["shift/verdicts.csv"], strata).plot()
    own = strata[(strata["hypothesis"] == "H1") & (strata["fill_class"] == "all")]
    found = [line.get_xdata()[0] for line in display.ax_.get_lines()[1:]]
    assert found == pytest.approx((own["effect"] * own["direction"] / own["margin"]).tolist())
    untested = [text for text in display.axes_[1].texts if text.get_text() == "not tested"]
    assert [text.get_position()[1] for text in untested] == [1]  # H2c, of no model


def test_with_all_tables_it_shows_curves_faces_and_robustness(tables):
    display = Summary(
        tables["shift/verdicts.csv"], tables["shift/strata.csv"],
        tables["occlusion/summary.csv"], tables["occlusion/robustness.csv"],
        small_results.example(),
    ).plot()
    assert len(display.axes_) == 3 + 3 + 4
    words = "\n".join(text.get_text() for text in display.figure_.findobj(Text))
    row = tables["occlusion/robustness.csv"].query(
        "model == 'iram-seed0' and metric == 'lost' and kind == 'all'").iloc[0]
    assert f"IRAM {100 * row['difference']:+.1f} [{100 * row['difference_low']:.1f}" in words
    assert "beyond no attention (points):" in words
    assert "up to 500 faces, 3 training seeds" in words
    assert "clean: happy" in words
    assert "hand: sad" in words


def test_every_verdict_has_a_word(tables):
    assert set(ANSWERS) == {"supported", "refuted", "undecided", "not tested"}
    table = tables["shift/verdicts.csv"].assign(n=float("nan"))
    assert rests_on(table) == "nothing tested yet"
    assert answers(table[table["hypothesis"] == "H3"]).keys() == {"Does it cause the robustness?"}
    with pytest.raises(InputError, match="no hypothesis of the study's questions"):
        Summary(table.assign(hypothesis="H9"), tables["shift/strata.csv"]).plot()


def test_models_of_one_and_of_several_training_seeds_are_told_together():
    kinds = pd.DataFrame({"interval_over": ["images only", None, "images and training seeds"]})
    assert intervals_over(kinds[:2]) == "images only"
    assert intervals_over(kinds) == "images, and the seeds of a model that has several"
