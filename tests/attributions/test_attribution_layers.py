"""Which layer class activation maps read, and how what it puts out is brought to (N, C, h, w)."""

import copy
import re

import outside
import pytest
import tiny
import torch
from nets import STEPS, placed, plain, raw
from torch import nn

from analysis import attribute
from analysis.attributions.dominance import Paths, edge_of
from analysis.attributions.explanation import method_map
from analysis.attributions.layers import activation, chosen, spatial_layers
from analysis.attributions.places import (
    Layout,
    brought,
    follows,
    grid_of,
    pictures_to_ask,
    read_layout,
)
from analysis.commands.main import main
from analysis.subjects.examine import examine
from analysis.subjects.loading import load_outside
from iram.errors import InputError

X = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    """A stem of 4 x 4 places, whatever `body` makes of it, and a linear head on 6 features."""

    def __init__(self, body):
        super().__init__()
        self.stem, self.head, self.body = nn.Conv2d(1, 6, 8, 8), nn.Linear(6, 3), body

    def forward(self, x):
        return self.head(self.body(self.stem(x)))


class Attention(nn.Module):
    """A transformer's block: its softmax puts out (N, 2, T, T)."""

    def __init__(self):
        super().__init__()
        self.norm, self.qkv, self.attend = nn.LayerNorm(6), nn.Linear(6, 18), nn.Softmax(-1)

    def forward(self, x):
        q, k, v = self.qkv(self.norm(x)).unflatten(2, (3, 2, 3)).permute(2, 0, 3, 1, 4)
        return x + (self.attend(q @ k.mT) @ v).transpose(1, 2).flatten(2)


class Tokens(nn.Module):
    """Two such blocks on a class token and the patches, or on the patches alone."""

    def __init__(self, prefix: int):
        super().__init__()
        self.first = nn.Parameter(torch.randn(1, prefix, 6))
        self.blocks = nn.Sequential(Attention(), Attention())

    def forward(self, x):
        tokens = torch.cat([self.first.expand(len(x), -1, -1), x.flatten(2).mT], 1)
        tokens = self.blocks(tokens)
        return tokens[:, 0] if self.first.shape[1] else tokens.mean(1)


class ChannelsLast(nn.Module):
    def __init__(self):
        super().__init__()
        self.block, self.norm = nn.Linear(6, 6), nn.LayerNorm(6)

    def forward(self, x):
        return self.norm(self.block(x.movedim(1, 3))).mean((1, 2))


class Table(nn.Module):
    """Puts out one table for all pictures, or one that is the same for each of them."""

    def __init__(self, alike: bool):
        super().__init__()
        self.table, self.alike = nn.Parameter(torch.randn(2, 4, 4)), alike

    def forward(self, count: int):
        return self.table.expand(count if self.alike else 1, -1, -1, -1)


class WithTable(nn.Module):
    def __init__(self, alike: bool):
        super().__init__()
        self.bias = Table(alike)

    def forward(self, x):
        return x.mean((2, 3)) * self.bias(len(x)).mean((1, 2, 3))[:, None]


class Heads(nn.Module):
    """Two heads side by side, of which each carries a part, and one that nobody reads."""

    def __init__(self):
        super().__init__()
        self.left, self.right, self.unread = (nn.Conv2d(6, 6, 1) for _ in range(3))

    def forward(self, x):
        self.unread(x)
        return self.left(x).mean((2, 3)) + self.right(x).relu().mean((2, 3))


class Pooled(nn.Module):
    """Its pooling puts out (N, 6, 1, 1), of which six channels could be taken for six rows."""

    def __init__(self):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x):
        return self.pool(x).flatten(1)


class Latents(nn.Module):
    """Sixteen learned queries look at all places: a square number of tokens, and no places."""

    def __init__(self):
        super().__init__()
        self.queries, self.values = nn.Parameter(torch.randn(16, 6)), nn.Linear(6, 6)
        self.read = nn.Identity()

    def forward(self, x):
        tokens = x.flatten(2).mT
        shares = (self.queries @ tokens.mT).softmax(-1)
        return self.read(shares @ self.values(tokens)).mean(1)


class Pair(nn.Module):
    """Features and what else it found, as blocks of many libraries put out."""

    def forward(self, x):
        return x * 2, x.mean()


class FirstOfPair(nn.Module):
    def __init__(self):
        super().__init__()
        self.pair = Pair()

    def forward(self, x):
        return self.pair(x)[0].mean((2, 3))


def net(body) -> nn.Module:
    torch.manual_seed(0)
    return Net(body()).eval()


@pytest.mark.parametrize(("body", "layer", "layout"), [
    # Of the last block only the class token is read: its patches move no logit.
    (lambda: Tokens(1), "body.blocks.0", Layout("tokens", 1)),
    (lambda: Tokens(5), "body.blocks.0", Layout("tokens", 5)),
    (lambda: Tokens(0), "body.blocks", Layout("tokens", 0)),
    (ChannelsLast, "body.norm", Layout("channels_last")),
    (lambda: WithTable(False), "stem", Layout("channels_first")),
    (lambda: WithTable(True), "stem", Layout("channels_first")),
    (Heads, "stem", Layout("channels_first")),  # neither head alone carries all
    (FirstOfPair, "body.pair", Layout("channels_first")),
])
def test_the_last_layer_that_all_depends_on_is_found_in_any_layout(body, layer, layout):
    model = net(body)
    assert chosen(model, X)[:2] == (layer, layout)
    assert activation(model, X).shape == (2, 6, 4, 4)
    for method in ("gradcam", "hirescam", "score_cam", "activation_energy"):
        maps = raw(model, X, torch.tensor([0, 2]), method)
        assert maps.shape == (2, 4, 4)
        assert (maps.flatten(1).std(1) > 0).all(), method


@pytest.mark.parametrize("body", [lambda: Tokens(1), lambda: Tokens(0), ChannelsLast, Heads])
def test_a_constant_in_the_place_of_the_chosen_layer_makes_all_pictures_alike(body):
    model = net(body)
    constant = nn.Module.register_forward_hook(
        model.get_submodule(chosen(model, X).name), lambda m, a, out: torch.ones_like(out))
    first, second = model(X)
    torch.testing.assert_close(first, second)
    constant.remove()
    assert not torch.allclose(*model(X))


def test_attention_matrices_and_tables_are_never_read_as_places():
    assert not [n for n in spatial_layers(net(lambda: Tokens(1)), X) if "attend" in n]
    assert "body.bias" not in spatial_layers(net(lambda: WithTable(True)), X)


def test_pooled_channels_are_never_read_as_places():
    for seed in range(20):  # in whatever order the channels happen to be
        torch.manual_seed(seed)
        model = Net(Pooled()).eval()
        assert chosen(model, X)[:2] == ("stem", Layout("channels_first"))
    with pytest.raises(InputError, match="no places are found"):
        chosen(model, X, "body.pool")


def test_latent_tokens_follow_the_picture_in_the_mean_alone():
    taken = 0
    for seed in range(40):
        torch.manual_seed(seed)
        taken += chosen(Net(Latents()).eval(), X).name != "stem"
    assert taken <= 2  # one in ten, where the mean decides


def test_a_token_map_is_that_of_the_same_net_in_channels_first():
    tokens = net(lambda: Tokens(0))
    layer = "body.blocks.1.norm"
    found = activation(tokens, X, layer)
    by_hand = tokens.stem(X).flatten(2).mT
    by_hand = tokens.body.blocks[1].norm(tokens.body.blocks[0](by_hand))
    torch.testing.assert_close(found, by_hand.mT.unflatten(2, (4, 4)))


def test_another_picture_shape_or_a_copy_is_asked_anew_and_answers_alike():
    model = net(lambda: Tokens(1))
    assert chosen(model, X) == chosen(copy.deepcopy(model), X) == chosen(model, X[:1])
    wide = torch.rand(1, 1, 32, 64)
    assert chosen(model, wide).name == "body.blocks.0"
    assert activation(model, wide).shape == (1, 6, 4, 8)


def test_a_dead_net_has_no_layer_and_says_so():
    with pytest.raises(InputError, match="its logits are the same for any picture"):
        attribute(placed([0.0] * 4), STEPS, 0, "gradcam")
    flat = nn.Sequential(nn.Flatten(), nn.Linear(1024, 3)).eval()
    with pytest.raises(InputError, match=r"no layer of this model puts out \(N, C, h, w\)"):
        attribute(flat, X, 0, "gradcam")


def test_a_layer_that_is_named_is_taken_and_a_wrong_name_is_told():
    model = net(Heads)
    assert chosen(model, X, "body.left").name == "body.left"
    with pytest.raises(InputError, match=r"unknown layer 'body.lefd' \(did you mean 'body.left'"):
        chosen(model, X, "body.lefd")
    with pytest.raises(InputError, match="unknown layer without places 'head'"):
        chosen(model, X, "head")


@pytest.mark.parametrize("ours", [True, False])
def test_a_layer_that_a_net_has_not_is_a_mistake_that_names_its_layers(ours, tmp_path, capsys):
    spec = str(tiny.weights(tmp_path, "none")) if ours else outside.write_net(tmp_path)
    right, wrong = ("backbone.stem", "backbone.stemm") if ours else ("conv", "conf")
    assert main(["models", "--check", spec, "--layer", wrong]) == 2
    told = capsys.readouterr().err
    assert re.search(f"--layer: .*unknown layer '{wrong}' .did you mean '{right}'", told)
    assert told.count("\n") == 1
    assert main(["models", "--check", spec, "--layer", right]) == 0


def test_the_description_names_the_layer_and_its_reshape(tmp_path):
    extra = 'layer = "conv"\nreshape = "channels_first"'
    model, _ = load_outside(outside.write_net(tmp_path, extra=extra))
    examine(model)
    assert chosen(model, torch.rand(1, 1, 48, 48))[:2] == ("net.conv", Layout("channels_first"))
    model, _ = load_outside(outside.write_net(tmp_path, extra='layer = "conf"', name="wrong"))
    with pytest.raises(InputError, match=r"layer 'conf' \(did you mean 'conv'"):
        examine(model)
    extra = 'layer = "conv"\nreshape = "channels_last"'  # of (N, 8, 12, 12)
    model, _ = load_outside(outside.write_net(tmp_path, size=24, extra=extra, name="wrong"))
    with pytest.raises(InputError, match="follow them as channels_first, not as channels_last"):
        examine(model)
    spec = outside.write_net(tmp_path, extra='reshape = "token"', name="other")
    with pytest.raises(InputError, match=r"reshape 'token' \(did you mean 'tokens'"):
        load_outside(spec)


@pytest.mark.parametrize("method", ["gradcam", "saliency"])
def test_a_map_that_is_the_same_everywhere_is_refused_with_the_reason(method):
    model = nn.Sequential(nn.AvgPool2d(16), nn.Conv2d(1, 2, 1), nn.Flatten(),
                          nn.Linear(8, 3)).eval()
    model[3].weight.data = torch.ones(3, 8)
    model.name = "flat"
    told = method_map(model, torch.full((1, 1, 32, 32), 0.5), 0, method)
    assert told.values is None
    assert told.reason == "its maps are the same at every place"


def test_a_layout_is_read_and_brings_tokens_to_rows_and_columns():
    assert read_layout("tokens:1") == Layout("tokens", 1)
    tokens = torch.arange(7.0).view(1, 7, 1)
    found = brought(tokens, Layout("tokens", 1), (32, 48))
    assert found.tolist() == [[[[1, 2, 3], [4, 5, 6]]]]
    assert brought(tokens, Layout("tokens", 0), (32, 48)) is None  # 7 are no grid
    assert brought(tokens.mT, Layout("tokens_last", 1), (32, 48)).tolist() == found.tolist()
    assert (grid_of(49, (112, 112)), grid_of(50, (112, 112))) == ((7, 7), None)
    for wrong in ("tokens:x", "channels_last:1"):
        with pytest.raises(InputError, match="write tokens:1"):
            read_layout(wrong)


def test_features_follow_the_picture_only_where_their_places_are_its():
    pictures = pictures_to_ask(X)
    assert pictures.shape == (6, 1, 32, 32)
    assert follows(pictures) > 0.3
    assert follows(pictures.flip(3)) < 0 > follows(pictures.mT)
    assert follows(pictures.mean((2, 3), keepdim=True).expand(-1, -1, 4, 4)) == 0


def test_paths_are_counted_through_sums_and_parts_of_one_function():
    x = torch.rand(4, requires_grad=True)
    stem = x * 2
    left, right = stem.chunk(2)
    whole = left.exp() + right
    out = (whole * whole).sum()
    paths = Paths(out, x)
    assert [paths.all_cross(edge_of(t)) for t in (stem, left, right, whole)] == [
        True, False, False, True]


def test_a_survey_leaves_no_hook_and_no_graph():
    model = plain()
    chosen(model, X)
    assert not any(m._forward_hooks for m in model.modules())
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


class Twice(Net):
    """Its stem and body see the picture, and then the same picture mirrored."""

    def forward(self, x):
        return super().forward(x) + super().forward(x.flip(3))


def test_a_layer_that_sees_a_mirrored_picture_last_is_named_as_the_reason():
    with pytest.raises(InputError, match=r"is used 2 times in a pass, .* such as a mirrored one"):
        chosen(Twice(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())), X)
