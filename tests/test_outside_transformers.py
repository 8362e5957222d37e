"""Nets of transformers, made from a configuration: their layers, their attention, and DeepLIFT."""

import warnings
from pathlib import Path

import outside
import pandas as pd
import pytest
import torch

from analysis import attribute
from analysis.attributions.layers import chosen
from analysis.attributions.places import Layout
from analysis.commands.main import main
from analysis.subjects.attention import read_map, write_map
from analysis.subjects.loading import load_outside
from analysis.subjects.probe import examine
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


def recipe() -> str:
    """The code of docs/own-models.md that opens fused attention."""
    text = (Path(__file__).parents[1] / "docs" / "own-models.md").read_text()
    return next(part.partition("```")[0] for part in text.split("```python\n")
                if "AttentionInterface.register" in part)


def test_the_documented_recipe_opens_attention_to_be_read_and_replaced(tmp_path):
    small = ("num_labels=7, image_size=64, patch_size=16, hidden_size=32, num_hidden_layers=2, "
             "num_attention_heads=2, intermediate_size=48")
    spec = nets(tmp_path, "build", tokens(*(f"vit.layers.{i}.attention.shares" for i in (0, 1))),
                recipe().replace("num_labels=7", small))
    model, _ = load_outside(spec)
    examine(model)
    assert "interventions" not in model.lacks
    assert "attention" not in model.lacks
    eager, _ = load_outside(nets(tmp_path, "eager"))
    eager.net.load_state_dict(model.net.state_dict())
    x = torch.rand(2, 1, 48, 48)
    torch.testing.assert_close(model(x), eager(x), rtol=1e-4, atol=1e-5)


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



def test_the_shift_of_the_recipes_attention_is_measured(tmp_path, capsys):
    small = ("num_labels=7, image_size=64, patch_size=16, hidden_size=32, num_hidden_layers=2, "
             "num_attention_heads=2, intermediate_size=48")
    spec = nets(tmp_path, "build", tokens(*(f"vit.layers.{i}.attention.shares" for i in (0, 1))),
                recipe().replace("num_labels=7", small))
    assert main(["shift", "--data", "heads:n=14", "--split", "all", "--models", spec,
                 "--conditions", "eyes-0.3-mean", "--out", str(tmp_path / "out")]) == 0
    table = pd.read_csv(tmp_path / "out" / "interventions.csv")
    assert {"clean", "uniform"} <= set(table["intervention"])
    assert "verdict" in (tmp_path / "out" / "verdicts.csv").read_text()
