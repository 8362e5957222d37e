"""The classifier: backbones, trace, intervene, and what they leave behind."""

import pytest
import torch

from iram import InputError, build_model
from iram.architecture import MATCHED
from iram.attention import ATTENTION
from iram.backbones import BACKBONES, PLACES
from iram.model import count_parameters

MODULES = [*ATTENTION, MATCHED]


@pytest.fixture
def faces():
    return torch.rand(2, 1, 48, 48, generator=torch.Generator().manual_seed(0))


def small(attention="iram", **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_model("compact", attention, width=0.25, **options).eval()
        for name, parameter in model.named_parameters():  # IRAM's gates start constant
            if "expand" in name or "input_weight" in name:
                parameter.data.normal_()
    return model


@pytest.mark.parametrize("attention", MODULES)
@pytest.mark.parametrize("backbone", BACKBONES.where(gated=True))
def test_every_backbone_takes_every_module(backbone, attention, faces):
    model = build_model(backbone, attention, width=0.25).eval()
    with torch.inference_mode():
        trace = model.trace(faces)
        torch.testing.assert_close(trace.logits, model(faces))
    assert trace.logits.shape == (2, 7)
    assert len(trace.features) == model.num_layers
    assert len(trace.attention) == (model.num_layers if model.has_attention else 0)
    for attention_map, features in zip(trace.attention, trace.features, strict=False):
        assert attention_map.shape[2:] == features.shape[2:]


def test_the_compact_net_has_the_size_it_says():
    assert 0.69e6 < count_parameters(build_model("compact", "none")) < 0.71e6


@pytest.mark.parametrize("backbone", BACKBONES.where(work=""))
def test_the_matched_twin_has_irams_parameters_as_near_as_whole_channels_allow(backbone):
    iram, twin = (count_parameters(build_model(backbone, a)) for a in ("iram", MATCHED))
    assert abs(twin / iram - 1) < 0.015


def test_all_backbones_work_at_other_sizes():
    for size in (40, 100):
        assert small()(torch.rand(1, 1, size, size)).shape == (1, 7)


def test_intervening_with_the_own_map_changes_nothing(faces):
    for attention in (n for n in ATTENTION if n != "none"):
        model = small(attention)
        own = model.trace(faces)
        with model.intervene(dict(enumerate(own.attention))):
            torch.testing.assert_close(model(faces), own.logits, rtol=1e-4, atol=1e-5)


def test_intervening_changes_the_layer_and_what_follows_but_not_what_came_before(faces):
    model = small()
    clean = model.trace(faces)
    with model.intervene({2: lambda own: 1 - own}):
        changed = model.trace(faces)
    assert torch.equal(changed.attention[1], clean.attention[1])
    torch.testing.assert_close(changed.attention[2], 1 - clean.attention[2])
    assert not torch.allclose(changed.attention[3], clean.attention[3])
    assert not torch.allclose(changed.logits, clean.logits)


def test_a_map_may_be_one_number_per_position(faces):
    with small().intervene({-1: torch.full((1, 1, 6, 6), 0.5)}) as model:
        last = model.trace(faces).attention[-1]
    torch.testing.assert_close(last, torch.full_like(last, 0.5))


def test_nested_interventions_restore_one_by_one(faces):
    model = small()
    clean = model(faces)
    with model.intervene({0: lambda own: own * 0}):
        outer = model(faces)
        with model.intervene({1: lambda own: own * 0}):
            assert not torch.allclose(model(faces), outer)
        assert torch.equal(model(faces), outer)
    assert torch.equal(model(faces), clean)


def test_an_error_inside_leaves_the_model_as_it_was(faces):
    model = small()
    clean = model(faces)
    with pytest.raises(ZeroDivisionError), model.intervene({0: lambda own: 1 / 0}):
        model(faces)
    assert torch.equal(model(faces), clean)
    assert not model._forward_hooks


@pytest.mark.parametrize(
    ("attention", "replacements", "message"),
    [
        ("none", {0: torch.ones(1)}, "no attention"),
        ("iram", {6: torch.ones(1)}, "0 to 5"),
        ("iram", {0: torch.ones(1, 1, 7, 7)}, r"\(1, 1, 7, 7\)"),
    ],
)
def test_an_impossible_intervention_says_why(attention, replacements, message, faces):
    model = small(attention)
    with pytest.raises(InputError, match=message), model.intervene(replacements):
        model(faces)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"backbone": "resnet"}, "resnet18"),
        ({"attention": "iran"}, "did you mean 'iram'"),
        ({"num_classes": 1}, "2 or more"),
        ({"num_classes": 5, "classes": ("a", "b")}, "5 classes asked for, 2 named"),
        ({"attention": "se", "reuse": "both"}, "se.*reuse"),
        ({"place": "stem"}, "place is 'stem'; it must be one of branch, block"),
    ],
)
def test_a_model_that_cannot_be_built_says_why(arguments, message):
    with pytest.raises(InputError, match=message):
        build_model(**arguments)


@pytest.mark.parametrize("backbone", BACKBONES.where(work=""))  # all have shortcuts
def test_a_gate_after_the_addition_lets_nothing_pass_it_by(backbone, faces):
    shut = {0: torch.zeros(1)}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        branch, block = (build_model(backbone, "cbam", width=0.25, place=place).eval()
                         for place in PLACES)
    block.load_state_dict(branch.state_dict())
    with branch.intervene(shut), block.intervene(shut):
        assert block.trace(faces).features[0].abs().max() == 0
        assert branch.trace(faces).features[0].abs().max() > 0


def test_an_open_gate_is_the_same_in_both_places(faces):
    one, other = small("cbam"), small("cbam", place="block")
    opened = {layer: torch.ones(1) for layer in range(one.num_layers)}
    with one.intervene(opened), other.intervene(opened):
        torch.testing.assert_close(other(faces), one(faces))


def test_a_backbone_without_places_says_so_and_is_built_without_them(monkeypatch):
    def outside(attention, width=1.0):
        return BACKBONES["compact"](attention, width)

    monkeypatch.setitem(BACKBONES, "outside", outside)
    assert build_model("outside", "iram").architecture.place == "branch"
    with pytest.raises(InputError, match="backbone outside has no switch 'place'"):
        build_model("outside", "iram", place="block")


def test_every_module_of_a_factored_net_reuses_all_before_it(faces):
    model = small("iram-factored")
    own = model.trace(faces)
    with model.intervene({0: lambda own: own * 0.5, 1: own.attention[1], 2: own.attention[2]}):
        assert not torch.equal(model.trace(faces).attention[3], own.attention[3])
    widths = [block.attention.memory_channels for block in model.backbone.blocks]
    assert widths[:3] == [None, (8,), (8, 8)]


def test_switches_reach_every_block():
    model = build_model("compact", "iram", reuse="none", reduction=4, fusion="multiply")
    for block in model.backbone.blocks:
        assert not block.attention.reuse_layer
        assert block.attention.fusion == "multiply"
        assert block.attention.squeeze[0].out_channels == block.attention.channels // 4
