"""What takes the place of attention, and that nothing is left behind."""

import pytest
import tiny
import torch

from analysis.studies.shift.controls import PERMUTED, permuted_weights, recalibrate
from analysis.subjects.interventions import (
    ALL,
    INTERVENTIONS,
    INTO_CLEAN,
    Maps,
    matched,
    outcomes,
    shuffled,
)
from iram import InputError, load_model

GENERATOR = torch.Generator


def maps(seed: int, n=4, channels=3, side=6):
    return 0.2 + 0.6 * torch.rand(n, channels, side, side, generator=GENERATOR().manual_seed(seed))


def orders(n=4, side=6):
    return torch.stack([torch.randperm(side**2, generator=GENERATOR().manual_seed(i))
                        for i in range(n)])


def given(own, clean=None, order=None) -> Maps:
    clean = own if clean is None else clean
    return Maps(own, clean, orders() if order is None else order, own.roll(-1, 0),
                own.mean(0, keepdim=True))


def made(own, clean=None) -> dict:
    return {name: put(given(own, clean)) for name, put in INTERVENTIONS.items()}


def layers(model, pictures) -> list[Maps]:
    clean, own = (model.trace(x).attention for x in pictures)
    return [given(b, a, torch.stack([torch.randperm(a.shape[2] * a.shape[3]) for _ in a]))
            for a, b in zip(clean, own, strict=True)]


EVERY = [(INTO_CLEAN, ALL), *((name, ALL) for name in INTERVENTIONS)]


def moments(of):
    return torch.stack([of.mean((2, 3)), of.std((2, 3), correction=0)])


@pytest.fixture
def model(tmp_path):
    return load_model(tiny.weights(tmp_path))


@pytest.fixture
def pictures():
    images = tiny.dataset(6).images(slice(0, 6))
    covered = images.clone()
    covered[:, :, 24:] = 0.5
    return images, covered


def test_a_matched_map_has_the_mean_and_deviation_of_what_it_replaces():
    donor, replaced = maps(0), 0.4 + 0.2 * maps(1)
    torch.testing.assert_close(moments(matched(donor, replaced)), moments(replaced))


def test_a_matched_map_keeps_the_pattern_of_its_donor():
    donor, found = maps(0), matched(maps(0), 0.4 + 0.2 * maps(1))
    both = torch.stack([donor[0, 0].flatten(), found[0, 0].flatten()])
    assert torch.corrcoef(both)[0, 1] == pytest.approx(1, abs=1e-4)


def test_a_donor_without_a_pattern_gives_the_mean():
    found = matched(torch.full((4, 3, 6, 6), 0.9), maps(1))
    torch.testing.assert_close(found, maps(1).mean((2, 3), keepdim=True).expand_as(found))


def test_shuffling_keeps_every_value_and_the_channels_together():
    own, found = maps(0), shuffled(maps(0), orders())
    torch.testing.assert_close(own.flatten(2).sort(2).values, found.flatten(2).sort(2).values)
    place = orders()[2, 0]
    torch.testing.assert_close(found[2, :, 0, 0], own[2].flatten(1)[:, place])


AS_IT_IS = ("clean_unmatched", "uniform_channels", "constant")


def test_all_are_matched_in_mean_but_those_that_say_otherwise():
    clean, occluded = maps(0), 0.3 + 0.4 * maps(1)
    found = made(occluded, clean)
    for name, one in found.items():
        close = torch.allclose(one.mean((2, 3)), occluded.mean((2, 3)), atol=1e-3)
        assert close == (name not in AS_IT_IS), name
    assert torch.equal(found["clean_unmatched"], clean)
    middle = occluded.mean((2, 3), keepdim=True)
    torch.testing.assert_close(found["inverted"] + occluded, (2 * middle).expand_as(occluded))


def test_a_change_elsewhere_is_as_large_as_the_movement():
    clean, occluded = maps(0), 0.4 + 0.2 * maps(1)
    found = made(occluded, clean)
    sizes = [(found[name] - occluded).flatten(2).norm(dim=2)
             for name in ("clean", "change_elsewhere")]
    torch.testing.assert_close(*sizes)
    assert not torch.allclose(found["clean"], found["change_elsewhere"])


def test_without_a_place_every_channel_keeps_its_mean_and_without_channels_every_place():
    own = maps(1)
    assert made(own)["uniform"].std((2, 3)).max() < 1e-6
    same = made(own)["uniform_channels"]
    assert same.std(1).max() < 1e-6
    torch.testing.assert_close(same.mean(1), own.mean(1))


def test_a_constant_map_is_the_same_for_every_face():
    own = maps(1)
    assert made(own)["constant"].std(0).max() < 1e-6
    torch.testing.assert_close(made(own)["constant"].mean(0), own.mean(0))


def test_the_other_image_is_the_one_that_follows():
    own = maps(1)
    torch.testing.assert_close(made(own)["other_image"][0], matched(own[1:2], own[:1])[0])


def test_what_asks_how_far_attention_acts_does_not_need_the_clean_picture():
    own = maps(1)
    for name in INTERVENTIONS.where(authority=True):
        assert torch.equal(made(own)[name], made(own, maps(0))[name]), name


def test_outcomes_are_those_of_the_replaced_attention(model, pictures):
    asked = [*EVERY, ("clean", 2)]
    with torch.inference_mode():
        every = layers(model, pictures)
        found = {(name, layer): logits for name, layer, logits in
                 outcomes(model, model, pictures, every, asked)}
        clean = [one.clean for one in every]
        with model.intervene(dict(enumerate(clean))):
            expected = model(pictures[1])
        with model.intervene({2: matched(clean[2], every[2].own)}):
            alone = model(pictures[1])
        back = {i: matched(one.own, one.clean) for i, one in enumerate(every)}
        with model.intervene(back):
            into = model(pictures[0])
    torch.testing.assert_close(found["clean_unmatched", ALL], expected)
    torch.testing.assert_close(found["clean", 2], alone)
    torch.testing.assert_close(found[INTO_CLEAN, ALL], into)
    assert list(found) == asked


def test_interventions_leave_the_model_as_it_was(model, pictures):
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with torch.inference_mode():
        logits = model(pictures[1])
        found = outcomes(model, model, pictures, layers(model, pictures), EVERY)
        next(found)
        found.close()  # in the middle
        assert torch.equal(model(pictures[1]), logits)
    assert not model.training
    assert not model._replacements
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_uniform_attention_in_place_of_a_constant_gate_changes_nothing(tmp_path, pictures):
    model = load_model(tiny.weights(tmp_path, "se"))  # gates channels alone
    names = ("uniform", "shuffled", "inverted", "clean", "change_elsewhere", "other_image")
    with torch.inference_mode():
        logits, every = model(pictures[1]), layers(model, pictures)
        for _, _, found in outcomes(model, model, pictures, every, [(n, ALL) for n in names]):
            torch.testing.assert_close(found, logits, atol=1e-5, rtol=1e-4)
        (other,) = outcomes(model, model, pictures, every, [("uniform_channels", ALL)])
        assert not torch.allclose(other[2], logits, atol=1e-5)


def test_a_model_without_attention_cant_be_intervened_on(tmp_path, pictures):
    model = load_model(tiny.weights(tmp_path, "none"))
    with pytest.raises(InputError, match="has no attention to intervene on"):
        next(outcomes(model, model, pictures, [], EVERY))


def test_permuted_weights_are_the_same_numbers_at_other_places(model, pictures):
    before = {k: v.clone() for k, v in model.state_dict().items()}
    found = permuted_weights(model, pictures[0], seed=0)
    for (name, own), other in zip(model.named_parameters(), found.parameters(), strict=True):
        assert torch.equal(own.flatten().sort().values, other.flatten().sort().values), name
    weight = "backbone.stem.0.weight"
    assert not torch.equal(found.state_dict()[weight], before[weight])
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    again = permuted_weights(model, pictures[0], seed=0)
    assert all(torch.equal(a, b) for a, b in zip(found.parameters(), again.parameters(),
                                                 strict=True))
    other = permuted_weights(model, pictures[0], seed=1)
    assert not torch.equal(found.state_dict()[weight], other.state_dict()[weight])
    assert PERMUTED == "permuted-weights"


def test_the_gates_of_permuted_weights_keep_a_spread(model, pictures):
    """A fresh net's gates are constant, and would be a trivial null."""
    with torch.inference_mode():
        trace = permuted_weights(model, pictures[0]).trace(pictures[0])
    assert min(float(a.std((2, 3)).mean()) for a in trace.attention) > 1e-3


def test_recalibrating_restores_every_norm_to_what_it_sees(model, pictures):
    recalibrate(model, pictures[0])
    norm = model.backbone.stem[1]
    seen = model.backbone.stem[0]((pictures[0] - 0.508) / 0.255)
    torch.testing.assert_close(norm.running_mean, seen.mean((0, 2, 3)), atol=1e-4, rtol=1e-3)
    assert norm.momentum == 0.1
    assert not norm.training
