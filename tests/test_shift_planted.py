"""The study tells attention that moves from attention that does not, and from what only looks so.

Three models are planted: one whose attention leaves the mask, one whose attention is fixed, and one
whose attention is the picture's brightness.
"""

import numpy as np
import pytest
from planted import Avoiding, Fixed, Inattentive, Intensity, faces, subject

from analysis.shift import shift
from analysis.shift.verdicts import VERDICTS
from analysis.study import CLEAN, occlusion

CONDITIONS = [
    CLEAN,
    *occlusion(("eyes", "lower_half", "sham"), (0.3,), ("black", "noise", "other_class")),
]


def study(out, *models, conditions=CONDITIONS, n=42, **options):
    known = faces(n)
    subjects = [subject(kind(known), name, seed) for kind, name, seed in models]
    return shift(subjects, known, out, conditions=conditions, batch_size=21, progress=False,
                 causal_fills=("noise",), **options)  # fmt: skip


def verdicts(results, model: str) -> dict[str, str]:
    table = results.tables["verdicts"]
    own = table[table["model"] == model]
    return dict(zip(own["hypothesis"], own["verdict"], strict=True))


def outcomes(results, model: str, hypothesis: str) -> dict[str, str]:
    table = results.tables["components"]
    own = table[(table["model"] == model) & (table["hypothesis"] == hypothesis)]
    return dict(zip(own["component"], own["outcome"], strict=True))


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """One run of all three, with a twin, a net of random labels, and rivals of IRAM."""
    out = tmp_path_factory.mktemp("planted")
    return study(
        out,
        (Avoiding, "iram-seed0", 0), (Fixed, "fixed-seed0", 0), (Intensity, "bright-seed0", 0),
        (Inattentive, "none-seed0", 0), (Fixed, "iram-random-labels-seed0", 0),
        (Fixed, "iram-erasing-noise-seed0", 0),
        *((Fixed, f"{name}-seed0", 0) for name in ("se", "eca", "cbam")),
    )  # fmt: skip


def test_attention_that_avoids_the_mask_is_supported_on_every_control(planted):
    found = verdicts(planted, "iram")
    for hypothesis in ("H1", "H2a", "H2b", "H2c", "H3", "H6"):
        assert found[hypothesis] == "supported", (hypothesis, outcomes(planted, "iram", hypothesis))
        assert set(outcomes(planted, "iram", hypothesis).values()) == {"shown"}


def test_movement_that_erasing_did_not_teach_is_not_put_down_to_it(planted):
    assert verdicts(planted, "iram")["H2d"] == "refuted"


def test_fixed_attention_is_refuted(planted):
    found = verdicts(planted, "fixed")
    for hypothesis in ("H1", "H2a", "H2b", "H3"):
        assert found[hypothesis] == "refuted", hypothesis
    assert set(outcomes(planted, "fixed", "H1").values()) == {"not shown: absent"}


def test_brightness_that_passes_for_attention_is_caught_by_the_controls(planted):
    """A black box takes it away: the effect alone would pass. The controls do not."""
    found = outcomes(planted, "bright", "H1")
    assert found["leaves"] == "shown"
    assert found["mechanical: the visible face gains"] == "not shown: absent"
    assert found["matched textures"] != "shown"
    assert verdicts(planted, "bright")["H1"] == "refuted"
    assert verdicts(planted, "bright")["H2a"] == "refuted"  # no weight has learned it


def test_controls_and_twins_get_no_verdict_of_their_own(planted):
    models = set(planted.tables["verdicts"]["model"])
    assert models == {"iram", "fixed", "bright", "se", "eca", "cbam"}


def test_a_verdict_never_holds_a_number_that_is_none(planted):
    table = planted.tables["verdicts"]
    assert list(table.columns) == VERDICTS
    given = table[table["verdict"] != "not tested"]
    assert np.isfinite(given[["effect", "low", "high", "detectable", "n"]].to_numpy(float)).all()
    assert (table["reason"] != "").all()


def test_one_training_seed_gives_an_interval_over_images_and_says_so(planted):
    assert set(planted.tables["verdicts"]["interval_over"].dropna()) == {"images only"}
    assert "images only (one training seed)" in planted.report()


def test_two_training_seeds_give_an_interval_over_both(tmp_path):
    results = study(tmp_path, (Avoiding, "iram-seed0", 0), (Avoiding, "iram-seed1", 1),
                    (Inattentive, "none-seed0", 0), conditions=CONDITIONS[:3], n=21)  # fmt: skip
    row = results.tables["verdicts"].query("hypothesis == 'H2b'").iloc[0]
    assert row["seeds"] == 2
    assert row["interval_over"] == "images within training seeds"
    assert row["verdict"] == "supported"


def test_what_lacks_weights_or_conditions_is_not_tested_and_said(tmp_path):
    results = study(tmp_path, (Avoiding, "iram-seed0", 0), conditions=CONDITIONS[:3], n=21)
    found = verdicts(results, "iram")
    assert found["H2b"] == found["H2c"] == found["H2d"] == found["H4"] == "not tested"
    assert found["H1"] == "not tested"  # no sham
    table = results.tables["verdicts"].set_index("hypothesis")
    assert "none" in table.loc["H2b", "reason"]
    assert "iram-random-labels" in results.report()
    assert "sham" in table.loc["H1", "reason"]
