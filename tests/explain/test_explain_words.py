"""What `iram explain` says in a sentence, and the page of a folder."""

import re

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from photos import heads, saved

from analysis.attributions import FACE_REGIONS, shapley_values
from analysis.commands.main import main
from analysis.explain.explained import tell
from analysis.explain.regions import region_labels
from analysis.explain.words import sentence
from iram.weights import load_model

CLASSES, SURE = ("angry", "happy", "sad"), np.array([0.09, 0.83, 0.08])


def said(**values) -> str:
    own = np.array([values.get(name, 0.0) for name in FACE_REGIONS])
    return sentence(CLASSES, SURE, FACE_REGIONS, own)


def test_the_largest_on_either_side_are_named_with_their_values():
    assert said(mouth=1.424, eyes=-0.31) == (
        "happy (83%) rather than angry (9%): the mouth (+1.42 logits) speaks for it, the eyes "
        "(-0.31) against it")
    assert said(mouth=1.4, nose=0.5, chin=0.3).endswith(
        "the mouth (+1.40 logits) and the nose (+0.50) speak for it")
    assert said(brows=-0.2).endswith("the brows (-0.20 logits) speak against it")
    assert said(rest=0.2).endswith("the rest of the picture (+0.20 logits) speaks for it")


def test_what_is_worth_little_is_not_named():
    assert said(mouth=0.04).endswith(": no part of the face is worth 0.05 logits")
    assert "nose" not in said(mouth=4.0, nose=0.19)  # less than a 20th of the largest
    assert "nose" in said(mouth=4.0, nose=0.2)


def test_of_equal_classes_the_first_is_told_first():
    assert sentence(CLASSES, np.array([0.2, 0.4, 0.4]), FACE_REGIONS,
                    np.ones(8)).startswith("happy (40%) rather than sad (40%)")


def test_the_values_are_the_shapley_values_of_the_two_likeliest_classes(tmp_path):
    model = load_model(str(tiny.weights(tmp_path, "iram")))
    told = tell(model, heads()[0], [])
    x = torch.from_numpy(told.explanation.face.copy())[None, None] / 255
    first, second = np.argsort(-told.explanation.probabilities)[:2]
    labels = region_labels(None, 48)
    for values, target in ((told.values, first), (told.against, second)):
        np.testing.assert_allclose(values, shapley_values(model, x, int(target), labels)[0],
                                   atol=1e-6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("page")
    weights = [str(tiny.weights(out / "weights", name)) for name in ("iram", "none")]
    paths = [str(saved(out / name, heads()[k])) for k, name in enumerate(("a.png", "<b> & c.png"))]
    code = main(["explain", *paths, str(out / "none.png"), "--faces", "whole", "--models",
                 ",".join(weights), "--out", str(out / "out")])
    assert code in (1, 2)
    if code == 2:  # a path that is no file stops the command before it begins
        assert main(["explain", *paths, "--faces", "whole", "--models", ",".join(weights), "--out",
                     str(out / "out")]) == 0
    return out / "out"


def test_the_page_needs_nothing_beside_itself_and_holds_every_face(folder):
    page, table = (folder / "index.html").read_text("utf-8"), pd.read_csv(folder / "faces.csv")
    assert re.findall(r'(?:src|href)="(?!data:image/png;base64,)', page) == []
    assert "url(" not in page
    assert page.count("<article>") == table["panel"].nunique() == 2
    assert page.count("data:image/png") == 4  # two photographs, two faces
    for words in table["in_words"]:
        assert page.count(words) >= 1
    assert "&lt;b&gt; &amp; c.png" in page
    assert "<b>" not in page


def test_a_sentence_is_printed_of_one_face(tmp_path, capsys):
    path = saved(tmp_path / "a.png", heads()[0])
    weights = str(tiny.weights(tmp_path, "iram"))
    assert main(["explain", str(path), "--models", weights]) == 0
    assert " rather than " in capsys.readouterr().out
