"""Nets of transformers, made from a configuration: their layers, their attention, and DeepLIFT."""

import warnings
from pathlib import Path

import outside
import pandas as pd
import pytest
import torch
from PIL import Image

from analysis import attribute
from analysis.attributions.layers import chosen
from analysis.attributions.places import Layout
from analysis.commands.main import main
from analysis.subjects.attention import read_map, write_map
from analysis.subjects.examine import examine
from analysis.subjects.loading import load_outside
from iram.data import open_dataset
from iram.errors import InputError

pytestmark = pytest.mark.exhaustive

HEAD = """
from transformers import SwinConfig, SwinForImageClassification
from transformers import ViTConfig, ViTForImageClassification
"""
VIT = """
def {name}():
    return ViTForImageClassification(ViTConfig(
        image_size=64, patch_size=16, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=48, num_labels=7, attn_implementation="{kind}"))
"""
SWIN = """
def swin():
    return SwinForImageClassification(SwinConfig(
        image_size=64, patch_size=4, embed_dim=16, depths=[2, 2], num_heads=[2, 2], window_size=4,
        num_labels=7))
"""


def nets(folder: Path, factory: str, extra: str = "", more: str = "") -> str:
    """FILE.py:factory of small nets, with a description."""
    pytest.importorskip("transformers", reason="nets of transformers need the extra `transformers`")
    path = folder / f"nets_{factory}.py"
    path.write_text(HEAD + VIT.format(name="eager", kind="eager")
                    + VIT.format(name="fused", kind="sdpa") + SWIN + more)
    outside.describe(path, 64, "rgb", extra=extra)
    return f"{path}:{factory}"


def tokens(*layers: str) -> str:
    return f'[attention]\nlayers = {list(layers)}\nread = "tokens"'.replace("'", '"')


@pytest.mark.parametrize(("factory", "layer", "layout"), [
    ("eager", "net.vit.layers.0", Layout("tokens", 1)),
    ("fused", "net.vit.layers.0", Layout("tokens", 1)),
    ("swin", "net.swin.layernorm", Layout("tokens", 0)),
])
def test_class_activation_maps_read_their_tokens_and_deeplift_is_complete(
    tmp_path, factory, layer, layout
):
    model, _ = load_outside(nets(tmp_path, factory))
    examine(model)
    assert "layers" not in model.lacks
    x = torch.rand(2, 1, 48, 48, generator=torch.Generator().manual_seed(0))
    found = chosen(model, x)
    assert (found.name, found.layout) in ((layer, layout), ("net.swin", layout))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for method in ("gradcam", "deeplift", "activation_energy"):
            assert (attribute(model, x, 3, method).flatten(1).std(1) > 0).all()


def test_a_vit_and_a_swin_pass_the_check(tmp_path, capsys):
    specs = [nets(tmp_path, name) for name in ("eager", "swin")]
    assert main(["models", "--check", ",".join(specs)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line[2:5] for line in lines if "maps: cams" in line] == ["yes", "yes"]


def test_attention_is_read_of_a_module_that_puts_out_context_and_weights(tmp_path):
    model, _ = load_outside(nets(tmp_path, "eager", tokens("vit.layers.0.attention",
                                                           "vit.layers.1.attention")))
    examine(model)
    assert "changes nothing" in model.lacks["interventions"]
    x = torch.rand(2, 1, 48, 48)
    maps = model.trace(x).attention
    assert [tuple(one.shape) for one in maps] == [(2, 2, 4, 4)] * 2
    by_hand = model.net(model.prepared(x), output_attentions=True).attentions
    torch.testing.assert_close(maps[1], by_hand[1][:, :, 0, 1:].unflatten(2, (4, 4)))


def test_fused_attention_is_told_to_give_no_weights(tmp_path):
    model, _ = load_outside(nets(tmp_path, "fused", tokens("vit.layers.0.attention")))
    with pytest.raises(InputError, match="fused attention gives no weights"):
        examine(model)


SMALL = {
    "ViTConfig(num_labels=7": "ViTConfig(num_labels=7, image_size=64, patch_size=16, "
    "hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48",
    "SwinConfig(num_labels=7": "SwinConfig(num_labels=7, image_size={size}, patch_size=4, "
    "embed_dim=16, depths=[2, 2], num_heads=[2, 2], window_size=4",
}
SWINS = [f"swin.encoder.layers.{i}.blocks.{j}.attention.shares" for i in (0, 1) for j in (0, 1)]
CUTS = {64: ([16, 16, 8, 8], [0, 2, 0, 2]), 56: ([14, 14, 7, 7], [0, 2, 0, 2]),
        32: ([8, 8, 4, 4], [0, 2, 0, 0])}  # pixels: (patches a side, shift); 56 is padded


def opened(folder: Path, factory: str, size: int = 64, extra: str | None = None) -> str:
    """A small net by the code of docs/own-models.md that opens fused attention."""
    text = (Path(__file__).parents[2] / "docs" / "own-models.md").read_text()
    code = next(part.partition("```")[0] for part in text.split("```python\n")
                if "AttentionInterface.register" in part)
    for told, small in SMALL.items():
        code = code.replace(told, small.format(size=size))
    grid, shift = CUTS[size]
    usual = {"vit": tokens(*(f"vit.layers.{i}.attention.shares" for i in (0, 1))),
             "swin": f'[attention]\nlayers = {SWINS}\nread = "windows"\ngrid = {grid}\n'
                     f"shift = {shift}".replace("'", '"')}[factory]
    path = folder / f"opened_{factory}_{size}.py"
    pytest.importorskip("transformers", reason="nets of transformers need the extra `transformers`")
    path.write_text(code)
    outside.describe(path, size, "rgb", extra=extra or usual)
    return f"{path}:{factory}"


@pytest.mark.parametrize(("factory", "size"), [("vit", 64), ("swin", 64), ("swin", 56),
                                               ("swin", 32)])
def test_the_documented_recipe_opens_attention_to_be_read_and_replaced(tmp_path, factory, size):
    model, _ = load_outside(opened(tmp_path, factory, size))
    examine(model)
    assert "interventions" not in model.lacks
    assert "attention" not in model.lacks
    x = torch.rand(2, 1, 48, 48)
    pictures = model.prepared(x)
    own = model.net(pictures).logits
    model.net.set_attn_implementation("eager")
    torch.testing.assert_close(own, model.net(pictures).logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", CUTS)
def test_swins_attention_is_put_back_as_its_own_layers_put_back_what_they_make(tmp_path, size):
    from transformers.models.swin.modeling_swin import window_reverse

    model, _ = load_outside(opened(tmp_path, "swin", size))
    x = torch.rand(2, 1, 48, 48)
    shares, maps = {}, model.trace(x).attention
    with model.hooked({n: lambda m, a, o, n=n: shares.__setitem__(n, o) for n in SWINS}):
        model(x)
    for name, grid, found in zip(SWINS, CUTS[size][0], maps, strict=True):
        layer = model.net.get_submodule(name.removesuffix(".attention.shares"))
        assert found.shape == (2, 2, grid, grid)
        ws = layer.window_size
        padded = layer.maybe_pad(torch.zeros(1, grid, grid, 1), grid, grid)[0].shape[1]
        real = torch.zeros(1, padded, padded, 1)
        real[:, :grid, :grid] = 1
        real = layer.cyclic_shift(real).unfold(1, ws, ws).unfold(2, ws, ws).reshape(-1, ws * ws)
        real = real.repeat(2, 1)[:, None, :, None]
        got = (shares[name] * real).sum(2) / real.sum(2)  # (windows, heads, T)
        back = window_reverse(got.mT.unflatten(1, (ws, ws)), ws, padded, padded)
        expected = layer.cyclic_shift(back, reverse=True)[:, :grid, :grid]
        torch.testing.assert_close(found, expected.permute(0, 3, 1, 2))


@pytest.mark.parametrize(("told", "error"), [
    ("grid = [16, 16, 8, 8]\nshift = [0, 1, 0, 2]", "blocks.1.*as by shift = 2"),
    ("grid = [16, 16, 8, 8]", "blocks.1.*shift = 0, but .* as by shift = 2"),
    ("grid = [15, 15, 8, 8]\nshift = [0, 2, 0, 2]", "grid = 15, but the block around it has 16"),
    ("grid = [8, 8, 8, 8]\nshift = [0, 2, 0, 2]", "grid = 8, but the block around it has 16"),
])
def test_a_wrong_shift_or_grid_of_swin_is_told(tmp_path, told, error):
    extra = f'[attention]\nlayers = {SWINS}\nread = "windows"\n{told}'.replace("'", '"')
    model, _ = load_outside(opened(tmp_path, "swin", extra=extra))
    with pytest.raises(InputError, match=error):
        examine(model)


def test_weights_are_found_and_put_back_among_what_a_module_puts_out():
    weights = torch.rand(2, 3, 10, 10).softmax(3)
    output = (torch.rand(2, 10, 6), weights, None)
    own = read_map(output, "attn", "tokens")
    torch.testing.assert_close(own, weights[:, :, 0, 1:].unflatten(2, (3, 3)))
    written = write_map(output, own, own.flip(3), "attn", "tokens")
    assert written[0] is output[0]
    torch.testing.assert_close(read_map(written, "attn", "tokens"), own.flip(3))
    for none in ((output[0], None), (weights, weights)):
        with pytest.raises(InputError, match="without one \\(N, heads, T, T\\)"):
            read_map(none, "attn", "tokens")


@pytest.mark.parametrize("factory", ["vit", "swin"])
def test_the_recipes_nets_go_through_every_study(tmp_path, capsys, factory):
    spec, data = opened(tmp_path, factory), ["--data", "heads:n=20", "--split", "all"]
    assert main(["models", "--check", spec]) == 0
    told = capsys.readouterr().out
    assert "no   attention" not in told
    assert "no   interventions" not in told
    assert main(["bench", *data, "--models", spec, "--conditions", "eyes-0.3-mean",
                 "--out", str(tmp_path / "bench")]) == 0
    assert main(["attribute", *data, "--models", spec, "--methods",
                 "gradcam,attention,attention_last,saliency", "--limit", "4", "--reference", "2",
                 "--curves", "2", "--pairs", "2", "--sanity", "1",
                 "--out", str(tmp_path / "maps")]) == 0
    ranked = pd.read_csv(tmp_path / "maps" / "faithfulness.csv")
    assert {"attention", "gradcam"} <= set(ranked["method"])
    picture = tmp_path / "face.png"
    Image.fromarray(open_dataset("heads:n=20").images_uint8(slice(0, 1))[0]).save(picture)
    assert main(["explain", str(picture), "--faces", "whole", "--models", spec, "--methods",
                 "attention,gradcam", "--out", str(tmp_path / "explained")]) == 0
    assert main(["shift", *data, "--models", spec, "--conditions", "eyes-0.3-mean",
                 "--out", str(tmp_path / "shift")]) == 0
    table = pd.read_csv(tmp_path / "shift" / "interventions.csv")
    assert {"clean", "uniform"} <= set(table["intervention"])
    assert "verdict" in (tmp_path / "shift" / "verdicts.csv").read_text()


def test_of_a_swin_whose_attention_is_not_open_shift_says_how_to_open_it(tmp_path, capsys):
    spec = nets(tmp_path, "swin")
    assert main(["shift", "--data", "heads:n=20", "--split", "all", "--models", spec,
                 "--conditions", "eyes-0.3-mean", "--out", str(tmp_path / "out")]) == 2
    assert "[attention]" in capsys.readouterr().err
