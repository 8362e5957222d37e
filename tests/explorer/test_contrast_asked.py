"""--against in the commands, the Python door, the study's measures and the explorer."""

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from matplotlib import pyplot as plt
from PIL import Image

from analysis import attribute
from analysis.attributions import FACE_REGIONS, shapley_interactions, shapley_values
from analysis.commands.main import main
from analysis.explain.explained import tell
from analysis.explorer.offer import Gallery, Offer
from analysis.explorer.request import read_state
from analysis.explorer.session import Session, Together
from analysis.explorer.state import State
from analysis.explorer.wire import seen_message, together_message
from analysis.explorer.words import map_texts
from analysis.figures import AgreementMatrix, AttentionPanel
from analysis.studies.attribution import Sizes, attribution_suite
from analysis.studies.attribution.report import report
from analysis.subjects import open_subjects
from iram import open_dataset
from iram.errors import InputError
from iram.weights import load_model

pytestmark = pytest.mark.exhaustive

METHODS = ("gradcam", "saliency", "random")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tiny.weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def suites(path, tmp_path_factory):
    """Of a class, of the runner-up and of none, in one folder."""
    data, out = tiny.dataset(40), tmp_path_factory.mktemp("suite") / "out"
    [subject] = open_subjects(str(path), data.classes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("analysis.figures.draw", lambda *a: [])
        return {against: attribution_suite(
            [subject], data, METHODS, out, limit=8, sizes=Sizes(4, 3, 2, 1), against=against,
            progress=False) for against in ("", "happy", "second")}


def test_the_question_is_in_the_keys_and_none_leaves_them_as_they_were(suites):
    keys = {name: {(cell.kind, cell.name): cell.key for stage in suite.plan.cells()
                   for cell in stage} for name, suite in suites.items()}
    for cell, key in keys[""].items():
        others = {keys["happy"][cell], keys["second"][cell]}
        assert (len(others), key in others) == ((1, True) if cell[0] == "clean" else (2, False))


def test_the_tables_and_the_report_say_what_was_asked(suites):
    for against, suite in suites.items():
        for table in suite.tables.values():
            assert list(table.get("against", pd.Series(dtype=object)).unique()) == (
                [against] if against else [])
    told = report(suites["second"].tables, suites["second"].plan)
    assert "each prediction rather than its runner-up" in told
    plan = suites["happy"].plan
    same = int((plan.targets(plan.subjects[0]) == plan.dataset.classes.index("happy")).sum())
    told = report(suites["happy"].tables, plan)
    assert "each prediction rather than happy" in told
    assert ("are asked against their runner-up" in told) == bool(same)


def test_maps_and_references_are_of_the_difference(suites):
    plan = suites["second"].plan  # the last in the folder
    [subject] = plan.subjects
    target, rival = plan.targets(subject), plan.rivals(subject)
    assert (target != rival).all()
    images = plan.dataset.images(np.arange(8))
    own, other = subject.columns[target], subject.columns[rival]
    wanted = attribute(subject.model, images, own, "saliency", against=other)
    torch.testing.assert_close(plan.scaled_maps(subject, "saliency", np.arange(8)), wanted,
                               rtol=1e-2, atol=1e-2 * float(wanted.abs().max()))
    some = plan.some(4)
    exact = shapley_values(subject.model, images[some], own[some], plan.regions[some].long(),
                           against=other[some])
    cell = plan.read("reference", subject)[list(FACE_REGIONS)].to_numpy()
    np.testing.assert_allclose(cell, exact, rtol=1e-3, atol=1e-5)


def test_curves_follow_the_two_classes_alone(suites):
    plan = suites["second"].plan
    [subject] = plan.subjects
    rows = plan.scores(subject, "gradcam")
    curves = rows[(rows["family"] == "curves") & (rows["share"] == "0")]
    clean = plan.clean_logits(subject)
    pair = torch.stack([clean.gather(1, k[:, None])[:, 0]
                        for k in (plan.targets(subject), plan.rivals(subject))], 1)
    wanted = dict(zip(plan.ids, pair.softmax(1)[:, 0].tolist(), strict=True))
    assert len(curves)
    for row in curves.itertuples():
        assert row.value == pytest.approx(wanted[row.image_id], abs=1e-5)


def test_figures_say_what_was_explained(suites):
    table = suites["second"].tables["agreement"]
    figure = AgreementMatrix(table, "iram-seed0").plot().figure_
    told = " ".join([figure.get_suptitle(), *(one.get_title().get_text()
                                              for one in figure.legends)])
    assert "explained: each prediction rather than its runner-up" in told
    plt.close(figure)


def test_a_face_is_explained_against_a_class_and_its_panel_says_so(path):
    model, face = load_model(path), tiny.dataset(8).images_uint8([3])[0]
    found = tell(model, face, ["saliency"], against="second").explanation
    ranked = np.argsort(-found.probabilities)
    assert found.against == model.classes[ranked[1]]
    assert found.explained == f"{found.prediction} rather than {found.against}"
    x = torch.tensor(face)[None, None].float() / 255
    wanted = attribute(model, x, int(ranked[0]), "saliency", against=int(ranked[1]))[0]
    np.testing.assert_allclose(found.maps[0].values, wanted, rtol=1e-4, atol=1e-6)
    panel = AttentionPanel([found]).plot()
    title = panel.figure_.axes[0].get_title().replace("\n", " ")
    assert f"explained: {found.prediction} rather than {found.against}" in title
    plt.close(panel.figure_)
    told = tell(model, face, [], against="second")
    np.testing.assert_allclose(told.asked, told.values - told.against, atol=1e-5)
    own = tell(model, face, [], against=found.prediction)  # itself: its runner-up
    assert own.explanation.against == found.against
    np.testing.assert_array_equal(tell(model, face, []).asked, told.values)


@pytest.mark.parametrize("out", ["panel.png", "folder"])
def test_the_command_explains_against_a_class_and_a_wrong_one_is_one_line(
        path, out, tmp_path, capsys):
    Image.fromarray(tiny.dataset(4).images_uint8([1])[0]).save(tmp_path / "face.png")
    asked = ["explain", str(tmp_path / "face.png"), "--models", str(path), "--against"]
    assert main([*asked, "second", "--out", str(tmp_path / out)]) == 0
    if out == "folder":
        table = pd.read_csv(tmp_path / out / "faces.csv")
        assert table["against"][0] == table["runner_up"][0]
    else:
        assert " rather than " in capsys.readouterr().out.split("explained: ")[1].splitlines()[0]
    assert main([*asked, "surprize", "--out", str(tmp_path / f"other-{out}")]) == 2
    told = capsys.readouterr().err
    assert "--against: unknown class 'surprize' (did you mean 'surprise'?)" in told
    assert not (tmp_path / f"other-{out}").exists()


def test_the_suite_refuses_a_class_that_the_data_lack(path, tmp_path, capsys):
    code = main(["attribute", "--data", "heads:n=70", "--models", str(path), "--against", "bored",
                 "--out", str(tmp_path / "out")])
    assert code == 2
    assert "--against: unknown class 'bored'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_explorer_asks_against_a_class(path):
    heads = open_dataset("heads:n=70", split="test")
    session = Session(Offer({"heads": Gallery("heads", "heads", heads)}, (str(path),)))
    values = {"source": "heads", "face": 3, "model": str(path), "methods": ["saliency"]}
    state = read_state(values | {"against": "second"})
    seen, told = session.look(state)
    assert (state.against, seen.against) == ("second", seen.second)
    model = load_model(path)
    wanted = attribute(model, heads.images([3]), seen.target, "saliency", against=seen.second)[0]
    torch.testing.assert_close(told.after, wanted, rtol=1e-4, atol=1e-6)
    rather = f"speaks for {seen.classes[seen.target]} rather than {seen.classes[seen.second]} most"
    assert rather in map_texts(seen, told)["after"]
    header, _ = seen_message(seen)
    assert (header["against"], header["second"]) == (seen.second, seen.second)
    plain = next(session.look(State("heads", 3, str(path))))
    assert plain.against is None
    with pytest.raises(InputError, match="there is no class 9"):
        next(session.look(read_state(values | {"against": 9})))
    with pytest.raises(InputError, match="against is 'third'"):
        read_state(values | {"against": "third"})


def test_the_explorer_tells_which_regions_work_together(path):
    heads = open_dataset("heads:n=70", split="test")
    session = Session(Offer({"heads": Gallery("heads", "heads", heads)}, (str(path),)))
    values = {"source": "heads", "face": 3, "model": str(path), "against": "second"}
    seen, found = session.look(read_state(values | {"together": True}))
    wanted = shapley_interactions(load_model(path), heads.images([3]), seen.target, "face",
                                  against=seen.second).pairs[0]
    torch.testing.assert_close(found.pairs, wanted)
    header, arrays = together_message(seen, found)
    assert header["type"] == "together"
    assert len(header["regions"]) == len(arrays["pairs"]) == len(FACE_REGIONS)
    pairs = torch.zeros(8, 8)
    pairs[0, 1] = pairs[1, 0] = 0.5
    pairs[2, 3] = pairs[3, 2] = -0.25
    told = together_message(seen, Together(pairs))[0]
    first, second, third, fourth = told["regions"][:4]
    assert told["text"] == (
        f"For {seen.explained}: {first} and {second} are worth more together (+0.50 logits); "
        f"{third} and {fourth} tell the same (-0.25 logits).")
    assert "no two regions" in together_message(seen, Together(0 * pairs))[0]["text"]
    assert len(list(session.look(read_state(values)))) == 1
