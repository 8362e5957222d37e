"""The worked examples, run as docs/own-models.md has them."""

import json
import os
import re
import runpy
import shlex
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from analysis.commands.main import main

ROOT = Path(__file__).parents[2]
TFJS = ROOT / "examples" / "tfjs"
OWN_MODELS = (ROOT / "docs" / "own-models.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", OWN_MODELS, re.DOTALL)
SMALL = "heads:n=140", "heads:n=70"  # as written, but on half as many heads


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder that looks like a checkout, whose runs/ is its own."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "examples").symlink_to(ROOT / "examples")
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def run(line: str, monkeypatch) -> int:
    program, *arguments = shlex.split(line.replace(*SMALL))
    if program == "iram":
        return main(arguments)
    assert program == "python"
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.syspath_prepend(str(Path(arguments[0]).parent))
    runpy.run_path(arguments[0], run_name="__main__")
    return 0


@pytest.mark.exhaustive
@pytest.mark.parametrize("block", BLOCKS, ids=[
    "residual", "files", "attention", "keras", "rebuilt", "transformers", "side"])
def test_the_commands_of_the_document_run_as_written(checkout, block, monkeypatch):
    if "transformer.py" in block:
        pytest.importorskip("transformers", reason="an extra: transformers")
    for line in filter(None, block.splitlines()):
        assert run(line, monkeypatch) == 0, line


def test_they_left_what_they_promise(checkout):
    if not (checkout / "runs" / "attentive").exists():
        pytest.skip("the commands above were not run")
    clean = pd.read_csv(checkout / "runs" / "residual" / "summary.csv")
    accuracy = clean[(clean["condition"] == "clean") & (clean["metric"] == "accuracy")]
    assert accuracy["value"].item() > 0.7  # chance is 1 in 7
    files = pd.read_csv(checkout / "runs" / "files" / "summary.csv")
    values = files[files["metric"] == "accuracy"].pivot(
        index="condition", columns="model", values="value"
    )
    assert values["residual"].tolist() == values["exported"].tolist()  # it is the same net
    assert values.loc["clean", "residual"] == accuracy["value"].item()
    causes = pd.read_csv(checkout / "runs" / "attentive" / "interventions.csv")
    shuffled = causes[causes["intervention"] == "shuffled"]
    assert set(shuffled["model"]) == {"attentive-small"}
    assert (shuffled["value"].abs() > 0.001).any()
    parts = pd.read_csv(checkout / "runs" / "attentive" / "components.csv")
    assert parts.loc[parts["hypothesis"] == "H2b", "effect"].notna().any()  # it has its twin


def test_a_rebuilt_net_answers_as_tensorflow_js_did(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    import rebuilt

    net = rebuilt.build().eval()
    lacks = net.load_state_dict(rebuilt.converted(rebuilt.read_weights(TFJS)), strict=False)
    assert lacks.missing_keys == lacks.unexpected_keys == []
    pictures = (torch.arange(2 * 48 * 48) * 7919 % 251 / 250).view(2, 1, 48, 48)
    known = torch.tensor(json.loads((TFJS / "answers.json").read_text("utf-8")))
    torch.testing.assert_close(net(pictures).softmax(1), known, atol=1e-6, rtol=0)


def test_nets_of_other_frameworks_stand_beside_ours(checkout):
    if not (checkout / "runs" / "side" / "zoo.csv").exists():
        pytest.skip("the commands above were not run")
    table = pd.read_csv(checkout / "runs" / "side" / "zoo.csv").set_index("label")
    assert table["trained"].to_dict() == {
        "none-heads": "here", "iram-heads": "here", "keras_net": "elsewhere",
        "rebuilt": "elsewhere", "transformer-build": "elsewhere"}
    assert (table["reference"].drop("none-heads") == "none-heads").all()
    assert table["accuracy"].loc["iram-heads"] > 0.7 > table["accuracy"].drop(
        ["iram-heads", "none-heads"]).max()


def test_every_field_of_a_description_is_explained():
    from analysis.subjects.fields import CHECKS

    for field in CHECKS:
        assert re.search(rf"`\[?{field}\]?`", OWN_MODELS), field
