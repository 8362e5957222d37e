"""The worked examples, run as docs/own-models.md has them."""

import os
import re
import runpy
import shlex
import sys
from pathlib import Path

import pandas as pd
import pytest

from analysis.commands.main import main

ROOT = Path(__file__).parents[1]
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


@pytest.mark.parametrize("block", BLOCKS, ids=["residual", "files", "attention"])
def test_the_commands_of_the_document_run_as_written(checkout, block, monkeypatch):
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


def test_every_field_of_a_description_is_explained():
    from analysis.subjects.description import CHECKS

    for field in CHECKS:
        assert re.search(rf"`\[?{field}\]?`", OWN_MODELS), field
