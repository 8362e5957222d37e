"""Every attention module: the contract, and a second, slow and obvious implementation."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from iram.attention import ATTENTION
from iram.attention.eca import kernel_size
from iram.attention.iram import FUSION, REUSE, START
from iram.errors import InputError

C, H, W = 16, 6, 5
GATED = [name for name in ATTENTION if name != "none"]


def shaken(module: nn.Module) -> nn.Module:
    """The module in eval mode with random parameters and running statistics: nothing is 0 or 1."""
    generator = torch.Generator().manual_seed(1)
    for tensor in [*module.parameters(), *module.buffers()]:
        if tensor.is_floating_point():
            tensor.data = torch.rand(tensor.shape, generator=generator) + 0.1
            tensor.data -= 0.6 * (tensor.ndim > 1)
    return module.eval()


@pytest.fixture
def x():
    return torch.randn(3, C, H, W, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", GATED)
def test_attention_is_a_map_of_the_features_shape_strictly_between_0_and_1(name, x):
    out = shaken(ATTENTION[name](C))(x)
    assert out.features.shape == out.attention.shape == x.shape
    assert out.attention.min() > 0
    assert out.attention.max() < 1


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", GATED)
def test_what_is_handed_on_lies_in_memory_as_the_features_do(name, layout, x):
    module = shaken(ATTENTION[name](C)).to(memory_format=layout)
    wanted = shaken(ATTENTION[name](C))(x)
    out = module(x.contiguous(memory_format=layout))
    assert out.features.is_contiguous(memory_format=layout)
    if out.attention.stride().count(0) == 0:  # no broadcast view
        assert out.attention.is_contiguous(memory_format=layout)
    torch.testing.assert_close(out.features, wanted.features)
    torch.testing.assert_close(out.attention, wanted.attention)


@pytest.mark.parametrize("name", GATED)
def test_one_faces_map_does_not_depend_on_the_others_in_the_batch(name, x):
    module = shaken(ATTENTION[name](C))
    torch.testing.assert_close(module(x[1:2]).attention, module(x).attention[1:2])


@pytest.mark.parametrize("name", GATED)
def test_a_replaced_map_is_the_one_that_is_fused(name, x):
    module = shaken(ATTENTION[name](C))
    chosen = torch.full_like(x, 0.25)
    out = module(x, None, lambda own: chosen)
    assert out.attention is chosen
    torch.testing.assert_close(out.features, module.fuse(x, chosen))


@pytest.mark.parametrize("name", [n for n in GATED if n not in ("iram", "regional")])
def test_baselines_multiply_the_features_by_their_map(name, x):
    out = shaken(ATTENTION[name](C))(x)
    torch.testing.assert_close(out.features, x * out.attention)


def test_none_hands_the_features_on():
    x = torch.randn(2, C, H, W)
    assert ATTENTION["none"](C)(x).features is x


def test_se_is_a_two_layer_perceptron_on_the_channel_means(x):
    module = shaken(ATTENTION["se"](C))
    gate = module(x).attention
    for n in range(len(x)):
        means = torch.stack([x[n, c].mean() for c in range(C)])
        hidden = (module.squeeze.weight @ means + module.squeeze.bias).clamp_min(0)
        logits = module.excite.weight @ hidden + module.excite.bias
        expected = 1 / (1 + torch.exp(-logits))
        torch.testing.assert_close(gate[n], expected[:, None, None].expand(C, H, W))


def test_eca_weighs_each_channels_mean_with_its_neighbours(x):
    module = shaken(ATTENTION["eca"](C))
    kernel = module.conv.weight[0, 0]
    reach = len(kernel) // 2
    gate = module(x).attention
    for c in range(C):
        total = sum(
            kernel[reach + d] * x[:, c + d].mean((1, 2))
            for d in range(-reach, reach + 1)
            if 0 <= c + d < C
        )
        torch.testing.assert_close(gate[:, c, 0, 0], torch.sigmoid(total))


@pytest.mark.parametrize(("channels", "k"), [(16, 3), (64, 3), (128, 5), (256, 5), (512, 5)])
def test_ecas_kernel_grows_with_the_channels_as_published(channels, k):
    assert kernel_size(channels) == k


def test_cbam_gates_channels_first_and_places_on_what_is_left(x):
    module = shaken(ATTENTION["cbam"](C))
    first, _, second = module.mlp

    def mlp(v):
        hidden = (v @ first.weight.T + first.bias).clamp_min(0)
        return hidden @ second.weight.T + second.bias

    flat = x.flatten(2)
    channel = torch.sigmoid(mlp(flat.mean(2)) + mlp(flat.max(2).values))[:, :, None, None]
    refined = channel * x
    stacked = torch.stack([refined.mean(1), refined.max(1).values], 1)
    padded = F.pad(stacked, (3, 3, 3, 3))
    spatial = torch.empty(len(x), 1, H, W)
    for i in range(H):
        for j in range(W):
            patch = padded[:, :, i : i + 7, j : j + 7]
            spatial[:, 0, i, j] = (patch * module.conv.weight).sum((1, 2, 3)) + module.conv.bias
    torch.testing.assert_close(module(x).attention, channel * torch.sigmoid(spatial))


def test_coordinate_attention_is_a_row_gate_times_a_column_gate(x):
    module = shaken(ATTENTION["coordinate"](C))

    def shared(strip):  # (N, C) -> (N, hidden)
        conv, norm, _ = module.shared
        z = strip @ conv.weight[:, :, 0, 0].T
        z = (z - norm.running_mean) / torch.sqrt(norm.running_var + norm.eps)
        return F.hardswish(z * norm.weight + norm.bias)

    def gate(strip, conv):
        return torch.sigmoid(shared(strip) @ conv.weight[:, :, 0, 0].T + conv.bias)

    attention = module(x).attention
    for i in range(H):
        for j in range(W):
            expected = gate(x[:, :, i].mean(2), module.rows) * gate(
                x[:, :, :, j].mean(2), module.columns
            )
            torch.testing.assert_close(attention[:, :, i, j], expected)


def test_simam_by_hand_on_four_neurons():
    x = torch.tensor([[[[0.0, 0.0], [0.0, 4.0]]]])
    # mean 1; squared distances 1, 1, 1, 9; variance 12 / 3 = 4
    expected = [1 / (1 + math.exp(-(d / (4 * (4 + 1e-4)) + 0.5))) for d in (1, 1, 1, 9)]
    attention = ATTENTION["simam"](1)(x).attention.flatten()
    torch.testing.assert_close(attention, torch.tensor(expected))


def slow_iram_logits(module, x, memory):
    """IRAM's docstring, one channel and one pixel at a time."""

    def norm(bn, z, c):
        return (z - bn.running_mean[c]) / torch.sqrt(bn.running_var[c] + bn.eps) * bn.weight[
            c
        ] + bn.bias[c]

    conv, bn = module.squeeze
    hidden = conv.out_channels
    s = torch.stack(
        [norm(bn, sum(conv.weight[c, k, 0, 0] * x[k] for k in range(C)), c) for c in range(hidden)]
    )
    depthwise, bn = module.context
    padded = F.pad(s, (1, 1, 1, 1))
    context = torch.zeros_like(s)
    for c in range(hidden):
        for i in range(H):
            for j in range(W):
                z = (padded[c, i : i + 3, j : j + 3] * depthwise.weight[c, 0]).sum()
                context[c, i, j] = norm(bn, z, c)
    if module.reuse_branch:
        context = context + s
    context = context.clamp_min(0)
    logits = torch.zeros(C, H, W)
    for c in range(C):
        for k in range(hidden):
            logits[c] += module.expand.weight[c, k, 0, 0] * context[k]
        logits[c] += module.expand.bias[c]
        if module.reuse_branch:
            logits[c] += module.input_weight[c] * x[c]
        if module.reuse_layer:
            previous = sum(module.project.weight[c, k, 0, 0] * m for k, m in enumerate(memory))
            blocks = previous.reshape(H, 2, W, 2).mean((1, 3))
            logits[c] += module.memory_weight[c] * blocks
    return logits


@pytest.mark.parametrize("reduction", [1, 4])
@pytest.mark.parametrize("reuse", REUSE)
def test_iram_equals_its_docstring_written_out(reuse, reduction, x):
    module = shaken(ATTENTION["iram"](C, 8, reuse=reuse, reduction=reduction))
    memory = torch.randn(3, 8, 2 * H, 2 * W, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        out = module(x, memory)
        expected = torch.stack([slow_iram_logits(module, x[n], memory[n]) for n in range(3)])
    torch.testing.assert_close(out.memory, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(out.attention, torch.sigmoid(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fusion", FUSION)
def test_irams_fusions_by_hand(fusion):
    module = ATTENTION["iram"](2, fusion=fusion)
    x = torch.tensor([2.0, -4.0]).reshape(1, 2, 1, 1)
    attention = torch.tensor([0.25, 0.75]).reshape(1, 2, 1, 1)
    if fusion == "adaptive":  # shares 1/2 and 3/4: sigmoid(0) and sigmoid(log 3)
        module.refinement.data = torch.tensor([0.0, math.log(3)]).reshape(2, 1, 1)
    expected = {
        "multiply": [0.5, -3.0],
        "residual": [2.5, -7.0],
        "adaptive": [2 * (0.5 + 0.5 * 0.25), -4 * (0.25 + 0.75 * 0.75)],
    }[fusion]
    torch.testing.assert_close(module.fuse(x, attention).flatten(), torch.tensor(expected))


def test_a_gain_steepens_the_sigmoid_and_not_what_is_handed_on(x):
    plain, steep = (shaken(ATTENTION["iram"](C, gain=gain)) for gain in (1.0, 4.0))
    one, other = plain(x), steep(x)
    torch.testing.assert_close(other.memory, one.memory)
    torch.testing.assert_close(other.attention, torch.sigmoid(4 * one.memory))
    half = torch.full_like(x, 0.9)
    memory = steep(x, None, lambda own: half).memory
    torch.testing.assert_close(memory, torch.full_like(x, math.log(9) / 4))


def test_a_random_start_varies_over_places_where_an_even_one_does_not(x):
    even, random = (ATTENTION["iram"](C, start=start)(x).attention for start in START)
    assert even.std((2, 3)).max() == 0
    assert random.std((2, 3)).min() > 0.01


def slow_factored(module, x, memory):
    """The factored docstring for one face, channel by channel and place by place."""
    hidden, expand, conv = module.hidden, module.expand, module.conv

    def first(v):
        return (hidden.weight @ v + hidden.bias).clamp_min(0)

    mean = torch.stack([x[c].mean() for c in range(C)])
    largest = torch.stack([x[c].max() for c in range(C)])
    seen = [first(mean) + first(largest)]
    if module.reuse_branch:
        seen.append(mean + largest)
    channels, places = memory if module.reuse_layer else ([], [])
    c = torch.sigmoid(expand.weight @ torch.cat([*seen, *channels]) + expand.bias)[:, None, None]
    refined = c * x if module.reuse_branch else x
    planes = [refined.mean(0), refined.max(0).values]
    planes += [place[0].reshape(H, -1, W, place.shape[2] // W).mean((1, 3)) for place in places]
    padded = F.pad(torch.stack(planes), (3, 3, 3, 3))
    s = torch.empty(H, W)
    for i in range(H):
        for j in range(W):
            s[i, j] = (padded[:, i : i + 7, j : j + 7] * conv.weight[0]).sum() + conv.bias[0]
    return c * torch.sigmoid(s)


@pytest.mark.parametrize("reuse", REUSE)
def test_the_factored_reading_equals_its_docstring_written_out(reuse, x):
    module = shaken(ATTENTION["iram-factored"](C, (8, 4), reuse=reuse))
    draw = torch.Generator().manual_seed(2)
    memory = ([torch.rand(3, k, generator=draw) for k in (8, 4)],
              [torch.rand(3, 1, k * H, k * W, generator=draw) for k in (2, 1)])
    with torch.no_grad():
        out = module(x, memory)
        alone = [([c[n] for c in memory[0]], [p[n] for p in memory[1]]) for n in range(3)]
        expected = torch.stack([slow_factored(module, x[n], alone[n]) for n in range(3)])
    torch.testing.assert_close(out.attention, expected)
    assert module.hands_on == (8, 4, C)
    for held, before, own in zip(out.memory, memory, ((2, 3), 1), strict=True):
        assert held[:2] == before
        reduced = expected.mean(own, keepdim=own == 1)
        torch.testing.assert_close(held[2], reduced)


def test_a_fresh_factored_gate_starts_near_one_half_and_varies(x):
    """On average over initial weights: that of one net has a standard deviation of 0.04."""
    torch.manual_seed(0)
    memory = [torch.rand(3, 8)], [torch.rand(3, 1, H, W)]
    fresh = [ATTENTION["iram-factored"](C, (8,))(x, memory).attention for _ in range(30)]
    assert 0.45 < torch.stack([one.mean() for one in fresh]).mean() < 0.55
    assert all(one.std() > 0.02 for one in fresh)


@pytest.mark.parametrize("name", GATED)
def test_every_gate_runs_in_bf16_near_fp32_and_hands_its_type_on(name, x):
    module = shaken(ATTENTION[name](C))
    exact = module(x)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        rough = module(x.bfloat16())
    assert rough.features.dtype == torch.bfloat16
    torch.testing.assert_close(rough.attention.float(), exact.attention, atol=0.05, rtol=0.05)


def test_a_fresh_iram_gates_everything_by_one_half(x):
    out = ATTENTION["iram"](C, 8)(x, torch.zeros(3, 8, H, W))
    torch.testing.assert_close(out.attention, torch.full_like(x, 0.5))


def test_every_iram_switch_changes_the_parameters_or_the_output(x):
    default = ATTENTION["iram"](C, 8)
    names = {name for name, _ in default.named_parameters()}
    for reuse, gone in {
        "none": {"input_weight", "memory_weight", "project.weight"},
        "branch": {"memory_weight", "project.weight"},
        "layer": {"input_weight"},
    }.items():
        module = ATTENTION["iram"](C, 8, reuse=reuse)
        assert names - {name for name, _ in module.named_parameters()} == gone
    assert ATTENTION["iram"](C, reduction=4).squeeze[0].out_channels == C // 4


def test_irams_memory_after_a_replacement_is_the_replacements_logit(x):
    module = shaken(ATTENTION["iram"](C))
    chosen = torch.full_like(x, 0.9)
    torch.testing.assert_close(
        module(x, None, lambda own: chosen).memory, torch.full_like(x, math.log(9))
    )


@pytest.mark.parametrize(
    ("switches", "named"),
    [({"reuse": "all"}, "branch"), ({"fusion": "sum"}, "adaptive"), ({"reduction": 0}, "from 1"),
     ({"start": "zero"}, "even, random"), ({"gain": 0}, "above 0")],
)
def test_a_switch_with_an_unknown_value_says_what_is_known(switches, named):
    with pytest.raises(InputError, match=named):
        ATTENTION["iram"](C, **switches)


@pytest.mark.parametrize(
    ("name", "switch", "wrong"),
    [
        *((name, "reduction", (0, -3, True, 1.5, "x")) for name in ("iram", "se", "cbam")),
        ("coordinate", "reduction", (0, None)),
        ("cbam", "kernel_size", (0, 4, -1, True, "x")),
        ("iram", "gain", (0, -1.0, math.nan, math.inf, True, "x")),
        ("iram-factored", "kernel_size", (0, 4, True)),
        ("simam", "regulariser", (0, -1e-4, math.nan, math.inf, True, "x")),
    ],
)
def test_a_switch_that_is_no_such_number_says_what_it_must_be(name, switch, wrong):
    for value in wrong:
        with pytest.raises(InputError, match=f"{switch} is {value!r}; it must be an? "):
            ATTENTION[name](C, **{switch: value})


def test_an_unknown_module_gets_the_nearest_name():
    with pytest.raises(InputError, match="did you mean 'cbam'"):
        ATTENTION["cbma"]


def test_a_gate_that_bfloat16_rounds_to_1_is_handed_on_as_a_number():
    module = ATTENTION["iram"](8, 8)
    kept = module.remember(torch.full((1, 8, 2, 2), 0.9999, dtype=torch.bfloat16), None)
    assert kept.dtype == torch.bfloat16
    torch.testing.assert_close(kept.float(), torch.full((1, 8, 2, 2), 13.8), rtol=0.01, atol=0)
