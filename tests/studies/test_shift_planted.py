"""The study tells attention that moves from attention that does not, and from what only looks so.

Models are planted: one whose attention leaves the mask, one whose attention is fixed, one whose
attention is the picture's brightness, and one whose attention any patch in the picture stirs.
"""

import numpy as np
import pandas as pd
import pytest
from planted import (  # noqa: F401
    Avoiding,
    Fixed,
    Gating,
    Inattentive,
    Intensity,
    Stirred,
    faces,
    few_permutations,
    subject,
)

from analysis.stimuli.conditions import CLEAN, Condition, occlusion
from analysis.studies.shift import shift
from analysis.studies.shift.fills import COLUMNS
from analysis.studies.shift.verdicts import STRATA, VERDICTS
from analysis.subjects.roles import EXPOSURES

pytestmark = pytest.mark.exhaustive

OBJECT = Condition("surgical_mask", None, "object")
FILLS = ("mean", "noise", "other_class")  # with the object one of each class
CONDITIONS = [CLEAN, *occlusion(("lower_half", "sham"), (0.3,), (*FILLS, "black")), OBJECT]
SMALL = [CLEAN, *occlusion(("eyes", "sham"), (0.3,), FILLS), OBJECT]


def study(out, *models, conditions=CONDITIONS, n=42, **options):
    known = faces(n)
    subjects = [subject(kind(known), name, seed) for kind, name, seed in models]
    return shift(subjects, known, out, conditions=conditions, batch_size=21, progress=False,
                 causal_fills=("mean", "noise", "object"), **options)


def verdicts(results, model: str) -> dict[str, str]:
    """Of these weights, where there is one training seed."""
    table = results.tables["verdicts"]
    own = table[table["model"] == model]
    assert ((own["this_net"] == "") | (own["verdict"].isin(["undecided", "not tested"]))).all()
    found = own["this_net"].where(own["this_net"] != "", own["verdict"])
    return dict(zip(own["hypothesis"], found, strict=True))


def outcomes(results, model: str, hypothesis: str, kind="noise") -> dict[str, str]:
    """Under a class of fill; planted nets have one layer."""
    table = results.tables["components"]
    own = table[(table["model"] == model) & (table["hypothesis"] == hypothesis)
                & (table["fill_class"] == kind)]
    return dict(zip(own["component"], own["outcome"], strict=True))


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """One run of all, with a twin, a net of random labels, erased nets, and rivals of IRAM."""
    out = tmp_path_factory.mktemp("planted")
    return study(
        out,
        (Avoiding, "iram-seed0", 0), (Fixed, "fixed-seed0", 0), (Intensity, "bright-seed0", 0),
        (Stirred, "stirred-seed0", 0),
        (Inattentive, "none-seed0", 0), (Fixed, "iram-random-labels-seed0", 0),
        *((Fixed, f"iram-erasing-{fill}-seed0", 0) for fill in ("noise", "mean", "occluders")),
        (Gating, "se-seed0", 0), (Gating, "eca-seed0", 0), (Fixed, "cbam-seed0", 0),
    )


def test_attention_that_avoids_the_mask_is_supported_on_every_control(planted):
    found = verdicts(planted, "iram")
    for hypothesis in ("H1", "H2a", "H2b", "H2c", "H3", "H6"):
        assert found[hypothesis] == "supported", (hypothesis, outcomes(planted, "iram", hypothesis))
        assert set(outcomes(planted, "iram", hypothesis).values()) == {"shown"}
    table = planted.tables["verdicts"].query("model == 'iram' and hypothesis == 'H1'").iloc[0]
    assert table["holds_under"] == "flat, noise, texture, object"


def test_movement_that_erasing_did_not_teach_is_not_put_down_to_it(planted):
    assert verdicts(planted, "iram")["H2d"] == "refuted"


def test_movement_that_only_erased_nets_show_is_put_down_to_erasing(tmp_path):
    """Whatever the net that saw no erasing does: its own H1 is refuted."""
    exposed = ((Avoiding, f"iram-erasing-{fill}-seed0", 0) for fill in EXPOSURES)
    results = study(tmp_path, (Fixed, "iram-seed0", 0), *exposed, conditions=SMALL, n=21)
    assert verdicts(results, "iram")["H1"] == "refuted"
    assert verdicts(results, "iram")["H2d"] == "supported"


def test_fixed_attention_is_refuted(planted):
    found = verdicts(planted, "fixed")
    for hypothesis in ("H1", "H2a", "H2b", "H3"):
        assert found[hypothesis] == "refuted", hypothesis
    assert set(outcomes(planted, "fixed", "H1").values()) == {"not shown: absent"}
    own = planted.tables["verdicts"].query("model == 'fixed'")
    assert set(own.loc[own["verdict"] != "not tested", "margin_refuted"]) == {0.0}


def test_brightness_that_passes_for_attention_is_caught_by_the_controls(planted):
    """An object that is brighter or darker than the face takes it away or brings it: no weight has
    learned that, and the visible face gains nothing."""
    found = outcomes(planted, "bright", "H1")
    assert found["mechanical: the visible face gains"] == "not shown: absent"
    assert verdicts(planted, "bright")["H1"] == "refuted"
    assert verdicts(planted, "bright")["H2a"] == "refuted"


@pytest.mark.parametrize("kind", ["flat", "noise", "texture"])
def test_a_gain_that_a_patch_beside_the_face_gives_too_is_no_movement(planted, kind):
    """Cut off under the mask, lifted everywhere by any patch: all but the shams are fooled."""
    found = outcomes(planted, "stirred", "H1", kind)
    assert found["leaves"] == found["mechanical: the visible face gains"] == "shown"
    assert found["mechanical: it gains more than beside a sham"] == "not shown: absent"
    assert verdicts(planted, "stirred")["H1"] == "refuted"


def test_attention_that_avoids_noise_alone_is_not_supported_but_holds_under_noise(tmp_path):
    class OnlyNoise(Avoiding):
        """Its attention leaves what is covered if that varies from pixel to pixel."""

        def gate(self, images, covered, known):
            changed = ((images - known).abs() > 1e-4)[:, 1:]
            steep = ((images[:, 1:] - images[:, :-1]).abs() > 0.1) & changed
            share = steep.sum((1, 2)) / changed.sum((1, 2)).clamp(min=1)
            return super().gate(images, covered * (share > 0.5)[:, None, None], known)

    results = study(tmp_path, (OnlyNoise, "iram-seed0", 0), (OnlyNoise, "iram-seed1", 1))
    row = results.tables["verdicts"].query("hypothesis == 'H1'").iloc[0]
    assert (row["verdict"], row["holds_under"]) == ("refuted", "noise")
    assert "H1  refuted as a whole; holds under noise" in results.report()


def test_fills_of_no_class_and_conditions_of_the_lists_enter_no_verdict(planted, tmp_path):
    """Black is measured and reported, and judged nowhere: without it the verdicts are the same."""
    names = (Avoiding, "iram-seed0", 0), (Inattentive, "none-seed0", 0)
    without = [c for c in CONDITIONS if c.fill != "black"]
    with_, plain = (study(tmp_path / str(len(own)), *names, conditions=own)
                    for own in (CONDITIONS, without))
    assert "black" in set(with_.tables["by_fill"]["fill"])
    for table in ("verdicts", "strata", "components"):
        pd.testing.assert_frame_equal(with_.tables[table], plain.tables[table])


def test_controls_and_twins_get_no_verdict_of_their_own(planted):
    models = set(planted.tables["verdicts"]["model"])
    assert models == {"iram", "fixed", "bright", "stirred", "cbam"}


def test_a_gate_over_channels_alone_is_a_rival_without_a_verdict(planted):
    """It can't move: a "refuted" of it would be no finding. H6 is asked against it all the same."""
    for name in ("se", "eca"):
        assert outcomes(planted, "iram", "H6")[f"more than {name}"] == "shown"
        assert f"{name}: gates channels alone" in planted.report()
        for table in ("verdicts", "components"):
            assert name not in set(planted.tables[table]["model"])
        replaced = planted.tables["interventions"].query("intervention != 'none'")
        assert f"{name}-seed0" not in set(replaced["model"])
    assert set(planted.tables["by_fill"].query("model == 'se'")["row"]) == {"channels-alone"}
    assert not any("se-permuted" in r.name for r in planted.plan.readers)


def test_a_verdict_never_holds_a_number_that_is_none(planted):
    table = planted.tables["verdicts"]
    assert list(table.columns) == ["model", "faces", *VERDICTS[1:]]
    given = table[table["verdict"] != "not tested"]
    numbers = ["effect", "low", "high", "detectable", "n", "margin_refuted"]
    assert np.isfinite(given[numbers].to_numpy(float)).all()
    assert (table["reason"] != "").all()
    strata = planted.tables["strata"]
    assert list(strata.columns) == ["model", "faces", *STRATA[1:]]
    assert not strata.duplicated(["model", "hypothesis", "fill_class", "stage"]).any()
    whole = strata.query("fill_class == 'all'").set_index(["model", "hypothesis"])
    for row in table.itertuples():
        assert row.effect == pytest.approx(whole.loc[(row.model, row.hypothesis), "effect"],
                                           nan_ok=True)


def test_one_training_seed_decides_nothing_and_says_what_holds_of_these_weights(planted):
    assert set(planted.tables["verdicts"]["verdict"]) == {"undecided", "not tested"}
    assert "H1  undecided, one training seed; of these weights supported" in planted.report()
    assert set(planted.tables["verdicts"]["interval_over"].dropna()) == {"images only"}
    assert "images only (one training seed)" in planted.report()


def test_two_training_seeds_give_an_interval_over_both(tmp_path):
    results = study(tmp_path, (Avoiding, "iram-seed0", 0), (Avoiding, "iram-seed1", 1),
                    (Inattentive, "none-seed0", 0), conditions=SMALL, n=21)
    row = results.tables["verdicts"].query("hypothesis == 'H2b'").iloc[0]
    assert row["interval_over"] == "images and training seeds"
    # The control has one seed: beside two of the model it decides nothing.
    assert (row["verdict"], row["seeds"]) == ("undecided", 1)
    assert "one training seed" in row["reason"]
    assert verdicts(results, "iram")["H1"] == "supported"
    part = results.tables["components"].query("hypothesis == 'H2b'").iloc[0]
    assert part["control_seeds"] == 1
    assert "the control has 1 training seed(s), the model 2" in part["note"]
    own = results.tables["by_fill"].query("row == 'attention'")
    assert set(own["model"]) == {"iram"}
    assert set(own["seeds"]) == {2}


def test_each_fill_stands_alone_with_its_shams_and_exposures(planted):
    table = planted.tables["by_fill"]
    assert list(table.columns) == ["model", "faces", *COLUMNS[1:]]
    assert not table.duplicated(["model", "occluder", "fill", "patch", "layer"]).any()
    every = table[(table["occluder"] == "all") & (table["layer"] == "all")]
    shows = every.set_index(["model", "fill", "patch"])["shows"]
    for fill in ("mean", "black", "noise", "other_class"):
        assert shows["iram", fill, "covers"] == "leaves"
        assert shows["iram", fill, "beside"] == "stays"
        assert shows["iram-erasing-noise", fill, "covers"] == "stays"
    assert shows["bright", "black", "covers"] == "leaves"
    assert shows["bright", "noise", "covers"] != "leaves"
    erased = every[every["row"] == "exposure"]
    assert set(erased["exposure"]) == {"noise", "mean", "occluders"}
    assert set(table["row"]) == {"attention", "exposure", "twin", "random-labels",
                                 "channels-alone", "permuted-weights"}
    assert "what each fill shows alone" in planted.report()


def test_what_lacks_weights_or_conditions_is_not_tested_and_said(tmp_path):
    results = study(tmp_path, (Avoiding, "iram-seed0", 0), (Fixed, "cbam-seed0", 0),
                    (Fixed, "iram-erasing-noise-seed0", 0), n=21,
                    conditions=[CLEAN, *occlusion(("eyes",), (0.3,), FILLS), OBJECT])
    table = results.tables["verdicts"].query("model == 'iram'").set_index("hypothesis")
    assert set(table.loc[["H1", "H2b", "H2c", "H2d", "H4", "H6"], "verdict"]) == {"not tested"}
    assert "no sham" in table.loc["H1", "reason"]
    assert table.loc["H2a", "verdict"] == "not tested"  # its own control is there, H1 is not
    assert "presupposes H1, which is not tested" in table.loc["H2a", "reason"]
    assert table.loc["H2b", "missing_weights"] == "none"
    assert table.loc["H2c", "reason"] == "no weights of: iram-random-labels"
    assert table.loc["H2d", "missing_weights"] == "iram-erasing-mean, iram-erasing-occluders"
    assert table.loc["H6", "reason"] == "no weights of: se, eca; cbam alone decides nothing"
    assert table.loc["H6", "not_tested"] == "more than se; more than eca"
    assert "iram: not tested for want of weights: none (H2b)" in results.report()
