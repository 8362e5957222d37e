"""What takes the place of attention, and that nothing is left behind."""

import pytest
import tiny
import torch

from analysis.studies.shift.controls import PERMUTED, permuted_weights, recalibrate
from analysis.subjects.interventions import ALL, donors, matched, outcomes, passes, shuffled
from iram import InputError, load_model

GENERATOR = torch.Generator


def maps(seed: int, n=4, channels=3, side=6):
    return 0.2 + 0.6 * torch.rand(n, channels, side, side, generator=GENERATOR().manual_seed(seed))


def orders(n=4, side=6):
    return torch.stack([torch.randperm(side**2, generator=GENERATOR().manual_seed(i))
                        for i in range(n)])


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


def test_all_but_the_textbooks_mediator_are_matched_in_mean():
    clean, occluded = maps(0), 0.3 + 0.4 * maps(1)
    made = dict(donors([clean], [occluded], [orders()]))
    for name, (found,) in made.items():
        close = torch.allclose(found.mean((2, 3)), occluded.mean((2, 3)), atol=1e-3)
        assert close == (name != "clean_unmatched"), name
    assert torch.equal(made["clean_unmatched"][0], clean)
    middle = occluded.mean((2, 3), keepdim=True)
    torch.testing.assert_close(made["inverted"][0] + occluded, (2 * middle).expand_as(occluded))


def test_a_change_elsewhere_is_as_large_as_the_movement():
    clean, occluded = maps(0), 0.4 + 0.2 * maps(1)
    made = dict(donors([clean], [occluded], [orders()]))
    sizes = [(made[name][0] - occluded).flatten(2).norm(dim=2)
             for name in ("clean", "change_elsewhere")]
    torch.testing.assert_close(*sizes)
    assert not torch.allclose(made["clean"][0], made["change_elsewhere"][0])


def test_the_other_image_is_the_next_one():
    occluded = maps(1)
    (found,) = dict(donors([maps(0)], [occluded], [orders()]))["other_image"]
    torch.testing.assert_close(found[0], matched(occluded[1:2], occluded[:1])[0])


def test_outcomes_are_those_of_the_replaced_attention(model, pictures):
    with torch.inference_mode():
        clean, occluded = (model.trace(x).attention for x in pictures)
        every = [torch.stack([torch.randperm(a.shape[2] * a.shape[3]) for _ in range(6)])
                 for a in clean]
        found = {(name, layer): logits for name, layer, logits in
                 outcomes(model, model, pictures, clean, occluded, every)}
        with model.intervene(dict(enumerate(clean))):
            expected = model(pictures[1])
    torch.testing.assert_close(found["clean_unmatched", ALL], expected)
    assert len(found) == passes(len(clean))
    assert {layer for name, layer in found if name == "clean"} == {ALL, *range(len(clean))}


def test_interventions_leave_the_model_as_it_was(model, pictures):
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with torch.inference_mode():
        logits = model(pictures[1])
        clean, occluded = (model.trace(x).attention for x in pictures)
        every = [torch.stack([torch.randperm(a.shape[2] * a.shape[3]) for _ in range(6)])
                 for a in clean]
        made = outcomes(model, model, pictures, clean, occluded, every)
        next(made)
        made.close()  # in the middle
        assert torch.equal(model(pictures[1]), logits)
    assert not model.training
    assert not model._replacements
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_uniform_attention_in_place_of_a_constant_gate_changes_nothing(tmp_path, pictures):
    model = load_model(tiny.weights(tmp_path, "se"))  # gates channels alone
    with torch.inference_mode():
        clean, occluded = (model.trace(x).attention for x in pictures)
        every = [torch.stack([torch.randperm(a.shape[2] * a.shape[3]) for _ in range(6)])
                 for a in clean]
        logits = model(pictures[1])
        for name, _, found in outcomes(model, model, pictures, clean, occluded, every):
            if name in ("uniform", "shuffled", "inverted", "clean", "change_elsewhere"):
                torch.testing.assert_close(found, logits, atol=1e-5, rtol=1e-4)


def test_a_model_without_attention_cant_be_intervened_on(tmp_path, pictures):
    model = load_model(tiny.weights(tmp_path, "none"))
    with pytest.raises(InputError, match="has no attention to intervene on"):
        next(outcomes(model, model, pictures, [], [], []))


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
