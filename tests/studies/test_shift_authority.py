"""How far attention acts: what is lost without its pattern, on any picture and in any batch."""

import numpy as np
import pandas as pd
import pytest
import tiny
from planted import Avoiding, Gating, Planted, faces, subject

from analysis.stimuli.conditions import CLEAN, Condition
from analysis.studies.shift import shift
from analysis.studies.shift.authority import IDLE, authority_of
from analysis.subjects import open_subjects
from analysis.subjects.interventions import ALL, INTERVENTIONS
from iram.architecture import FER2013_CLASSES
from iram.model import Trace

CONDITIONS = [CLEAN, Condition("lower_half", 0.3, "noise")]
ASKED = INTERVENTIONS.where(authority=True)


class Deaf(Avoiding):
    """Its attention moves as that of the avoiding net, and nothing downstream listens."""

    def trace(self, images) -> Trace:
        found = super().trace(images)
        which, _ = self.seen(images[:, 0])
        logits = np.eye(len(self.classes), dtype=np.float32)[self.labels[which].numpy()]
        return Trace(found.logits.new_tensor(logits), found.attention, found.features)


class Leaning(Planted):
    """Its answer is right where attention lies on the left half of the picture."""

    def gate(self, images, covered, known):
        own = self.pattern.new_full((len(images), *self.pattern.shape), 0.2)
        own[:, :, : own.shape[2] // 2] = 0.8
        return own

    def trace(self, images) -> Trace:
        found = super().trace(images)
        which, _ = self.seen(images[:, 0])
        own, half = found.attention[0].mean(1), self.pattern.shape[1] // 2
        lean = own[:, :, :half].mean((1, 2)) - own[:, :, half:].mean((1, 2))
        right = found.logits.new_zeros(len(own), len(self.classes))
        right[range(len(own)), self.labels[which]] = 1.0
        return Trace((lean[:, None] - 0.1) * right, found.attention, found.features)


def run(out, nets, known, batch_size=7, conditions=CONDITIONS):
    return shift([subject(net, net.name) for net in nets], known, out, batch_size=batch_size,
                 conditions=conditions, progress=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    known = faces(21)
    nets = [Leaning(known, "leaning-seed0"), Deaf(known, "deaf-seed0"),
            Gating(known, "gating-seed0")]
    return run(tmp_path_factory.mktemp("out"), nets, known)


@pytest.fixture(scope="module")
def table(finished) -> pd.DataFrame:
    return finished.tables["authority"]


def lost(table, model, intervention, fill="none", layer="all", outcome="accuracy") -> float:
    own = table.query("model == @model and intervention == @intervention and fill == @fill "
                      "and layer == @layer and outcome == @outcome")
    return own["value"].item()


def test_what_an_answer_needs_is_lost_with_it(table):
    assert lost(table, "leaning", "uniform") == 1
    assert lost(table, "leaning", "uniform", layer="0") == 1
    assert lost(table, "leaning", "constant") == 0  # its map is the same on every face
    assert lost(table, "leaning", "other_image", outcome="margin") == pytest.approx(0, abs=1e-5)


def test_a_movement_that_nothing_listens_to_is_no_authority(finished, table):
    found = authority_of(table)
    assert not found["deaf"].acts
    assert found["leaning"].acts
    assert found["leaning"].value == 1
    for name in ASKED:
        assert lost(table, "deaf", name, outcome="margin") == 0
        assert lost(table, "deaf", name, "all", outcome="margin") == 0
    verdicts = finished.tables["verdicts"].set_index("model")["authority"]
    assert verdicts["deaf"].str.startswith(IDLE).all()
    assert not verdicts["leaning"].str.startswith(IDLE).any()
    assert f"deaf: {IDLE}" in finished.report()


def test_a_gate_over_channels_alone_has_no_place_to_lose(finished, table):
    assert "gating" not in authority_of(table)
    assert "gating: its attention has no places" in finished.report()
    variation = table.query("model == 'gating' and outcome == 'gate'")["value"]
    np.testing.assert_allclose(variation, 0, atol=1e-6)


def test_every_model_has_a_row_for_each_question(table):
    own = table.query("model == 'deaf'")
    assert not own.duplicated(["fill", "layer", "intervention", "outcome"]).any()
    clean = own.query("fill == 'none' and outcome == 'accuracy'")
    assert {*zip(clean["intervention"], clean["layer"], strict=True)} == {
        (name, layer) for name in ASKED for layer in ("all", "0")}
    covered = own.query("fill == 'noise' and outcome == 'accuracy' and layer == '0'")
    assert set(covered["intervention"]) == {"uniform"}
    assert set(own["fill"]) == {"none", "noise", "all"}


@pytest.mark.exhaustive
def test_interventions_do_not_depend_on_the_batch(tmp_path):
    """The last face of a batch has the same other face as in the middle of one."""
    found, path = [], str(tiny.weights(tmp_path))
    for batch_size in (2, 3, 7):
        made = shift(open_subjects(path, FER2013_CLASSES), tiny.dataset(7),
                     tmp_path / str(batch_size), conditions=CONDITIONS, batch_size=batch_size,
                     progress=False)
        for condition in CONDITIONS:
            rows = made.plan.rows("interventions", made.plan.readers[0], condition)
            keys = ["intervention", "layer", "image_id"]
            found.append(rows.astype({"intervention": str}).sort_values(keys)["margin"].to_numpy())
    for one, other in zip(found[:2] * 2, found[2:], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_layers_are_asked_one_by_one_on_the_first_faces_only(tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.studies.shift.plan.FIRST", 5)
    known = faces(14)
    made = run(tmp_path, [Leaning(known, "leaning-seed0")], known, batch_size=4)
    rows = made.plan.rows("interventions", made.plan.readers[0], CLEAN)
    alone = rows.query("intervention == 'uniform' and layer == 0")["margin"]
    assert alone.notna().tolist() == [True] * 5 + [False] * 9
    assert rows.query(f"intervention == 'uniform' and layer == {ALL}")["margin"].notna().all()
    cell = made.plan.cell(made.plan.readers[0], CLEAN)
    assert cell.cost == 14 * (1 + len(ASKED)) + 5 * len(ASKED)


def test_a_single_face_has_no_other(tmp_path):
    known = faces(1)
    made = run(tmp_path, [Leaning(known, "leaning-seed0")], known)
    rows = made.plan.rows("interventions", made.plan.readers[0], CLEAN).set_index("intervention")
    assert rows.loc["other_image", "margin"].isna().all()
    assert rows.loc["uniform", "margin"].notna().all()
