"""The rates of the verdicts: on nets whose truth is known, each comes out as it should."""

import numpy as np
import pandas as pd
import pytest
import tiny
import torch

from analysis.commands.main import main
from analysis.stimuli.conditions import Condition
from analysis.stimuli.perturb import Perturbed
from analysis.studies.calibration import rates
from analysis.studies.calibration.draws import judge_studies
from analysis.studies.calibration.memory import Memory
from analysis.studies.calibration.nets import SIDES, Trained
from analysis.studies.calibration.plan import Design
from analysis.studies.calibration.planted import PLANTED, build, should
from analysis.studies.calibration.run import calibrate, planned
from iram.errors import InputError

pytestmark = pytest.mark.exhaustive

NETS = ("avoids_noise", "unheard", "opposed")
SMALL = Design(pool=4, seeds=(3,), faces=21, studies=4, nulls=4, nets=NETS)
FACES = tiny.dataset(28)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return calibrate(FACES, tmp_path_factory.mktemp("calibration"), SMALL, progress=False)


def comes_out(result, verdict: str, net: str, hypothesis: str, fill: str = "all") -> bool:
    """Whether most studies have this verdict, and none the opposite one."""
    own = result.tables["rates"].query("net == @net and hypothesis == @hypothesis "
                                       "and fill_class == @fill").set_index("verdict")["share"]
    opposite = {"supported": "refuted", "refuted": "supported"}[verdict]
    return own[verdict] > 0.5 and own[opposite] == 0


def covered(fill: str) -> torch.Tensor:
    condition = Condition("lower_half", 0.3, fill)
    return Perturbed(FACES, slice(0, 28), condition, seed=0).pictures


def fall(net: str, fill: str, layer: int = 0, channel: int = 0) -> float:
    """How far the gate inside the cover lies below that of the clean face, log units."""
    model = build(Memory(FACES), FACES.classes, net, 0)
    clean, occluded = (model.trace(one).attention[layer][:, channel]
                       for one in (FACES.images(slice(None)), covered(fill)))
    inside = model.memory.see(covered(fill)).share(SIDES[layer]) == 1
    return float((clean[inside].mean() / occluded[inside].mean()).log())


@pytest.mark.parametrize("hypothesis", ["H1", "H2b", "H2c", "H6"])
def test_attention_that_avoids_every_fill_is_supported_wherever_it_is_true(small, hypothesis):
    assert comes_out(small, "supported", "unheard", hypothesis)


@pytest.mark.parametrize("hypothesis", ["H2d", "H5"])
def test_what_is_not_true_of_an_attention_that_avoids_is_refuted(small, hypothesis):
    assert comes_out(small, "refuted", "unheard", hypothesis)


def test_attention_that_avoids_noise_alone_holds_under_noise_and_is_refuted_as_a_whole(small):
    assert comes_out(small, "refuted", "avoids_noise", "H1")
    assert comes_out(small, "supported", "avoids_noise", "H1", "noise")
    assert comes_out(small, "refuted", "avoids_noise", "H1", "flat")


def test_movement_that_nothing_listens_to_is_refuted_as_a_cause_and_not_untested(small):
    assert comes_out(small, "refuted", "unheard", "H3")


def test_channels_against_each_other_carry_the_margin_where_their_mean_stays(small):
    assert comes_out(small, "refuted", "opposed", "H1")
    assert comes_out(small, "supported", "opposed", "H3")


def test_shares_of_the_verdicts_add_up_and_lie_in_their_intervals(small):
    table = small.tables["rates"]
    keys = ["net", "hypothesis", "fill_class", "seeds"]
    assert np.allclose(table.groupby(keys)["share"].sum(), 1)
    assert (table["low"] <= table["share"]).all()
    assert (table["share"] <= table["high"]).all()
    assert set(table["studies"]) == {4}


def test_it_tells_whose_faces_they_are_and_no_null_where_none_was_asked_for(small):
    told = f"studies: 4 of each planted net; each of 21 faces of 28 faces of {FACES.name}, of 4 "
    assert told in small.report()


def test_what_was_interrupted_goes_on_and_gives_the_same_bytes(small):
    out = small.plan.out
    before = (out / "rates.csv").read_bytes()
    assert calibrate(FACES, out, SMALL, progress=False).made == 0
    next((out / "studies").glob("unheard--*")).unlink()
    assert calibrate(FACES, out, SMALL, progress=False).made == 1
    assert (out / "rates.csv").read_bytes() == before


def test_a_study_is_the_same_in_whatever_cell_it_is_drawn(small):
    def drawn(*ends):
        return judge_studies(small.plan, "opposed", 3, *ends, lambda count: None)

    apart = pd.concat([drawn(0, 1), drawn(1, 3)], ignore_index=True)
    pd.testing.assert_frame_equal(drawn(0, 3), apart)


def test_a_net_knows_what_is_covered_from_the_picture_alone():
    seen = Memory(FACES).see(covered("noise"))
    assert torch.equal(seen.labels, FACES.labels)
    assert seen.noisy.all()
    assert not Memory(FACES).see(covered("mean")).noisy.any()
    assert Memory(FACES).see(FACES.images(slice(None))).covered.sum() == 0
    backwards = Memory(FACES).see(covered("noise").flip(0))
    assert torch.equal(backwards.covered.flip(0), seen.covered)


def test_each_net_does_with_the_cover_what_its_name_says():
    assert fall("avoids", "mean") == pytest.approx(fall("avoids", "noise"), abs=0.01)
    assert fall("avoids", "mean") > 0.1
    assert fall("avoids_noise", "noise") > 0.1 > 0.001 > abs(fall("avoids_noise", "mean"))
    assert fall("avoids_in_one_layer", "mean", layer=1) > 0.1
    assert fall("avoids_in_one_layer", "mean", layer=0) == pytest.approx(0, abs=1e-6)
    assert fall("goes_to_cover", "mean") < -0.1
    assert fall("follows_contrast", "mean") > 0 > fall("follows_contrast", "noise")
    assert fall("opposed", "mean", channel=0) > 0.1
    assert fall("opposed", "mean", channel=1) < -0.1
    assert fall("fixed", "noise") == pytest.approx(0, abs=1e-6)


def test_what_seeds_draw_of_chance_cancels_over_a_pair():
    first, second = (Trained("wild", seed).normals(5, "wobble") for seed in (6, 7))
    assert torch.equal(first, -second)
    assert not torch.equal(first, Trained("wild", 8).normals(5, "wobble"))
    assert not torch.equal(first, Trained("wobbles", 6).normals(5, "wobble"))


def test_what_holds_under_some_fills_alone_is_refuted_as_a_whole():
    assert should("avoids_noise", "H1", "noise") == "supported"
    assert should("avoids_noise", "H1", "all") == should("avoids_noise", "H1", "flat") == "refuted"
    assert should("avoids", "H3", "all") == "supported"  # texture is never replaced
    assert not any(PLANTED.about(net).holds for net in PLANTED.where(null=True))


def table(should: str, **counts) -> pd.DataFrame:
    """Rates of one net, hypothesis and number of seeds, of these verdicts in 100 studies."""
    return pd.DataFrame([{
        "net": "avoids", "title": "avoids", "null": False, "hypothesis": "H1",
        "fill_class": "all", "seeds": 5, "faces": 10, "should": should, "verdict": verdict,
        **rates._share(counts.get(verdict.replace(" ", "_"), 0), 100),
    } for verdict in rates.VERDICTS])


@pytest.mark.parametrize(
    ("should", "supported", "met"),
    [("refuted", 0, ["yes"]), ("refuted", 5, ["open"]), ("refuted", 20, ["no"]),
     ("supported", 100, ["yes", "yes"]), ("supported", 80, ["open", "no"]),
     ("supported", 60, ["no", "no"])],
)
def test_a_bound_is_met_or_missed_if_the_interval_lies_on_one_side(should, supported, met):
    found = rates.bounds_table(table(should, supported=supported, refuted=100 - supported))
    assert list(found["met"]) == met
    assert not rates.bounds_table(table(should, not_tested=100))["met"].any()


@pytest.mark.parametrize(
    ("design", "told"),
    [({"pool": 6}, "--pool 6"), ({"seeds": (1, 3)}, "--seeds 1,3"), ({"faces": 29}, "--faces 29"),
     ({"nets": ("avoid",)}, "did you mean 'avoids'"), ({"nulls": 0}, "--nulls 0")],
)
def test_a_design_that_cannot_be_is_told(tmp_path, design, told):
    with pytest.raises(InputError, match=told):
        planned(FACES, tmp_path / "out", Design(**{"faces": 20, **design}))
    assert not (tmp_path / "out").exists()


def test_the_command_tells_a_mistake_in_one_line(tmp_path, capsys):
    assert main(["calibrate", "--seeds", "3,x", "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
