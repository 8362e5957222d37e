"""What a net's results are known by: all that its answers depend on, and nothing else."""

import json

import numpy as np
import outside
import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st

from analysis.commands.main import main
from analysis.studies.attribution import questions
from analysis.studies.attribution.plan import Suite
from analysis.subjects import open_subjects
from analysis.subjects.answers import GRID, SAME, Known, spread
from analysis.subjects.loading import load_outside
from iram.weights import read_card

HEAD = "import numpy as np\nfrom pathlib import Path\nHERE = Path(__file__).parent\n"
READ = HEAD + "W = torch.tensor(np.load(HERE / 'w.npy'))\n"
MODULE = """
class Kept(nn.Module):
    def __init__(self):
        super().__init__()
        {keep}

    def forward(self, x):
        return {answer}
"""
FLAT = "x.mean(1).flatten(1)"
KINDS = {
    "a plain list": MODULE.format(
        keep="self.members = [nn.Linear(48 * 48, 7)]; self.members[0].weight.data = W",
        answer=f"self.members[0]({FLAT})"),
    "an attribute": MODULE.format(keep="self.w = W", answer=f"{FLAT} @ self.w.T"),
    "an array": MODULE.format(keep="self.w = W.numpy()",
                              answer=f"{FLAT} @ torch.from_numpy(self.w).T"),
    "a closure": MODULE.format(keep="w = W; self.head = lambda x: x @ w.T",
                               answer=f"self.head({FLAT})"),
    "a global": MODULE.format(keep="pass", answer=f"{FLAT} @ W.T"),
    "a file read as it runs": MODULE.format(
        keep="pass", answer=f"{FLAT} @ torch.tensor(np.load(HERE / 'w.npy')).T"),
    "a buffer that is not stored": MODULE.format(
        keep="self.register_buffer('w', W, persistent=False)", answer=f"{FLAT} @ self.w.T"),
}


def weights(folder, seed, step=1.0):
    """Writes w.npy; a step below 1 is the part of the way from seed 0's weights to these."""
    first, other = (np.random.default_rng(s).normal(size=(7, 48 * 48)).astype("float32")
                    for s in (0, seed))
    np.save(folder / "w.npy", first + step * (other - first))


def kept(folder, kind):
    weights(folder, 0)
    more = f"\n{READ}{KINDS[kind]}\ndef kept():\n    return Kept()\n"
    return outside.write_net(folder, size=48, more=more).replace(":build", ":kept")


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_no_state_dict_holds_change_the_key(tmp_path, kind):
    spec = kept(tmp_path, kind)
    known = load_outside(spec)[1]
    assert load_outside(spec)[1] == known
    weights(tmp_path, 1, step=0.02)  # a fiftieth of the way to another net
    assert load_outside(spec)[1] != known
    weights(tmp_path, 0)
    assert load_outside(spec)[1] == known


def test_modules_elsewhere_on_the_path_change_it_too(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "scales.py").write_text("SCALE = 1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path / "elsewhere"))
    (tmp_path / "nets").mkdir()
    more = ("\nimport importlib, scales\nimportlib.reload(scales)\n"
            "def scaled():\n    net = Net()\n    net.fc = nn.Sequential(net.fc, Times())\n"
            "    return net\nclass Times(nn.Module):\n    def forward(self, x):\n"
            "        return x * scales.SCALE\n")
    spec = outside.write_net(tmp_path / "nets", more=more).replace(":build", ":scaled")
    known = load_outside(spec)[1]
    (tmp_path / "elsewhere" / "scales.py").write_text("SCALE = 1.0625  # other\n")
    assert load_outside(spec)[1] != known


def test_new_weights_make_new_cells_and_old_ones_come_back(tmp_path, capsys):
    spec, out = kept(tmp_path, "a plain list"), tmp_path / "out"
    command = ["bench", "--data", "heads:n=70", "--models", spec, "--conditions", "eyes-0.3-mean",
               "--batch-size", "32", "--out", str(out)]

    def accuracy():
        assert main(command) == 0
        return (out / "summary.csv").read_text(), capsys.readouterr().err

    first, progress = accuracy()
    assert "0/" in progress or "0.00" in progress
    assert accuracy()[0] == first
    weights(tmp_path, 1)
    other = accuracy()[0]
    assert other != first
    weights(tmp_path, 0)
    assert accuracy()[0] == first


def test_a_key_that_rounding_would_change_is_kept_by_the_run(tmp_path):
    spec, out = kept(tmp_path, "a plain list"), tmp_path / "out"
    command = ["bench", "--data", "heads:n=70", "--models", spec, "--conditions", "eyes-0.3-mean",
               "--batch-size", "32", "--out", str(out)]
    assert main(command) == 0
    run = json.loads((out / "run.json").read_text())
    [(key, told)] = run["answers"].items()
    width = spread(torch.tensor(told["answers"]))
    for near, same in ((0.5 * SAME, True), (5 * SAME, False)):
        told["answers"][0][0] += near * width
        earlier = {"the key of another processor": told}
        subject = open_subjects(spec, outside.CLASSES)[0]
        subject.settle(earlier)
        assert (subject.weights_sha256 == "the key of another processor") == same
        assert same or subject.weights_sha256 == key


@given(st.integers(0, 2**31), st.floats(1e-3, 1e3))
def test_the_key_is_that_of_the_answers_but_for_rounding(seed, size):
    draws = torch.Generator().manual_seed(seed)
    answers = size * torch.randn(3, 7, generator=draws, dtype=torch.float64)
    known = Known("c", tuple(map(tuple, answers.tolist())))
    noise = SAME * 0.5 * spread(answers) * torch.rand(3, 7, generator=draws, dtype=torch.float64)
    again = Known("c", tuple(map(tuple, (answers + noise).tolist())))
    assert known.agrees(again)
    moved = Known("c", tuple(map(tuple, (answers + 3 * GRID * spread(answers)).tolist())))
    assert known.key != moved.key
    assert not known.agrees(moved)
    assert not known.agrees(Known("other", known.answers))
    assert known.key != Known("other", known.answers).key
    assert Known.from_dict(json.loads(json.dumps(known.to_dict()))) == known


def test_another_batch_size_or_number_of_threads_does_not_change_it(tmp_path):
    spec = outside.write_net(tmp_path)
    known, before = load_outside(spec)[1], torch.get_num_threads()
    try:
        torch.set_num_threads(before + 1)
        assert load_outside(spec)[1] == known
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


def test_our_own_nets_are_known_by_their_weights_alone():
    [subject] = open_subjects("none", outside.CLASSES)
    assert subject.weights_sha256 == read_card(subject.path)["weights_sha256"]
    subject.settle({"other": {"content": "c", "answers": None, "tolerance": 0}})
    assert subject.weights_sha256 == read_card(subject.path)["weights_sha256"]


def test_maps_are_known_by_the_layer_that_was_found(tmp_path, monkeypatch):
    """Which layer has places is decided here: once that changes, older maps are another layer's."""
    [subject] = open_subjects(outside.write_net(tmp_path), outside.CLASSES)
    methods = ("gradcam", "saliency")

    def keys():
        made = Suite([subject], tiny.dataset(12), methods, tmp_path)
        return {method: made.key("maps", subject, method) for method in methods}

    before = keys()
    monkeypatch.setattr(questions, "layer_found", lambda model: "net.drop (channels_first)")
    after = keys()
    assert after["gradcam"] != before["gradcam"]
    assert after["saliency"] == before["saliency"]
