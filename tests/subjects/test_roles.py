"""Which net is whose control: one rule for every study."""

import pytest
from planted import Fixed, faces, subject
from tiny import carded

from analysis.commands.main import main
from analysis.subjects import open_subjects, roles
from analysis.subjects.training import training_of
from iram import InputError
from iram.architecture import FER2013_CLASSES
from iram.weights import PRETRAINED

LEARNED_BY_HEART = {"random_labels": True, "label_smoothing": 0.0}


def opened(*names):
    return open_subjects(",".join(map(str, names)), FER2013_CLASSES)


def paired(models, others):
    found = roles.given_random_labels(opened(*models), opened(*others))
    return {name: other.name for name, other in found.items()}


def references(subjects):
    models = [(s.name, s.seed, training_of(s)) for s in subjects]
    return {name: roles.reference(own, seed, models) for name, seed, own in models}


def named(*names):
    """Nets without a card, known by their names."""
    known = faces(7)
    return [subject(Fixed(known), name, seed) for seed, name in enumerate(names)]


def test_the_shipped_control_goes_to_every_seed_of_its_model_and_not_to_the_net_of_heads():
    found = paired(["iram-heads", "iram", "iram-seed5", "none", "iram-erasing-noise"],
                   ["iram-random-labels"])
    assert found == dict.fromkeys(["iram-seed0", "iram-seed5"], "iram-random-labels-seed0")


def test_attribute_study_and_shift_agree_on_the_controls_of_the_shipped_nets():
    subjects = opened(*sorted(path.stem for path in PRETRAINED.glob("*.safetensors")))
    trained = [(s, training_of(s)) for s in subjects]
    by_shift = {
        s.name: found[0].name for s, own in trained
        if not own.is_control and (found := roles.controls(roles.RANDOM_LABELS, own, trained)[0])}
    by_study = {name: s.name for name, s in roles.random_labels_of(subjects, subjects).items()}
    seeds = [f"iram-seed{seed}" for seed in (0, 5, 6, 7)]
    assert by_study == by_shift == dict.fromkeys(seeds, "iram-random-labels-seed0")


def test_a_control_of_the_models_own_seed_comes_before_another(tmp_path):
    models = [carded(tmp_path, f"m{n}", "mine", "iram", n) for n in range(3)]
    others = [carded(tmp_path, f"r{n}", "chance", "iram", n, **LEARNED_BY_HEART) for n in range(2)]
    assert paired(models, others) == {"m0": "r0", "m1": "r1", "m2": "r0"}
    with pytest.raises(InputError, match="'r1' is not needed: the control of m0 is another one"):
        paired(models[:1], others)


@pytest.mark.parametrize(("given", "told"), [
    ({"attention": "cbam"}, "has the attention module and switches of no model in --models"),
    ({"data": "heads"}, "differs from m in its data, backbone, width, classes or size"),
    ({"switches": {"reduction": 4}}, "has the attention module and switches of no model"),
    ({"random_labels": False}, "'r' did not learn random labels: its card says so"),
])
def test_a_control_that_fits_no_model_is_told_in_one_line(tmp_path, given, told):
    model = carded(tmp_path, "m", "mine", "iram")
    other = carded(tmp_path, "r", "chance", **{"attention": "iram", **LEARNED_BY_HEART, **given})
    with pytest.raises(InputError, match=told):
        paired([model], [other])


def test_the_command_refuses_it_before_anything_is_written(tmp_path, capsys):
    model, other = (carded(tmp_path, name, name, "iram", data=name) for name in ("m", "r"))
    out = tmp_path / "out"
    assert main(["attribute", "--data", "heads:n=14", "--models", str(model), "--split", "all",
                 "--random-labels", str(other), "--out", str(out)]) == 2
    assert "--random-labels: 'r' did not learn random labels" in capsys.readouterr().err
    assert not out.exists()


def test_the_reference_is_the_twin_of_the_same_seed_else_the_only_one():
    found = references(named("none-seed0", "none-seed1", "none-heads-seed2"))
    assert found == {name: name for name in found}
    found = references(open_and_named("iram-seed1", "cbam-heads-seed2", "mine", "iram-seed7"))
    assert found["iram-seed1"] == "none-seed1"
    assert found["cbam-heads-seed2"] == "none-heads-seed2"
    assert found["mine"] == "none-seed0"
    assert found["iram-seed7"] is None  # of two of other seeds neither
    assert references([*named("mine"), *opened("none")])["mine"] == "none-seed0"  # the only one
    assert references(named("iram", "nonesuch"))["iram"] is None


def open_and_named(*names):
    """These, with none-seed0, none-seed1 and none-heads-seed2 beside them."""
    known = faces(7)
    every = ["none-seed0", "none-seed1", "none-heads-seed2", *names]
    return [subject(Fixed(known), name, int(name[-1]) if name[-1].isdigit() else 0)
            for name in every]


def test_nets_taught_by_erasing_are_measured_against_the_plain_net_taught_alike(tmp_path):
    erased = {"erasing": 0.5, "erasing_fill": "noise"}
    paths = [carded(tmp_path, "a", "mine", "iram"), carded(tmp_path, "b", "plain", "none"),
             carded(tmp_path, "c", "taught", "iram", **erased),
             carded(tmp_path, "d", "taught-plain", "none", **erased)]
    assert references(opened(*paths)) == {"a": "b", "b": "b", "c": "d", "d": "d"}


def test_a_net_without_a_card_and_another_name_than_none_is_nobodys_twin():
    own, other = (training_of(s) for s in named("mine", "residual"))
    assert not roles.plays(roles.TWIN, other, own)
    assert roles.plays(roles.TWIN, training_of(named("none")[0]), own)


AWAY = {"erasing": 1.0, "erasing_fill": "families", "erasing_shape": "regions"}


def test_a_net_that_is_taught_consistency_is_under_study_and_its_twin_has_the_same_other_terms(
    tmp_path,
):
    both = "consistency:1+attention_falls:4"
    models = opened(
        carded(tmp_path, "away", "iram-away", "iram", terms=both, **AWAY),
        carded(tmp_path, "twin", "none-away", "none", terms="consistency:1.0", **AWAY),
        carded(tmp_path, "other", "none-other", "none", terms="consistency:2", **AWAY),
        carded(tmp_path, "plain", "none", "none"),
        carded(tmp_path, "erased", "iram-erased", "iram", **AWAY | {"erasing": 0.5}),
        carded(tmp_path, "base", "iram", "iram"),
    )
    among = [(s.name, training_of(s)) for s in models]
    own = dict(among)["away"]
    assert (own.erased, own.is_control) == ("consistency", False)
    assert roles.controls(roles.TWIN, own, among)[0] == ["twin"]
    assert roles.controls(roles.TWIN, dict(among)["base"], among)[0] == ["plain"]
    assert dict(among)["erased"].is_control
    assert roles.controls("occluders", dict(among)["base"], among)[0] == ["erased"]
    assert references(models)["away"] == "twin"
